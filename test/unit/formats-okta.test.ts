import { describe, expect, test } from 'vitest';
import { okta } from '../../src/formats/okta.ts';
import { aDelta, aSkip, aState, decodeWith } from '../support/formats.ts';

const decode = decodeWith(okta);

const USER = { id: '00ufh433fil4JtjEw4x7', type: 'User', alternateId: 'luca@example.com', displayName: 'Luca' };
const GROUP = { id: '00g3vcxkvkIPY52jL4x7', type: 'UserGroup', alternateId: 'unknown', displayName: 'Sales' };
const APP_USER = { id: '0ua1', type: 'AppUser', alternateId: 'luca@example.com', displayName: 'Luca' };
const APP_GROUP = { id: '00g9', type: 'AppGroup', alternateId: 'unknown', displayName: 'AD-Sales' };

const aLogEvent = (parts: object = {}) => ({
  uuid: '14a42b00-74e5-11ee-8a5a-69d62fcd0f8b',
  published: '2023-10-27T16:22:53.770Z',
  eventType: 'group.user_membership.add',
  displayMessage: 'Add user to group membership',
  outcome: { result: 'SUCCESS', reason: null },
  target: [USER, GROUP],
  legacyEventType: 'core.user_group_member.user_add',
  ...parts,
});
const anImport = (parts: object) =>
  aLogEvent({ eventType: 'app.user_management', legacyEventType: null, target: [APP_USER, APP_GROUP], ...parts });
const aHook = (...events: object[]) => ({
  eventType: 'com.okta.event_hook',
  source: 'https://dev-1.okta.com/api/v1/eventHooks/acd',
  eventId: 'e',
  data: { events },
});

const HEADER = { eventId: '14a42b00-74e5-11ee-8a5a-69d62fcd0f8b', occurredAt: '2023-10-27T16:22:53.770Z' };
const ADDED = aDelta({ ...HEADER, group: GROUP.id, add: [USER.id] });

describe('a log event', () => {
  test('adds or removes the user of its targets, whatever their order', () => {
    expect(decode(aLogEvent())).toEqual([ADDED]);
    expect(decode(aLogEvent({ target: [GROUP, USER] }))).toEqual([ADDED]);
    expect(decode(aLogEvent({ eventType: 'group.user_membership.remove' }))).toEqual([
      aDelta({ ...HEADER, group: GROUP.id, remove: [USER.id] }),
    ]);
  });

  test('may have targets of other types beside them, such as the rule that did it', () => {
    const rule = { id: '0pr1', type: 'Rule' };
    expect(decode(aLogEvent({ target: [rule, GROUP, USER] }))).toEqual([ADDED]);
  });

  test('of a deleted group is the deleted group', () => {
    expect(decode(aLogEvent({ eventType: 'group.lifecycle.delete', target: [GROUP] }))).toEqual([
      aState({ ...HEADER, group: GROUP.id, deleted: true }),
    ]);
  });

  test.each([
    'group.lifecycle.create',
    'group.profile.update',
    'group.privilege.grant',
    'group.application_assignment.add',
    'group.user_membership.rule.trigger',
    'group.user_membership.rule.deactivated',
    'application.user_membership.add',
    'application.provision.group_membership.remove',
    'application.provision.group_push.removed',
    'directory.external.group.membership.add',
    'master_application.user_membership.add',
    'pam.member.remove',
    'workflows.user.role.group.add',
    'account.org_group.delete',
    'system.import.group.update',
    'system.import.membership_processing.complete',
    'system.identity_sources.user.delete',
    'user.session.start',
    'user.lifecycle.deactivate',
    'policy.evaluate_sign_on',
    'security.threat.detected',
    'app.oauth2.token.grant',
  ])('of another kind changes no membership: %s', (eventType) => {
    expect(decode(aLogEvent({ eventType }))).toEqual([aSkip('not_a_membership_change')]);
    expect(decode(aLogEvent({ eventType, outcome: null }))).toEqual([aSkip('not_a_membership_change')]);
  });

  // A new way into a group must not be passed over in silence.
  test.each([
    'group.user_membership.transfer',
    'group.user_membership.add.requested',
    'group.membership.sync',
    'group.lifecycle.archive',
    'system.identity_sources.group.user.suspend',
    'system.import.group.merge',
    'user.group.join',
    'core.user_group_member.user_add',
    'teams.roster.update',
    'MemberRemoved',
  ])('of a type that is not known is a hint: %s', (eventType) => {
    expect(decode(aLogEvent({ eventType }))).toMatchObject([
      { kind: 'hint', code: 'unknown_event_type', group: GROUP.id, message: expect.stringContaining('full state') },
    ]);
  });

  test.each([
    ['system.identity_sources.group.user.assign', { add: [USER.id] }],
    ['system.identity_sources.group.user.revoke', { remove: [USER.id] }],
  ])('of an identity source adds or removes: %s', (eventType, change) => {
    expect(decode(aLogEvent({ eventType }))).toEqual([aDelta({ ...HEADER, group: GROUP.id, ...change })]);
  });

  test.each(['system.import.group.delete', 'system.identity_sources.group.delete'])(
    'of a group that is deleted at its source is the deleted group: %s',
    (eventType) => {
      const target = [{ id: '0oa1', type: 'AppInstance' }, GROUP];
      expect(decode(aLogEvent({ eventType, target }))).toEqual([aState({ ...HEADER, group: GROUP.id, deleted: true })]);
    },
  );

  test.each([
    'system.identity_sources.bulk_group_membership_upsert',
    'system.identity_sources.bulk_group_membership_delete',
    'system.identity_sources.bulk_group_delete',
  ])('that hands over changes in bulk is a hint: %s', (eventType) => {
    expect(decode(aLogEvent({ eventType, target: [{ id: '0oa1', type: 'AppInstance' }] }))).toMatchObject([
      { kind: 'hint', code: 'change_without_detail', group: null },
    ]);
  });

  test.each(['FAILURE', 'DENY', 'SKIPPED', 'CHALLENGE', 'ABANDONED'])(
    'that was not successful counts for nothing: %s',
    (result) => {
      expect(decode(aLogEvent({ outcome: { result } }))).toEqual([aSkip('not_successful')]);
      expect(decode(aLogEvent({ eventType: 'group.lifecycle.delete', outcome: { result } }))).toEqual([
        aSkip('not_successful'),
      ]);
    },
  );

  test.each([
    [undefined],
    [null],
    ['SUCCESS'],
    [{}],
    [{ result: null }],
    [{ result: 'OK' }],
    [{ result: 'UNKNOWN' }],
    [{ result: 'SCHEDULED' }],
    [{ result: 5 }],
  ])('that does not say how it ended is a hint: %j', (outcome) => {
    for (const eventType of ['group.user_membership.remove', 'group.lifecycle.delete'])
      expect(decode(aLogEvent({ eventType, outcome }))).toMatchObject([
        { kind: 'hint', code: 'outcome_unknown', group: GROUP.id },
      ]);
  });
});

describe('the ways that log events come', () => {
  test.each([
    ['an event hook', aHook(aLogEvent())],
    [
      'EventBridge',
      { version: '0', 'detail-type': 'SystemLog', source: 'aws.partner/okta.com/x', detail: aLogEvent() },
    ],
    ['an event hook in EventBridge', { 'detail-type': 'com.okta.event_hook', detail: aHook(aLogEvent()) }],
    ['a list', [aLogEvent()]],
    ['a list of hooks', [aHook(aLogEvent())]],
  ])('%s', (_, value) => {
    expect(decode(value)).toEqual([ADDED]);
  });

  test('several are put into the order of their time, and those of one time stay as they are', () => {
    const at = (uuid: string, published: unknown) => aLogEvent({ uuid, published });
    const hook = aHook(
      at('late', '2023-10-27T16:22:53.771Z'),
      at('early', '2023-10-27T16:22:53.769Z'),
      at('same-1', '2023-10-27T16:22:53.770Z'),
      at('same-2', '2023-10-27T17:22:53.770+01:00'),
      at('timeless', null),
    );
    expect(decode(hook).map((event) => 'eventId' in event && event.eventId)).toEqual([
      'early',
      'same-1',
      'same-2',
      'timeless',
      'late',
    ]);
  });

  test('each of several counts for itself', () => {
    expect(
      decode(aHook(aLogEvent(), aLogEvent({ eventType: 'user.session.start' }), aLogEvent({ target: [] }))),
    ).toEqual([
      ADDED,
      aSkip('not_a_membership_change'),
      expect.objectContaining({ kind: 'invalid', code: 'target_missing' }),
    ]);
  });

  test('a hook without events tells nothing', () => {
    expect(decode(aHook())).toEqual([aSkip('no_events')]);
    expect(decode([])).toEqual([aSkip('no_events')]);
  });

  test('a tombstone is skipped', () => {
    expect(okta.decode({ key: null, value: null, headers: [] }, { partitionCount: 1 })).toEqual([aSkip('tombstone')]);
  });
});

describe('an imported membership', () => {
  test('goes by the message, since its type is the same for both directions', () => {
    const added = anImport({ displayMessage: 'Successfully imported new member to an app group' });
    expect(decode(added)).toEqual([aDelta({ ...HEADER, group: '00g9', add: ['0ua1'] })]);
    const removed = anImport({ displayMessage: 'Successfully deleted member of an app group' });
    expect(decode(removed)).toEqual([aDelta({ ...HEADER, group: '00g9', remove: ['0ua1'] })]);
  });

  test('goes by the legacy type where there is one', () => {
    const legacyEventType = 'app.user_management.app_group_member_import.delete_success';
    expect(decode(anImport({ legacyEventType, displayMessage: 'Mitglied entfernt' }))).toEqual([
      aDelta({ ...HEADER, group: '00g9', remove: ['0ua1'] }),
    ]);
  });

  test('names the Okta user where that is a target too', () => {
    const event = anImport({
      displayMessage: 'Successfully imported new member to an app group',
      target: [APP_USER, APP_GROUP, USER],
    });
    expect(decode(event)).toEqual([aDelta({ ...HEADER, group: '00g9', add: [USER.id] })]);
  });

  test('of a group that went at its source is the deleted group', () => {
    const displayMessage = 'Successfully removed imported group that was deleted from application';
    expect(decode(anImport({ displayMessage, target: [APP_GROUP] }))).toEqual([
      aState({ ...HEADER, group: '00g9', deleted: true }),
    ]);
  });

  test('whose message says no direction is a hint, never silence', () => {
    expect(decode(anImport({ displayMessage: 'Mitglied geändert' }))).toEqual([
      expect.objectContaining({ kind: 'hint', code: 'direction_unknown', group: '00g9' }),
    ]);
  });

  test('of a group in a group is refused', () => {
    const legacyEventType = 'app.user_management.app_group_group_member_import.insert_success';
    expect(decode(anImport({ legacyEventType, target: [APP_GROUP, APP_GROUP] }))).toMatchObject([
      { kind: 'invalid', code: 'member_type' },
    ]);
  });

  test('other events of imports change no membership', () => {
    expect(decode(anImport({ displayMessage: 'Import started', target: [APP_USER] }))).toEqual([
      aSkip('not_a_membership_change'),
    ]);
  });
});

describe('a bad event is invalid', () => {
  const other = { ...GROUP, id: '00g2' };
  test.each([
    ['without a group', 'target_missing', null, [USER]],
    ['without a user', 'target_missing', GROUP.id, [GROUP]],
    ['with a group as the member', 'member_type', GROUP.id, [GROUP, other]],
    ['with an app as the member', 'member_type', GROUP.id, [{ id: '0oa1', type: 'AppInstance' }, GROUP]],
    ['with several groups', 'target_ambiguous', null, [USER, GROUP, other]],
    ['with a user without an id', 'empty_id', GROUP.id, [{ type: 'User' }, GROUP]],
    ['with a control character', 'control_character', GROUP.id, [{ ...USER, id: 'a\u0000' }, GROUP]],
    ['with targets that are none', 'target_missing', null, 'Sales'],
  ])('%s', (_, code, group, target) => {
    expect(decode(aLogEvent({ target }))).toMatchObject([{ kind: 'invalid', code, group }]);
  });

  test.each([[{}], [1], ['x'], [null], [{ eventType: 5 }], [[null]], [{ data: { events: [3] } }]])('%j', (value) => {
    expect(decode(value)).toMatchObject([{ kind: 'invalid', code: 'schema' }]);
  });
});
