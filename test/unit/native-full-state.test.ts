/**
 * Full states in the native format (protocol.md 5.3): a member who is not named is removed, so nothing else may be taken
 * for one.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceEvent } from '../../src/core/change/change.ts';
import { native } from '../../src/formats/native/native.ts';

const decode = (value: unknown, key: string | null = 'g'): SourceEvent => {
  const record = {
    key: key === null ? null : Buffer.from(key),
    value: Buffer.from(JSON.stringify(value)),
    headers: [],
  };
  return native.decode(record, { partitionCount: 3 })[0];
};

const header = { group: 'g', eventId: null, occurredAt: null };
const change = (parts: object) => ({ kind: 'delta', ...header, add: [], remove: [], ...parts });
const state = (parts: object) => ({ kind: 'state', ...header, members: [], deleted: false, ...parts });

describe('a full state', () => {
  test('names everybody who is to be in the group', () => {
    const value = {
      group_id: 'g',
      members: ['a', 'b'],
      complete: true,
      event_id: 'e',
      occurred_at: '2026-01-31T12:00:00Z',
    };
    expect(decode(value)).toEqual(state({ members: ['a', 'b'], eventId: 'e', occurredAt: '2026-01-31T12:00:00Z' }));
    expect(decode({ genesys_group_id: 'g', members: ['a'], complete: true, deleted: false })).toEqual(
      state({ members: ['a'] }),
    );
  });

  test('may be empty, which is not yet a deleted group', () => {
    expect(decode({ group_id: 'g', members: [], complete: true })).toEqual(state({ members: [], deleted: false }));
  });

  test.each([{}, { members: [] }, { complete: true }, { complete: false }, { members: [], complete: true }])(
    'of a deleted group is empty, with %j beside it too',
    (parts) => {
      expect(decode({ group_id: 'g', deleted: true, ...parts })).toEqual(state({ deleted: true }));
    },
  );

  test('is keyed by its group like any other record', () => {
    const value = { group_id: 'g', members: ['a'], complete: true };
    expect(decode(value, 'h')).toMatchObject({ kind: 'invalid', code: 'key_mismatch', group: 'g' });
    expect(decode(value, null)).toMatchObject({ kind: 'invalid', code: 'unkeyed', group: 'g' });
  });

  test('is not what only says that it is none', () => {
    expect(decode({ group_id: 'g', add_members: ['a'], complete: false, deleted: false })).toEqual(
      change({ add: ['a'] }),
    );
    expect(decode({ group_id: 'g', complete: false })).toMatchObject({ kind: 'invalid', code: 'schema' });
    expect(decode({ group_id: 'g', complete: null, members: null, removed: ['a'] })).toEqual(change({ remove: ['a'] }));
  });

  test('is never made of a record that lists changes: members that it does not name would be removed', () => {
    const list = fc.array(fc.constantFrom('a', 'b', ''), { maxLength: 3 });
    const flag = fc.constantFrom(true, false, null, 'true', 1);
    const fields = fc.record(
      {
        add_members: list,
        added: list,
        remove_members: list,
        removed: list,
        members: list,
        complete: flag,
        deleted: flag,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fields, (parts) => {
        const event = decode({ group_id: 'g', ...parts });
        const listsChanges =
          'add_members' in parts || 'added' in parts || 'remove_members' in parts || 'removed' in parts;
        const isWhole = (parts.complete === true && parts.members !== undefined) || parts.deleted === true;
        if (event.kind === 'state') expect([listsChanges, isWhole]).toEqual([false, true]);
        if (event.kind === 'delta') expect([parts.members, isWhole]).toEqual([undefined, false]);
        if (event.kind === 'state' && event.deleted) expect([parts.deleted, event.members]).toEqual([true, []]);
        if (event.kind === 'state' && !event.deleted) expect(event.members).toEqual(parts.members);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a bad full state', () => {
  test.each([
    ['schema', { members: ['a'] }],
    ['schema', { members: [] }],
    ['schema', { members: ['a'], complete: false }],
    ['schema', { members: ['a'], deleted: false }],
    ['schema', { complete: true }],
    ['schema', { complete: 'true', members: ['a'] }],
    ['schema', { complete: null, members: ['a'] }],
    ['schema', { complete: 1, members: [] }],
    ['schema', { deleted: null }],
    ['schema', { deleted: 'true' }],
    ['schema', { deleted: 1, complete: true, members: [] }],
    ['schema', { members: null, complete: true }],
    ['schema', { members: 'a', complete: true }],
    ['schema', { members: ['a', null], complete: true }],
    ['schema', { members: ['a'], deleted: true }],
    ['schema', { members: ['a'], complete: true, deleted: true }],
    ['schema', { members: ['a'], complete: true, add_members: ['b'] }],
    ['schema', { members: ['a'], complete: true, removed: [] }],
    ['schema', { deleted: true, remove_members: ['b'] }],
    ['schema', { deleted: true, added: [] }],
    ['empty_id', { members: ['a', ''], complete: true }],
    ['control_character', { members: ['a\u0000'], complete: true }],
    ['id_too_long', { members: ['a'.repeat(257)], complete: true }],
    ['unsafe_id', { members: ['a', '..'], complete: true }],
  ])('is invalid: %s %j', (code, parts) => {
    expect(decode({ group_id: 'g', ...parts })).toMatchObject({ kind: 'invalid', code, group: 'g' });
  });

  test('names the field, and the remedy', () => {
    const message = (parts: object) => {
      const event = decode({ group_id: 'g', ...parts });
      return event.kind === 'invalid' ? event.message : null;
    };
    expect(message({ deleted: 'yes' })).toContain('`deleted` must be true or false');
    expect(message({ members: ['a'] })).toContain('`members` is a full state: say so with `"complete":true`');
    expect(message({ complete: true })).toContain('an empty group is `"members":[]`');
    expect(message({ members: ['a', 'b\n'], complete: true })).toContain('`members[1]`');
  });
});
