/** Decodes pieces of logs in tests, by the same way in as everything else. */
import { Channel, type Frame } from '../../bridge/core/frame.ts';
import type { WideRecord } from '../../bridge/core/record.ts';
import { decodeFrames, type Problem } from '../../bridge/formats/frames.ts';
import { encodeLogChunk } from '../../bridge/formats/log_chunk.ts';
import { LogCutter, logLimits, type LogLimits } from '../../bridge/formats/log_cutter.ts';
import type { LogFormat } from '../../bridge/formats/log_text.ts';

/** A few real lines of each format. */
export const sampleLogs: Readonly<Record<LogFormat, string>> = {
  parsl_json_log:
    '{"created": 1795261708.623226, "process": 26961, "processName": "MainProcess", "threadName": "Task-Launch_0", "thread": 140440422557376, "name": "parsl.dataflow.dflow", "lineno": 734, "funcname": "launch_task", "levelname": "INFO", "msg": "Parsl task %s", "formatted": "Parsl task 3", "parsl.task": "3"}\n{"created": "1795253634.801972", "args": "(0, 0)", "formatted": "x", "known_keys": "y", "load": NaN}\n',
  parsl_text_log:
    '1795261724.001503 2026-11-21 11:48:44 MainProcess-28522 MainThread-139718595926912 parsl.dataflow.dflow:91 __init__ INFO: Starting\nConfig(\n    app_cache=True\n)\n2026-11-21 11:48:44.105 interchange:129 HTEX-Interchange(28556) MainThread __init__ [DEBUG]  Initializing\n2026-11-21 12:40:54,127634 DEBUG MainProcess-12436 MainThread-1406 x:276 f {"data":{"task_buffer":"gASV\\\\n"}}\n',
  work_queue_transactions:
    '# time manager_pid TASK\n1795261439320127 17999 TASK 1 WAITING x FIRST_RESOURCES {"memory":[300,"MB"]}\n1795261444769984 17999 TASK 10 RETRIEVED SUCCESS  0  {} {}\n1795261442618351 17999 WORKER worker-9d05 127.0.0.1:52858  CONNECTION\n',
  work_queue_performance: '# timestamp workers_idle manager_load\n1795261439272343 2 0.5\n',
  work_queue_debug:
    '2026/11/21 11:43:59.26 work_queue_python[17999] wq: Task 1 state change: UNKNOWN (0) to WAITING (1)\n',
  taskvine_transactions:
    '1795265090813915 21775 TASK 1 READY p FIRST_RESOURCES 1 {"cores":[1,"cores"]}\n1795265090862268 21775 WORKER worker-b4d2 TRANSFER INPUT file-meta-12f0 7085 2639 1795265090859615\n',
  taskvine_taskgraph:
    'FILE file-meta-b "/tmp/vine/0002/function" 6162\nTASK T3 "python3" INPUTS file-meta-a OUTPUTS file-rnd-c\n',
  taskvine_performance: '# timestamp workers_slow tasks\n1795265090812910 0 1\n',
  taskvine_debug: '2026/11/21 12:44:50.81 vine_manager[21775]vine: manager start\n',
  submit_script: '\nexport JOBNAME=parsl.htex.block-0\nCMD() {\n}\n',
  batch_output: 'Found cores : 2\nTraceback (most recent call last):\n  File "x.py"\nKeyError: 1\n',
  json: '{"task_id": "78949e2b", "method": "simulate", "time": {"running": 1.5}, "x": NaN}\n["TASK_INFO", {"task_id": 1}]\n',
  text: 'DEBUG:parsl.process_loggers:Normal ending\nfree text\n',
};

export function logFrame(format: LogFormat, text: string, keys: Record<string, string | number> = {}): Frame {
  return { channel: Channel.log, time: 0, payload: encodeLogChunk({ format, keys }, 1, Buffer.from(text)) };
}

/** What `text` says as one chunk. */
export function decodeLog(
  format: LogFormat,
  text: string,
  keys: Record<string, string | number> = {},
): { records: WideRecord[]; problems: Problem[] } {
  return decodeFrames([logFrame(format, text, keys)], 'test');
}

/** The frames of a log that comes in these pieces and then ends. */
export function cutLog(format: LogFormat, pieces: readonly Uint8Array[], limits: LogLimits = logLimits) {
  const reported: string[] = [];
  const cutter = new LogCutter({ format, keys: {} }, limits, (error) => reported.push(error.reason ?? error.code));
  const frames = pieces.flatMap((piece) => cutter.push(piece));
  frames.push(...cutter.flush(true));
  return { frames, reported, position: cutter.position };
}
