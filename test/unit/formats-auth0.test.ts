import { describe, expect, test } from 'vitest';
import { auth0 } from '../../src/formats/auth0.ts';
import { aDelta, aSkip, aState, decodeWith } from '../support/formats.ts';

const decode = decodeWith(auth0);

const GROUP = { id: 'grp_abc123', external_id: 'crmUsers', type: 'connection', connection_id: 'con_abc123' };
const MEMBER = { member_type: 'user', id: 'auth0|507f1f77bcf86cd799439020' };
const anEvent = (parts: object = {}) => ({
  specversion: '1.0',
  type: 'group.member.added',
  source: 'urn:auth0:example.auth0app.com',
  id: 'evt_vjFVP5pVdfvsfRKatshkVV',
  time: '2025-02-01T12:34:56Z',
  data: { object: { group: GROUP, member: MEMBER } },
  a0tenant: 'my-tenant',
  a0stream: 'est_vjFVP5pVdfvsfRKatshkVV',
  ...parts,
});
const aMember = (member: object) => anEvent({ data: { object: { group: GROUP, member } } });

const HEADER = { group: 'grp_abc123', eventId: 'evt_vjFVP5pVdfvsfRKatshkVV', occurredAt: '2025-02-01T12:34:56Z' };
const ADDED = aDelta({ ...HEADER, add: [MEMBER.id] });

describe('an event of a stream', () => {
  test('adds and removes users', () => {
    expect(decode(anEvent())).toEqual([ADDED]);
    expect(decode(anEvent({ type: 'group.member.deleted' }))).toEqual([aDelta({ ...HEADER, remove: [MEMBER.id] })]);
  });

  test('deletes a group: then the object is the group itself', () => {
    const object = { ...GROUP, name: 'CRM users', created_at: '2025-01-01T00:00:00Z' };
    expect(decode(anEvent({ type: 'group.deleted', data: { object } }))).toEqual([
      aState({ ...HEADER, deleted: true }),
    ]);
  });

  test.each([
    { ...MEMBER, member_type: 'connection', type: 'connection', connection_id: 'con_1' },
    { id: 'grp_2', member_type: 'group' },
    { id: 'x' },
  ])('refuses a member by its type: %j', (member) => {
    expect(decode(aMember(member))).toMatchObject([{ kind: 'invalid', code: 'member_type', group: 'grp_abc123' }]);
  });

  test.each([
    'group.created',
    'group.updated',
    'group.role.assigned',
    'user.created',
    'user.deleted',
    'organization.member.added',
    'organization.group.role.deleted',
    'connection.deleted',
  ])('of the type %s changes no membership of a group', (type) => {
    expect(decode(anEvent({ type }))).toEqual([aSkip('not_a_membership_change')]);
  });

  test.each([
    'group.member.updated',
    'group.member.added.v2',
    'group.merged',
    'organization.group.member.added',
    'team.created',
  ])('of a type that is not known is a hint, never silence: %s', (type) => {
    expect(decode(anEvent({ type }))).toMatchObject([{ kind: 'hint', code: 'unknown_event_type', group: GROUP.id }]);
  });

  test('that the dashboard sent as a test is about no real group', () => {
    expect(decode(anEvent({ a0purpose: 'test' }))).toEqual([aSkip('test_event')]);
  });
});

test('events also come in EventBridge, from the Events API and in lists', () => {
  expect(decode({ 'detail-type': 'group.member.added', source: 'aws.partner/auth0.com/x', detail: anEvent() })).toEqual(
    [ADDED],
  );
  expect(decode({ offset: 'cursor', event: anEvent() })).toEqual([ADDED]);
  expect(decode([anEvent(), anEvent()])).toEqual([ADDED, ADDED]);
});

describe('a bad event is invalid', () => {
  const aLogStreamRecord = { log_id: '900', data: { type: 'sapi', description: 'Add member' } };
  test.each([[{}], [7], [aLogStreamRecord], [{ type: 'group.member.added' }], [[null]]])('%j', (value) => {
    expect(decode(value)).toMatchObject([{ kind: 'invalid', code: 'schema' }]);
  });

  test('without its ids', () => {
    expect(decode(aMember({ member_type: 'user' }))).toMatchObject([{ code: 'empty_id', group: 'grp_abc123' }]);
    expect(decode(anEvent({ data: { object: { member: MEMBER } } }))).toMatchObject([
      { code: 'empty_id', group: null },
    ]);
    expect(decode(anEvent({ type: 'group.deleted', data: null }))).toMatchObject([
      { kind: 'invalid', code: 'empty_id' },
    ]);
  });
});
