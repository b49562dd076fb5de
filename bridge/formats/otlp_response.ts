/**
 * Answers to requests with logs, in the encoding of the request. Pure.
 *
 *   response   1 partial success (1 rejected records, 2 why); empty if all were taken
 *   status     1 code of google.rpc.Code, 2 message
 */
export function encodePartialSuccess(encoding: string, rejected: number, why: string): Buffer {
  if (encoding === 'application/json') {
    const partialSuccess = { rejectedLogRecords: String(rejected), errorMessage: why };
    return Buffer.from(JSON.stringify(rejected === 0 ? {} : { partialSuccess }));
  }
  return rejected === 0 ? Buffer.alloc(0) : bytesField(1, numberAndText(rejected, why));
}

export function encodeStatus(encoding: string, code: number, message: string): Buffer {
  return encoding === 'application/json'
    ? Buffer.from(JSON.stringify({ code, message }))
    : numberAndText(code, message);
}

/** Field 1 a varint, field 2 a text. */
function numberAndText(number: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([0x08]), varint(number), bytesField(2, Buffer.from(text))]);
}

function bytesField(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}
