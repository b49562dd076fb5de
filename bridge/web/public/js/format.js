/** Numbers as people read them. Instants and durations come in microseconds. */
const two = (value) => String(value).padStart(2, '0');
const grouped = new Intl.NumberFormat('en-GB');

export const unknown = '–';

export function count(value) {
  return value === null || value === undefined ? unknown : grouped.format(value);
}

/** 812 µs, 45 ms, 3.42 s, 2m 05s, 1h 20m, 3d 4h: three figures or so, whatever the size. */
export function duration(us) {
  if (us === null || us === undefined) return unknown;
  const sign = us < 0 ? '−' : '';
  const s = Math.abs(us) / 1e6;
  if (s === 0) return '0 s';
  if (s < 0.001) return `${sign}${Math.round(s * 1e6)} µs`;
  if (s < 1) return `${sign}${trim(s * 1000, s < 0.01 ? 2 : s < 0.1 ? 1 : 0)} ms`;
  if (s < 60) return `${sign}${s.toFixed(s < 10 ? 2 : 1)} s`;
  const whole = Math.round(s);
  if (whole < 3600) return `${sign}${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  if (whole < 86_400) return `${sign}${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
  return `${sign}${Math.floor(whole / 86_400)}d ${Math.floor((whole % 86_400) / 3600)}h`;
}

function trim(value, digits) {
  return String(Number(value.toFixed(digits)));
}

export function bytes(value) {
  if (value === null || value === undefined) return unknown;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  let rest = value;
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? rest : rest.toFixed(rest < 10 ? 2 : rest < 100 ? 1 : 0)} ${units[unit]}`;
}

export function percent(part, whole) {
  if (part === null || whole === null || !(whole > 0)) return unknown;
  const value = (100 * part) / whole;
  return `${value > 0 && value < 1 ? '<1' : value > 99 && value < 100 ? '>99' : Math.round(value)} %`;
}

const date = (us) => new Date(us / 1000);
/** What lies on the first day of 1970 is the time of what told none. */
const isUntold = (us) => us === null || us === undefined || us < 86_400e6;

/** 09:30:12, in the reader's zone. */
export function clock(us, fraction = 0) {
  if (isUntold(us)) return unknown;
  const at = date(us);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (fraction === 0) return time;
  const micros = String(Math.floor(us % 1e6)).padStart(6, '0');
  return `${time}.${micros.slice(0, fraction)}`;
}

export function day(us) {
  const at = date(us);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** 2026-11-20 09:30:12 */
export function dateTime(us) {
  return isUntold(us) ? unknown : `${day(us)} ${clock(us)}`;
}

/** For titles: to the microsecond, with the zone. */
export function exact(us) {
  if (isUntold(us)) return '';
  const offset = -date(us).getTimezoneOffset();
  const zone = `${offset < 0 ? '−' : '+'}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  return `${day(us)} ${clock(us, 6)} ${zone}`;
}

/** just now, 3 min ago, 5 h ago, 2 d ago */
export function ago(us) {
  const s = us / 1e6;
  if (s < 10) return 'just now';
  if (s < 90) return `${Math.round(s)} s ago`;
  if (s < 5400) return `${Math.round(s / 60)} min ago`;
  if (s < 129_600) return `${Math.round(s / 3600)} h ago`;
  return `${Math.round(s / 86_400)} d ago`;
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}
