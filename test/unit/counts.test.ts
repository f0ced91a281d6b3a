/** What the pipeline measures of durations. */
import { expect, test } from 'vitest';
import { Counts, Histogram, MovingMean } from '../../src/pipeline/state/counts.ts';

function histogramOf(bounds: readonly number[], observed: readonly number[]): Histogram {
  const histogram = new Histogram(bounds);
  for (const ms of observed) histogram.observe(ms);
  return histogram;
}

test('histogram: before the first observation everything is 0', () => {
  expect(new Histogram([7, 70]).view).toEqual({ bounds: [7, 70], counts: [0, 0], sum: 0, count: 0 });
});

test('histogram: a bucket holds all that is no longer than its bound, the count also what is longer than all of them', () => {
  const { view } = histogramOf([7, 70, 700], [0, 7, 7.5, 70, 699, 701, 9_000]);
  expect(view).toEqual({ bounds: [7, 70, 700], counts: [2, 4, 5], sum: 10_484.5, count: 7 });
});

test('histogram: a view stays as it was, and the next one has everything again', () => {
  const histogram = histogramOf([7], [3]);
  const before = histogram.view;
  histogram.observe(11);
  expect(before).toMatchObject({ counts: [1], sum: 3, count: 1 });
  expect(histogram.view).toMatchObject({ counts: [1], sum: 14, count: 2 });
});

test('moving mean: null before the first value, which it then is', () => {
  const mean = new MovingMean();
  expect(mean.value).toBeNull();
  mean.observe(0);
  expect(mean.value).toBe(0);
});

test('moving mean: the newest value weighs a twentieth', () => {
  const mean = new MovingMean();
  for (const value of [300, 340, 282]) mean.observe(value);
  expect(mean.value).toBeCloseTo(301, 6);
});

test('moving mean: it comes to what the values are from now on', () => {
  const mean = new MovingMean();
  mean.observe(9_000);
  for (let i = 0; i < 200; i += 1) mean.observe(40);
  expect(mean.value).toBeCloseTo(40, 0);
});

test('counts: reads and writes have a histogram each, and one mean', () => {
  const counts = new Counts();
  counts.noteRequestTime('read', 60);
  counts.noteRequestTime('write', 260);
  const { read, write } = counts.requestTimes;
  expect([read.view, write.view]).toMatchObject([
    { sum: 60, count: 1 },
    { sum: 260, count: 1 },
  ]);
  expect(counts.requestMs.value).toBe(70);
});

test.for([
  ['requests', () => new Counts().requestTimes.read, 30_000],
  ['changes', () => new Counts().queueTimes, 600_000],
] as const)('counts: the bounds of %s ascend from 5 ms to their limit', ([, histogram, limitMs]) => {
  const { bounds } = histogram().view;
  expect([bounds[0], bounds.at(-1)]).toEqual([5, limitMs]);
  expect(bounds).toEqual([...new Set(bounds)].toSorted((a, b) => a - b));
});
