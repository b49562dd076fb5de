/**
 * Tables and numbers for a terminal: plain text, no colours, cut to the terminal's width and not at all where the output
 * goes to a file or another program. Durations and times come in microseconds.
 */
import { formatLocalTime } from '../core/time.ts';

export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

const GAP = '  ';
/** Of a terminal's width, what the last column has at least; the widest text before it gives way. */
const LAST_SHARE = 0.5;
const NARROWEST = 12;

/** Lines of a table: the heads, then the rows. The last column takes what is left of `width`. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string[] {
  const widths = columns.map(({ title }, k) => rows.reduce((most, row) => Math.max(most, row[k]?.length ?? 0), title.length)); // prettier-ignore
  const last = columns.length - 1;
  const taken = (): number => widths.slice(0, last).reduce((sum, each) => sum + each + GAP.length, 0);
  if (width !== undefined) {
    const texts = [...widths.keys()].filter((k) => k < last && columns[k]?.right !== true);
    const widest = texts.reduce((a, b) => ((widths[b] ?? 0) > (widths[a] ?? 0) ? b : a), texts[0] ?? 0);
    const over = taken() + Math.min(widths[last] ?? 0, LAST_SHARE * width) - width;
    if (over > 0 && texts.length > 0) widths[widest] = Math.max(NARROWEST, Math.floor((widths[widest] ?? 0) - over));
    widths[last] = Math.max(NARROWEST, width - taken());
  }
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, k) => {
        const room = widths[k] ?? 0;
        const shown = cut(cell, room);
        return columns[k]?.right === true ? shown.padStart(k === last ? 0 : room) : shown.padEnd(room);
      })
      .join(GAP)
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}

export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}

/** Text in lines of at most `width`, or 100 where nobody tells, broken at blanks; a no-break space holds two words together. */
export function wrapped(text: string, width: number | undefined, indent = ''): string[] {
  const room = Math.max(40, width ?? 100) - indent.length;
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/[ \n]+/)) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(indent + line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, indent + line].map((each) => each.replaceAll('\u00a0', ' '));
}

/** 812 µs, 45.1 ms, 3.42 s, 2m 05s, 1h 20m: the page's way of showing how long something took. */
export function duration(us: number | null): string {
  if (us === null) return '–';
  const sign = us < 0 ? '−' : '';
  const s = Math.abs(us) / 1e6;
  if (s === 0) return '0 s';
  if (s < 0.001) return `${sign}${Math.round(s * 1e6)} µs`;
  if (s < 1) return `${sign}${(s * 1000).toPrecision(3)} ms`;
  if (s < 60) return `${sign}${s.toPrecision(3)} s`;
  const whole = Math.round(s);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 3600) return `${sign}${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  return `${sign}${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
}

/** What lies on the first day of 1970 is the time of what told none. */
const DAY_US = 86_400e6;

/** 2026-11-21 13:02:07, in UTC: the same text wherever it is read. */
export function instant(us: number | null, fraction = false): string {
  return us === null || us < DAY_US
    ? '–'
    : formatLocalTime(us)
        .replace('T', ' ')
        .slice(0, fraction ? 26 : 19);
}

/** +0.001234: seconds since something, to the microsecond. */
export function offset(us: number | null): string {
  return us === null ? '?' : `${us < 0 ? '−' : '+'}${(Math.abs(us) / 1e6).toFixed(6)}`;
}

export function percent(part: number, whole: number): string {
  return whole > 0 ? `${Math.round((100 * part) / whole)} %` : '–';
}
