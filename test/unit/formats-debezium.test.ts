import { describe, expect, test } from 'vitest';
import { debezium } from '../../src/formats/debezium/debezium.ts';
import { parseTableName } from '../../src/formats/debezium/where.ts';
import { type DebeziumOptions, KEYCLOAK_TABLE } from '../../src/formats/debezium/row.ts';
import { aRecord, added, invalidWith, removed } from '../support/source-records.ts';

const decode = (
  value: unknown,
  { key = null, headers = {} }: { key?: unknown; headers?: Record<string, string> } = {},
  options: Partial<DebeziumOptions> = {},
) => debezium({ ...KEYCLOAK_TABLE, ...options }).decode(aRecord(value, { key, headers }), { partitionCount: 3 });

const row = (group: unknown, user: unknown, more: object = {}) => ({ group_id: group, user_id: user, ...more });
const envelope = (op: string, before: object | null, after: object | null, more: object = {}) => ({
  before,
  after,
  op,
  source: { table: 'user_group_membership', ts_ms: 1_740_477_600_000 },
  ts_ms: 1_740_477_600_123,
  ...more,
});
const AT = { occurredAt: '2025-02-25T10:00:00.000Z' };
const key = row('g', 'u');

describe('an envelope', () => {
  test.each([
    ['a creation adds', 'c'],
    ['a row of a snapshot adds', 'r'],
  ])('%s', (_, op) => {
    expect(decode(envelope(op, null, row('g', 'u')), { key })).toEqual([added('g', ['u'], AT)]);
  });

  test('a deletion removes, and what `before` lacks comes from the key', () => {
    expect(decode(envelope('d', row('g', 'u'), null), { key })).toEqual([removed('g', ['u'], AT)]);
    expect(decode(envelope('d', null, null), { key })).toEqual([removed('g', ['u'], AT)]);
    expect(decode(envelope('d', { id: 7, group_id: null, user_id: '' }, null), { key })).toEqual([
      removed('g', ['u'], AT),
    ]);
  });

  test.each([['REPLICA IDENTITY FULL'], ['binlog_row_image=FULL'], ['ADD SUPPLEMENTAL LOG DATA (ALL) COLUMNS']])(
    'a deletion without a member is invalid, and names %s',
    (setting) => {
      const [event] = decode(envelope('d', { id: 7 }, null), { key: { group_id: 'g' } });
      expect(event).toMatchObject({
        ...invalidWith('delete_unreadable'),
        message: expect.stringContaining(setting),
      });
    },
  );

  test('with a schema, at value and key, reads as without', () => {
    const wrapped = { schema: { type: 'struct' }, payload: envelope('d', null, null) };
    expect(decode(wrapped, { key: { schema: {}, payload: key } })).toEqual([removed('g', ['u'], AT)]);
  });

  test('an update of the same ids is no membership change, also where `before` is missing', () => {
    const after = row('g', 'u', { membership_type: 'MANAGED' });
    expect(decode(envelope('u', row('g', 'u'), after), { key })).toEqual([
      { kind: 'skip', reason: 'not_a_membership_change' },
    ]);
    expect(decode(envelope('u', null, after), { key })).toEqual([{ kind: 'skip', reason: 'not_a_membership_change' }]);
  });

  test('another member in the row: one goes, one comes', () => {
    expect(decode(envelope('u', row('g', 'u'), row('g', 'v')), { key: { group_id: 'g' } })).toEqual([
      { ...added('g', ['v'], AT), remove: ['u'] },
    ]);
  });

  test('another group in the row: two events, the removal first', () => {
    expect(decode(envelope('u', row('g', 'u'), row('h', 'u')))).toEqual([
      removed('g', ['u'], AT),
      added('h', ['u'], AT),
    ]);
  });

  test('an update whose row before is missing adds what is there now, and says what it cannot know', () => {
    expect(decode(envelope('u', null, row('g', 'v')), { key: { id: 7 } })).toEqual([
      added('g', ['v'], AT),
      expect.objectContaining(invalidWith('before_unreadable')),
    ]);
  });

  test('truncate is a hint and never a removal', () => {
    expect(decode({ op: 't', source: { table: 'user_group_membership' } })).toEqual([
      expect.objectContaining({ kind: 'hint', code: 'truncate' }),
    ]);
  });

  test.each([
    ['not known', 'x', row('g', 'u'), 'unknown_operation'],
    ['a row without its columns', 'c', { id: 1 }, 'columns_missing'],
    ['a number that JSON has rounded', 'c', row(2 ** 53 + 2, 'u'), 'id_rounded'],
    ['an object for an id', 'c', row({ scale: 0, value: 'AQ==' }, 'u'), 'schema'],
    ['true for an id', 'c', row('g', true), 'schema'],
    ['a fraction for an id', 'c', row('g', 1.5), 'schema'],
    ['a control character', 'c', row('g\n', 'u'), 'control_character'],
    ['what PostgreSQL leaves out', 'c', row('g', '__debezium_unavailable_value'), 'columns_missing'],
  ])('invalid: %s', (_, op, after, code) => {
    expect(decode(envelope(op, null, after))).toEqual([expect.objectContaining(invalidWith(code))]);
  });

  test('whole numbers as ids become text', () => {
    expect(decode(envelope('c', null, row(5, -7)))).toEqual([added('5', ['-7'], AT)]);
  });

  test('columns and table are configured, rows of other tables are skipped', () => {
    const options = { groupColumn: 'team', memberColumn: 'person', table: parseTableName('teams') };
    const after = { team: 't', person: 'p' };
    expect(decode(envelope('c', null, after), {}, { ...options, table: null })).toEqual([added('t', ['p'], AT)]);
    expect(decode(envelope('c', null, after), {}, options)).toEqual([{ kind: 'skip', reason: 'other_table' }]);
    expect(decode({ team: 't', person: 'p', __table: 'users' }, {}, options)).toEqual([
      { kind: 'skip', reason: 'other_table' },
    ]);
  });
});

describe('what is no change', () => {
  test.each([
    ['heartbeat', { ts_ms: 1_740_477_600_000 }],
    ['transaction', { status: 'END', id: '571', event_count: 2, data_collections: [], ts_ms: 1 }],
    ['schema_change', { source: {}, databaseName: 'k', schemaName: 'public', ddl: 'DROP TABLE t', tableChanges: [] }],
    ['logical_message', envelope('m', null, null, { message: { prefix: 'p', content: 'YQ==' } })],
    ['tombstone', 'null'],
    ['tombstone', { schema: null, payload: null }],
  ])('is skipped: %s', (reason, value) => {
    expect(decode(value)).toEqual([{ kind: 'skip', reason }]);
  });
});

describe('a tombstone', () => {
  test('says nothing where deletes have records of their own, whatever its key', () => {
    for (const any of [key, { group_id: 'g' }, 'g', null])
      expect(decode(null, { key: any })).toEqual([{ kind: 'skip', reason: 'tombstone' }]);
  });

  test('is the delete where it is configured so, and its key has both columns', () => {
    expect(decode(null, { key }, { deletes: 'tombstones' })).toEqual([removed('g', ['u'])]);
    expect(decode(null, { key: { schema: {}, payload: key } }, { deletes: 'tombstones' })).toEqual([
      removed('g', ['u']),
    ]);
  });

  test.each([[{ group_id: 'g' }], ['g'], [null], [{ user_id: 'u' }], ['Struct{group_id=g,user_id=u}']])(
    'keyed by %j is never a deleted group but an unreadable delete that names its remedy',
    (other) => {
      const [event, ...more] = decode(null, { key: other }, { deletes: 'tombstones' });
      expect(event).toMatchObject({ ...invalidWith('delete_unreadable'), group: null });
      expect(event).toHaveProperty('message', expect.stringMatching(/message\.key\.columns.*handling\.mode=rewrite/s));
      expect(more).toEqual([]);
    },
  );
});

describe('a flattened row', () => {
  test.each([
    ['without any mark', {}],
    ['that says it is not deleted', { __deleted: 'false' }],
    ['of a creation', { __op: 'c', __deleted: false }],
  ])('adds: one %s', (_, marks) => {
    expect(decode(row('g', 'u', marks), { key })).toEqual([added('g', ['u'])]);
  });

  test.each([
    ['the text true', { __deleted: 'true' }],
    ['true', { __deleted: true }],
    ['the operation alone', { __op: 'd' }],
  ])('removes: %s', (_, marks) => {
    expect(decode(row('g', 'u', marks), { key })).toEqual([removed('g', ['u'])]);
  });

  test('removes by a header, and takes from the key what the row lacks', () => {
    expect(decode(row('g', 'u'), { key, headers: { __op: 'd' } })).toEqual([removed('g', ['u'])]);
    expect(decode({ id: 1, __deleted: 'true' }, { key })).toEqual([removed('g', ['u'])]);
    expect(decode({ id: 1, __deleted: 'true' }, { key: { id: 1 } })).toEqual([
      expect.objectContaining(invalidWith('delete_unreadable')),
    ]);
  });

  test('changed, is no membership change where the key has both ids, else half of it is unknown', () => {
    expect(decode(row('g', 'u', { __op: 'u' }), { key })).toEqual([
      { kind: 'skip', reason: 'not_a_membership_change' },
    ]);
    expect(decode(row('g', 'u', { __op: 'u' }), { key: { group_id: 'g' } })).toEqual([
      added('g', ['u']),
      expect.objectContaining(invalidWith('before_unreadable')),
    ]);
  });

  test('tells when it was changed, where it does', () => {
    expect(decode(row('g', 'u', { __op: 'c', __source_ts_ms: 1_740_477_600_000 }))).toEqual([added('g', ['u'], AT)]);
  });
});

describe('an event of an outbox', () => {
  const payload = { groupId: 'g', userId: 'u' };
  const headers = { id: 'e-1', eventType: 'MemberRemoved' };

  test.each([
    ['plain', payload],
    ['a text that holds JSON', JSON.stringify(JSON.stringify(payload))],
    ['with a schema', { schema: { type: 'string' }, payload: JSON.stringify(payload) }],
    ['beside additional fields', { payload: JSON.stringify(payload), tenant: 't' }],
  ])('is read: %s', (_, value) => {
    expect(decode(value, { headers })).toEqual([removed('g', ['u'], { eventId: 'e-1' })]);
  });

  test('whose columns are called like those of the table is still no row', () => {
    expect(decode({ ...row('g', 'u'), type: 'MemberRemoved' })).toEqual([removed('g', ['u'])]);
    expect(decode(row('g', 'u'), { headers: { id: 'e-1' } })).toEqual([
      expect.objectContaining(invalidWith('row_unmarked')),
    ]);
    expect(decode(row('g', 'u'), { headers: { id: 'e-1', type: 'note' } })).toEqual([
      expect.objectContaining({ kind: 'hint', code: 'unclear_member_event' }),
    ]);
  });

  test.each([
    [{ type: 'MemberAdded' }, invalidWith('type_conflict')],
    [{ event_type: 'group.member.remove.requested' }, { kind: 'hint', code: 'unclear_member_event' }],
    [{ type: 'GroupDeleted' }, { kind: 'hint', code: 'unclear_member_event' }],
  ])('whose further header %j says another thing is not read by the first alone', (more, expected) => {
    expect(decode(payload, { headers: { ...headers, ...more } })).toEqual([expect.objectContaining(expected)]);
  });

  test.each([['MemberRemoved'], ['GroupMembership'], ['Group'], ['note']])(
    'whose further header `type` is %s is read: it says nothing else',
    (type) => {
      expect(decode(payload, { headers: { ...headers, type } })).toEqual([removed('g', ['u'], { eventId: 'e-1' })]);
    },
  );

  test('of something else is skipped', () => {
    expect(decode({ orderId: 1 }, { headers: { id: 'e', eventType: 'OrderPlaced' } })).toEqual([
      { kind: 'skip', reason: 'not_a_membership_change' },
    ]);
  });

  test('that holds no JSON is invalid', () => {
    expect(decode('"not json"', { headers })).toEqual([expect.objectContaining(invalidWith('not_json'))]);
  });
});

describe('an event of Debezium in a CloudEvent', () => {
  const event = (op: string, data: object, more: object = {}) => ({
    specversion: '1.0',
    id: 'name:s;lsn:1;txId:2',
    source: '/debezium/postgresql/s',
    type: 'io.debezium.connector.postgresql.DataChangeEvent',
    iodebeziumop: op,
    iodebeziumtable: 'user_group_membership',
    iodebeziumtsms: '1740477600000',
    data,
    ...more,
  });
  const header = { ...AT, eventId: 'name:s;lsn:1;txId:2' };

  test('reads as an envelope, with a schema and without', () => {
    expect(decode(event('c', { before: null, after: row('g', 'u') }))).toEqual([added('g', ['u'], header)]);
    const withSchema = { schema: {}, payload: { before: row('g', 'u'), after: null } };
    expect(decode(event('d', withSchema))).toEqual([removed('g', ['u'], header)]);
  });

  // Found by test/fuzz: an object that cannot become a text ended the process.
  test('whose operation is no text is invalid', () => {
    const odd = event('c', { after: row('g', 'u') }, { iodebeziumop: { toString: 1 } });
    expect(decode(odd)).toEqual([expect.objectContaining(invalidWith('unknown_operation'))]);
  });

  test('of another table is skipped', () => {
    expect(decode(event('c', { after: row('g', 'u') }), {}, { table: parseTableName('teams') })).toEqual([
      { kind: 'skip', reason: 'other_table' },
    ]);
  });
});

test.each([['{"a":'], ['[]'], ['5'], ['{}'], ['{"id":1,"name":"Bob"}']])('%s is invalid', (value) => {
  expect(decode(value)).toEqual([expect.objectContaining({ kind: 'invalid' })]);
});
