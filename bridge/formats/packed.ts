/** What is text and was packed so that it cannot be read here: which program undoes it, by the file's first bytes. */

interface Packed {
  /** What it is, to be told. */
  readonly what: string;
  readonly hint: string;
}

const kinds: readonly (readonly [number[], string, string])[] = [
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], 'compressed by xz', 'xz -d'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'compressed by zstd', 'zstd -d'],
  [[0x42, 0x5a, 0x68], 'compressed by bzip2', 'bunzip2'],
  [[0x04, 0x22, 0x4d, 0x18], 'compressed by lz4', 'lz4 -d'],
  [[0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], 'a 7z archive', '7z x'],
  [[0x52, 0x61, 0x72, 0x21], 'a rar archive', 'unrar x'],
];

/** undefined for what is none of these. */
export function packedBy(head: Uint8Array): Packed | undefined {
  for (const [magic, what, program] of kinds)
    if (magic.every((byte, at) => head[at] === byte)) return { what, hint: `unpack it first, with ${program}` };
  if (isUtf16(head)) return { what: 'text in UTF-16', hint: 'make it UTF-8 first, with iconv -f UTF-16 -t UTF-8' };
  return undefined;
}

/** How much of a text is looked at. */
const PAIRS = 32;

/** A byte order mark, or every other byte NUL, as of English text. */
function isUtf16(head: Uint8Array): boolean {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return true;
  const nulls = [0, 0];
  for (let at = 0; at < PAIRS * 2; at++) if (head[at] === 0) nulls[at % 2] = (nulls[at % 2] ?? 0) + 1;
  return head.length >= PAIRS * 2 && nulls.includes(PAIRS) && nulls.includes(0);
}
