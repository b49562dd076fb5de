/**
 * The pipeline: receivers -> journal -> engine -> exporters and read side (DESIGN.md §2). What a receiver hands on is
 * acknowledged when the journal has it on disk; the engine gets entries in the journal's order, live and in a replay,
 * and so gives rise to the same output both times.
 */
import { setImmediate as turn } from 'node:timers/promises';

import type { BridgeConfig } from './config.ts';
import type { Positions } from './core/component.ts';
import { BridgeError } from './core/errors.ts';
import type { Frame } from './core/frame.ts';
import { recordsFrame } from './core/lines.ts';
import type { Logger } from './core/log.ts';
import type { WideRecord } from './core/record.ts';
import type { Rows } from './core/row.ts';
import type { Metric } from './core/signal.ts';
import { namedZone } from './core/time.ts';
import type { Output } from './engine.ts';
import { Engine } from './engine.ts';
import { createFrameParser, encodeFrames } from './formats/capture.ts';
import { decodeFrames } from './formats/frames.ts';
import type { Entry } from './journal/journal.ts';
import { Journal } from './journal/journal.ts';
import type { Outputs } from './outputs.ts';
import type { OperatorCounts, Operators } from './processors/operators.ts';

const TICK_MS = 250;
/** The checkpoint of what the operators have let go; no exporter's id has a space. */
const OPERATORS = 'the operators';

/** The read side, as far as the pipeline feeds it. */
export interface RowSink {
  /** Entry up to which the rows are there; 0 where they have to be rebuilt. */
  readonly seq: number;
  write(rows: Rows, seq: number): void;
}

export interface PipelineOptions {
  readonly config: BridgeConfig;
  readonly journalPath: string;
  readonly log: Logger;
  readonly now: () => number;
  readonly outputs: Outputs;
  /** What widens records; a replay needs it as new. */
  readonly operators: Operators;
  readonly rows: RowSink;
  /** Told of every batch after it was applied. */
  readonly onRecords: (records: readonly WideRecord[], arrival: number) => void;
}

export class Pipeline {
  readonly journal: Journal;
  readonly engine: Engine;
  readonly #options: PipelineOptions;
  #timer: NodeJS.Timeout | undefined;
  #metricsDue = 0;
  #appliedSeq = 0;
  #closedRuns: string[] = [];
  #openedRuns: string[] = [];
  /** First entry of each open run; what it needs is not pruned. */
  readonly #firstSeqs = new Map<string, number>();
  /** Entries of which the operators may hold records, oldest first. */
  #recent: { readonly seq: number; readonly arrival: number }[] = [];
  #savedHeldFrom = 0;
  #isTicking = false;
  /** What the read side has not taken, and from which entry on it lacks anything. */
  #unwritten: { readonly rows: Rows; readonly seq: number } | undefined;
  #unwrittenFrom = 0;

  private constructor(options: PipelineOptions, closedRuns: readonly string[], journal: Journal) {
    const { settings } = options.config;
    this.#options = options;
    this.journal = journal;
    this.engine = new Engine({
      closing: 'live',
      hasLogs: options.outputs.wants('logs'),
      settleUs: settings.closing.settle_ms * 1000,
      lingerUs: settings.closing.linger_ms * 1000,
      zone: settings.time_zone === undefined ? undefined : namedZone(settings.time_zone, 'config'),
      closedRuns,
      openTasksMax: settings.limits.open_tasks_max,
      memoSourcesMax: settings.limits.memo_sources_max,
      onRunOpened: (run) => this.#openedRuns.push(run),
      onRunClosed: (run) => this.#closedRuns.push(run),
    });
  }

  /** Opens the journal, and brings the engine to where the last one stopped. */
  static async open(options: PipelineOptions): Promise<Pipeline> {
    const { config, journalPath, outputs, rows, log } = options;
    const { retention_bytes, bytes_max } = config.settings.journal;
    const journal = new Journal({ path: journalPath, retentionBytes: retention_bytes, bytesMax: bytes_max });
    const remembered = await journal.open([...outputs.outputs.map(({ id }) => id), OPERATORS]);
    outputs.resume(remembered.checkpoints);
    // Written before the first entry, so that a crash at any time finds them: without one an exporter would be taken for
    // new, and would get nothing of what came before the crash; and what is held is replayed.
    for (const [exporter, seq] of remembered.checkpoints) journal.checkpoint(exporter, seq);
    journal.checkpoint(OPERATORS, remembered.checkpoints.get(OPERATORS) ?? remembered.lastSeq);
    // Rows that are gone are made again from all that the journal still has.
    const isRebuild = rows.seq === 0 && remembered.lastSeq > 0;
    const pipeline = new Pipeline(options, isRebuild ? [] : remembered.closedRuns, journal);
    const from = isRebuild ? 1 : Math.min(remembered.replayFrom, rows.seq + 1);
    if (from <= remembered.lastSeq) await pipeline.#replay(from, log);
    pipeline.#appliedSeq = remembered.lastSeq;
    pipeline.#unwrittenFrom = remembered.lastSeq + 1;
    return pipeline;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#tick(), TICK_MS);
  }

  /** A receiver's `next`: resolves when the records are on disk, and with them how far it has read. */
  async take(
    receiver: string,
    records: readonly WideRecord[],
    raw: readonly Frame[] | undefined,
    positions?: Positions,
  ): Promise<void> {
    const arrival = this.#options.now();
    const frames = raw ?? (records.length === 0 ? [] : [recordsFrame(records, arrival)]);
    const body = encodeFrames(frames);
    // Applied in the same step as the commit is told, so that entries are applied in the order of their numbers.
    await this.journal
      .append('data', receiver, arrival, body, positions)
      .then((seq) => this.#apply({ seq, kind: 'data', arrival, receiver }, records, frames));
  }

  /** Closes one run, or all, as they stand. An entry of the journal like any other, so that a replay closes them too. */
  async finish(run = ''): Promise<void> {
    await this.#journalEvent('finish', run);
  }

  get operatorCounts(): OperatorCounts {
    return this.#options.operators.counts;
  }

  /** All metrics as they are now; with `ends`, series that are over get their last point. */
  collect(ends: boolean): Metric[] {
    return this.engine.collect(this.#options.now(), ends);
  }

  /** Writes what the read side has not seen yet. Throws what that throws; then it is written by the next call, in its turn. */
  flushRows(): void {
    this.#writeRows();
    const rows = this.engine.takeRows();
    if (Object.values(rows).some((list: readonly unknown[]) => list.length > 0))
      this.#unwritten = { rows, seq: this.#appliedSeq };
    this.#writeRows();
    this.#unwrittenFrom = this.#appliedSeq + 1;
  }

  #writeRows(): void {
    if (this.#unwritten !== undefined) this.#options.rows.write(this.#unwritten.rows, this.#unwritten.seq);
    this.#unwritten = undefined;
  }

  /** The same while the bridge runs: all else goes on, and the journal keeps what the read side lacks. */
  #tryFlushRows(): void {
    const hadFailed = this.#unwritten !== undefined;
    try {
      this.flushRows();
    } catch (error) {
      const { code, message } = BridgeError.from(error, 'BRIDGE_IO', 'write the read side');
      if (!hadFailed) this.#options.log.error({ code, message }, 'The read side is behind; it is tried again.');
    }
  }

  /** Stops the clock and commits what is left. Receivers must have stopped, exporters may still deliver. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#tryFlushRows();
    await this.#options.outputs.stop(10_000);
    this.#saveProgress();
    await this.journal.close();
  }

  async #replay(from: number, log: Logger): Promise<void> {
    let entries = 0;
    for (const entry of this.journal.read(from)) {
      const frames = entry.kind === 'data' ? framesOf(entry) : [];
      this.#apply(entry, decodeFrames(frames, entry.receiver).records, frames);
      entries += 1;
      if (entries % 100 === 0) {
        this.flushRows();
        await turn();
        await this.#options.outputs.room();
      }
    }
    this.flushRows();
    log.info({ entries, from }, 'Journal replayed.');
  }

  /**
   * What is on disk is taken, whatever comes of it: were a mistake of ours told to the receiver, it would hand the same on
   * for ever, and the next start would stumble over it, too.
   */
  #apply(entry: Omit<Entry, 'body'>, records: readonly WideRecord[], frames: readonly Frame[]): void {
    try {
      this.#applyEntry(entry, records, frames);
    } catch (error) {
      const { message } = BridgeError.from(error, 'BRIDGE_DECODE', `apply entry ${entry.seq} of the journal`);
      this.#options.log.error({ seq: entry.seq, receiver: entry.receiver, message }, 'An entry is kept and left out.');
      this.#appliedSeq = Math.max(this.#appliedSeq, entry.seq);
    }
  }

  #applyEntry(
    { seq, kind, arrival, receiver }: Omit<Entry, 'body'>,
    records: readonly WideRecord[],
    frames: readonly Frame[],
  ): void {
    const { operators, outputs, onRecords } = this.#options;
    const run = kind === 'finish' && receiver !== '' ? receiver : undefined;
    if (kind === 'data') this.#recent.push({ seq, arrival });
    const neededFrom = this.#heldFrom(seq);
    const widened =
      kind === 'data'
        ? operators.apply(records, arrival)
        : kind === 'finish' && run === undefined
          ? operators.finish()
          : operators.tick(arrival);
    const isStored = seq <= this.#options.rows.seq;
    const { spans, logs, messages } = mergeOutputs(
      kind === 'data' || widened.length > 0 ? this.engine.apply(widened, arrival, isStored) : noOutput,
      kind === 'data' ? noOutput : kind === 'tick' ? this.engine.tick(arrival) : this.engine.finish(run),
    );
    this.#appliedSeq = Math.max(this.#appliedSeq, seq);
    // Who decodes frames for itself gets the widened records as a frame.
    const told = widened === records ? frames : outputs.wants('frames') ? factFrames(widened, arrival) : [];
    const made = messages.length === 0 ? [] : [recordsFrame(messages, arrival)];
    outputs.offer(seq, { records: widened, spans, logs, metrics: [], frames: [...told, ...made] });
    for (const opened of this.#openedRuns.splice(0)) {
      const first = Math.min(seq, neededFrom);
      this.#firstSeqs.set(opened, first);
      this.journal.runOpened(opened, first);
    }
    for (const closed of this.#closedRuns.splice(0)) {
      this.#firstSeqs.delete(closed);
      this.journal.runClosed(closed, seq);
      operators.runClosed(closed);
    }
    onRecords(widened, arrival);
  }

  /** The first entry of which the operators hold a record; `next` if they hold none. */
  #heldFrom(next: number): number {
    const oldest = this.#options.operators.oldestArrival;
    const first = this.#recent.findIndex(({ arrival }) => arrival >= oldest);
    this.#recent = first < 0 ? [] : first === 0 ? this.#recent : this.#recent.slice(first);
    return this.#recent[0]?.seq ?? next;
  }

  async #tick(): Promise<void> {
    if (this.#isTicking) return;
    this.#isTicking = true;
    try {
      const now = this.#options.now();
      if (Math.min(this.engine.nextDeadline, this.#options.operators.nextDeadline) <= now)
        await this.#journalEvent('tick', '');
      const silence = this.#options.config.settings.closing.silence_ms * 1000;
      for (const run of this.engine.silentRuns(now - silence)) await this.#journalEvent('finish', run);
      this.#tryFlushRows();
      if (now >= this.#metricsDue) {
        this.#metricsDue = now + this.#options.config.settings.metrics_interval_ms * 1000;
        if (this.#options.outputs.wants('metrics')) this.#options.outputs.offerMetrics(this.collect(true));
      }
      this.#saveProgress();
    } catch (error) {
      const problem = BridgeError.from(error, 'BRIDGE_IO', 'keep time');
      this.#options.log.error({ code: problem.code, reason: problem.message }, 'Tick failed.');
    } finally {
      this.#isTicking = false;
    }
  }

  async #journalEvent(kind: 'tick' | 'finish', run: string): Promise<void> {
    const arrival = this.#options.now();
    await this.journal
      .append(kind, run, arrival, new Uint8Array())
      .then((seq) => this.#apply({ seq, kind, arrival, receiver: run }, [], []));
  }

  #saveProgress(): void {
    for (const [exporter, seq] of this.#options.outputs.takeProgress()) this.journal.checkpoint(exporter, seq);
    const heldFrom = this.#heldFrom(this.#appliedSeq + 1);
    if (heldFrom !== this.#savedHeldFrom) this.journal.checkpoint(OPERATORS, heldFrom - 1);
    this.#savedHeldFrom = heldFrom;
    // What a dead backend still owes must not fill the journal until nothing more is taken in (DESIGN.md §4.4): from
    // half full on, entries go whether they are delivered or not. The exporter's queue has them as long as this runs.
    const isCrowded = this.journal.bytes * 2 > this.journal.bytesMax;
    const delivered = isCrowded ? this.#appliedSeq : this.#options.outputs.delivered();
    this.journal.prune(Math.min(delivered + 1, heldFrom, this.#unwrittenFrom, ...this.#firstSeqs.values()));
  }
}

const noOutput: Output = { spans: [], logs: [], messages: [] };

function mergeOutputs(first: Output, second: Output): Output {
  if (first === noOutput) return second;
  if (second === noOutput) return first;
  return {
    spans: [...first.spans, ...second.spans],
    logs: [...first.logs, ...second.logs],
    messages: [...first.messages, ...second.messages],
  };
}

/** Of widened records, those that say more than a text. */
function factFrames(records: readonly WideRecord[], arrival: number): Frame[] {
  const facts = records.filter((record) => factKeys.some((key) => record[key] !== undefined));
  return facts.length === 0 ? [] : [recordsFrame(facts, arrival)];
}

const factKeys = [
  'parsl.message_type', 'parsl.task_state', 'parsl.block_state', 'parsl.app_name', 'parsl.workflow_info.parsl_version',
]; // prettier-ignore

function framesOf({ body }: Entry): Frame[] {
  // What was taken in is read again, however long.
  return createFrameParser({ frame_bytes_max: body.length }).push(body);
}
