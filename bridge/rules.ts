/**
 * Files of rules: read, checked and handed to the pure room that applies them (processors/operators.ts). The shipped
 * ones lie in processors/rules/ and come first; a user's add to them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Document } from 'yaml';
import { isNode, LineCounter, parseDocument } from 'yaml';

import { BridgeError, reasonOf } from './core/errors.ts';
import type { Logger } from './core/log.ts';
import { nearest } from './core/nearest.ts';
import { readTable } from './formats/table.ts';
import type { Joined } from './processors/join.ts';
import type { Operators } from './processors/operators.ts';
import { Draft } from './processors/draft.ts';
import { createOperators } from './processors/operators.ts';
import type { RulesFile } from './processors/schema.ts';
import { rulesSchema } from './processors/schema.ts';
import { Widener } from './processors/widen.ts';
import type { Settings } from './settings.ts';

const shippedDir = join(import.meta.dirname, 'processors', 'rules');

/** Where each name stands, as `file:line`, by its section and itself. */
type Places = ReadonlyMap<string, string>;

interface PlacedRules {
  readonly file: RulesFile;
  readonly places: Places;
}

let shipped: (PlacedRules & { readonly files: readonly RulesFile[] }) | undefined;

/** The rules for Parsl's own logs, and those of what runs under it, as one file: they do not add to each other. */
export function shippedRules(): readonly RulesFile[] {
  return readShipped().files;
}

function readShipped() {
  if (shipped !== undefined) return shipped;
  const read = readdirSync(shippedDir)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => readPlaced(join(shippedDir, name)));
  const whole: Record<string, unknown[]> = {};
  for (const { file } of read)
    for (const [section, list] of Object.entries(file)) (whole[section] ??= []).push(...(list as unknown[]));
  const file = rulesSchema.parse(whole);
  return (shipped = { file, files: [file], places: new Map(read.flatMap(({ places }) => [...places])) });
}

/** Files of rules, and what they join with. */
export interface LoadedRules {
  readonly rules: readonly RulesFile[];
  readonly joined: readonly Joined[];
}

/** The shipped rules and the user's files, whose names of rules lead somewhere. Throws BRIDGE_CONFIG. */
export function loadRules(files: readonly string[]): LoadedRules {
  const own = files.map((path) => ({ path, ...readPlaced(path) }));
  const taken = new Map(readShipped().places);
  for (const { places } of own) for (const [name, place] of places) take(taken, name, place);
  const rules = [...shippedRules(), ...own.map(({ file }) => file)];
  const names = rules.flatMap((file) => file.rules.map(({ name }) => name));
  for (const { path, file } of own) checkNames(path, file, names);
  return { rules, joined: files.flatMap(readJoined) };
}

/** What widens the records of a running bridge. Throws BRIDGE_CONFIG. */
export function liveOperators({ rules: files, limits }: Settings, log: Logger): Operators {
  const loaded = loadRules(files);
  const selections = loaded.rules.flatMap((file) => file.select.map(({ name }) => name));
  if (selections.length > 0)
    log.warn({ selections }, 'Selections are written by parsl-otel select, not by a running bridge.');
  return createOperators({
    ...loaded,
    limits: { ...limits, held_us_max: limits.held_ms * 1_000 },
    onContradiction: ({ rule, group, key, was, told }) =>
      log.warn({ rule, ...group, key, was, told }, 'Records contradict each other.'),
  });
}

/** Two rules of one name could not be told apart: by those that refer to them, nor in what a lint says. */
function take(taken: Map<string, string>, named: string, place: string): void {
  const other = taken.get(named);
  taken.set(named, place);
  if (other === undefined) return;
  const [section = '', name = ''] = named.split('\n');
  throw new BridgeError('BRIDGE_CONFIG', `read rules ${place}: ${other} has a rule "${name}" in ${section}, too`, {
    hint: 'give one of them another name',
  });
}

/** Rules are told by name where the order of lines matters, and in lints. */
function checkNames(path: string, { within, carry, lint }: RulesFile, names: readonly string[]): void {
  const used = [
    ...within.flatMap(({ name, starts, ends }) => [...starts, ...ends].map((rule) => ({ name, rule }))),
    ...carry.flatMap(({ name, begins, tells, ends, current, next }) =>
      [...begins, ...tells, ...ends, ...current, ...next].map((rule) => ({ name, rule })),
    ),
    ...lint.flatMap(({ name, about }) => about.map((rule) => ({ name, rule }))),
  ];
  for (const { name, rule } of used) {
    if (names.includes(rule)) continue;
    const guess = nearest(rule, names);
    throw new BridgeError('BRIDGE_CONFIG', `read rules ${path}: "${name}" refers to a rule ${rule} that is not there`, {
      hint: guess === undefined ? 'give the name of a rule of this file or of a shipped one' : `did you mean ${guess}?`,
    });
  }
}

/** Reads one file of rules. Throws BRIDGE_CONFIG with the file, the line and what is wrong there. */
export function readRules(path: string): RulesFile {
  return readPlaced(path).file;
}

function readPlaced(path: string): PlacedRules {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw BridgeError.from(error, 'BRIDGE_CONFIG', `read rules ${path}`);
  }
  return parsePlaced(text, path);
}

/** The tables that a file of rules joins with. Throws BRIDGE_CONFIG if one cannot be read. */
function readJoined(path: string): Joined[] {
  return readRules(path).join.map((spec) => {
    const file = resolve(dirname(path), spec.file);
    try {
      return { spec, rows: readTable(readFileSync(file, 'utf8')) };
    } catch (error) {
      throw BridgeError.from(error, 'BRIDGE_CONFIG', `join "${spec.name}" with ${file}`);
    }
  });
}

/** Throws BRIDGE_CONFIG for aliases that stand for more than any file of rules needs. */
function contentOf(document: Document.Parsed, path: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw BridgeError.from(error, 'BRIDGE_CONFIG', `read rules ${path}`);
  }
}

/** `path` names the file in errors. */
export function parseRules(text: string, path: string): RulesFile {
  return parsePlaced(text, path).file;
}

function parsePlaced(text: string, path: string): PlacedRules {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [problem] = document.errors;
  if (problem !== undefined)
    throw new BridgeError('BRIDGE_CONFIG', `read rules ${path}:${lines.linePos(problem.pos[0]).line}: ${problem.message.split('\n')[0]}`, { cause: problem }); // prettier-ignore
  const parsed = rulesSchema.safeParse(contentOf(document, path) ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const place = placeOf(issue?.path ?? []);
    throw new BridgeError('BRIDGE_CONFIG', `read rules ${path}${place}: ${issue?.message}`, {
      hint: 'docs/rules.md says what a file of rules may hold',
    });
  }
  parsed.data.rules.forEach((rule, at) => {
    try {
      new Widener([[rule]], new Draft());
    } catch (error) {
      throw new BridgeError('BRIDGE_CONFIG', `read rules ${path}${placeOf(['rules', at])}: ${reasonOf(error)}`, { cause: error }); // prettier-ignore
    }
  });
  const places = new Map<string, string>();
  for (const [section, list] of Object.entries(parsed.data))
    list.forEach(({ name }, at) => take(places, `${section}\n${name}`, `${path}${placeOf([section, at], false)}`));
  return { file: parsed.data, places };

  /** `:12 (rules.3.text)`: the line of the innermost node that is there. */
  function placeOf(at: readonly PropertyKey[], withPath = true): string {
    for (let depth = at.length; depth > 0; depth -= 1) {
      const node = document.getIn(at.slice(0, depth), true);
      if (isNode(node) && node.range != null)
        return `:${lines.linePos(node.range[0]).line}${withPath ? ` (${at.join('.')})` : ''}`;
    }
    return '';
  }
}
