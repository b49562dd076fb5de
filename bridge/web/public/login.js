// Keeps what follows the # of a mailed address over the sign-in, and says so if the token was wrong.
if (new URLSearchParams(location.search).has('token')) document.getElementById('wrong').hidden = false;

document.querySelector('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const token = new FormData(event.target).get('token').trim();
  const address = `./?token=${encodeURIComponent(token)}${location.hash}`;
  // To an address that differs only behind the # a browser does not go.
  if (address.split('#')[0].slice(2) === location.search) location.reload();
  else location.replace(address);
});
