import { describe, expect, test } from 'vitest';
import { meaningOf } from '../../src/formats/event/event-name.ts';
import { readMemberEvent } from '../../src/formats/event/member-event.ts';
import { added, groupDeleted, invalidWith, removed } from '../support/source-records.ts';

const read = (payload: Record<string, unknown>, type: string | null = null) =>
  readMemberEvent(payload, { type, eventId: null, occurredAt: null });

describe('a name', () => {
  test.each([
    ['MemberAdded', 'add'],
    ['com.example.group.member.added', 'add'],
    ['com.example.group.member.added.v1', 'add'],
    ['org.example.iam.GroupMemberAddedEvent', 'add'],
    ['urn:example:group.member.added', 'add'],
    ['https://idp.example.com/events/group.member.added', 'add'],
    ['iam.events.group.member.added', 'add'],
    ['GROUP_MEMBERSHIP_CREATED', 'add'],
    ['group.user_membership.add', 'add'],
    ['UserAddedToGroup', 'add'],
    ['user_add_to_group', 'add'],
    ['UserJoinedGroup', 'add'],
    ['addMember', 'add'],
    ['add_group_member', 'add'],
    ['member.joined', 'add'],
    ['team.member.added', 'add'],
    ['groupmember.added', 'add'],
    ['MemberRemoved', 'remove'],
    ['member-left', 'remove'],
    ['UserLeftGroup', 'remove'],
    ['RemoveMemberFromGroup', 'remove'],
    ['REMOVE_USER_FROM_GROUP', 'remove'],
    ['user.deleted.from.group', 'remove'],
    ['group/membership/revoked', 'remove'],
    ['com.removed.group.member.added', 'add'],
    ['group.deleted', 'group_deleted'],
    ['GroupDeleted', 'group_deleted'],
    ['delete_group', 'group_deleted'],
    ['group.created', 'other'],
    ['group.renamed', 'other'],
    ['user.removed', 'other'],
    ['user.password.changed', 'other'],
    ['OrderPlaced', 'other'],
    ['', 'other'],
  ])('%s means %s', (name, meaning) => {
    expect(meaningOf([name])).toBe(meaning);
  });

  // A word more may say that it did not happen, or not to the membership.
  test.each(
    [
      'requested request failed failure rejected denied scheduled reverted pending proposed attempted cancelled expired',
      'undone rolledBack simulated dryRun invited approved completed succeeded notification shadow batch 非',
    ].flatMap((words) => words.split(' ')),
  )('is unclear with a word more, before or behind: %s', (word) => {
    const capital = word.replace(/^./, (first) => first.toUpperCase());
    for (const name of [
      `group.member.added.${word}`,
      `group.member.add.${word}`,
      `${word}.group.member.added`,
      `group.${word}.member.added`,
      `MemberRemoved${capital}`,
      `${word}MemberRemoved`,
      `UserAddedToGroup${capital}`,
      `GroupDeleted${capital}`,
      `${word}GroupDeleted`,
      `GROUP_MEMBERSHIP_DELETED_${word.toUpperCase()}`,
    ])
      expect([name, meaningOf([name])]).toEqual([name, 'unclear']);
    expect(meaningOf(['group.member.added', word])).toBe('unclear');
    expect(meaningOf(['GroupMembership', word])).toBe('unclear');
  });

  test.each([
    'MemberRoleRevoked',
    'MemberUpdated',
    'MemberInvitationDeleted',
    'UserDeletedGroup',
    'UserCreatedGroup',
    'UserAssignedRoleInGroup',
    'UserRemovedGroupMembershipRequest',
    'GroupOwnerAdded',
    'group.admin.removed',
    'GroupPermissionGranted',
    'member.role.assigned',
    'ResourceGroupDeleted',
    'UserGroupDeleted',
    'GroupPurged',
    'CancelMemberAdd',
    'MemberAddAttempt',
    'MemberWillBeAdded',
    'shouldRemoveMember',
    'MemberNotAdded',
    'memberAdding',
    'organization.member.added',
    'channel.member.removed',
    'com.example.commands.group.member.add',
    'com.example.pending.group.member.added',
    '!MemberAdded',
    'LeftGroup',
    'RemovedFromGroup',
    'MemberAddedMemberRemoved',
  ])('%s is unclear', (name) => {
    expect(meaningOf([name])).toBe('unclear');
    expect(read({ groupId: 'g', userId: 'u' }, name)).toMatchObject({ kind: 'hint' });
  });

  test.each([
    [['GroupMembership', 'removed'], 'remove'],
    [['group', 'deleted'], 'group_deleted'],
    [['MemberAdded', 'MemberAdded'], 'add'],
    [['MemberAdded', 'MemberRemoved'], 'contradiction'],
    [['MemberAdded', 'deleted'], 'contradiction'],
    [['group.deleted', 'created'], 'contradiction'],
    [['user', 'group.member.added'], 'add'],
    [['MemberRemoved', 'group.deleted'], 'unclear'],
    [['group', 'archived'], 'unclear'],
    [['group', 'updated'], 'other'],
    [['user', 'added'], 'other'],
    [['MemberAdded', 'OrderPlaced'], 'unclear'],
  ])('%j together mean %s', (names, meaning) => {
    expect(meaningOf(names)).toBe(meaning);
  });

  // A group must not be emptied because one member left it.
  test.each([['RemovedFromGroup'], ['LeftGroup'], ['user.deleted.from.group'], ['UserDeletedGroup']])(
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
    ['alias_conflict', { groupId: 'g', member: { id: 'row', userId: 'u' } }],
    ['alias_conflict', { groupId: 'g', member: { id: 7, user: { id: 'u' } } }],
    ['alias_conflict', { group: { id: 'row', group_id: 'g' }, userId: 'u' }],
    ['alias_conflict', { groupId: 'g', members: [{ id: 'row', groupId: 'g', userId: 'u' }] }],
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

describe('how it ended', () => {
  const event = { type: 'MemberRemoved', groupId: 'g', userId: 'u' };

  test.each([
    { status: 'SUCCESS' },
    { status: 'Success' },
    { result: 'ok' },
    { success: true },
    { outcome: null },
    { error: null },
  ])('may be stated, where it ended well: %j', (ending) => {
    expect(read({ ...event, ...ending })).toEqual(removed('g', ['u']));
  });

  test.each([
    { status: 'failed' },
    { success: false },
    { outcome: 'DENIED' },
    { data: { groupId: 'g', result: 'error' } },
  ])('makes nothing of what failed: %j', (ending) => {
    expect(read({ ...(ending.data === undefined ? event : { type: event.type }), ...ending })).toEqual({
      kind: 'skip',
      reason: 'not_successful',
    });
  });

  test.each([
    { status: 'pending' },
    { result: 7 },
    { outcome: { result: 'SUCCESS' } },
    { error: 'not_allowed' },
    { replyTo: 'a' },
    { metadata: { reply_to: 'a' } },
    { approvalStatus: 'PENDING' },
    { previousState: 'rejected' },
    { requiresApproval: true },
    { cancelledAt: '2026-01-01' },
    { rolledBack: true },
    { failureReason: 'x' },
    { statusCode: 409 },
    { isDraft: true },
    { isConfirmed: false },
    { startDate: '2999-01-01' },
  ])('makes it a hint where it is not understood: %j', (ending) => {
    expect(read({ ...event, ...ending })).toMatchObject({ kind: 'hint', code: 'unclear_member_event' });
  });
});

test.each([
  { isSuccess: true, statusCode: 200, removedAt: '2026-01-01', previousStatus: 'active' },
  { failed: 0, errors: {}, errorCode: '0', kind: 'event' },
  { targetUserId: 'u', subjectType: 'User', changeType: 'removed', op: 'remove' },
])('what agrees with the names leaves the change clear: %j', (more) => {
  expect(read({ type: 'MemberRemoved', groupId: 'g', userId: 'u', ...more })).toEqual(removed('g', ['u']));
});

test('a member object that names its user alone is that user', () => {
  expect(read({ type: 'MemberAdded', groupId: 'g', members: [{ userId: 'u' }, { id: 'v', userId: 'v' }] })).toEqual(
    added('g', ['u', 'v']),
  );
});

test.each([
  { status: 'cancelled' },
  { state: 'canceled' },
  { status: 'rejected' },
  { phase: 'Denied' },
  { outcome: 'cancelled' },
  { result: false },
  { approved: false },
  { confirmed: 'false' },
])('neither a removal nor the end of a group is skipped where %j may be of the membership', (more) => {
  const unclear = { kind: 'hint', code: 'unclear_member_event' };
  const event = { groupId: 'g', userId: 'u', ...more };
  expect(read({ type: 'MemberRemoved', ...event })).toMatchObject(unclear);
  expect(read({ type: 'GroupDeleted', groupId: 'g', ...more })).toMatchObject(unclear);
  expect(read({ type: 'MemberAdded', ...event })).toMatchObject({ kind: 'skip', reason: 'not_successful' });
});

test.each([{ status: 'failed' }, { result: 'error' }, { state: 'aborted' }, { outcome: 'DENIED' }])(
  'what failed itself is skipped, whatever it would have changed: %j',
  (more) => {
    const skipped = { kind: 'skip', reason: 'not_successful' };
    for (const type of ['MemberAdded', 'MemberRemoved'])
      expect(read({ type, groupId: 'g', userId: 'u', ...more })).toMatchObject(skipped);
    expect(read({ type: 'GroupDeleted', groupId: 'g', ...more })).toMatchObject(skipped);
  },
);

test('when a group was deleted is no doubt of it', () => {
  expect(read({ type: 'GroupDeleted', groupId: 'g', deletedAt: '2026-01-01' })).toMatchObject({ deleted: true });
});

test.each([
  { changeType: 'removed' },
  { verb: 'remove' },
  { kind: 'command' },
  { op: 'd' },
  { deletedAt: '2026-01-01' },
  { targetUserId: 'v' },
  { affectedMember: { id: 'v' } },
  { fromGroupId: 'h' },
  { addedMembers: ['v'] },
])('what speaks of another operation, member or group makes it unclear: %j', (more) => {
  expect(read({ type: 'MemberAdded', groupId: 'g', userId: 'u', ...more })).toMatchObject({
    kind: 'hint',
    code: 'unclear_member_event',
  });
});

test.each([
  { userId: 'u', principalType: 'ServiceAccount' },
  { member: { id: 'u', kind: 'group' } },
  { members: [{ id: 'u' }, { id: 'h', type: 'group' }] },
])('a member that says to be no user is refused: %j', (more) => {
  expect(read({ type: 'MemberAdded', groupId: 'g', ...more })).toMatchObject(invalidWith('member_type'));
});

test('what the payload says of the event itself is taken where nothing else says it', () => {
  const payload = { type: 'MemberAdded', groupId: 'g', userId: 'u', eventId: 'e', occurredAt: '2026-01-31T12:00:00Z' };
  expect(read(payload)).toEqual(added('g', ['u'], { eventId: 'e', occurredAt: '2026-01-31T12:00:00Z' }));
});
