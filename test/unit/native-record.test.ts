import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Delta, type FullState, idProblem } from '../../src/core/change/change.ts';
import { native } from '../../src/formats/native/native.ts';
import { nativeRecord } from '../../src/ingest/delivery.ts';

const id = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((text) => idProblem(text) === null);
const header = fc.record({
  group: id,
  eventId: fc.option(id),
  occurredAt: fc.option(fc.constantFrom('2026-01-31T12:00:00Z', '2018-11-22t01:47:00.2455823+01:00')),
});
const aDelta = fc.tuple(header, fc.array(id), fc.array(id)).map(([event, add, remove]): Delta => ({
  ...event,
  kind: 'delta',
  add,
  remove,
}));
const aState = fc.tuple(header, fc.array(id), fc.boolean()).map(([event, members, deleted]): FullState => ({
  ...event,
  kind: 'state',
  members: deleted ? [] : members,
  deleted,
}));

const readBack = (event: Delta | FullState): unknown => {
  const { key, value } = nativeRecord(event);
  const record = { key: Buffer.from(key), value: Buffer.from(value), headers: [] };
  return native.decode(record, { partitionCount: 6 });
};

test('whatever the change, the native format reads the very same one from its record', () => {
  fc.assert(
    fc.property(fc.oneof(aDelta, aState), (event) => {
      expect(readBack(event)).toEqual([event]);
    }),
  );
});

test('a time in another spelling is left out, since with it the record could not be read', () => {
  const event = { kind: 'delta', group: 'g', add: ['m'], remove: [], eventId: 'e' } as const;
  for (const occurredAt of ['31.01.2026 12:00', '1709326589567', `2026-01-31T12:00:00.${'0'.repeat(60)}Z`]) {
    expect(readBack({ ...event, occurredAt })).toEqual([{ ...event, occurredAt: null }]);
  }
});

test('a group has one key, however its id is spelled, so that one partition has all of its changes', () => {
  const said = { eventId: null, occurredAt: null, add: ['m'], remove: [] };
  const ofGroup = (group: string): Delta => ({ kind: 'delta', group, ...said });
  const upper = ofGroup('0FBD1A2E-7C4B-4D5E-9F60-AABBCCDDEEFF');
  expect(nativeRecord(upper).key).toBe('0fbd1a2e-7c4b-4d5e-9f60-aabbccddeeff');
  // Reports go on naming it as the source does.
  expect(readBack(upper)).toEqual([upper]);
  expect(nativeRecord(ofGroup('Sales')).key).toBe('Sales');
});

test('the records are those of the contract', () => {
  const said = { group: 'g', eventId: 'e', occurredAt: '2026-01-31T12:00:00Z' };
  expect(nativeRecord({ kind: 'delta', ...said, add: ['a'], remove: ['b'] })).toEqual({
    key: 'g',
    value:
      '{"group_id":"g","add_members":["a"],"remove_members":["b"],"event_id":"e","occurred_at":"2026-01-31T12:00:00Z"}',
  });
  const silent = { group: 'g', eventId: null, occurredAt: null };
  expect(nativeRecord({ kind: 'state', ...silent, members: ['a'], deleted: false }).value).toBe(
    '{"group_id":"g","members":["a"],"complete":true}',
  );
  expect(nativeRecord({ kind: 'state', ...silent, members: [], deleted: true }).value).toBe(
    '{"group_id":"g","members":[],"complete":true,"deleted":true}',
  );
});
