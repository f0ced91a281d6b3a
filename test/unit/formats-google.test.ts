import { describe, expect, test } from 'vitest';
import { google } from '../../src/formats/google.ts';
import { aDelta, aSkip, aState, decodeWith } from '../support/formats.ts';

const decode = decodeWith(google);

const parametersOf = (values: Record<string, string>) =>
  Object.entries(values).map(([name, value]) => ({ name, value }));
const anEvent = (name: string, values: Record<string, string>) => ({
  type: 'moderator_action',
  name,
  parameters: parametersOf(values),
});
const anActivity = (events: unknown) => ({
  kind: 'admin#reports#activity',
  id: {
    time: '2026-01-09T10:00:00.000Z',
    uniqueQualifier: '-1234567890',
    applicationName: 'groups_enterprise',
    customerId: 'C03az79cb',
  },
  actor: { email: 'admin@example.com' },
  events,
});
const MEMBERSHIP = { group_id: 'sales@example.com', member_id: 'luca@example.com', member_role: 'member' };
const aMembership = (name: string, values = {}) => anEvent(name, { ...MEMBERSHIP, member_type: 'user', ...values });

const HEADER = { group: 'sales@example.com', eventId: '-1234567890', occurredAt: '2026-01-09T10:00:00.000Z' };

describe('an activity of groups_enterprise', () => {
  test('adds and removes users', () => {
    expect(decode(anActivity([aMembership('add_member'), aMembership('remove_member')]))).toEqual([
      aDelta({ ...HEADER, add: ['luca@example.com'] }),
      aDelta({ ...HEADER, remove: ['luca@example.com'] }),
    ]);
  });

  test('deletes a group', () => {
    expect(decode(anActivity([anEvent('delete_group', { group_id: 'sales@example.com' })]))).toEqual([
      aState({ ...HEADER, deleted: true }),
    ]);
  });

  test.each(['group', 'service account', 'other'])('refuses a member by its type: %s', (member_type) => {
    expect(decode(anActivity([aMembership('add_member', { member_type }), aMembership('add_member')]))).toMatchObject([
      { kind: 'invalid', code: 'member_type', group: 'sales@example.com' },
      { kind: 'delta', add: ['luca@example.com'] },
    ]);
  });

  test.each([
    'join',
    'accept_invitation',
    'approve_join_request',
    'ban_member_with_moderation',
    'change_dynamic_group_query',
  ])('may change members without naming them: %s is a hint', (name) => {
    expect(decode(anActivity([anEvent(name, { group_id: 'sales@example.com' })]))).toMatchObject([
      { kind: 'hint', code: 'change_without_detail', group: 'sales@example.com' },
    ]);
  });

  test('of a request that was approved adds the one who asked, and of a ban removes the one who was banned', () => {
    for (const values of [{ member_type: 'user' }, {}])
      expect(
        decode(
          anActivity([
            anEvent('approve_join_request', { ...MEMBERSHIP, ...values }),
            anEvent('ban_member_with_moderation', { ...MEMBERSHIP, ...values }),
          ]),
        ),
      ).toEqual([
        aDelta({ ...HEADER, add: ['luca@example.com'] }),
        aDelta({ ...HEADER, remove: ['luca@example.com'] }),
      ]);
    expect(decode(anActivity([aMembership('approve_join_request', { member_type: 'group' })]))).toMatchObject([
      { kind: 'invalid', code: 'member_type' },
    ]);
  });

  test.each([
    'remove_member_role',
    'add_membership_expiry',
    'reject_join_request',
    'reject_invitation',
    'request_to_join',
    'unban_member',
    'create_group',
    'add_member_role',
    'invite_member',
    'change_info_setting',
  ])('%s changes no membership', (name) => {
    expect(decode(anActivity([aMembership(name)]))).toEqual([aSkip('not_a_membership_change')]);
  });
});

describe('an activity of groups', () => {
  const group_email = 'sales@example.com';
  const user_email = 'luca@example.com';

  test('adds and removes users, and deletes groups', () => {
    const events = [
      anEvent('add_user', { group_email, user_email, member_role: 'member' }),
      anEvent('remove_user', { group_email, user_email }),
      anEvent('delete_group', { group_email }),
      anEvent('invite_user', { group_email, user_email }),
    ];
    expect(decode(anActivity(events))).toEqual([
      aDelta({ ...HEADER, add: [user_email] }),
      aDelta({ ...HEADER, remove: [user_email] }),
      aState({ ...HEADER, deleted: true }),
      aSkip('not_a_membership_change'),
    ]);
  });

  test('of a request that was approved, and of a ban, names the user', () => {
    const events = [
      anEvent('approve_join_request', { group_email, user_email }),
      anEvent('ban_user_with_moderation', { group_email, user_email, status: 'succeeded' }),
      anEvent('ban_user_with_moderation', { group_email, user_email, status: 'failed' }),
    ];
    expect(decode(anActivity(events))).toEqual([
      aDelta({ ...HEADER, add: [user_email] }),
      aDelta({ ...HEADER, remove: [user_email] }),
      aSkip('not_successful'),
    ]);
    expect(
      decode(anActivity([anEvent('ban_user_with_moderation', { group_email, user_email, status: 'queued' })])),
    ).toMatchObject([{ kind: 'hint', code: 'change_without_detail', group: group_email }]);
  });

  test.each([
    'join',
    'approve_join_request',
    'accept_invitation',
    'ban_user_with_moderation',
    'unsubscribe_via_mail',
    'add_user',
    'remove_user',
  ])('that names no member for sure is a hint: %s', (name) => {
    expect(decode(anActivity([anEvent(name, { group_email })]))).toMatchObject([
      { kind: 'hint', code: 'change_without_detail', group: group_email },
    ]);
  });
});

describe('an activity that is not known is a hint, never silence', () => {
  test.each([
    'transfer_member',
    'merge_group',
    'add_members',
    'MOVE_GROUP_MEMBER',
    'REMOVE_ALL_GROUP_MEMBERS',
    'roster_sync',
  ])('%s', (name) => {
    expect(decode(anActivity([anEvent(name, MEMBERSHIP)]))).toMatchObject([
      { kind: 'hint', code: 'unknown_event_type', group: 'sales@example.com' },
    ]);
  });

  test('of another application, or of other settings, it is none of a membership', () => {
    const ofChat = { ...anActivity([aMembership('add_member')]), id: { applicationName: 'chat' } };
    expect(decode(ofChat)).toEqual([aSkip('not_a_membership_change')]);
    const settings = { type: 'USER_SETTINGS', name: 'SUSPEND_USER', parameters: [] };
    expect(decode(anActivity([settings]))).toEqual([aSkip('not_a_membership_change')]);
    expect(decode(anActivity([{ ...settings, name: 'ADD_USER_TO_GROUP' }]))).toMatchObject([{ kind: 'hint' }]);
    expect(decode(anActivity([{ ...settings, type: 'TEAM_SETTINGS' }]))).toMatchObject([{ kind: 'hint' }]);
  });

  test('of a group with a new address says so, since addresses name groups', () => {
    const event = anEvent('CHANGE_GROUP_EMAIL', { GROUP_EMAIL: 'sales@example.com', NEW_VALUE: 'team@example.com' });
    expect(decode(anActivity([event]))).toMatchObject([
      { kind: 'hint', code: 'group_renamed', group: 'sales@example.com' },
    ]);
  });
});

describe('an activity of admin', () => {
  const GROUP_EMAIL = 'sales@example.com';
  const USER_EMAIL = 'luca@example.com';
  test('adds and removes users, and deletes groups', () => {
    const events = [
      anEvent('ADD_GROUP_MEMBER', { USER_EMAIL, GROUP_EMAIL }),
      anEvent('REMOVE_GROUP_MEMBER', { GROUP_EMAIL, USER_EMAIL }),
      anEvent('DELETE_GROUP', { GROUP_EMAIL }),
      anEvent('CREATE_GROUP', { GROUP_EMAIL }),
    ];
    expect(decode(anActivity(events))).toEqual([
      aDelta({ ...HEADER, add: [USER_EMAIL] }),
      aDelta({ ...HEADER, remove: [USER_EMAIL] }),
      aState({ ...HEADER, deleted: true }),
      aSkip('not_a_membership_change'),
    ]);
  });

  test('that uploads members in bulk is a hint, since it tells how many and not whom', () => {
    const parameters = { GROUP_MEMBER_BULK_UPLOAD_TOTAL_NUMBER: '3', GROUP_MEMBER_BULK_UPLOAD_FAILED_NUMBER: '0' };
    expect(decode(anActivity([anEvent('GROUP_MEMBER_BULK_UPLOAD', parameters)]))).toMatchObject([
      { kind: 'hint', code: 'change_without_detail', group: null },
    ]);
  });

  test('may come through the audit log of Google Cloud', () => {
    const entry = {
      timestamp: '2026-01-09T10:00:00.000Z',
      protoPayload: {
        '@type': 'type.googleapis.com/google.cloud.audit.AuditLog',
        serviceName: 'admin.googleapis.com',
        methodName: 'google.admin.AdminService.addGroupMember',
        metadata: {
          '@type': 'type.googleapis.com/ccc_hosted_reporting.ActivityProto',
          activityId: { timeUsec: '1767952800000000', uniqQualifier: '-1234567890' },
          event: [
            {
              eventType: 'GROUP_SETTINGS',
              eventName: 'ADD_GROUP_MEMBER',
              parameter: parametersOf({ USER_EMAIL, GROUP_EMAIL }),
            },
          ],
        },
      },
    };
    expect(decode(entry)).toEqual([aDelta({ ...HEADER, add: [USER_EMAIL] })]);
  });

  test.each([
    ['google.apps.cloudidentity.groups.v1.GroupsService.DeleteGroup', 'hint'],
    ['google.apps.cloudidentity.groups.v1.MembershipsService.ModifyMembershipRoles', 'hint'],
    ['google.apps.cloudidentity.groups.v1.MembershipsService.ListMemberships', 'skip'],
    ['google.apps.cloudidentity.groups.v1.GroupsService.UpdateGroup', 'skip'],
    ['google.login.LoginService.loginSuccess', 'skip'],
  ])('by the method alone, in the audit log of Google Cloud: %s', (methodName, kind) => {
    expect(decode({ protoPayload: { methodName } })).toMatchObject([{ kind }]);
    expect(decode({ protoPayload: { methodName, status: { code: 7 } } })).toEqual([aSkip('not_successful')]);
  });

  test('without detail in the audit log of Google Cloud is a hint', () => {
    const methodName = 'google.apps.cloudidentity.groups.v1.MembershipsService.UpdateMembership';
    expect(decode({ protoPayload: { methodName } })).toMatchObject([{ kind: 'hint', group: null }]);
    expect(decode({ protoPayload: { methodName: 'google.login.LoginService.loginSuccess' } })).toEqual([
      aSkip('not_a_membership_change'),
    ]);
  });
});

describe('activities come', () => {
  const activity = anActivity([aMembership('add_member')]);
  const added = aDelta({ ...HEADER, add: ['luca@example.com'] });
  test('in a page, in a list, and one event each', () => {
    expect(decode({ kind: 'admin#reports#activities', items: [activity, activity] })).toEqual([added, added]);
    expect(decode([activity])).toEqual([added]);
    expect(decode(anActivity(aMembership('add_member')))).toEqual([added]);
  });

  test('not at all in an empty page', () => {
    expect(decode({ kind: 'admin#reports#activities', etag: 'x' })).toEqual([aSkip('no_events')]);
  });
});

describe('a bad activity is invalid', () => {
  test.each([[{}], [3], [[null]], [anActivity([5])], [anActivity([{ type: 'x' }])]])('%j', (value) => {
    expect(decode(value)).toMatchObject([{ kind: 'invalid', code: 'schema' }]);
  });

  test('without the group or the member', () => {
    expect(decode(anActivity([anEvent('add_member', { member_id: 'a' })]))).toMatchObject([
      { kind: 'invalid', code: 'empty_id', group: null },
    ]);
    expect(decode(anActivity([anEvent('ADD_GROUP_MEMBER', { GROUP_EMAIL: 'g' })]))).toMatchObject([
      { kind: 'invalid', code: 'empty_id', group: 'g' },
    ]);
  });
});
