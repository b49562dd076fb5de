import assert from 'node:assert/strict';

import { isBlank, sniff } from '../../bridge/formats/log_content.ts';

describe('formats/log_content', () => {
  const heads: Record<string, string | undefined> = {
    '{"created": 1.5, "levelname": "INFO", "msg": "x"}\n': 'parsl_json_log',
    '{"task_id": "78949e2b", "method": "simulate"}\n': 'json',
    '1795261724.001503 2026-11-21 11:48:44 MainProcess-1 MainThread-2 parsl.x:91 f INFO: y\n': 'parsl_text_log',
    '# time manager_pid MANAGER START|END\n': 'work_queue_transactions',
    '# time master_pid MASTER START|END\n': 'work_queue_transactions',
    '# time manager_pid MANAGER manager_pid START|END time_from_origin\n': 'taskvine_transactions',
    '# timestamp workers_connected workers_fast_aborted\n': 'work_queue_performance',
    '# timestamp workers_connected workers_slow tasks\n': 'taskvine_performance',
    '# taskvine taskgraph version 2\n': 'taskvine_taskgraph',
    '2026/11/21 11:43:59.26 work_queue_python[17999] wq: x\n': 'work_queue_debug',
    '2026/11/21 12:44:50.81 vine_manager[21775]vine: x\n': 'taskvine_debug',
    'some text\n': 'text',
    '\n\n': undefined,
    'a\0b': undefined,
    '\0\0{"created": 1.5, "levelname": "INFO", "msg": "\0"}\n': 'parsl_json_log',
    '\0\0': undefined,
    '\u0001\u0002x': undefined,
    'a bell \u0007 among much text': 'text',
  };
  for (const [head, format] of Object.entries(heads))
    it(`tells by content: ${JSON.stringify(head.slice(0, 50))}`, () => assert.equal(sniff(Buffer.from(head)), format));

  it('tells what is blank so far from what holds no text', () => {
    assert.deepEqual(['', ' \n\t\r', '\0\0\n'].map((head) => isBlank(Buffer.from(head))), [true, true, true]); // prettier-ignore
    assert.deepEqual(
      ['a', '\u0001', '\0a'].map((head) => isBlank(Buffer.from(head))),
      [false, false, false],
    );
  });
});
