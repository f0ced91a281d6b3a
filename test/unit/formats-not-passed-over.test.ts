/** What could be a change, in another shape than usual: it is read as that change or is loud, never skipped. */
import { describe, expect, test } from 'vitest';
import type { SourceEvent } from '../../src/core/change/change.ts';
import { entra } from '../../src/formats/entra/entra.ts';
import { google } from '../../src/formats/google.ts';
import { keycloak } from '../../src/formats/keycloak.ts';
import { readMemberEvent } from '../../src/formats/event/member-event.ts';
import { native } from '../../src/formats/native/native.ts';
import { readClaims } from '../../src/formats/scim/claims.ts';
import type { Reader } from '../../src/formats/reading/events.ts';

const read = (format: Reader, value: unknown): SourceEvent =>
  format.decode({ key: null, value: Buffer.from(JSON.stringify(value)), headers: [] }, { partitionCount: 1 })[0];

describe('Keycloak: a user that is created in groups', () => {
  test.each<unknown>([{ username: 'u', groups: ['/sales'] }, '{"username":"u","groups":["/sales"]', '{"groups":'])(
    'is a hint where the representation is %o',
    (representation) => {
      const event = { resourceType: 'USER', operationType: 'CREATE', resourcePath: 'users/u', representation };
      expect(read(keycloak, event)).toMatchObject({ kind: 'hint', code: 'created_in_groups' });
    },
  );

  test.each<unknown>([{ username: 'u', groups: [] }, { username: 'u' }, null])('is none with %o', (representation) => {
    const event = { resourceType: 'USER', operationType: 'CREATE', resourcePath: 'users/u', representation };
    expect(read(keycloak, event)).toMatchObject({ kind: 'skip' });
  });
});

describe('SCIM events', () => {
  const PREFIX = 'urn:ietf:params:scim:event:';
  const claims = (name: string, event: object) =>
    readClaims({ iss: 'i', sub_id: { format: 'scim', uri: '/Groups/g' }, events: { [`${PREFIX}${name}`]: event } })[0];
  const patch = (operation: object) => claims('prov:patch:full', { data: { Operations: [operation] } });
  const SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';

  test('are known in any letter case', () => {
    const data = { Operations: [{ op: 'remove', path: 'members[value eq "u"]' }] };
    expect(claims('prov:Patch:Full', { data })).toMatchObject({ kind: 'delta', remove: ['u'] });
    expect(claims('prov:DELETE', {})).toMatchObject({ kind: 'state', deleted: true });
  });

  test.each([
    { [`${SCHEMA}:members`]: [{ value: 'u' }] },
    { [SCHEMA]: { members: [{ value: 'u' }] } },
    { Members: [{ value: 'u' }] },
  ])('name members by their schema as well: %o', (value) => {
    expect(patch({ op: 'add', value })).toMatchObject({ kind: 'delta', add: ['u'] });
    expect(claims('prov:create:full', { data: value })).toMatchObject({ kind: 'state', members: ['u'] });
  });

  test.each([
    { op: 'add', value: [{ members: [{ value: 'u' }] }] },
    { op: 'add', value: '{"members":[{"value":"u"}]}' },
    { op: 'add', path: 'urn:okta:custom:group:1.0:members', value: [{ value: 'u' }] },
  ])('that cannot be read are invalid: %o', (operation) => {
    expect(patch(operation)).toMatchObject({ kind: 'invalid', code: 'schema' });
  });

  test('a member whose $ref leads to another resource is no user', () => {
    const member = { value: 'd', $ref: 'https://x/scim/v2/Devices/d' };
    expect(patch({ op: 'add', path: 'members', value: [member] })).toMatchObject({ code: 'member_type' });
  });
});

describe('Entra', () => {
  const context = (what: string): string => `https://graph.microsoft.com/v1.0/$metadata#${what}`;

  test('a group that lies in the recycle bin is a hint', () => {
    const value = [{ id: 'g', displayName: 'x', deletedDateTime: '2026-01-01T00:00:00Z' }];
    expect(read(entra, { '@odata.context': context('groups'), value })).toMatchObject({
      kind: 'hint',
      code: 'group_in_recycle_bin',
      group: 'g',
    });
  });

  test('a list of members is a hint that names the group', () => {
    const value = [{ id: 'u', displayName: 'x' }];
    expect(read(entra, { '@odata.context': context("groups('g')/members"), value })).toMatchObject({
      kind: 'hint',
      code: 'members_without_delta',
      group: 'g',
    });
  });
});

test.each(['transitiveMembers', 'members@odata.nextLink', 'members@odata.bind'])(
  'a group of Entra with %s is a hint',
  (name) => {
    const group = { '@odata.type': '#microsoft.graph.group', id: 'g', [name]: ['x'] };
    expect(read(entra, group)).toMatchObject({ kind: 'hint', code: 'members_without_delta', group: 'g' });
  },
);

describe('Google', () => {
  const event = (parameters: readonly (readonly [string, string])[], more: object = {}) =>
    read(google, {
      id: { applicationName: 'admin' },
      events: [
        {
          type: 'GROUP_SETTINGS',
          name: 'ADD_GROUP_MEMBER',
          parameters: [['GROUP_EMAIL', 'g@x'] as const, ...parameters].map(([name, value]) => ({ name, value })),
          ...more,
        },
      ],
    });

  test('of two members none is chosen', () => {
    const [one, two] = [['USER_EMAIL', 'u@x'] as const, ['USER_EMAIL', 'v@x'] as const];
    expect(event([one, two])).toMatchObject({ kind: 'invalid' });
    expect(event([one, one])).toMatchObject({ kind: 'delta', add: ['u@x'] });
  });

  test('the status of the event counts', () => {
    const status = (eventStatus: string) => event([['USER_EMAIL', 'u@x']], { status: { eventStatus } });
    expect(status('SUCCEEDED')).toMatchObject({ kind: 'delta' });
    expect(status('FAILED')).toMatchObject({ kind: 'skip', reason: 'not_successful' });
    expect(status('SUCCEEDED_WITH_WARNINGS')).toMatchObject({ kind: 'hint' });
  });
});

describe('native: a field that can only be meant as a list', () => {
  test.each<object>([
    { revoked_members: ['v'] },
    { drop_members: ['v'] },
    { leavers: ['v'] },
    { unassign_users: ['v'] },
    { del_members: ['v'] },
    { remove_member: 'v' },
    { removed_user_id: 'v' },
    { remove: { ids: ['v'] } },
    { granted_users: ['v'] },
    { is_deleted: true },
  ])('is never passed over: %o', (fields) => {
    expect(read(native, { group_id: 'g', add_members: ['u'], ...fields })).toMatchObject({
      kind: 'invalid',
      code: 'schema',
    });
  });

  test.each<object>([{ joined_by: 'x' }, { removed_by: 'x' }, { deleted: false }, { is_deleted: false }, { left: 3 }])(
    'others are none: %o',
    (fields) => {
      expect(read(native, { group_id: 'g', add_members: ['u'], ...fields })).toMatchObject({ kind: 'delta' });
    },
  );
});

describe('an event of an application', () => {
  const decoded = (fields: object, type = 'group.member.added') =>
    readMemberEvent({ groupId: 'g', userId: 'u', ...fields }, { type, eventId: null, occurredAt: null });

  test.each<object>([
    { state: 'PENDING_APPROVAL' },
    { phase: 'before' },
    { dryRun: true },
    { dry_run: 'true' },
    { isTest: true },
    { errors: [{ code: 1 }] },
    { errorCode: 'E1' },
    { effectiveAt: '2099-01-01T00:00:00Z' },
    { scheduled_for: '2099-01-01T00:00:00Z' },
  ])('is unclear where it says more: %o', (fields) => {
    expect(decoded(fields)).toMatchObject({ kind: 'hint', code: 'unclear_member_event' });
  });

  test.each<object>([{ approved: false }, { executed: false }])('is none where it has not happened: %o', (fields) => {
    expect(decoded(fields)).toMatchObject({ kind: 'skip', reason: 'not_successful' });
  });

  test.each<object>([
    { state: 'active' },
    { dryRun: false },
    { errors: [] },
    { error: null },
    { errorCode: null },
    { phase: 'completed' },
    { approved: true },
  ])('is a change with %o', (fields) => {
    expect(decoded(fields)).toMatchObject({ kind: 'delta', add: ['u'] });
  });

  test.each(['waitlist', 'deferred', 'blocked', 'banned', 'candidates'])('of the domain %s is unclear', (word) => {
    expect(decoded({}, `com.example.${word}.group.member.added`)).toMatchObject({ kind: 'hint' });
  });
});
