import { describe, expect, test } from 'vitest';
import { compareHistory, isOlderEpoch, lookFrom, type RecordStamp } from '../../src/core/log/commit-metadata.ts';

const last: RecordStamp = { offset: 9n, timestamp: 1_000, leaderEpoch: 3 };
const bounds = { start: 0n, end: 20n };
const remembered = { topicId: 'a', last, retryTopicId: 'r', retryEpoch: 4 };
const present = { topicId: 'a', retryTopicId: 'r', ...bounds, first: last };
const problem = (mark: object, view: object): string | null =>
  compareHistory({ ...remembered, ...mark }, { ...present, ...view }).historyProblem;

describe('the source is the one that was read', () => {
  test.each([
    ['the same record', {}, {}],
    ['nothing is remembered', { topicId: null, last: null }, { first: null }],
    ['nothing was read of this topic yet', { last: null }, { first: null }],
    [
      'the record is gone, and what follows is of the same leader',
      {},
      { first: { ...last, offset: 12n, timestamp: 1 } },
    ],
    [
      'the record is gone, and what follows is of a later leader',
      {},
      { first: { offset: 12n, timestamp: 1, leaderEpoch: 4 } },
    ],
    ['all from the record on is gone', {}, { first: null }],
    ['retention has passed everything', {}, { start: 20n, first: null }],
    ['the broker tells no topic id', {}, { topicId: null }],
    ['the topic id was not known', { topicId: null }, {}],
    ['no leader epoch was known', { last: { offset: 9n, timestamp: 1_000 } }, {}],
    ['no leader epoch is known', {}, { first: { offset: 9n, timestamp: 1_000 } }],
  ])('%s', (_, mark, view) => {
    expect(problem(mark, view)).toBe(null);
  });
});

describe('the source is another one', () => {
  test.each([
    ['another topic id, though the record is the same', {}, { topicId: 'b' }, /topic id a .*offset 9.*now it is b/],
    [
      'another topic id, and nothing was read',
      { last: null },
      { topicId: 'b', first: null },
      /topic id a, now it is b/,
    ],
    [
      'another timestamp',
      {},
      { first: { ...last, timestamp: 999 } },
      /1970-01-01T00:00:01.000Z.*1970-01-01T00:00:00.999Z/,
    ],
    ['a later leader wrote at that offset', {}, { first: { ...last, leaderEpoch: 4 } }, /epoch 3\).*epoch 4/],
    ['an earlier leader wrote at that offset', {}, { first: { ...last, leaderEpoch: 0 } }, /epoch 3\).*epoch 0/],
    [
      'an earlier leader wrote behind it',
      {},
      { first: { offset: 12n, timestamp: 5_000, leaderEpoch: 0 } },
      /offset 12/,
    ],
    ['it ends at the record', {}, { end: 9n, first: null }, /ends at 9/],
    ['it ends before the record', {}, { end: 2n, first: null }, /ends at 2/],
    ['an unlikely timestamp', {}, { first: { ...last, timestamp: 1e20 } }, /timestamp 100000000000000000000/],
    [
      'another timestamp, and nothing else is known',
      { topicId: null, last: { offset: 9n, timestamp: 1 } },
      { topicId: null, first: { offset: 9n, timestamp: 2 } },
      /offset 9/,
    ],
  ])('%s', (_, mark, view, expected) => {
    expect(problem(mark, view)).toMatch(expected);
  });
});

test.each([
  [0n, 20n, 9n],
  [12n, 20n, 12n],
  [0n, 9n, null],
  [20n, 20n, null],
])('from %s to %s, looks at %s', (start, end, expected) => {
  expect(lookFrom({ ...remembered, last }, { start, end })).toBe(expected);
});

test('looks nowhere where nothing was read', () => {
  expect(lookFrom({ ...remembered, last: null }, bounds)).toBe(null);
});

test('leader epochs never go down', () => {
  expect(isOlderEpoch(last, { ...last, leaderEpoch: 2 })).toBe(true);
  expect(isOlderEpoch(last, { ...last, leaderEpoch: 3 })).toBe(false);
  expect(isOlderEpoch(last, { offset: 10n, timestamp: 1 })).toBe(false);
  expect(isOlderEpoch({ offset: 9n, timestamp: 1 }, last)).toBe(false);
  expect(isOlderEpoch(null, last)).toBe(false);
});

test('topic ids are remembered where the broker tells none any more', () => {
  const comparison = compareHistory(remembered, { ...present, topicId: null, retryTopicId: null });
  expect(comparison).toEqual({ mark: remembered, historyProblem: null, formerRetry: null });
});

test.each([
  ['r', 'r', false],
  ['r', 's', true],
  [null, 's', false],
  ['r', null, false],
])('a retry topic that was %s and is %s: %s', (before, retryTopicId, expected) => {
  const comparison = compareHistory({ ...remembered, retryTopicId: before }, { ...present, retryTopicId });
  const formerRetry = expected ? { topicId: before, epoch: 4 } : null;
  expect(comparison).toMatchObject({ historyProblem: null, formerRetry });
});
