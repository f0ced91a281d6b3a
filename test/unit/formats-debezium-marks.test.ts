/** Rows that say beside their ids that they are no membership, or what happened: neither is guessed, whatever the column is called. */
import { describe, expect, test } from 'vitest';
import { debezium } from '../../src/formats/debezium/debezium.ts';

const read = (value: object, key: object | null = { group_id: 'g', user_id: 'u' }, headers: readonly string[] = []) =>
  debezium().decode(
    {
      key: key === null ? null : Buffer.from(JSON.stringify(key)),
      value: Buffer.from(JSON.stringify(value)),
      headers: headers.map((name) => [name, Buffer.from('x')] as const),
    },
    { partitionCount: 1 },
  )[0];

const row = (columns: object): object => ({
  before: null,
  after: { group_id: 'g', user_id: 'u', ...columns },
  op: 'r',
  source: { table: 't' },
});

describe('a row of a snapshot is no addition', () => {
  test.each<object>([
    { is_banned: true },
    { bannedAt: 1_700_000_000_000 },
    { del_flag: '2' },
    { is_delete: 1 },
    { IsDelete: true },
    { suspended: true },
    { expired_at: 1_500_000_000_000 },
    { expires_at: '2020-01-01T00:00:00Z' },
    { end_date: 17_000 },
    { validTo: '2020-01-01T00:00:00Z' },
    { cancelled_at: '2020-01-01T00:00:00Z' },
    { unassignedAt: '2020-01-01T00:00:00Z' },
    { deletion_time: '2020-01-01T00:00:00Z' },
    { active_flag: 'N' },
    { confirmed: false },
    { approved: 0 },
    { accepted_at: null },
    { membership: 'ban' },
    { membership: 'leave' },
    { role: 'invited' },
    { _fivetran_deleted: true },
    { _ab_cdc_deleted_at: '2024-01-01T00:00:00Z' },
    { _sdc_deleted_at: '2024-01-01T00:00:00Z' },
    { _PEERDB_IS_DELETED: 1 },
    { workflow_state: 'invited' },
    { invite_status: 1 },
    { EFF_STATUS: 'I' },
    { discarded_at: '2024-01-01T00:00:00Z' },
    { voided: true },
    { trashedAt: 1_700_000_000_000 },
    { is_void: 1 },
    { unsubscribed_at: '2024-01-01T00:00:00Z' },
    { resigned_on: 19_000 },
    { leave_date: 19_000 },
    { dateLeft: '2020-01-01' },
    { thru_date: 19_000 },
    { to_date: '1991-10-01' },
    { expiryDate: 17_000 },
    { expires: '2020-01-01' },
    { end_dt: '2020-01-01' },
    { ENDDA: '20200131' },
    { row_end: '2020-01-01 00:00:00' },
    { invitation_token: 'abc' },
    { requested_at: '2020-01-01T00:00:00Z' },
    { requires_approval: true },
    { is_member: false },
    { subscribed: 0 },
    { joined_at: null },
    { accepted_at: '0001-01-01T00:00:00Z' },
    { accepted_at: -62_135_596_800_000 },
    { approved_on: -719_162 },
    { deleted_by: 2_932_896 },
    { deleted_at: 1_700_000_000_000_000_000 },
    { joined: false },
    { approved: 'no' },
    { is_active: 1_700_000_000_000 },
    { use_yn: 'N' },
    { is_latest: false },
    { eff_to: '2021-01-01' },
    { effTo: 18_000 },
    { not_after: '2021-01-01T00:00:00Z' },
    { notAfter: 1_600_000_000_000 },
    { unenrolled_at: '2021-01-01' },
    { deprovisionedOn: 18_000 },
    { disassociated: true },
    { disenrolled_by: 'jane' },
    { finished_at: '2021-01-01' },
    { membership_finished_on: 18_000 },
    { deleted_by_id: 5 },
    { removedByUserId: 'x' },
    { end: '2021-01-01' },
    { to: '2021-01-01' },
    { _fivetran_end: '2021-01-01T00:00:00Z' },
    { REVEND: 7 },
    { end_transaction_id: 9 },
    { revocation_date: 18_000 },
    { offboarding_date: '2021-01-01' },
    { date_of_leaving: '2021-01-01' },
    { leaving_date: 18_000 },
    { is_history: true },
    { granted: false },
    { is_granted: 0 },
    { present: false },
    { user_allowed: 'f' },
    { access_permitted: 'no' },
    { isIncluded: false },
    { exists: 'N' },
    // An end that has not come yet: no record will tell when it has.
    { expires_at: '2098-12-30' },
    { valid_to: 47_480 },
    { valid_to: 4_070_908_799_999 },
    { payment_deleted: true },
    { trial_membership_ended: true },
    { home_status: 'left' },
    { billing_status: 'cancelled' },
  ])('with %o', (columns) => {
    expect(read(row(columns))).toMatchObject({ kind: 'invalid', code: 'row_marked' });
  });

  test.each<object>([
    // PostgreSQL's timestamps come in microseconds, others in nanoseconds.
    { expires_at: 1_500_000_000_000_000 },
    { valid_to: 1_500_000_000_000_000_000 },
    { valid_to: '2566-05-01' },
  ])('with %o', (columns) => {
    expect(read(row(columns))).toMatchObject({ kind: 'invalid', code: 'row_marked' });
  });
});

test.each<object>([
  { is_banned: false },
  { del_flag: '0' },
  { expires_at: null },
  { end_date: '9999-12-31' },
  { valid_to: 253_402_300_799_000 },
  { valid_to: 253_402_300_799_999_000 },
  { to_date: 2_932_896 },
  { expires_at: 9_223_372_036_825_200_000 },
  { invited_at: 1_700_000_000_000 },
  { workflow_state: 'accepted' },
  { is_member: true },
  { accepted_at: 1_700_000_000_000 },
  { role: 'owner' },
  { membership: 'join' },
  { blocked_count: 3 },
  { left: 5 },
  { date_joined: 19_000 },
  { joined: '2024-01-01 00:00:00' },
  { confirmed: 1_700_000_000_000 },
  { last_active: 1_700_000_000_000 },
  { invite_accepted_at: null, request_accepted_at: null, requested_at: null },
  { date_invited: 19_000 },
  { termination_date: '9999-12-31' },
  { deleted_at: '0001-01-01T00:00:00Z' },
  // The first dates and the last one, in days, milliseconds and microseconds.
  { deleted_at: -719_162 },
  { removed_at: -62_135_596_800_000 },
  { deleted_at: -62_135_596_800_000_000 },
  { left_at: -25_567 },
  { revoked_at: -2_208_988_800_000 },
  { deleted_at: 253_402_214_400_000 },
  { deleted_at: 253_402_300_799_000_000 },
  { deleted_on: '1970-01-01' },
  { deleted_on: '1970-01-01Z' },
  { deleted: ' ', status: 'ACTIVE    ' },
  { status: true },
  { validity_status: 'IN', lockout_status: 'NORMAL' },
  { up_to_date: true, messages_today: 5 },
  { muted_until: 1_700_000_000_000 },
  { notifications_enabled: false, email_unsubscribed: true },
  { can_delete: true },
  { sync_status: 'synced' },
  { invited_by: 'x' },
  { _fivetran_deleted: false },
  { valid_to: '2999-12-31' },
  { end_date: '2099-12-31' },
  { end_date: '2100-01-01T00:00:00Z' },
  { EXPIRY_DATE: '4712-12-31 00:00:00' },
  { ENDDA: '20991231' },
  // The end of 2099, of 2199 and of 2999, in days.
  { eff_to: 47_481 },
  { valid_to: 84_005 },
  { end_date: 376_199 },
  { not_after: 4_102_358_400_000 },
  { valid_to: 4_102_358_400_000_000 },
  { valid_to: 4_102_358_400_000_000_000 },
  { sys_period: '[2020-01-01,2999-12-31)' },
  { address_state: 'NY', home_state: 'Texas', billing_state: 'CA', BirthState: 'OH' },
  { payment_status: 'unpaid', onboarding_status: 'pending', kyc_state: 'none', marital_status: 'single' },
  { trial_ended_at: '2020-01-01', trial_end_date: 18_000, probation_until: '2020-01-01', tour_dismissed: true },
  { setup_finished: true, lessons_finished: 12, course_finished_at: '2020-01-01' },
  { granted: true, present: 1, allowed: null, consent_granted: false, comments_allowed: false, manually_added: false },
  { granted_at: '2020-01-01', assigned: '2020-01-01', to: 'jane', included: null },
  { revend: null, end_transaction_id: null, unenrolled_at: null, finished_at: null },
  { enrolled_at: '2020-01-01', provisioned: true, registered: false },
])('one with %o is', (columns) => {
  expect(read(row(columns))).toMatchObject({ kind: 'delta', add: ['u'] });
});

test('an update that marks a row in an unusual way is loud', () => {
  const [before, after] = [
    { group_id: 'g', user_id: 'u' },
    { group_id: 'g', user_id: 'u', is_delete: 1 },
  ];
  expect(read({ before, after, op: 'u', source: { table: 't' } })).toMatchObject({ code: 'row_marked' });
});

const flat = { group_id: 'g', user_id: 'u' };

describe('a flat row whose operation stands in a column that is not known is no addition', () => {
  test.each<object>([
    { table: 'Q.T', op_type: 'D', op_ts: '2015-11-05 18:45:36.000000', pos: '00000000000000002928' },
    { scn: '2164936', op_type: 'D', row_id: 'AAAA', username: 'C##MYUSER' },
    { _meta: { op: 'd', source: { ts_ms: 1 } } },
    { hvr_op: 0 },
    { header__change_oper: 'D' },
    { A_ENTTYP: 'DL' },
    { row_kind: '-D' },
    { cdc_op: 'd' },
    { verb: 'leave' },
    { change_type: 'REMOVED' },
    { changeType: 'deleted' },
    { activity: 'left' },
    { message_type: 'MemberKicked' },
    { EventType: 'Kicked' },
    { ODQ_CHANGEMODE: 'D', ODQ_ENTITYCNTR: -1 },
    { RECORDMODE: 'D' },
    { dml_flag: 'D' },
    { iud: 'D' },
    { mz_diff: -1 },
  ])('%o', (columns) => {
    expect(read({ ...flat, ...columns })).toMatchObject({ kind: 'invalid', code: 'row_unmarked' });
  });

  test.each(['dbz.op', 'event-type', 'messageType', 'action', 'mutation'])('the header %s', (name) => {
    expect(read(flat, flat, [name])).toMatchObject({ kind: expect.not.stringMatching('delta') });
  });
});

test('columns that only sound like it leave the row a row', () => {
  const columns = { last_activity_at: 1, operator_id: 'x', action_count: 2, _row: 'x', weight: 3 };
  expect(read({ ...flat, ...columns })).toMatchObject({ kind: 'delta', add: ['u'] });
});

describe('a delete whose columns hold the default of the table, outside of the key', () => {
  const field = (name: string, more: object = {}) => ({ field: name, type: 'int64', optional: false, ...more });
  const schema = {
    type: 'struct',
    name: 't.Envelope',
    fields: [
      {
        ...field('before'),
        type: 'struct',
        fields: [field('id'), field('group_id', { default: 1 }), field('user_id', { default: 2 })],
      },
    ],
  };
  const gone = (group: number, user: number) => ({
    schema,
    payload: { before: { id: 5, group_id: group, user_id: user }, after: null, op: 'd', source: { table: 't' } },
  });

  test('does not say whose row it was: Debezium fills columns so', () => {
    expect(read(gone(1, 2), { id: 5 })).toMatchObject({ kind: 'invalid', code: 'before_unreadable' });
  });

  test('says it where the values are others, or stand in the key', () => {
    expect(read(gone(7, 8), { id: 5 })).toMatchObject({ kind: 'delta', group: '7', remove: ['8'] });
    expect(read(gone(1, 2), { group_id: 1, user_id: 2 })).toMatchObject({ kind: 'delta', group: '1', remove: ['2'] });
  });
});

test('names that are longer than any are not looked through', () => {
  const columns = { [`${'a_'.repeat(400_000)}deleted_at`]: 1 };
  expect(read(row(columns))).toMatchObject({ kind: 'delta', add: ['u'] });
});
