/**
 * How fast does one thread turn a capture into closed spans: decode, fold, map, rows for the page?
 *
 * usage: bench/fold.ts        ROUNDS (5) and TASKS (100,000) may be set
 *
 * The messages are those of a recorded run of 2,000 tasks, played over and over with new task numbers, in batches with
 * the arrival times that they had, through the engine that the bridge uses live. Printed: messages and spans a second,
 * CPU per message, peak memory, and the open tasks at the end of each round, which tell whether closed tasks leave.
 */
import { cpus, totalmem } from 'node:os';

import type { WideRecord } from '../bridge/core/record.ts';
import { Engine } from '../bridge/engine.ts';
import { decodeFrames } from '../bridge/formats/frames.ts';
import { recordedFrames } from '../test/helpers/fixtures.ts';

const { ROUNDS = '5', TASKS = '100000' } = process.env;
const RECORDED_TASKS = 2_000;
const BATCH = 500;
const GOAL = 60_000;

const frames = recordedFrames('2026.10.26-W2-htex');
const first = frames[0]?.time ?? 0;
const length = (frames.at(-1)?.time ?? 0) - first + 1_000_000;
const plays = Math.ceil(Number(TASKS) / RECORDED_TASKS);

interface Measured {
  readonly rate: number;
  readonly spans: number;
  readonly cpuUs: number;
  readonly openTasks: number;
}

/** The records of one play, with the task numbers and times of that play. */
function renumber(records: WideRecord[], play: number): void {
  for (const record of records) {
    const task = record['parsl.task'];
    if (typeof task === 'number') record['parsl.task'] = task + play * RECORDED_TASKS;
  }
}

function round(): Measured {
  const engine = new Engine({ closing: 'live', zone: undefined });
  const cpu = process.cpuUsage();
  const began = performance.now();
  let spans = 0;
  let messages = 0;
  let openTasks = 0;
  for (let play = 0; play < plays; play++) {
    for (let at = 0; at < frames.length; at += BATCH) {
      const part = frames.slice(at, at + BATCH);
      const { records } = decodeFrames(part, 'bench');
      // The run's own beginning and end come once.
      const whole = records.filter((record) => record['parsl.message_type'] !== 'WORKFLOW_INFO' || play === 0);
      renumber(whole, play);
      const told = whole.filter((record) => record['parsl.workflow_info.time_completed'] == null);
      spans += engine.apply(told, (part.at(-1)?.time ?? 0) + play * length).spans.length;
      messages += part.length;
      engine.takeRows(); // As the bridge does for its read side; what closed is let go of with it.
    }
    openTasks = Math.max(openTasks, engine.openTasks);
  }
  spans += engine.finish().spans.length;
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { rate: messages / seconds, spans: spans / seconds, cpuUs: (user + system) / messages, openTasks };
}

const rounds = Array.from({ length: Number(ROUNDS) }, round);
const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
const rates = rounds.map(({ rate }) => rate);
const rate = median([...rates]);
const per = (value: number): string => Math.round(value).toLocaleString('en');

console.log(
  `${cpus().length} x ${cpus()[0]?.model ?? '?'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
);
console.log(`${per(plays * RECORDED_TASKS)} tasks, ${per(plays * frames.length)} messages, ${rounds.length} rounds`);
console.log(
  `capture -> closed spans  ${per(rate)} messages/s [${per(Math.min(...rates))}..${per(Math.max(...rates))}]`,
);
console.log(`spans                    ${per(median(rounds.map(({ spans }) => spans)))} a second`);
console.log(`CPU per message          ${median(rounds.map(({ cpuUs }) => cpuUs)).toFixed(1)} us`);
console.log(`peak resident memory     ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`);
console.log(`most open tasks          ${per(median(rounds.map(({ openTasks }) => openTasks)))}`);
console.log(`goal ${per(GOAL)} messages/s: ${rate >= GOAL ? 'met' : 'missed'}`);
