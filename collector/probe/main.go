// Probe asks one URL and says by its exit code whether the answer was 200: the health check of an image that has neither
// a shell nor curl.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fail("usage: probe URL")
	}
	client := http.Client{Timeout: 2 * time.Second}
	response, err := client.Get(os.Args[1])
	if err != nil {
		fail(err.Error())
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		fail(response.Status)
	}
}

// fail tells why, which `docker inspect` shows.
func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}
