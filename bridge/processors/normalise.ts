/**
 * A stable template for a message that no rule knows and that came already filled in (most of Parsl's are f-strings):
 * numbers, identifiers and quoted values are taken out. One pass over the first line, no regular expression: what it
 * costs depends on the length alone.
 */

/** Beyond it a message is hardly told apart by its words. */
const TEMPLATE_CHARS_MAX = 160;

/** `Block 3 of 'htex' at 0x7f is b'8f8ba7000809'` → `Block * of '*' at * is b'*'`. */
export function normaliseMessage(message: string, end: number): string {
  let shown = '';
  for (let at = 0; at < end && shown.length < TEMPLATE_CHARS_MAX;) {
    const code = message.charCodeAt(at);
    if (code === QUOTE || code === DOUBLE_QUOTE) {
      const close = message.indexOf(message[at] ?? '', at + 1);
      // An apostrophe in a word opens nothing.
      const opens = close > at && close < end && !(at > 0 && isWordAt(message, at - 1) && message[at - 1] !== 'b');
      shown += opens ? `${message[at]}*${message[at]}` : (message[at] ?? '');
      at = opens ? close + 1 : at + 1;
    } else if (isWord(code)) {
      let stop = at + 1;
      while (stop < end && isWordAt(message, stop)) stop += 1;
      const word = message.slice(at, stop);
      shown += changes(word) ? '*' : word;
      at = stop;
    } else {
      shown += message[at] ?? '';
      at += 1;
    }
  }
  return shown.slice(0, TEMPLATE_CHARS_MAX);
}

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;

/** A word with a digit in it is a number, an id, a path or a version. */
function changes(word: string): boolean {
  for (let at = 0; at < word.length; at += 1) {
    const code = word.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) return true;
  }
  return false;
}

/** Letters, digits and what holds identifiers, paths and numbers together. */
function isWord(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) ||
    code === 0x5f || code === 0x2f || code > 0x7f
  ); // prettier-ignore
}

/** The same within a word, where a dot or a hyphen between two such characters belongs to it. */
function isWordAt(message: string, at: number): boolean {
  const code = message.charCodeAt(at);
  if (isWord(code)) return true;
  return (code === 0x2d || code === 0x2e) && isWord(message.charCodeAt(at + 1)) && isWord(message.charCodeAt(at - 1));
}
