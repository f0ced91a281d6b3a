import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceEvent, SourceRecord } from '../../src/core/change.ts';
import { native } from '../../src/formats/native.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const decode = (value: unknown, key: string | null = 'g', partitionCount = 3) =>
  only({ key: key === null ? null : bytes(key), value: bytes(JSON.stringify(value)), headers: [] }, partitionCount);
const decodeBytes = (value: Uint8Array | null, key: Uint8Array | null = bytes('g')) =>
  only({ key, value, headers: [] }, 3);
const change = (parts: object) => ({
  kind: 'delta',
  group: 'g',
  eventId: null,
  occurredAt: null,
  add: [],
  remove: [],
  ...parts,
});

/** A native record holds one event, whatever is in it. */
function only(record: SourceRecord, partitionCount: number): SourceEvent {
  const [event, ...others] = native.decode(record, { partitionCount });
  expect(others).toEqual([]);
  return event;
}

describe('a good record', () => {
  test('names members to add and to remove', () => {
    const value = {
      group_id: 'g',
      add_members: ['a'],
      remove_members: ['b'],
      event_id: 'e',
      occurred_at: '2026-01-31T12:00:00.5+01:00',
      more: 1,
    };
    expect(decode(value)).toEqual(
      change({ add: ['a'], remove: ['b'], eventId: 'e', occurredAt: '2026-01-31T12:00:00.5+01:00' }),
    );
  });

  test('may use the aliases, also beside the main names where they agree', () => {
    expect(decode({ genesys_group_id: 'g', added: ['a'], removed: ['b'] })).toEqual(
      change({ add: ['a'], remove: ['b'] }),
    );
    const both = { group_id: 'g', genesys_group_id: 'g', add_members: ['a', 'b'], added: ['b', 'a'] };
    expect(decode(both)).toEqual(change({ add: ['a', 'b'] }));
  });

  test('without members is an event without changes', () => {
    expect(decode({ group_id: 'g' })).toEqual(change({}));
    expect(decode({ group_id: 'g', add_members: [], event_id: null, occurred_at: null })).toEqual(change({}));
  });

  test('may have ids of any script, slashes and quotes, and a byte order mark before it', () => {
    const value = { group_id: 'ü/"g', add_members: ['a/b\'"😀'] };
    expect(decode(value, 'ü/"g')).toMatchObject({ kind: 'delta', group: 'ü/"g', add: ['a/b\'"😀'] });
    expect(decodeBytes(bytes('\uFEFF{"group_id":"g"}'))).toEqual(change({}));
  });

  test('may lack a key where one partition keeps the order anyway', () => {
    expect(decode({ group_id: 'g' }, null, 1)).toEqual(change({}));
  });
});

test('a tombstone is skipped, whatever its key', () => {
  const skipped = { kind: 'skip', reason: 'tombstone' };
  expect(decodeBytes(null)).toEqual(skipped);
  expect(decodeBytes(null, null)).toEqual(skipped);
});

describe('a bad record whose group cannot be read', () => {
  test.each([
    ['not_utf8', new Uint8Array([0x7b, 0xff, 0x7d])],
    ['not_json', bytes('{"group_id":"g"')],
    ['not_json', bytes('')],
    ['schema', bytes('["g"]')],
    ['schema', bytes('null')],
    ['schema', bytes('{}')],
    ['schema', bytes('{"group_id":5}')],
    ['schema', bytes('{"group_id":null}')],
    ['schema', bytes(String.raw`{"group_id":"\ud800"}`)],
    ['alias_conflict', bytes('{"group_id":"g","genesys_group_id":"h"}')],
    ['empty_id', bytes('{"group_id":""}')],
    ['control_character', bytes(String.raw`{"group_id":"g\n"}`)],
    ['id_too_long', bytes(`{"group_id":"${'g'.repeat(257)}"}`)],
  ])('is invalid: %s', (code, value) => {
    expect(decodeBytes(value)).toMatchObject({ kind: 'invalid', code, group: null });
  });
});

describe('a bad record whose group can be read', () => {
  test.each([
    ['schema', { add_members: 'a' }],
    ['schema', { add_members: null }],
    ['schema', { remove_members: ['a', 5] }],
    ['schema', { added: [['a']] }],
    ['schema', { add_members: ['\uD800'] }],
    ['schema', { event_id: 5 }],
    ['schema', { occurred_at: 'yesterday' }],
    ['schema', { occurred_at: '2026-02-30T12:00:00Z' }],
    ['schema', { occurred_at: '2026-01-31T12:00Z' }],
    ['schema', { occurred_at: '2026-01-31T12:00:00' }],
    ['schema', { occurred_at: 1 }],
    ['alias_conflict', { add_members: ['a'], added: [] }],
    ['alias_conflict', { remove_members: ['a'], removed: ['b'] }],
    ['empty_id', { add_members: ['a', ''] }],
    ['control_character', { removed: ['a\u0000'] }],
    ['control_character', { removed: ['a\u0085'] }],
    ['id_too_long', { add_members: ['a'.repeat(257)] }],
    ['id_too_long', { event_id: 'e'.repeat(257) }],
  ])('is invalid: %s %j', (code, parts) => {
    expect(decode({ group_id: 'g', ...parts })).toMatchObject({ kind: 'invalid', code, group: 'g' });
  });

  test.each([
    ['key_mismatch', 'h', 1],
    ['key_mismatch', '', 3],
    ['key_mismatch', 'G', 3],
    ['unkeyed', null, 3],
  ])('is invalid: %s with the key %j of %i partitions', (code, key, partitionCount) => {
    expect(decode({ group_id: 'g' }, key, partitionCount)).toMatchObject({ kind: 'invalid', code, group: 'g' });
  });

  test('the key is compared in bytes: one that only decodes alike is another', () => {
    const value = bytes(JSON.stringify({ group_id: '\uFFFD' }));
    expect(decodeBytes(value, bytes('\uFFFD'))).toMatchObject({ kind: 'delta' });
    expect(decodeBytes(value, new Uint8Array([0xff]))).toMatchObject({ code: 'key_mismatch' });
  });
});

test('the message names the field', () => {
  expect(decode({ group_id: 'g', add_members: ['a', ''] })).toMatchObject({
    message: expect.stringContaining('`add_members[1]`'),
  });
  expect(decode({ group_id: 'g', removed: 5 })).toMatchObject({
    message: expect.stringContaining('`removed` must be a list'),
  });
});

describe('total', () => {
  const judged = (record: SourceRecord) => {
    const decoded = only(record, 2);
    if (decoded.kind === 'invalid') expect(decoded.message.length).toBeLessThanOrEqual(500);
    return decoded;
  };

  test('for any bytes', () => {
    const any = fc.option(fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(any, any, (key, value) => void judged({ key, value, headers: [] })),
      { numRuns: 2000 },
    );
  });

  test('for any JSON in any field', () => {
    const field = fc.oneof(
      fc.jsonValue(),
      fc.boolean(),
      fc.array(fc.string({ unit: 'binary' })),
      fc.string({ unit: 'binary' }),
    );
    const names = [
      'group_id',
      'genesys_group_id',
      'add_members',
      'added',
      'removed',
      'members',
      'complete',
      'deleted',
      'event_id',
      'occurred_at',
      '__proto__',
    ];
    const objects = fc.dictionary(fc.constantFrom(...names), field);
    fc.assert(
      fc.property(
        objects,
        (value) => void judged({ key: bytes('g'), value: bytes(JSON.stringify(value)), headers: [] }),
      ),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['garbage of 1 MB', bytes('x'.repeat(1 << 20))],
    ['deep nesting', bytes('['.repeat(500_000) + ']'.repeat(500_000))],
    ['deep nesting in a field', bytes(`{"group_id":"g","add_members":${'['.repeat(400_000)}${']'.repeat(400_000)}}`)],
    ['half a million bad entries', bytes(`{"group_id":"g","add_members":[${'1,'.repeat(499_999)}1]}`)],
  ])('for %s', (_, value) => {
    expect(judged({ key: bytes('g'), value, headers: [] }).kind).toBe('invalid');
  });
});
