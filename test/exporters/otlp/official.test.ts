/** What the official serializer makes of the same spans and logs. */
import { ProtobufLogsSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import assert from 'node:assert/strict';

import { readableLog, readableSpan } from '../../helpers/official.ts';
import { decodeRequest, logsOf, spansOf } from '../../helpers/otlp_decode.ts';
import { decodedLogs, decodedSpans } from '../../helpers/otlp_encode.ts';
import { idsOf, log, span } from '../../helpers/signals.ts';

describe('exporters/otlp beside the official serializer', () => {
  it('writes the same message: spans', () => {
    const items = Array.from({ length: 20 }, (_, index) =>
      span(index, {
        links: index % 3 === 0 ? [{ ...idsOf(index + 1), attributes: { 'parsl.link': 'depends_on' } }] : [],
        status: index % 4 === 0 ? { code: 2, message: 'exit 1' } : { code: 0, message: '' },
        attributes: {
          'parsl.task': index,
          'parsl.app_name': 'größe',
          ratio: 0.5 + index,
          'parsl.task_memoize': true,
          list: ['a', 'b'],
        },
      }),
    );
    const theirs = spansOf(decodeRequest('traces', ProtobufTraceSerializer.serializeRequest(items.map(readableSpan))!));
    const ours = decodedSpans(items);
    // The SDK says of every link that it is not remote; we say nothing.
    const comparable = (list: typeof ours) =>
      list.map((decoded) => ({
        ...decoded,
        links: decoded.links.map((link) => ({ ...link, flags: link.flags & 0xff })),
      }));
    assert.deepEqual(comparable(ours), comparable(theirs));
  });

  it('writes the same message: logs', () => {
    const items = Array.from({ length: 20 }, (_, index) => log(index));
    const theirs = logsOf(decodeRequest('logs', ProtobufLogsSerializer.serializeRequest(items.map(readableLog))!));
    assert.deepEqual(decodedLogs(items), theirs);
  });
});
