/**
 * What a file of rules may say. One strict schema, which is also the reference of docs/rules.md. A rule names what it
 * does in words of the record; nothing in it can run.
 */
import { z } from 'zod';

const name = z.string().min(1).max(100).describe('Names the rule in messages, and for other rules to refer to.');
const key = z
  .string()
  .min(1)
  .max(200)
  .refine((key) => !(key in Object.prototype), 'a name of JavaScript’s own cannot be the key of a rule');
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const texts = z.union([z.string(), z.array(z.string()).min(1)]);
const names = z.array(name).min(1);
const keyList = z.array(key).min(1);

const conditions = {
  where: z.record(key, z.union([scalar, z.array(scalar).min(1)])).default({}).describe('Keys and the values, or one of the values, that they have.'), // prettier-ignore
  has: z.array(key).default([]).describe('Keys that the record has.'),
  lacks: z.array(key).default([]).describe('Keys that it does not have.'),
};

const rule = z.strictObject({
  name,
  ...conditions,
  text: texts.optional().describe('Templates of the first line of the message; any of them.'),
  match: z.record(key, texts).optional().describe('The same of one other key.'),
  set: z.record(key, scalar).default({}).describe('Keys that the record gets, where it does not have them.'),
  keep: z.array(key).default([]).describe('Keys whose values stay in log.template, such as names of states.'),
});

const relabel = z.strictObject({
  name,
  ...conditions,
  keys: z.record(key, key).default({}).describe('Old key: new key.'),
  values: z.record(key, z.record(z.string(), scalar)).default({}).describe('Key: old value: new value.'),
});

const within = z.strictObject({
  name,
  ...conditions,
  scope: keyList.describe('Records are about the same thing if they agree in these keys, in the order of their file.'),
  starts: names.describe('Rules whose records begin it.'),
  ends: z.array(name).default([]).describe('Rules whose records end it; where none are named, the next start does.'),
  gives: keyList.describe('What all records between get from the first.'),
  sticks_to: key.optional().describe('What is first met inside, such as a process, is about it for good.'),
});

const carry = z.strictObject({
  name,
  ...conditions,
  scope: keyList.describe('Records that agree in these keys speak of one thing, in the order of their file.'),
  counts: key.describe('The key that counts its attempts, from 0.'),
  begins: names.describe('Rules whose records begin it, or begin it anew: attempt 0 comes next.'),
  tells: names.describe('Rules whose records tell the number, which then is the current one.'),
  ends: names.describe('Rules whose records end the current attempt: one more comes next.'),
  current: z.array(name).default([]).describe('Rules whose records are about the current attempt.'),
  next: z.array(name).default([]).describe('Rules whose records are about the one that comes next.'),
});

const distinct = z.strictObject({
  name,
  ...conditions,
  keys: keyList.describe('Records that agree in all of these are one.'),
  across: z.array(key).default([]).describe('Only if they differ in one of these, such as the file.'),
  clear: z
    .array(key)
    .default([])
    .describe('Keys to take from the second, instead of dropping it, once all else is known of it.'),
});

const imply = z.strictObject({
  name,
  keys: keyList.describe('Records that agree in all of these …'),
  gives: keyList.describe('… share these, whichever of them has them, backwards and forwards in time.'),
  hold: z.boolean().default(true).describe('A record waits for what it lacks. Else it gets what is known by then.'),
  taught_by: z.strictObject(conditions).optional().describe('Records that it learns from; else all.'),
  several: z.enum(['report', 'by_time', 'none']).default('report').describe('What a group with several values gives: the first, and the contradiction is reported; the latest one at the record’s time; or nothing.'), // prettier-ignore
});

const join = z.strictObject({
  name,
  file: z.string().min(1).describe('CSV with a header line, or NDJSON; relative to the file of rules.'),
  keys: keyList.describe('Columns that tell which records a row is about.'),
  gives: keyList.optional().describe('Columns that those records get; else all others.'),
});

const lint = z.strictObject({
  name,
  ...conditions,
  about: z.array(name).default([]).describe('Rules that matched the record; any of them.'),
  needs: keyList.describe('Keys that such a record must have.'),
  hard: z.boolean().default(false).describe('A violation makes the lint fail.'),
});

const select = z.strictObject({
  name,
  ...conditions,
  keys: z.array(key).default([]).describe('Keys to write; all where none are named.'),
  group: z.array(key).default([]).describe('One line per group with the number of its records; those that lack a key are left out.'), // prettier-ignore
  write: z.string().optional().describe('File to write to; standard output where none is named.'),
});

export const rulesSchema = z.strictObject({
  relabel: z.array(relabel).default([]),
  rules: z.array(rule).default([]),
  within: z.array(within).default([]),
  carry: z.array(carry).default([]),
  distinct: z.array(distinct).default([]),
  join: z.array(join).default([]),
  imply: z.array(imply).default([]),
  lint: z.array(lint).default([]),
  select: z.array(select).default([]),
});

export type RulesFile = z.output<typeof rulesSchema>;
export type RuleSpec = z.output<typeof rule>;
export type RelabelSpec = z.output<typeof relabel>;
export type WithinSpec = z.output<typeof within>;
export type CarrySpec = z.output<typeof carry>;
export type DistinctSpec = z.output<typeof distinct>;
export type ImplySpec = z.output<typeof imply>;
export type JoinSpec = z.output<typeof join>;
export type LintSpec = z.output<typeof lint>;
export type SelectSpec = z.output<typeof select>;
export type Conditions = Pick<RuleSpec, 'where' | 'has' | 'lacks'>;
