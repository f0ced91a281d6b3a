import { describe, expect, test } from 'vitest';
import { keycloak } from '../../src/formats/keycloak.ts';
import { aRecord, added, groupDeleted, invalidWith, removed } from '../support/source-records.ts';

const decode = (value: unknown) => keycloak.decode(aRecord(value), { partitionCount: 3 });

const TIME = 1_709_326_589_567;
const header = { eventId: 'e-1', occurredAt: '2024-03-01T20:56:29.567Z' };

const anAdminEvent = (changes: object = {}) => ({
  id: 'e-1',
  time: TIME,
  realmId: 'r',
  resourceType: 'GROUP_MEMBERSHIP',
  operationType: 'CREATE',
  resourcePath: 'users/u/groups/g',
  representation: '{"id":"other","name":"worker"}',
  error: null,
  ...changes,
});

describe('an admin event', () => {
  test('adds and removes by its resource path, never by its representation', () => {
    expect(decode(anAdminEvent())).toEqual([added('g', ['u'], header)]);
    expect(decode(anAdminEvent({ operationType: 'DELETE' }))).toEqual([removed('g', ['u'], header)]);
    expect(decode(anAdminEvent({ representation: null }))).toEqual([added('g', ['u'], header)]);
  });

  test('of a group that was deleted is the empty full state', () => {
    const event = anAdminEvent({ resourceType: 'GROUP', operationType: 'DELETE', resourcePath: 'groups/g' });
    expect(decode(event)).toEqual([groupDeleted('g', header)]);
  });

  test.each([
    ['groups/g/groups/g'],
    ['users/u'],
    ['users/u/groups/g/x'],
    ['users//groups/g'],
    ['/users/u/groups/g'],
    ['realms/r/users/u/groups/g'],
    [''],
    [null],
    [5],
  ])('with the path %j is invalid, and says what it should be', (resourcePath) => {
    const [event] = decode(anAdminEvent({ resourcePath }));
    expect(event).toMatchObject({
      ...invalidWith('resource_path'),
      message: expect.stringContaining('users/{user}/groups/{group}'),
    });
  });

  test.each([['groups/g/children'], ['groups'], ['users/u/groups/g']])(
    'of a deleted group with the path %s is invalid',
    (resourcePath) => {
      const event = anAdminEvent({ resourceType: 'GROUP', operationType: 'DELETE', resourcePath });
      expect(decode(event)).toEqual([expect.objectContaining(invalidWith('resource_path'))]);
    },
  );

  test('that failed is skipped, even where its path is wrong', () => {
    expect(decode(anAdminEvent({ error: 'not_allowed', resourcePath: 'x' }))).toEqual([
      { kind: 'skip', reason: 'not_successful' },
    ]);
  });

  test.each([
    ['a group below another', { resourceType: 'GROUP', resourcePath: 'groups/g/children' }],
    ['a group renamed', { resourceType: 'GROUP', operationType: 'UPDATE', resourcePath: 'groups/g' }],
    ['a user', { resourceType: 'USER', resourcePath: 'users/u' }],
    ['a user who is deleted', { resourceType: 'USER', operationType: 'DELETE', resourcePath: 'users/u' }],
    ['an organization', { resourceType: 'ORGANIZATION', resourcePath: 'organizations/o' }],
    ['a member of one', { resourceType: 'ORGANIZATION_MEMBERSHIP', resourcePath: 'organizations/o/members/u' }],
    ['its groups', { resourceType: 'ORGANIZATION_GROUP', resourcePath: 'organizations/o/groups/g' }],
    ['a role', { resourceType: 'REALM_ROLE_MAPPING', resourcePath: 'groups/g/role-mappings/realm' }],
    ['a password', { resourceType: 'USER', operationType: 'ACTION', resourcePath: 'users/u/reset-password' }],
    ['a user without groups', { resourceType: 'USER', representation: '{"username":"u","groups":[]}' }],
  ])('about %s is no membership change', (_, changes) => {
    expect(decode(anAdminEvent(changes))).toEqual([{ kind: 'skip', reason: 'not_a_membership_change' }]);
  });
});

describe('an admin event of a group of an organization', () => {
  const path = 'organizations/o/groups/g/members/u';
  const anEvent = (changes: object = {}) =>
    anAdminEvent({ resourceType: 'ORGANIZATION_GROUP_MEMBERSHIP', resourcePath: path, ...changes });

  test('adds and removes its members by the resource path', () => {
    expect(decode(anEvent())).toEqual([added('g', ['u'], header)]);
    expect(decode(anEvent({ operationType: 'DELETE' }))).toEqual([removed('g', ['u'], header)]);
  });

  test('that is deleted is the empty full state', () => {
    const changes = { resourceType: 'ORGANIZATION_GROUP', operationType: 'DELETE' };
    expect(decode(anEvent({ ...changes, resourcePath: 'organizations/o/groups/g' }))).toEqual([
      groupDeleted('g', header),
    ]);
    expect(decode(anEvent({ ...changes, resourcePath: path }))).toMatchObject([invalidWith('resource_path')]);
  });

  test.each(['users/u/groups/g', 'organizations/o/groups/g', 'organizations/o/members/u', `${path}/x`])(
    'with the path %s is invalid',
    (resourcePath) => {
      expect(decode(anEvent({ resourcePath }))).toMatchObject([invalidWith('resource_path')]);
    },
  );
});

describe('what is not known is a hint, never silence', () => {
  test.each([
    [{ operationType: 'UPDATE' }],
    [{ operationType: 'ACTION' }],
    [{ operationType: 'MOVE' }],
    [{ resourceType: 'GROUP', operationType: 'ACTION' }],
    [{ resourceType: 'USER', operationType: 'MERGE' }],
    [{ resourceType: 'TEAM_MEMBERSHIP' }],
    [{ resourceType: 'CUSTOM', resourceTypeAsString: 'GROUP_ROSTER' }],
    [{ resourceType: 'WORKFLOW' }],
    [{ resourceType: 'group_membership' }],
  ])('an admin event with %j', (changes) => {
    expect(decode(anAdminEvent(changes))).toMatchObject([{ kind: 'hint', code: 'unknown_event_type' }]);
  });

  test.each(['GROUP_JOINED', 'access.GROUP_LEFT', 'system.SYNC'])('an event of a user of the type %s', (type) => {
    expect(decode({ type, realmId: 'r', userId: 'u', details: {} })).toMatchObject([
      { kind: 'hint', code: 'unknown_event_type' },
    ]);
  });

  test('a user that is created with groups, which no other event tells', () => {
    const user = { resourceType: 'USER', resourcePath: 'users/u' };
    const representation = JSON.stringify({ username: 'u', groups: ['/sales'] });
    expect(decode(anAdminEvent({ ...user, representation }))).toMatchObject([
      { kind: 'hint', code: 'created_in_groups', message: expect.stringContaining('users/u') },
    ]);
  });
});

test.each([
  'LOGIN',
  'LOGIN_ERROR',
  'access.LOGOUT',
  'INVITE_ORG',
  'USER_DISABLED_BY_TEMPORARY_LOCKOUT',
  'DELETE_ACCOUNT',
])('an event of a user is skipped: %s', (type) => {
  expect(decode({ type, realmId: 'r', userId: 'u', error: type === 'LOGIN_ERROR' ? 'x' : null })).toEqual([
    { kind: 'skip', reason: 'not_a_membership_change' },
  ]);
});

describe('an event of a webhook', () => {
  const event = {
    uid: 'e-1',
    time: TIME,
    realmId: 'r',
    type: 'admin.GROUP_MEMBERSHIP-CREATE',
    resourcePath: 'users/u/groups/g',
  };

  test('tells by its type what happened, with the prefix and without', () => {
    expect(decode(event)).toEqual([added('g', ['u'], header)]);
    expect(decode({ ...event, type: 'GROUP_MEMBERSHIP-DELETE' })).toEqual([removed('g', ['u'], header)]);
  });

  test('about a login is skipped', () => {
    const login = { type: 'access.LOGIN', realmId: 'r', authDetails: { userId: 'u' } };
    expect(decode(login)).toEqual([{ kind: 'skip', reason: 'not_a_membership_change' }]);
  });

  test('several at once are several events, in their order', () => {
    expect(decode([event, { ...event, type: 'admin.GROUP_MEMBERSHIP-DELETE' }])).toEqual([
      added('g', ['u'], header),
      removed('g', ['u'], header),
    ]);
  });
});

test('a resource type may stand under the other name of AdminEvent', () => {
  const { resourceType: _, ...event } = anAdminEvent({ resourceTypeAsString: 'GROUP_MEMBERSHIP' });
  expect(decode(event)).toEqual([added('g', ['u'], header)]);
});

test.each([[{}], [{ type: 'LOGIN' }], [{ eventType: 'group.user_membership.add', target: [] }], ['[5]'], ['null']])(
  '%j is invalid',
  (value) => {
    expect(decode(value)).toEqual([expect.objectContaining(invalidWith('schema'))]);
  },
);

test('a tombstone is skipped', () => {
  expect(decode(null)).toEqual([{ kind: 'skip', reason: 'tombstone' }]);
});
