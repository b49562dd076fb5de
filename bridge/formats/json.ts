/**
 * JSON as Python writes it: with NaN and Infinity, and with what JSON lacks spelt as {"$float": "inf"} and
 * {"$bytes": base64}. Python's json module reads and writes the three bare words, though no standard has them.
 */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['NaN', '{"$float":"nan"}'],
  ['Infinity', '{"$float":"inf"}'],
  ['-Infinity', '{"$float":"-inf"}'],
]);
const FLOATS: ReadonlyMap<unknown, number> = new Map([
  ['nan', NaN],
  ['inf', Infinity],
  ['-inf', -Infinity],
]);
const BYTE_ORDER_MARK = 0xfeff;

/** Throws what JSON.parse throws. */
export function parseJson(bytes: Uint8Array): unknown {
  const decoded = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const text = decoded.charCodeAt(0) === BYTE_ORDER_MARK ? decoded.slice(1) : decoded;
  try {
    return text.includes('"$') ? JSON.parse(text, revive) : JSON.parse(text);
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
    return JSON.parse(spellOut(text), revive);
  }
}

function revive(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('$float' in value) return FLOATS.get(value.$float) ?? value;
  if ('$bytes' in value && typeof value.$bytes === 'string') return new Uint8Array(Buffer.from(value.$bytes, 'base64'));
  return value;
}

/** The text with the bare words outside of strings replaced. */
function spellOut(text: string): string {
  let result = '';
  let done = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      at = stringEnd(text, at);
    } else if (character === 'N' || character === 'I' || character === '-') {
      const word = [...WORDS.keys()].find((candidate) => text.startsWith(candidate, at));
      if (word === undefined) continue;
      result += text.slice(done, at) + (WORDS.get(word) ?? '');
      done = at + word.length;
      at = done - 1;
    }
  }
  return result + text.slice(done);
}

/** Where the string that begins at `start` ends. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  return text.length;
}
