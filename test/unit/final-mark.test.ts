import { expect, test } from 'vitest';
import { sha256 } from '../../src/adapters/system.ts';
import { type FinalMark, isPassed, markOf, MARKS_MAX } from '../../src/core/log/final-mark.ts';
import { parseRetryRecord, renderState } from '../../src/core/log/live-record.ts';
import { anIntent } from '../support/retry-records.ts';

const mark: FinalMark = {
  target: 'a',
  member: 'new',
  op: 'remove',
  source: { topic: 'source', partition: 0, offset: 9n, index: null },
};
const stamp = { owner: 'one', epoch: 1, seq: 1 };
const facts = { group: 'g', stamp, trouble: null, now: 1, sha256 };

function read(value: string | null) {
  const { key, headers } = renderState({ ...facts, intents: [] });
  const record = { key: Buffer.from(key), value: value === null ? null : Buffer.from(value), headers };
  return parseRetryRecord(record);
}

test('a live record says what is final, beside what waits', () => {
  const intents = [anIntent({ offset: 5n, op: 'add', attempt: 1 })];
  const { value } = renderState({ ...facts, intents, finals: [mark] });
  expect(read(value)).toMatchObject({ kind: 'state', intents: [{ member: 'u' }], finals: [mark] });
});

test('a live record of nothing but that is no tombstone', () => {
  const { value } = renderState({ ...facts, intents: [], finals: [mark] });
  expect(read(value)).toMatchObject({ kind: 'state', intents: [], finals: [mark] });
  expect(renderState({ ...facts, intents: [] }).value).toBeNull();
});

test('the place of an event in its record, and the spelling of the source, are kept', () => {
  const named = {
    ...mark,
    member: 'aaaaaaaa-0000-4000-8000-000000000001',
    memberSpelling: 'AAAAAAAA-0000-4000-8000-000000000001',
    source: { ...mark.source, index: 2 },
  };
  const { value } = renderState({ ...facts, intents: [], finals: [named] });
  expect(read(value)).toMatchObject({ finals: [named] });
});

test.each([
  ['nothing', undefined],
  ['another shape', { a: 1 }],
  ['a text', 'marks'],
  [
    'entries of a newer version',
    [{ target: 'a', member: 'new', op: 'suspend', topic: 't', partition: 0, offset: '1' }],
  ],
  ['entries that are none', [null, 1, {}, { target: '', member: 'x' }]],
])('%s in its place makes no live record unreadable', (_, finals) => {
  const { value } = renderState({ ...facts, intents: [anIntent({ offset: 5n, op: 'add' })] });
  const record = JSON.stringify({ ...JSON.parse(value ?? ''), finals });
  expect(read(record)).toMatchObject({ kind: 'state', intents: [{ member: 'u' }] });
  expect(read(record)).not.toHaveProperty('finals');
});

test('no more are read than are written', () => {
  const { value } = renderState({ ...facts, intents: [], finals: Array.from({ length: 2_000 }, () => mark) });
  const parsed = read(value);
  expect(parsed.kind === 'state' && parsed.finals).toHaveLength(MARKS_MAX);
});

test.each([
  ['an older change', { offset: 8n, op: 'add' }, true],
  ['a newer change', { offset: 10n, op: 'add' }, false],
  ['the same change', { offset: 9n, op: 'remove', member: 'new' }, false],
  ['an addition in the same event', { offset: 9n, op: 'add' }, true],
] as const)('it is newer than %s: %s', (_, intent, expected) => {
  expect(isPassed(anIntent(intent), mark)).toBe(expected);
});

test('a removal passes an addition in the same event', () => {
  expect(isPassed(anIntent({ offset: 9n, op: 'remove' }), { ...mark, op: 'add' })).toBe(false);
});

test('what has no target can be mistaken for nothing', () => {
  expect(markOf({ ...anIntent({ offset: 9n, op: 'remove' }), target: null })).toBeNull();
});
