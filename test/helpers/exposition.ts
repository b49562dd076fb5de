/**
 * Reads Prometheus' text format 0.0.4 and OpenMetrics 1.0 strictly, and fails where either's grammar does
 * (prometheus.io/docs/instrumenting/exposition_formats, prometheus.io/docs/specs/om/open_metrics_spec).
 */
import assert from 'node:assert/strict';

export interface ExposedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly exemplar:
    { readonly labels: Readonly<Record<string, string>>; readonly value: number; readonly time: number } | undefined;
}

export interface ExposedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ExposedSample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const NUMBER = '[+-]?(?:\\d+(?:\\.\\d*)?(?:e[+-]?\\d+)?|Inf)|NaN';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const LABELS = `\\{(?:(?:${LABEL})(?:,(?:${LABEL}))*)?\\}`;
const SAMPLE = new RegExp(`^(${NAME})(${LABELS})? (${NUMBER})(?: # (${LABELS}) (${NUMBER}) (${NUMBER}))?$`);

const suffixes: Readonly<Record<string, readonly string[]>> = {
  gauge: [''],
  counter: ['_total'],
  histogram: ['_bucket', '_sum', '_count'],
  info: ['_info'],
};

/** The families of a page, in order. Throws an AssertionError at the first thing that is not as it must be. */
export function parseExposition(page: string, openMetrics: boolean): ExposedFamily[] {
  assert.ok(page === '' || page.endsWith('\n'), 'the last line ends');
  const lines = page.split('\n').slice(0, -1);
  if (openMetrics) assert.equal(lines.pop(), '# EOF');
  const families: { name: string; type: string; help: string; samples: ExposedSample[] }[] = [];
  let help: { readonly name: string; readonly text: string } | undefined;
  for (const line of lines) {
    const [, word, name, rest] = new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`, 's').exec(line) ?? [];
    if (word === 'HELP') {
      assert.equal(help, undefined, line);
      help = { name: name!, text: rest! };
    } else if (word === 'TYPE') {
      assert.ok(help === undefined || help.name === name, line);
      assert.ok(!families.some((family) => family.name === name), `one family of ${name}`);
      assert.ok((suffixes[rest!] !== undefined && (openMetrics || rest !== 'info')) || rest === 'untyped', line);
      families.push({ name: name!, type: rest!, help: help?.text ?? '', samples: [] });
      help = undefined;
    } else {
      const family = families.at(-1);
      assert.ok(family !== undefined && help === undefined, `a type comes before ${line}`);
      family.samples.push(parseSample(line, family, openMetrics));
    }
  }
  assertUnique(families);
  for (const family of families) if (family.type === 'histogram') assertBuckets(family, openMetrics);
  return families;
}

function parseSample(line: string, family: { name: string; type: string }, openMetrics: boolean): ExposedSample {
  const parts = SAMPLE.exec(line);
  assert.ok(parts !== null, `not a sample: ${line}`);
  const [, name = '', labels = '{}', value = '', exemplarLabels, exemplarValue, exemplarTime] = parts;
  // Only OpenMetrics names a family without the suffix of its samples, but for histograms.
  const allowed = openMetrics || family.type === 'histogram' ? suffixes[family.type]! : [''];
  assert.ok(
    allowed.some((suffix) => name === family.name + suffix),
    `${line} is not of ${family.name}`,
  );
  assert.ok(openMetrics || exemplarLabels === undefined, 'exemplars are for OpenMetrics');
  if (family.type === 'counter' || name.endsWith('_bucket')) assert.ok(toNumber(value) >= 0, line);
  const exemplar =
    exemplarLabels === undefined
      ? undefined
      : { labels: parseLabels(exemplarLabels), value: toNumber(exemplarValue!), time: toNumber(exemplarTime!) };
  if (exemplar !== undefined)
    assert.ok(Object.entries(exemplar.labels).flat().join('').length <= 128, 'exemplar of at most 128 characters');
  return { name, labels: parseLabels(labels), value: toNumber(value), exemplar };
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g)) {
    assert.ok(!Object.hasOwn(labels, name), `label ${name} twice`);
    labels[name] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  }
  return labels;
}

function assertUnique(families: readonly ExposedFamily[]): void {
  const seen = new Set<string>();
  for (const { name, labels } of families.flatMap(({ samples }) => samples)) {
    const series = JSON.stringify([name, Object.entries(labels).sort()]);
    assert.ok(!seen.has(series), `${series} twice`);
    seen.add(series);
  }
}

/** Buckets rise, the last one is +Inf and equals the count, and an exemplar lies in its bucket. */
function assertBuckets({ samples, name }: ExposedFamily, openMetrics: boolean): void {
  const byLabels = Map.groupBy(samples, ({ labels }) => JSON.stringify({ ...labels, le: '' }));
  for (const group of byLabels.values()) {
    const buckets = group.filter((sample) => sample.name.endsWith('_bucket'));
    const bounds = buckets.map(({ labels }) => toNumber(labels['le']!));
    assert.deepEqual(
      bounds,
      bounds.toSorted((a, b) => a - b),
    );
    assert.equal(bounds.at(-1), Infinity);
    const counts = buckets.map(({ value }) => value);
    assert.deepEqual(
      counts,
      counts.toSorted((a, b) => a - b),
    );
    assert.equal(group.find((sample) => sample.name === `${name}_count`)?.value, counts.at(-1));
    assert.ok(group.some((sample) => sample.name === `${name}_sum`));
    if (openMetrics) for (const { labels } of buckets) assert.match(labels['le']!, /[.e]|\+Inf/, 'le is a float');
    for (const [index, { exemplar }] of buckets.entries()) {
      if (exemplar !== undefined)
        assert.ok(exemplar.value <= bounds[index]! && exemplar.value > (bounds[index - 1] ?? -Infinity));
    }
  }
}

function toNumber(text: string): number {
  return Number(text.replace('Inf', 'Infinity'));
}
