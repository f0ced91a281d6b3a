/** Which records are rows, and what a row means that is filled, soft-deleted, of another table, or typed as numbers in bytes. */
import { describe, expect, test } from 'vitest';
import { debezium } from '../../src/formats/debezium/debezium.ts';
import { KEYCLOAK_TABLE, type DebeziumOptions } from '../../src/formats/debezium/row.ts';
import { parseTableName, parseWhere } from '../../src/formats/debezium/where.ts';
import { sourceFormat } from '../../src/formats/registry.ts';
import { aRecord, added, defaultOptions, invalidWith, removed } from '../support/source-records.ts';

interface Around {
  readonly key?: unknown;
  readonly headers?: Record<string, string>;
}

const decode = (value: unknown, around: Around = {}, options: Partial<DebeziumOptions> = {}) =>
  debezium({ ...KEYCLOAK_TABLE, ...options }).decode(aRecord(value, around), { partitionCount: 3 });

const auto = (value: unknown, around: Around = {}) =>
  sourceFormat('auto', defaultOptions).decode(aRecord(value, around), { partitionCount: 3 });

const row = (group: unknown, user: unknown, more: object = {}) => ({ group_id: group, user_id: user, ...more });
const envelope = (op: string, before: object | null, after: object | null, source: object = {}) => ({
  before,
  after,
  op,
  source: { table: 'user_group_membership', ...source },
});
const key = row('g', 'u');
const problem = (code: string) => expect.objectContaining(invalidWith(code)) as unknown;
const NO_CHANGE = [{ kind: 'skip', reason: 'not_a_membership_change' }];
const NO_MEMBER = [{ kind: 'skip', reason: 'not_a_member_row' }];

describe('a JSON with both columns', () => {
  test.each([
    ['that says nothing else', {}, null],
    ['with an event’s name', { event_name: 'user_access_request_to_group' }, null],
    ['with an event’s name and a key', { event: 'message.sent' }, { group_id: 'g' }],
    ['with a kind', { kind: 'message.sent' }, { group_id: 'g' }],
    ['with a type that is no class', { type: 'request' }, { group_id: 'g' }],
    ['with a type that names a request', { type: 'AccessRequest' }, { group_id: 'g' }],
    ['with an operation in a column', { op: 'd' }, key],
    ['whose key is of something else', {}, { id: 7 }],
    ['whose key is a text', {}, 'g'],
  ])('is no row: one %s', (_, more, around) => {
    for (const read of [decode, auto])
      expect(read(row('g', 'u', more), { key: around }).map(({ kind }) => kind)).toEqual([
        expect.stringMatching(/hint|invalid/),
      ]);
  });

  test.each([
    ['a mark', row('g', 'u', { __op: 'c', event: 'x', type: 'y' }), {}],
    ['a mark in a header', row('g', 'u', { kind: 'x' }), { headers: { __op: 'r' } }],
    ['its schema', { schema: { type: 'struct', name: 'kcl.public.t.Value' }, payload: row('g', 'u') }, {}],
    ['its key, which consists of its columns', row('g', 'u', { id: 5 }), { key: { id: 5 } }],
    ['its key, beside the name of a class', row('g', 'u', { id: 5, type: 'GroupMember' }), { key: { id: 5 } }],
    ['its key, with headers called id and type', row('g', 'u'), { key, headers: { id: '1', type: 'row' } }],
  ])('is a row by %s', (_, value, around) => {
    expect(decode(value, around)).toEqual([added('g', ['u'])]);
  });

  test('is an event where a header says what happened to the member', () => {
    expect(decode(row('g', 'u'), { key, headers: { id: 'e', eventType: 'MemberRemoved' } })).toEqual([
      removed('g', ['u'], { eventId: 'e' }),
    ]);
  });
});

describe('a header or a column called id, type or eventType', () => {
  test('does not pass an event over that names a group and members deeper', () => {
    const value = { event: { type: 'group.member.remove.complete', group: { id: 'g' }, members: [{ userId: 'u' }] } };
    for (const headers of [{ type: 'webhook' }, { id: '1', type: 'webhook' }, { eventType: 'x' }, { id: '1' }])
      for (const read of [decode, auto])
        expect(read(value, { headers })[0].kind, JSON.stringify(headers)).toMatch(/hint|invalid/);
  });

  test('does not make anything an event of an outbox', () => {
    for (const headers of [{ id: '1' }, { type: 'x' }] as Record<string, string>[])
      expect(decode({ hello: 'world' }, { headers })).toEqual([problem('schema')]);
    expect(decode({ payload: 'no JSON', type: 'x' })).toEqual([problem('schema')]);
  });
});

describe('what Debezium fills in before, without REPLICA IDENTITY FULL', () => {
  test.each([[0], [''], ['0'], ['AA=='], ['1970-01-01T00:00:00Z'], ['00000000-0000-0000-0000-000000000000']])(
    '%j is no id of a deleted row',
    (filler) => {
      const read = decode(envelope('d', { id: 5, ...row(filler, filler) }, null), { key: { id: 5 } });
      expect(read).toEqual([problem(filler === '' ? 'delete_unreadable' : 'before_unreadable')]);
      const half = decode(envelope('d', { id: 5, ...row('g', filler) }, null), { key: { id: 5, group_id: 'g' } });
      expect(half[0].kind).toBe('invalid');
    },
  );

  test('is no id of a changed row, nor of a flattened one', () => {
    const before = { id: 5, ...row(0, 0) };
    expect(decode(envelope('u', before, { id: 5, ...row('g', 'u') }), { key: { id: 5 } })).toEqual([
      added('g', ['u']),
      problem('before_unreadable'),
    ]);
    expect(decode({ ...before, __deleted: 'true' }, { key: { id: 5 } })).toEqual([problem('before_unreadable')]);
    const blank = { id: 5, ...row('    ', '    ') };
    expect(decode(envelope('d', blank, null), { key: { id: 5 } })).toEqual([problem('before_unreadable')]);
  });

  test('may be an id where it is in the key, and in a new row', () => {
    expect(decode(envelope('d', row(0, 7), null), { key: row(0, 7) })).toEqual([removed('0', ['7'])]);
    expect(decode(envelope('c', null, row(0, 7)))).toEqual([added('0', ['7'])]);
  });
});

test.each([[{ group_id: 'g' }], [{ id: 5 }], [null]])(
  'a flattened row that is deleted is a removal, also where its key is %j',
  (key) => {
    const deleted = (mark: unknown) => decode({ ...row('g', 'u'), __deleted: mark, __op: 'd' }, { key });
    expect([deleted('true'), deleted(true)]).toEqual([[removed('g', ['u'])], [removed('g', ['u'])]]);
  },
);

describe('which rows are memberships', () => {
  const where = (text: string): Partial<DebeziumOptions> => ({ memberWhere: parseWhere(text) });
  const live = row('g', 'u', { deleteat: 0 });
  const gone = row('g', 'u', { deleteat: 1_700_000_000_000 });
  const set = where('deleteat=0');

  test.each([
    ['a row outside is skipped', envelope('r', null, gone), NO_MEMBER],
    ['a row inside is added', envelope('c', null, live), [added('g', ['u'])]],
    ['one that leaves is removed', envelope('u', live, gone), [removed('g', ['u'])]],
    ['one that comes is added', envelope('u', gone, live), [added('g', ['u'])]],
    ['one that stays outside is skipped', envelope('u', gone, { ...gone, deleteat: 5 }), NO_MEMBER],
    ['one that stays inside is no change', envelope('u', live, { ...live, role: 'x' }), NO_CHANGE],
    [
      'one that leaves with other ids ends what it was',
      envelope('u', live, { ...gone, user_id: 'v' }),
      [removed('g', ['u'])],
    ],
    [
      'one that comes with other ids is what it is',
      envelope('u', { ...gone, user_id: 'v' }, live),
      [added('g', ['u'])],
    ],
    ['a deleted one is removed', envelope('d', live, null), [removed('g', ['u'])]],
    ['a deleted one that was outside is skipped', envelope('d', gone, null), NO_MEMBER],
  ])('%s', (_, value, expected) => {
    expect(decode(value, { key: { id: 5 } }, set)).toEqual(expected);
  });

  test('what a row was is not known: with both ids in the key that does not matter, else it is loud', () => {
    expect(decode(envelope('u', null, gone), { key }, set)).toEqual([removed('g', ['u'])]);
    expect(decode(envelope('u', null, live), { key }, set)).toEqual([added('g', ['u'])]);
    expect(decode(envelope('d', gone, null), { key }, set)).toEqual([removed('g', ['u'])]);
    expect(decode(envelope('u', null, gone), { key: { id: 5 } }, set)).toEqual([problem('before_unreadable')]);
    expect(decode(envelope('d', row('g', 'u'), null), { key: { id: 5 } }, set)).toEqual([problem('before_unreadable')]);
    expect(decode(envelope('u', row('g', 'u'), gone), { key: { id: 5 } }, set)).toEqual([problem('before_unreadable')]);
    expect(decode(envelope('u', row('g', 'v'), live), { key: { id: 5 } }, set)).toEqual([
      added('g', ['u']),
      problem('before_unreadable'),
    ]);
  });

  test('flattened rows come, leave and stay away as others do', () => {
    expect(decode({ ...gone, __op: 'u' }, { key }, set)).toEqual([removed('g', ['u'])]);
    expect(decode({ ...live, __op: 'u' }, { key }, set)).toEqual([added('g', ['u'])]);
    expect(decode({ ...gone, __op: 'r' }, { key }, set)).toEqual(NO_MEMBER);
    expect(decode(gone, { key }, set)).toEqual([removed('g', ['u'])]);
    expect(decode({ ...gone, id: 5 }, { key: { id: 5 } }, set)).toEqual([problem('before_unreadable')]);
  });

  test.each([
    ['state=active', { state: 'active' }, true],
    ['state=active', { state: null }, false],
    ['state!=deleted', { state: null }, true],
    ["state='on leave'", { state: 'on leave' }, true],
    ['is_active=true', { is_active: true }, true],
    ['is_active=true', { is_active: 1 }, true],
    ['is_active=true', { is_active: 0 }, false],
    ['is_active=1', { is_active: true }, true],
    ['kind=2', { kind: 2 }, true],
    ['kind=2', { kind: '2' }, true],
    ['left_at IS NULL', { left_at: null }, true],
    ['left_at is not null', { left_at: 5 }, true],
    ['state=active AND left_at is null', { state: 'active', left_at: 5 }, false],
    ['"State"=active,kind!=2', { State: 'active', kind: 1 }, true],
  ])('%s: %j is a membership: %s', (text, columns, isMember) => {
    const read = decode(envelope('c', null, row('g', 'u', columns)), {}, where(text));
    expect(read).toEqual(isMember ? [added('g', ['u'])] : NO_MEMBER);
  });

  test('a column that the row does not have, or cannot compare, is loud', () => {
    expect(decode(envelope('c', null, row('g', 'u')), {}, set)).toEqual([problem('columns_missing')]);
    const list = row('g', 'u', { deleteat: [0] });
    expect(decode(envelope('c', null, list), {}, set)).toEqual([problem('columns_missing')]);
  });

  test.each([
    ['AQ==', 'del=1'],
    ['AQ==', 'del!=1'],
    [{ scale: 0, value: 'AQ==' }, 'del!=1'],
    [true, 'del=active'],
    [3, 'del!=active'],
  ])('a value %j of which %s says nothing is loud', (del, condition) => {
    expect(decode(envelope('c', null, row('g', 'u', { del })), {}, where(condition))).toEqual([
      problem('columns_missing'),
    ]);
  });

  test.each([
    ['1', 'active=true'],
    ['false', 'active!=1'],
    ['yes       ', 'active=yes'],
  ])('the text %j is compared as SQL does: %s', (active, condition) => {
    const read = decode(envelope('c', null, row('g', 'u', { active })), {}, where(condition));
    expect(read).toEqual([added('g', ['u'])]);
  });

  test('a number in bytes is compared as the number that its schema says', () => {
    const decimal = { type: 'bytes', name: 'org.apache.kafka.connect.data.Decimal', parameters: { scale: '0' } };
    const text = { type: 'string' };
    const fields = [
      { field: 'group_id', ...text },
      { field: 'user_id', ...text },
      { field: 'active', ...decimal },
    ];
    const schema = { type: 'struct', fields: [{ field: 'after', type: 'struct', fields }] };
    const read = (active: string) =>
      decode({ schema, payload: envelope('c', null, row('g', 'u', { active })) }, {}, where('active=1'));
    expect(read('AQ==')).toEqual([added('g', ['u'])]);
    expect(read('AA==')).toEqual(NO_MEMBER);
  });

  test('a row outside need not name a member', () => {
    const invitation = row('g', null);
    expect(decode(envelope('c', null, invitation), {}, where('user_id is not null'))).toEqual(NO_MEMBER);
  });

  describe('without the setting', () => {
    test.each([
      [{ deleted_at: '2026-01-01T00:00:00Z' }],
      [{ deletedAt: 1_700_000_000_000 }],
      [{ DELETED_AT: 1 }],
      [{ deleteat: 5 }],
      [{ is_deleted: true }],
      [{ is_deleted: 1 }],
      [{ deleted: 'Y' }],
      [{ is_active: false }],
      [{ isActive: 0 }],
      [{ active: 'N' }],
      [{ enabled: false }],
      [{ status: 'deleted' }],
      [{ status: 2 }],
      [{ state: 'pending' }],
    ])('%j is loud, and names the setting', (columns) => {
      const marked = row('g', 'u', columns);
      const other = row('g', 'u');
      for (const value of [
        envelope('r', null, marked),
        envelope('c', null, marked),
        envelope('u', other, marked),
        envelope('d', marked, null),
        { ...marked, __op: 'c' },
      ]) {
        const [event, ...more] = decode(value, { key: { id: 5 } });
        expect(event).toMatchObject(invalidWith('row_marked'));
        expect(event).toHaveProperty('message', expect.stringContaining('DEBEZIUM_MEMBER_WHERE'));
        expect(more).toEqual([]);
      }
    });

    test.each([
      [{ deleted_at: null }],
      [{ deleteat: 0 }],
      [{ is_deleted: false }],
      [{ is_active: 1 }],
      [{ status: 'ACTIVE' }],
      [{ membership_type: 'MANAGED' }],
      [{ state: null }],
    ])('%j is a membership', (columns) => {
      expect(decode(envelope('c', null, row('g', 'u', columns)))).toEqual([added('g', ['u'])]);
    });

    test('a row that is restored is added, also where what it was is not known', () => {
      expect(decode(envelope('u', gone, live), { key })).toEqual([added('g', ['u'])]);
      expect(decode(envelope('u', null, live), { key })).toEqual([added('g', ['u'])]);
    });

    test('a deleted row is removed where its key has both ids', () => {
      expect(decode(envelope('d', gone, null), { key })).toEqual([removed('g', ['u'])]);
    });
  });
});

describe('a column of the ids that may be null', () => {
  const [none, one] = [row('g', 'u', { group_id: null }), row('g', 'u')];

  test('is reported with the condition that such rows need', () => {
    for (const event of [envelope('r', null, none), envelope('u', one, none)]) {
      const [first] = decode(event);
      expect(first).toMatchObject({
        code: 'columns_missing',
        message: expect.stringContaining('`group_id is not null` into DEBEZIUM_MEMBER_WHERE'),
      });
    }
  });

  test('ends the membership where the condition is set', () => {
    const set = { memberWhere: parseWhere('group_id is not null') };
    expect(decode(envelope('r', null, none), {}, set)[0].kind).toBe('skip');
    expect(decode(envelope('u', one, none), {}, set)).toEqual([removed('g', ['u'])]);
    expect(decode(envelope('u', none, one), {}, set)).toEqual([added('g', ['u'])]);
    expect(decode(envelope('u', null, none), {}, set)).toEqual([problem('before_unreadable')]);
  });
});

describe('DEBEZIUM_TABLE', () => {
  const source = { connector: 'postgresql', name: 'kcl', db: 'keycloak', schema: 'public', table: 'User_Groups' };
  const read = (name: string, origin: object = source) =>
    decode(envelope('c', null, row('g', 'u'), origin), {}, { table: parseTableName(name) })[0].kind;

  test.each([
    ['user_groups'],
    ['USER_GROUPS'],
    ['public.user_groups'],
    ['"public"."User_Groups"'],
    ['keycloak.public.user_groups'],
    ['kcl.public.user_groups'],
    ['[public].[user_groups]'],
  ])('%s names the table', (name) => {
    expect(read(name)).toBe('delta');
  });

  test.each([['user_group'], ['public.groups'], ['audit.user_groups'], ['user_groups_2']])('%s does not', (name) => {
    expect(read(name)).toBe('skip');
  });

  test.each([
    ['t_p2026_01'],
    ['t_2026_01'],
    ['t_y2026m01'],
    ['t_2026q1'],
    ['t_p20260131'],
    ['t_p0'],
    ['t_3'],
    ['t_default'],
    ['t_part_1'],
  ])('counts the partition %s as its table', (table) => {
    expect(read('public.t', { ...source, table })).toBe('delta');
  });

  test.each([['t_archive'], ['t_v2'], ['tt'], ['t_members'], ['t_p2026_01_old']])('does not count %s', (table) => {
    expect(read('t', { ...source, table })).toBe('skip');
  });

  test('is compared with what the record names: databases of MySQL, attributes, added fields', () => {
    expect(read('inventory.t', { db: 'inventory', table: 't' })).toBe('delta');
    expect(read('inventory.t', { db: 'other', table: 't' })).toBe('skip');
    const table = parseTableName('public.teams');
    expect(decode(row('g', 'u', { __op: 'c', __table: 'teams' }), {}, { table })).toEqual([added('g', ['u'])]);
    expect(decode(row('g', 'u', { __op: 'c', __source_table: 'users' }), {}, { table })[0].kind).toBe('skip');
    expect(decode(row('g', 'u', { __op: 'c', __table: 'teams', __schema: 'x' }), {}, { table })[0].kind).toBe('skip');
  });

  test('is compared with the keyspace of Vitess, whose `db` is empty', () => {
    const origin = { connector: 'vitess', name: 'vt', db: '', keyspace: 'Commerce', table: 't', shard: '-80' };
    expect(read('commerce.t', origin)).toBe('delta');
    expect(read('vt.commerce.t', origin)).toBe('delta');
    expect(read('lookup.t', origin)).toBe('skip');
    const table = parseTableName('commerce.t');
    for (const name of ['__keyspace', '__source_keyspace']) {
      const flat = (keyspace: string) =>
        decode(row('g', 'u', { __op: 'c', __table: 't', __name: 'vt', [name]: keyspace }), {}, { table })[0].kind;
      expect([flat('commerce'), flat('lookup')]).toEqual(['delta', 'skip']);
    }
    const attributes = { specversion: '1.0', id: '1', iodebeziumop: 'c', iodebeziumtable: 't', iodebeziumdb: '' };
    const inEvent = (keyspace: string) =>
      decode({ ...attributes, iodebeziumkeyspace: keyspace, data: { after: row('g', 'u') } }, {}, { table })[0].kind;
    expect([inEvent('commerce'), inEvent('lookup')]).toEqual(['delta', 'skip']);
  });

  test("is no other table where the record names the connector's name alone", () => {
    const table = parseTableName('public.teams');
    expect(decode(row('g', 'u', { __op: 'c', __table: 'teams', __name: 'kcl' }), {}, { table })).toEqual([
      added('g', ['u']),
    ]);
  });
});

describe('operations', () => {
  test.each([
    [{ __op: 'x' }],
    [{ __op: 'C' }],
    [{ __op: 1 }],
    [{ __op: 'c', __deleted: 'true' }],
    [{ __deleted: 'yes' }],
  ])('%j of a flattened row is loud', (marks) => {
    expect(decode(row('g', 'u', marks), { key })).toEqual([problem('unknown_operation')]);
  });

  test('a flattened truncate or message is what it is in an envelope', () => {
    expect(decode({ __op: 't', __table: 't' })).toEqual([expect.objectContaining({ kind: 'hint', code: 'truncate' })]);
    expect(decode({ __op: 'm' })).toEqual([{ kind: 'skip', reason: 'logical_message' }]);
  });
});

describe('ids in numeric columns', () => {
  const decimal = (field: string, scale = '0') => ({
    type: 'bytes',
    name: 'org.apache.kafka.connect.data.Decimal',
    parameters: { scale },
    field,
  });
  const variable = (field: string) => ({ type: 'struct', name: 'io.debezium.data.VariableScaleDecimal', field });
  const schema = (...fields: object[]) => ({
    type: 'struct',
    fields: ['before', 'after'].map((field) => ({ type: 'struct', field, fields })),
  });

  test('are read by the scale in the schema', () => {
    const payload = envelope('c', null, row('A+0=', 'Sg=='));
    expect(decode({ schema: schema(decimal('group_id'), decimal('user_id')), payload })).toEqual([
      added('1005', ['74']),
    ]);
    const scaled = envelope('c', null, row('JxA=', 'AYag'));
    expect(decode({ schema: schema(decimal('group_id', '2'), decimal('user_id', '-1')), payload: scaled })).toEqual([
      added('100', ['1000000']),
    ]);
    const negative = envelope('c', null, row('/w==', 'AP8='));
    expect(decode({ schema: schema(decimal('group_id'), decimal('user_id')), payload: negative })).toEqual([
      added('-1', ['255']),
    ]);
    const both = envelope('c', null, row({ scale: 0, value: 'A+0=' }, { scale: 0, value: 'AQ==' }));
    expect(decode({ schema: schema(variable('group_id'), variable('user_id')), payload: both })).toEqual([
      added('1005', ['1']),
    ]);
  });

  test('are read in the key by its schema, and a zero in before is a filler', () => {
    const fields = [decimal('group_id'), decimal('user_id')];
    const around = { key: { schema: { type: 'struct', fields }, payload: row('A+0=', 'AQ==') } };
    expect(decode({ schema: schema(...fields), payload: envelope('d', null, null) }, around)).toEqual([
      removed('1005', ['1']),
    ]);
    const filled = { schema: schema(...fields), payload: envelope('d', row('AA==', 'AA=='), null) };
    expect(decode(filled, { key: { id: 1 } })).toEqual([problem('before_unreadable')]);
  });

  test.each([
    ['bytes', row('A+0=', 'u')],
    ['bytes of the member', row('g', 'AQ==')],
    ['a number with its scale', row({ scale: 0, value: 'A+0=' }, 'u')],
  ])('without a schema are loud: %s', (_, after) => {
    const [event] = decode(envelope('c', null, after));
    expect(event).toMatchObject(invalidWith('schema'));
    expect(event).toHaveProperty('message', expect.stringContaining('decimal.handling.mode=string'));
  });

  test('that are no whole number, or of a scale beyond all, are loud', () => {
    for (const scale of ['1', '1000', 'x']) {
      const payload = envelope('c', null, row('AQ==', 'u'));
      expect(decode({ schema: schema(decimal('group_id', scale)), payload })).toEqual([problem('schema')]);
    }
  });

  test('are not seen in texts and binary columns', () => {
    const binary = 'MTIzNDU2Nzg5MDEyMzQ1Ng==';
    for (const id of ['team', binary, '71c03dec-6d6a-4adb-a205-6b53021a445f'])
      expect(decode(envelope('c', null, row(id, 'u')))).toEqual([added(id, ['u'])]);
    const payload = envelope('c', null, row('AQ==', 'u'));
    const text = schema({ type: 'string', field: 'group_id' }, { type: 'string', field: 'user_id' });
    expect(decode({ schema: text, payload })).toEqual([added('AQ==', ['u'])]);
  });
});

describe('what cannot be read names its cause', () => {
  test('bytes of a Schema Registry', () => {
    for (const read of [decode, auto]) {
      const [event] = read('\u0000\u0000\u0000\u0000\u0001{"op":"c"}');
      expect(event).toMatchObject(invalidWith('schema_registry'));
      expect(event).toHaveProperty('message', expect.stringContaining('JsonConverter'));
    }
  });

  test.each([
    ['a created document', { after: '{"group_id":"g"}', op: 'c', source: { connector: 'mongodb', collection: 'm' } }],
    ['a changed one', { op: 'u', updateDescription: { updatedFields: '{}' }, source: {} }],
    ['a deleted one', { before: null, after: null, op: 'd', source: { connector: 'mongodb', collection: 'm' } }],
  ])('of MongoDB: %s', (_, value) => {
    expect(decode(value)).toEqual([problem('mongodb_envelope')]);
    expect(auto(value)).toEqual([problem('mongodb_envelope')]);
  });
});

test.each([
  ['heartbeat', { ts_ms: 1 }],
  ['transaction', { status: 'BEGIN', id: '571:53195829', ts_ms: 1, event_count: null, data_collections: null }],
  ['schema_change', { source: {}, ts_ms: 1, databaseName: 'k', schemaName: 's', ddl: 'ALTER …', tableChanges: [] }],
  ['notification', { id: 'n', aggregate_type: 'Initial Snapshot', type: 'STARTED', additional_data: {}, timestamp: 1 }],
])('auto knows what a connector writes besides changes: %s', (reason, value) => {
  expect(auto(value)).toEqual([{ kind: 'skip', reason }]);
});
