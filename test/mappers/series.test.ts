import assert from 'node:assert/strict';

import {
  counterPoints,
  counters,
  histogramPoints,
  histograms,
  observe,
  SERIES_MAX,
} from '../../bridge/mappers/series.ts';

const stamps = { startTimeUnixNano: 1n, timeUnixNano: 2n, stale: false };
const exemplar = (timeUnixNano: bigint, spanId: string) => ({ timeUnixNano, value: 0, traceId: 't', spanId });

describe('mappers/series', () => {
  it('adds up what has the same attribute values', () => {
    const series = counters();
    series.at({ run: 'r', app: 'a' }).value += 1;
    series.at({ run: 'r', app: 'a' }).value += 2;
    series.at({ run: 'r', app: 'b' }).value += 5;
    assert.deepEqual(counterPoints(series, stamps), [
      { attributes: { run: 'r', app: 'a' }, value: 3, ...stamps },
      { attributes: { run: 'r', app: 'b' }, value: 5, ...stamps },
    ]);
  });

  it('gives series in one order, whichever came first', () => {
    const series = counters();
    for (const app of ['c', 'a', 'b']) series.at({ app });
    assert.deepEqual(counterPoints(series, stamps).map(({ attributes }) => attributes['app']), ['a', 'b', 'c']); // prettier-ignore
  });

  it('holds 2,000 series; what goes beyond is added up in the last, which says so', () => {
    const series = counters();
    for (let app = 0; app < 2_500; app++) series.at({ run: 'r', app: String(app) }).value += 1;
    series.at({ run: 'r', app: '7' }).value += 1;
    const points = counterPoints(series, stamps);
    assert.equal(points.length, SERIES_MAX);
    const rest = points.filter(({ attributes }) => attributes['otel.metric.overflow'] === true);
    assert.deepEqual(rest.map(({ attributes, value }) => [attributes, value]), [[{ 'otel.metric.overflow': true }, 501]]); // prettier-ignore
    assert.equal(points.find(({ attributes }) => attributes['app'] === '7')?.value, 2);
    assert.equal(points.reduce((sum, { value }) => sum + value, 0), 2_501); // prettier-ignore
  });

  it('puts a value that is a bound into the bucket below it, and what is beyond all into the last', () => {
    const series = histograms([1, 10]);
    for (const value of [0.5, 1, 1.5, 10, 11]) observe(series.at({}), [1, 10], value, exemplar(1n, 'x'));
    const [point] = histogramPoints(series, stamps);
    assert.deepEqual(point?.bucketCounts, [2, 2, 1]);
    assert.deepEqual([point.count, point.sum, point.min, point.max], [5, 24, 0.5, 11]);
  });

  it('keeps the latest exemplar of each bucket, of two at one time always the same', () => {
    const told = [exemplar(1n, 'a'), exemplar(3n, 'c'), exemplar(3n, 'b'), exemplar(2n, 'd')];
    for (const order of [told, told.toReversed()]) {
      const series = histograms([1]);
      for (const one of order) observe(series.at({}), [1], 0.5, one);
      assert.deepEqual(histogramPoints(series, stamps)[0]?.exemplars, [exemplar(3n, 'b')]);
    }
  });
});
