/** How far reading has come, on a terminal. */
import { SingleBar } from 'cli-progress';

/** A bar for `size` bytes; `increment(bytes)` moves it, `stop()` takes it away. */
export function progressBar(size: number): SingleBar {
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  const bar = new SingleBar({
    clearOnComplete: true,
    stream: process.stderr,
    format: (_options, { value, total, startTime }) => {
      const share = total === 0 ? 1 : value / total;
      const seconds = (Date.now() - startTime) / 1000;
      const left = share > 0.02 ? `, ${Math.ceil((seconds / share) * (1 - share))} s left` : '';
      return `${'█'.repeat(Math.round(share * 30)).padEnd(30, '░')} ${mib(value)} of ${mib(total)} MiB${left}`;
    },
  });
  bar.start(size, 0);
  return bar;
}
