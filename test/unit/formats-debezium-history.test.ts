/** Rows that say what was done, as those of a history, or that their member is no user: no member is added for them. */
import { describe, expect, test } from 'vitest';
import { debezium } from '../../src/formats/debezium/debezium.ts';
import { KEYCLOAK_TABLE } from '../../src/formats/debezium/row.ts';
import { parseWhere } from '../../src/formats/debezium/where.ts';

const ids = { group_id: 'g', user_id: 'u' };
const source = { table: 'group_members' };

interface Around {
  readonly where?: string;
  readonly key?: object;
}

const read = (value: object, { where, key = { id: 1 } }: Around = {}) =>
  debezium({ ...KEYCLOAK_TABLE, memberWhere: where === undefined ? null : parseWhere(where) }).decode(
    { key: Buffer.from(JSON.stringify(key)), value: Buffer.from(JSON.stringify(value)), headers: [] },
    { partitionCount: 1 },
  );

const created = (columns: object) => ({ before: null, after: { ...ids, ...columns }, op: 'c', source });
const added = [{ kind: 'delta', group: 'g', add: ['u'], remove: [] }];

const OPERATIONS: readonly (readonly [column: string, value: unknown])[] = [
  ['revtype', 2],
  ['REVTYPE', 0],
  ['REVTYPE', { scale: 0, value: 'Ag==' }],
  ['history_type', '-'],
  ['history_type', '+'],
  ['history_type', '~'],
  ['operation', 'D'],
  ['action', 'removed'],
  ['action', 'added'],
  ['event_type', 'member_removed'],
  ['__$operation', 1],
  ['tg_op', 'DELETE'],
  ['auditAction', 'delete'],
  ['changeType', 'REMOVED'],
  ['event', 'MemberLeft'],
  ['event', 'destroy'],
  ['record_type', 'removed'],
  ['type', 'MemberRemoved'],
  ['kind', 'member.kicked'],
  ['change', 'removed'],
  ['change', 'DELETE'],
  ['log_type', 'removed'],
  ['entryType', 'remove'],
  ['modification_type', 'DELETE'],
  ['AUDIT_TRANSACTION_TYPE', 'D'],
  ['AUDIT_TRANSACTION_TYPE', 'I'],
  ['TALEND_CDC_TYPE', 'D'],
  ['AUDIT_ACTN', 'K'],
  ['DMLTYPE$$', 'D'],
  ['crud', 'd'],
  ['CHNGIND', 'D'],
  ['CHANGE_IND', 'D '],
  ['mod_type', 'DEL'],
  ['revision_type', 'DEL'],
  ['txnKind', 'd'],
  ['journal_code', 'RMV'],
  ['event', 'D'],
  ['pgh_label', 'delete'],
  ['pgh_label', 'membership_removed'],
  ['transaction_type', 'REMOVE'],
  ['statement_type', 'DELETE'],
  ['statement', 'DELETE FROM group_members WHERE id = 7'],
  ['request_type', 'remove'],
  ['request_type', 'ADD_MEMBER'],
  ['task_type', 'RemoveMember'],
  ['membership_change', 'Revoked'],
  ['method', 'DELETE'],
  ['http_method', 'delete'],
  ['cmd', 'kick user from group'],
  ['command', 'remove_member'],
  ['diff_type', 'removed'],
  ['transition', 'soft-deleted'],
  ['direction', 'out'],
  ['modification', 'terminated'],
  ['action_cd', 'D'],
  ['TRANS_CODE', 'D'],
  ['maint_type', 'DEL'],
  ['upd_flag', 'D'],
  ['revision_type', 2],
  ['event_message', 'Member removed'],
  ['change_summary', 'deleted'],
  ['new_value', 'removed'],
  ['request_type', 'unsubscribe'],
  ['is_add', false],
  ['added', false],
  ['was_inserted', 0],
  ['is_addition', 'N'],
  ['sign', -1],
  ['diff', '-1'],
  ['row_delta', -2],
  ['member_change', -1],
  ['last_action', 'removed'],
  ['last_action', 'left'],
  ['last_action', 'U'],
  ['created_operation', 3],
];

describe.each(OPERATIONS)('a row whose column %s is %o', (column, value) => {
  const columns = { [column]: value };
  const loud = [{ kind: 'invalid', code: 'row_of_history' }];

  test('is no addition in an envelope, nor beside __op', () => {
    expect(read(created(columns))).toMatchObject(loud);
    expect(read({ ...ids, ...columns, __op: 'c', __deleted: 'false' })).toMatchObject(loud);
    expect(read({ ...created(columns), op: 'u', before: { ...ids, ...columns } })).toMatchObject(loud);
  });

  test('names the column and the remedies', () => {
    const [event] = read(created(columns));
    for (const text of [`\`${column}\``, 'DEBEZIUM_TABLE', 'DEBEZIUM_MEMBER_WHERE', 'SOURCE_FORMAT=mapping'])
      expect(event).toMatchObject({ message: expect.stringContaining(text) });
  });

  test('removes no member when it is deleted, though its key has both ids', () => {
    const deleted = { before: { ...ids, ...columns }, after: null, op: 'd', source };
    expect(read(deleted, { key: { rev: 7, ...ids } })).toMatchObject(loud);
  });

  test('is a membership only where DEBEZIUM_MEMBER_WHERE names the column', () => {
    expect(read(created(columns), { where: `"${column}" is not null` })).toMatchObject(added);
    expect(read(created({ ...columns, status: 'in' }), { where: 'status=in' })).toMatchObject(loud);
  });
});

describe('a deleted row whose database tells only the key', () => {
  const deleted = { before: { rev: 7, ...ids, revtype: null }, after: null, op: 'd', source };

  test('of a history removes no member', () => {
    expect(read(deleted, { key: { rev: 7, ...ids } })).toMatchObject([{ kind: 'invalid', code: 'row_of_history' }]);
  });

  test('is the end of its membership where the key has the ids alone', () => {
    expect(read(deleted, { key: ids })).toMatchObject([{ kind: 'delta', add: [], remove: ['u'] }]);
  });
});

test.each<object>([
  { revtype: null },
  { operation: '' },
  { operation: ' ' },
  { op: true },
  { action_count: 2, operator_id: 7 },
  { is_op: 1, default_action: 'notify' },
  { create_oper: 'jane', UPDATE_OP: 'jane', oper_name: 'Jane' },
  { change: 17, log_type: 'verbose', entry_type: 'manual', update_type: 'auto' },
  { kind: 'direct', type: 'GroupMember' },
  { type: 'ProjectMember' },
  { kind: 'nested-group', type: 'shared-group' },
  { kind: 'assigned', record_type: 'member', event: 17 },
  { role: 'owner', type: 'M' },
  { membership_type: 'UNMANAGED' },
  { membership_type: 'GROUP_USER' },
  { member_type: 'User' },
  { member_type: 'regular', principal_type: 'App\\Models\\User', user_type: 1 },
  { created_by_user_type: 'App', addedByPrincipalType: 'ServicePrincipal' },
  { sys_period: '["2017-08-01 00:00:00+00",)' },
  { sys_period: '["2017-08-01 00:00:00+00",infinity)' },
  { affiliation: 'member', relationship: 'friend', rsvp: 'yes' },
  { last_action: 'login', created_action: 'import', lastOperation: 'viewed' },
  { last_action: 1_700_000_000_000, last_action_type: 'comment' },
  { last_activity: 17, last_activity_type: 'post' },
  { role_code: 'D', grade_label: 'D', site_code: 'DEL', country_code: 'DE', login_type: 'D', activation_code: 'd' },
  { label: 'Do not delete', description: 'Terminated employees', reason: 'removed the old account' },
  { contact_method: 'email', join_method: 'request', signup_method: 'invite', mode: 'auto' },
  { role_type: 'member', account_type: 'standard', text_direction: 'ltr', label: 'deleted-users-team-7' },
  { request_type: 'standard', transaction_type: 'purchase', statement: 'monthly', job_type: 'engineer' },
  { is_add: true, added: '2024-01-01', was_inserted: 1, inserted: null },
  { sign: 1, diff: 0, utc_diff: -5, score_delta: -2, timezone_delta: -3 },
  { sync_direction: 'out', text_direction: 'left', sort_direction: 'D' },
  {
    added_by_type: 'Deleted user',
    creator_label: 'deleted',
    owner_type: 'removed',
    changed_by: 'removed',
    updated_by_label: 'deleted',
  },
  { record_type: 'D', function_code: 'D', event_message: 'User Removed Jones joined', change_count: 5 },
  { changed: 'jane', what: 'member', flag: 'N', ind: 'D' },
  { left: 1 },
  { left: false, waitlisted: false, rsvp: null },
])('a row with %o is a membership', (columns) => {
  expect(read(created(columns))).toMatchObject(added);
  expect(read({ ...ids, ...columns, __op: 'c' })).toMatchObject(added);
});

test('the ids themselves are no mark, under any name of their columns', () => {
  const options = { ...KEYCLOAK_TABLE, groupColumn: 'action', memberColumn: 'operation' };
  const value = Buffer.from(JSON.stringify({ before: null, after: { action: 'g', operation: 'u' }, op: 'c', source }));
  expect(debezium(options).decode({ key: null, value, headers: [] }, { partitionCount: 1 })).toMatchObject(added);
});

test.each<object>([
  { membership_type: 'GROUP_GROUP' },
  { member_type: 'Group' },
  { principal_type: 'GROUP' },
  { memberKind: 'nested-group' },
  { principal_type: 'App\\Models\\Team' },
  { subject_type: 'ServicePrincipal' },
])('a row with %o is refused: its member is no user', (columns) => {
  const refused = [{ kind: 'invalid', code: 'member_type' }];
  expect(read(created(columns))).toMatchObject(refused);
  expect(read({ ...ids, ...columns, __op: 'r' })).toMatchObject(refused);
  const deleted = { before: { ...ids, ...columns }, after: null, op: 'd', source };
  expect(read(deleted, { key: ids })).toMatchObject(refused);
});

test.each([
  ['subject_id', { subject_id: 'g', subject_type: 'Team', user_id: 'u' }],
  ['PrincipalId', { PrincipalId: 'g', PrincipalType: 'Group', user_id: 'u' }],
])('the type beside the column of the group, %s, is the type of the group', (groupColumn, after) => {
  const value = Buffer.from(JSON.stringify({ before: null, after, op: 'c', source }));
  const format = debezium({ ...KEYCLOAK_TABLE, groupColumn });
  expect(format.decode({ key: null, value, headers: [] }, { partitionCount: 1 })).toMatchObject(added);
});

test.each<object>([
  { sys_period: '["2017-08-01 00:00:00+00","2018-01-01 00:00:00+00")' },
  { period: '[2020-01-01,2021-01-01)' },
  { valid_range: 'empty' },
  { affiliation: 'outcast' },
  { affiliation: 'none' },
  { left: true },
  { left: 't' },
  { role: 'INVITEE' },
  { type: 'request' },
  { kind: 'invite' },
  { relationship: 'blocked' },
  { waitlisted: true },
  { on_waitlist: 1 },
  { rsvp: 'no' },
  { rsvp: false },
  { response: 'declined' },
  { effect: 'deny' },
  { departed: true },
  { inactive_since: 18_000 },
  { status_code: 'DELETED' },
  { row_ind: 'd' },
  { REC_FLAG: 'D ' },
  { type: 'unsubscribe' },
  { type: 'suspended' },
  { member_kind: 'expelled' },
  { member_type: 'removed' },
  { role_label: 'Excluded' },
  { record_flag: 'soft deleted' },
  { state_cd: 'TERMINATED  ' },
  { mode: 'EXCLUDE' },
  { rule: 'exclude' },
  { reason: 'removed by admin' },
  { description: 'deleted' },
])('a row with %o is closed, refused or not accepted yet', (columns) => {
  expect(read(created(columns))).toMatchObject([{ kind: 'invalid', code: 'row_marked' }]);
});

test('a row whose code says that it is removed is the end of its membership where it is deleted', () => {
  const deleted = { before: { ...ids, status_code: 'DELETED' }, after: null, op: 'd', source };
  expect(read(deleted, { key: ids })).toMatchObject([{ kind: 'delta', add: [], remove: ['u'] }]);
});

describe('a JSON of which nothing says that it is a row', () => {
  test.each<object>([{ revtype: 2 }, { history_type: '-' }, { operation: 'D' }, { __$operation: 1 }])(
    '%o',
    (columns) => {
      expect(read({ ...ids, ...columns }, { key: ids })).toMatchObject([{ kind: 'invalid', code: 'row_unmarked' }]);
    },
  );
});
