/**
 * The waist of the pipeline: the wide record, a flat object with no fixed schema (DESIGN.md §5).
 *
 * Keys are strings, values are scalars. `time`, when there is one, is nanoseconds since the epoch as a
 * bigint; every other instant is a number of microseconds (safe integers until the year 2255), because
 * Parsl's clocks tick in microseconds and bigints are ten times slower. Unknown keys travel untouched.
 */
export type Value = string | number | boolean | bigint | null;

export type WideRecord = Record<string, Value>;

/** The record's value for `key` if it is a non-empty string. */
export function text(record: WideRecord, key: string): string | undefined {
  const value = record[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The record's value for `key` if it is a finite number. */
export function number(record: WideRecord, key: string): number | undefined {
  const value = record[key];
  return typeof value === 'number' ? value : undefined;
}

/** The record's value for `key` if it is a boolean. */
export function flag(record: WideRecord, key: string): boolean | undefined {
  const value = record[key];
  return typeof value === 'boolean' ? value : undefined;
}

/**
 * Writes a record, or another flat object, as one line of JSON, keys in the order they were set; a bigint such as `time`
 * becomes an integer string, because JSON numbers lose nanoseconds.
 */
export function stringify(record: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(record, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
