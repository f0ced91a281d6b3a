import { expect, test } from 'vitest';
import { noneWaits, noteAge, waitsSince } from '../../src/core/change/pending.ts';
import { firstUnknown } from '../../src/core/log/ledger.ts';
import { intentOf, wireIntent, wireOf } from '../../src/core/log/wire-intent.ts';
import { anIntent } from '../support/an-intent.ts';

test.each([
  [1_000, 5_000, 1_000],
  // In the future by the producer's clock.
  [9_000, 5_000, 5_000],
  // Without a time.
  [-1, 5_000, 5_000],
  [0, 5_000, 5_000],
])('a record of %i that was seen at %i waits since %i', (timestamp, seenAt, since) => {
  expect(waitsSince(timestamp, seenAt)).toBe(since);
});

const held = { kind: 'held', by: 'group_count', since: 1 } as const;

test.each([
  ['a fresh one', {}, 'unapplied'],
  ['one that waits for another try', { attempt: 1, notBefore: 200, waits: 'group' }, 'unapplied'],
  ['one that waits for the live record', { waits: 'record' }, 'unapplied'],
  ['a removal that is held', { op: 'remove', guard: held }, 'held'],
  ['one on the slow schedule', { attempt: 1, notBefore: 200, waits: 'member', schedule: 'slow' }, 'waiting'],
  ['… whose time has come', { attempt: 1, notBefore: 100, waits: 'member', schedule: 'slow' }, 'unapplied'],
] as const)('%s counts as such', (_, changes, kind) => {
  const oldest = noneWaits();
  noteAge(oldest, anIntent({ ...changes, firstSeenAt: 50 }), 100);
  expect(Object.entries(oldest).flatMap(([name, at]) => (at === null ? [] : [name]))).toEqual([kind]);
});

test('a dead one does not wait', () => {
  const oldest = noneWaits();
  noteAge(oldest, anIntent({ dead: { at: 1, reason: 'rejected' } }), 100);
  expect(oldest).toEqual(noneWaits());
});

test('what is known to be complete is passed over', () => {
  const known = [
    { from: 3n, to: 5n },
    { from: 5n, to: 7n },
    { from: 9n, to: 10n },
  ];
  expect([0n, 3n, 4n, 7n, 9n, 20n].map((next) => firstUnknown({ next, known }))).toEqual([0n, 7n, 7n, 7n, 10n, 20n]);
});

test('the live record says what waits on the slow schedule; a value of a newer version is passed over', () => {
  const slow = anIntent({ attempt: 1, notBefore: 200, waits: 'member', schedule: 'slow' });
  const wire = wireOf(slow, null);
  expect(intentOf('g', wireIntent.parse(wire)).schedule).toBe('slow');
  for (const schedule of ['weekly', 7, null, { every: 1 }])
    expect(intentOf('g', wireIntent.parse({ ...wire, schedule })).schedule).toBeUndefined();
  expect(wireOf(anIntent({}), null)).not.toHaveProperty('schedule');
});
