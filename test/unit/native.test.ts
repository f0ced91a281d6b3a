import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceEvent, SourceRecord } from '../../src/core/change/change.ts';
import { native } from '../../src/formats/native/native.ts';

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

  test.each([
    { add_members: [] },
    { added: [], event_id: null, occurred_at: null },
    { add_members: [], remove_members: [] },
    { remove_members: [], add_members: null, members: null, complete: null, deleted: null },
    { removed: [], complete: false, deleted: false },
  ])('with lists that are empty is an event without changes: %j', (lists) => {
    expect(decode({ group_id: 'g', ...lists })).toEqual(change({}));
  });

  test('may write null for a list that it does not have', () => {
    expect(decode({ group_id: 'g', add_members: ['a'], remove_members: null })).toEqual(change({ add: ['a'] }));
    expect(decode({ group_id: 'g', add_members: null, added: ['a'] })).toEqual(change({ add: ['a'] }));
    expect(decode({ group_id: null, genesys_group_id: 'g', removed: ['a'], members: null })).toEqual(
      change({ remove: ['a'] }),
    );
  });

  test.each([
    { event_id: 5 },
    { event_id: '\uD800' },
    { event_id: 'e'.repeat(257) },
    { event_id: ['e'] },
    { occurred_at: 'yesterday' },
    { occurred_at: '2026-02-30T12:00:00Z' },
    { occurred_at: '2026-01-31T12:00Z' },
    { occurred_at: '2026-01-31T12:00:00' },
    { occurred_at: 1_769_860_800_000 },
    { occurred_at: {} },
  ])('keeps its change where what is only shown cannot be read: %j', (parts) => {
    expect(decode({ group_id: 'g', remove_members: ['a'], ...parts })).toEqual(change({ remove: ['a'] }));
  });

  test.each([{ note: 'x' }, { owners: ['o'] }, { adder: 'x' }, { member_count: 3 }, { tags: ['added'] }])(
    'may have fields that are not known: %j',
    (parts) => {
      expect(decode({ group_id: 'g', add_members: ['a'], ...parts })).toEqual(change({ add: ['a'] }));
    },
  );

  test('may have ids of any script, slashes and quotes, and a byte order mark before it', () => {
    const value = { group_id: 'ü/"g', add_members: ['a/b\'"😀'] };
    expect(decode(value, 'ü/"g')).toMatchObject({ kind: 'delta', group: 'ü/"g', add: ['a/b\'"😀'] });
    expect(decodeBytes(bytes('\uFEFF{"group_id":"g","added":[]}'))).toEqual(change({}));
  });

  test('may lack a key where one partition keeps the order anyway', () => {
    expect(decode({ group_id: 'g', removed: [] }, null, 1)).toEqual(change({}));
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
    ['unsafe_id', bytes('{"group_id":".."}')],
    ['unsafe_id', bytes('{"genesys_group_id":".","added":["a"]}')],
  ])('is invalid: %s', (code, value) => {
    expect(decodeBytes(value)).toMatchObject({ kind: 'invalid', code, group: null });
  });
});

describe('a bad record whose group can be read', () => {
  test.each([
    ['schema', { add_members: 'a' }],
    ['schema', { remove_members: ['a', 5] }],
    ['schema', { added: [['a']] }],
    ['schema', { add_members: ['\uD800'] }],
    ['alias_conflict', { add_members: ['a'], added: [] }],
    ['alias_conflict', { remove_members: ['a'], removed: ['b'] }],
    ['empty_id', { add_members: ['a', ''] }],
    ['control_character', { removed: ['a\u0000'] }],
    ['control_character', { removed: ['a\u0085'] }],
    ['id_too_long', { add_members: ['a'.repeat(257)] }],
    ['unsafe_id', { add_members: ['a', '.'] }],
    ['unsafe_id', { removed: ['..'] }],
    ['schema', {}],
    ['schema', { event_id: 'e', occurred_at: '2026-01-31T12:00:00Z' }],
    ['schema', { add_members: null, removed: null, members: null }],
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
    const value = bytes(JSON.stringify({ group_id: '\uFFFD', added: ['a'] }));
    expect(decodeBytes(value, bytes('\uFFFD'))).toMatchObject({ kind: 'delta' });
    expect(decodeBytes(value, new Uint8Array([0xff]))).toMatchObject({ code: 'key_mismatch' });
  });
});

describe('a list that is misspelt', () => {
  test.each([
    ['remove_member', 'remove_members'],
    ['removeMembers', 'remove_members'],
    ['removed_members', 'remove_members'],
    ['members_removed', 'remove_members'],
    ['delete_members', 'remove_members'],
    ['remove', 'remove_members'],
    ['remvoe_members', 'remove_members'],
    ['removed_users', 'remove_members'],
    ['addMembers', 'add_members'],
    ['added_members', 'add_members'],
    ['AddMembers', 'add_members'],
    ['add-members', 'add_members'],
    ['add_memebrs', 'add_members'],
    ['add_user_ids', 'add_members'],
    ['adedd', 'add_members'],
  ])('is never passed over, alone or beside others: %s, meant as %s', (name, meant) => {
    const loud = { kind: 'invalid', code: 'schema', group: 'g', message: expect.stringContaining(`\`${meant}\``) };
    expect(decode({ group_id: 'g', [name]: ['a'] })).toMatchObject(loud);
    const beside = meant === 'add_members' ? { remove_members: ['b'] } : { add_members: ['b'] };
    expect(decode({ group_id: 'g', ...beside, [name]: ['a'] })).toMatchObject(loud);
    expect(decode({ group_id: 'g', members: ['b'], complete: true, [name]: ['a'] })).toMatchObject(loud);
  });

  test.each([
    ['users', 'members'],
    ['member_ids', 'members'],
    ['isDeleted', 'deleted'],
    ['group_deleted', 'deleted'],
    ['completed', 'complete'],
  ])('is named where nothing else names members: %s, meant as %s', (name, meant) => {
    expect(decode({ group_id: 'g', [name]: true })).toMatchObject({
      code: 'schema',
      message: expect.stringContaining(`\`${meant}\` meant`),
    });
  });

  test.each([{}, { user: 'a' }, { changes: { add: ['a'] } }, { action: 'remove' }])(
    'is reported with the known names where none is near: %j',
    (parts) => {
      const event = decode({ group_id: 'g', ...parts });
      expect(event).toMatchObject({ kind: 'invalid', code: 'schema', group: 'g' });
      for (const name of ['add_members', 'remove_members', 'members', 'complete', 'deleted'])
        expect(event.kind === 'invalid' && event.message).toContain(name);
    },
  );
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
