/** Event lint: rules "x implies y" over records. What must hold of each record is said in files of rules. */
import type { WideRecord } from '../core/record.ts';
import { Draft } from './draft.ts';
import type { LintSpec } from './schema.ts';
import { canonicalKey, predicateOf } from './where.ts';

export interface Violation {
  readonly rule: string;
  readonly isHard: boolean;
  /** Keys that the record should have. */
  readonly lacks: readonly string[];
  readonly record: WideRecord;
}

/** What is wrong with a record that the rules `marks` matched. */
export type Lint = (record: WideRecord, marks: readonly string[]) => Violation[];

export function createLint(specs: readonly LintSpec[]): Lint {
  const draft = new Draft();
  const rules = specs.map((spec) => ({
    name: spec.name,
    isHard: spec.hard,
    accepts: predicateOf(spec, draft),
    about: new Set(spec.about),
    needs: spec.needs.map(canonicalKey),
  }));
  return (record, marks) => {
    draft.begin(record);
    return rules.flatMap(({ name, isHard, accepts, about, needs }) => {
      if (about.size > 0 && !marks.some((mark) => about.has(mark))) return [];
      if (accepts?.() === false) return [];
      const lacks = needs.filter((key) => record[key] === undefined || record[key] === null);
      return lacks.length === 0 ? [] : [{ rule: name, isHard, lacks, record }];
    });
  };
}
