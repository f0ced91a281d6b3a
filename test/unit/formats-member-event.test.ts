import { describe, expect, test } from 'vitest';
import { meaningOf } from '../../src/formats/event-name.ts';
import { readMemberEvent } from '../../src/formats/member-event.ts';
import { added, groupDeleted, invalidWith } from '../support/source-records.ts';

const read = (payload: Record<string, unknown>, type: string | null = null) =>
  readMemberEvent(payload, { type, eventId: null, occurredAt: null });

describe('a name', () => {
  test.each([
    ['MemberAdded', 'add'],
    ['com.example.group.member.added', 'add'],
    ['com.example.group.member.added.v1', 'add'],
    ['GROUP_MEMBERSHIP_CREATED', 'add'],
    ['UserAddedToGroup', 'add'],
    ['addMember', 'add'],
    ['member.joined', 'add'],
    ['MemberRemoved', 'remove'],
    ['REMOVE_USER_FROM_GROUP', 'remove'],
    ['group/membership/revoked', 'remove'],
    ['com.removed.group.member.added', 'add'],
    ['group.deleted', 'group_deleted'],
    ['GroupDeleted', 'group_deleted'],
    ['delete_group', 'group_deleted'],
    ['group.created', 'other'],
    ['user.removed', 'other'],
    ['OrderPlaced', 'other'],
    ['', 'other'],
    ['MemberRoleRevoked', 'unclear'],
    ['MemberUpdated', 'unclear'],
    ['MemberInvitationDeleted', 'unclear'],
  ])('%s means %s', (name, meaning) => {
    expect(meaningOf([name])).toBe(meaning);
  });

  test.each([
    [['GroupMembership', 'removed'], 'remove'],
    [['group', 'deleted'], 'group_deleted'],
    [['MemberAdded', 'MemberAdded'], 'add'],
    [['MemberAdded', 'MemberRemoved'], 'contradiction'],
    [['MemberAdded', 'deleted'], 'contradiction'],
  ])('%j together mean %s', (names, meaning) => {
    expect(meaningOf(names)).toBe(meaning);
  });

  // A group must not be emptied because somebody left it.
  test.each([['RemovedFromGroup'], ['LeftGroup'], ['user.deleted.from.group']])(
    '%s never means that the group is gone',
    (name) => {
      expect(meaningOf([name])).not.toBe('group_deleted');
      expect(read({ groupId: 'g', userId: 'u' }, name)).not.toMatchObject({ kind: 'state' });
    },
  );
});

describe('whom it concerns', () => {
  test.each([
    [{ groupId: 'g', userId: 'u' }],
    [{ group_id: 'g', user_id: 'u' }],
    [{ group: { id: 'g' }, member: { id: 'u' } }],
    [{ group: 'g', memberId: 'u' }],
    [{ groupId: 'g', userIds: ['u'] }],
    [{ groupId: 'g', members: [{ id: 'u' }] }],
    [{ data: { groupId: 'g', userId: 'u' } }],
    [{ groupId: 'g', userId: 'u', memberType: 'User' }],
  ])('%j', (payload) => {
    expect(read(payload, 'MemberAdded')).toEqual(added('g', ['u']));
  });

  test('numbers become text', () => {
    expect(read({ groupId: 1, userIds: [2, 3] }, 'MemberAdded')).toEqual(added('1', ['2', '3']));
  });

  test('the group alone, where it is gone', () => {
    expect(read({ groupId: 'g' }, 'GroupDeleted')).toEqual(groupDeleted('g'));
  });

  test.each([
    ['schema', { userId: 'u' }],
    ['schema', { groupId: 'g' }],
    ['schema', { groupId: 'g', userIds: 'u' }],
    ['schema', { groupId: 'g', userId: ['u'] }],
    ['empty_id', { groupId: 'g', userIds: ['u', ''] }],
    ['id_rounded', { groupId: 2 ** 60, userId: 'u' }],
    ['alias_conflict', { groupId: 'g', group_id: 'h', userId: 'u' }],
    ['alias_conflict', { groupId: 'g', userId: 'u', memberId: 'v' }],
    ['member_type', { groupId: 'g', memberId: 'h', memberType: 'group' }],
    ['type_conflict', { groupId: 'g', userId: 'u', action: 'removed' }],
  ])('is invalid (%s): %j', (code, payload) => {
    expect(read(payload, 'MemberAdded')).toMatchObject(invalidWith(code));
  });
});

test.each([
  [{ groupId: 'g', userId: 'u' }, null],
  [{ groupId: 'g', userId: 'u' }, 'MemberUpdated'],
  [{ groupId: 'g', members: ['u'] }, 'GroupCreated'],
  [{ groupId: 'g', userId: 'u' }, 'GroupDeleted'],
])('what names group and members without saying what happened is a hint: %j %s', (payload, type) => {
  expect(read(payload, type)).toMatchObject({ kind: 'hint', code: 'unclear_member_event' });
});

test('what the payload says of the event itself is taken where nothing else says it', () => {
  const payload = { type: 'MemberAdded', groupId: 'g', userId: 'u', eventId: 'e', occurredAt: '2026-01-31T12:00:00Z' };
  expect(read(payload)).toEqual(added('g', ['u'], { eventId: 'e', occurredAt: '2026-01-31T12:00:00Z' }));
});
