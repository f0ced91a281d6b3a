import { describe, expect, test } from 'vitest';
import { entra } from '../../src/formats/entra/entra.ts';
import { aDelta, aSkip, aState, decodeWith } from '../support/formats.ts';

const decode = decodeWith(entra);

const GROUP = '2e5807ce-58f3-4a94-9b37-ffff2e085957';
const USER = '37de1ae3-408f-4702-8636-20824abda004';
const OTHER = '632f6bb2-3ec8-4c1f-9073-0027a8c68593';
const ADDED = aDelta({ group: GROUP, add: [USER] });

const aMember = (id: string, parts: object = {}) => ({ '@odata.type': '#microsoft.graph.user', id, ...parts });
const gone = (id: string, removed: unknown = { reason: 'deleted' }) => aMember(id, { '@removed': removed });
const aGroup = (members: unknown, parts: object = {}) => ({
  displayName: 'TestGroup3',
  id: GROUP,
  'members@delta': members,
  ...parts,
});
const aPage = (collection: string, ...value: unknown[]) => ({
  '@odata.context': `https://graph.microsoft.com/v1.0/$metadata#${collection}`,
  '@odata.deltaLink': 'https://graph.microsoft.com/v1.0/groups/delta?$deltatoken=x',
  value,
});

describe('a group of a delta query', () => {
  test('adds members, and removes those with @removed, whatever the reason', () => {
    const group = aGroup([gone(OTHER), aMember(USER), gone('x', { reason: 'changed' })]);
    expect(decode(group)).toEqual([aDelta({ group: GROUP, add: [USER], remove: [OTHER, 'x'] })]);
  });

  test('without members@delta did not change its members', () => {
    expect(decode(aGroup(undefined))).toEqual([aSkip('not_a_membership_change')]);
    expect(decode(aGroup([]))).toEqual([aSkip('not_a_membership_change')]);
  });

  test.each(['changed', 'deleted'])('that is gone is the deleted group (%s)', (reason) => {
    expect(decode({ id: GROUP, '@removed': { reason } })).toEqual([aState({ group: GROUP, deleted: true })]);
  });

  test.each(['group', 'device', 'servicePrincipal', 'orgContact'])('refuses a member by its type: %s', (type) => {
    const refused = aMember('r', { '@odata.type': `#microsoft.graph.${type}` });
    expect(decode(aGroup([refused, aMember(USER)]))).toMatchObject([
      { kind: 'delta', add: [USER], remove: [] },
      { kind: 'invalid', code: 'member_type', group: GROUP },
    ]);
    expect(decode(aGroup([refused]))).toMatchObject([{ kind: 'invalid', code: 'member_type', group: GROUP }]);
  });

  test('keeps the case of its ids', () => {
    expect(decode(aGroup([aMember('ABCdef')], { id: 'GrOuP' }))).toEqual([aDelta({ group: 'GrOuP', add: ['ABCdef'] })]);
  });

  test('with members that are no delta is a hint: they need not be all', () => {
    expect(decode({ ...aGroup(undefined), members: [aMember(USER)] })).toMatchObject([
      { kind: 'hint', code: 'members_without_delta', group: GROUP },
    ]);
  });

  test.each([{}, 'x', [1], [null]])('with members that are no list of objects is invalid: %j', (members) => {
    expect(decode(aGroup(members))).toMatchObject([{ kind: 'invalid', code: 'schema', group: GROUP }]);
  });
});

describe('a page of a delta query', () => {
  test('holds one event a group, in its order', () => {
    expect(decode(aPage('groups', aGroup([aMember(USER)]), aGroup(undefined), aGroup([gone(USER)])))).toEqual([
      ADDED,
      aSkip('not_a_membership_change'),
      aDelta({ group: GROUP, remove: [USER] }),
    ]);
    expect(decode(aPage('groups(displayName,description)', aGroup([aMember(USER)])))).toEqual([ADDED]);
  });

  test('without changes tells nothing', () => {
    expect(decode(aPage('groups'))).toEqual([aSkip('no_events')]);
  });

  test('of directory objects tells groups by their type: a deleted user is no deleted group', () => {
    const user = { '@odata.type': '#microsoft.graph.user', id: USER, '@removed': { reason: 'deleted' } };
    const group = aGroup([aMember(USER)], { '@odata.type': '#microsoft.graph.group' });
    expect(decode(aPage('directoryObjects', user, group))).toEqual([aSkip('not_a_membership_change'), ADDED]);
    expect(decode(aPage('directoryObjects', { id: USER, '@removed': { reason: 'deleted' } }))).toMatchObject([
      { kind: 'hint', code: 'type_missing' },
    ]);
  });

  test('of an object whose type is not known is a hint', () => {
    const type = (name: string) => ({ '@odata.type': `#microsoft.graph.${name}`, id: USER, 'members@delta': [] });
    expect(decode(aPage('directoryObjects', type('device'), type('team')))).toMatchObject([
      aSkip('not_a_membership_change'),
      { kind: 'hint', code: 'type_missing', group: USER },
    ]);
    expect(decode(aPage('communities', { id: USER }))).toMatchObject([{ kind: 'hint', code: 'type_missing' }]);
  });

  test('of users is none of groups', () => {
    expect(decode(aPage('users', { id: USER, '@removed': { reason: 'deleted' } }))).toEqual([
      aSkip('not_a_membership_change'),
    ]);
  });
});

const HEADER = { group: GROUP, eventId: 'Directory_1', occurredAt: '2025-04-02T15:32:32.9293064+00:00' };
const objectId = (parts: object) => ({ displayName: 'Group.ObjectID', oldValue: null, newValue: null, ...parts });
const userTarget = (...modifiedProperties: object[]) => ({ id: USER, type: 'User', modifiedProperties });
const groupTarget = (parts: object = {}) => ({ id: GROUP, type: 'Group', modifiedProperties: [], ...parts });
const anAudit = (parts: object = {}) => ({
  id: 'Directory_1',
  category: 'GroupManagement',
  activityDisplayName: 'Add member to group',
  activityDateTime: '2025-04-02T15:32:32.9293064+00:00',
  result: 'success',
  targetResources: [userTarget(), groupTarget()],
  ...parts,
});
const anAzureRecord = (properties: unknown) => ({
  time: '2025-04-02T15:32:32.9293064Z',
  operationName: 'Add member to group',
  category: 'AuditLogs',
  resultSignature: 'None',
  properties,
});
const withTargets = (...targetResources: unknown[]) => anAudit({ targetResources });
const REMOVAL = { activityDisplayName: 'Remove member from group' };

describe('an audit log entry', () => {
  const added = aDelta({ ...HEADER, add: [USER] });

  test('adds or removes the user of its targets, whatever their order', () => {
    expect(decode(anAudit())).toEqual([added]);
    expect(decode(withTargets(groupTarget(), userTarget()))).toEqual([added]);
    expect(decode(anAudit(REMOVAL))).toEqual([aDelta({ ...HEADER, remove: [USER] })]);
  });

  test('without a type of its targets is about no known user', () => {
    expect(decode(withTargets({ displayName: 'Finance' }))).toMatchObject([
      { kind: 'invalid', code: 'target_missing' },
    ]);
  });

  test('may have its types in any case, and under `Type`', () => {
    expect(decode(withTargets({ id: USER, Type: 'user' }, { id: GROUP, Type: 'GROUP' }))).toEqual([added]);
  });

  test.each([
    ['as JSON within a text', `"${GROUP}"`],
    ['in a list', `["${GROUP}"]`],
    ['plain', GROUP],
  ])('without a target of the group takes it from Group.ObjectID: %s', (_, text) => {
    expect(decode(withTargets(userTarget(objectId({ newValue: text }))))).toEqual([added]);
    const targetResources = [userTarget(objectId({ oldValue: text }))];
    expect(decode(anAudit({ ...REMOVAL, targetResources }))).toEqual([aDelta({ ...HEADER, remove: [USER] })]);
  });

  test.each([null, '', undefined])(
    'with a target of the group that has no id takes it from Group.ObjectID: %j',
    (id) => {
      const targets = [userTarget(objectId({ newValue: `"${GROUP}"` })), groupTarget({ id })];
      expect(decode(withTargets(...targets))).toEqual([added]);
      expect(decode(withTargets(...targets, groupTarget({ id: 'other' })))).toMatchObject([{ group: 'other' }]);
      expect(decode(withTargets(userTarget(), groupTarget({ id })))).toMatchObject([{ code: 'target_missing' }]);
    },
  );

  test('believes the target of the type Group where Group.ObjectID says another', () => {
    expect(decode(withTargets(userTarget(objectId({ newValue: '"other"' })), groupTarget()))).toEqual([added]);
  });

  test('with several groups goes by Group.ObjectID, or is invalid', () => {
    const another = groupTarget({ id: 'other' });
    expect(decode(withTargets(userTarget(objectId({ newValue: `"${GROUP}"` })), another, groupTarget()))).toEqual([
      added,
    ]);
    expect(decode(withTargets(userTarget(), another, groupTarget()))).toMatchObject([{ code: 'target_ambiguous' }]);
  });

  test.each(['Delete group', 'Hard Delete group'])('of the activity %s is the deleted group', (activityDisplayName) => {
    expect(decode(anAudit({ activityDisplayName, targetResources: [groupTarget()] }))).toEqual([
      aState({ ...HEADER, deleted: true }),
    ]);
  });

  test('of a restored group is a hint: its members come back unnamed', () => {
    expect(decode(anAudit({ activityDisplayName: 'Restore group', targetResources: [groupTarget()] }))).toMatchObject([
      { kind: 'hint', code: 'group_restored', group: GROUP },
    ]);
  });

  test.each(['failure', 'Failure'])('that was not successful counts for nothing: %s', (result) => {
    expect(decode(anAudit({ result }))).toEqual([aSkip('not_successful')]);
  });

  test.each(['timeout', 'unknownFutureValue', 'partialSuccess'])(
    'that does not say whether the change was made is a hint: %s',
    (result) => {
      for (const activityDisplayName of ['Remove member from group', 'Delete group'])
        expect(decode(anAudit({ activityDisplayName, result }))).toMatchObject([
          { kind: 'hint', code: 'outcome_unknown' },
        ]);
    },
  );

  test('without a result is invalid', () => {
    expect(decode(anAudit({ result: null }))).toMatchObject([{ kind: 'invalid', code: 'schema' }]);
  });

  test.each([
    'Add owner to group',
    'Update group',
    'Add group',
    'Add app role assignment to group',
    'Set group license',
    'Finish applying group based license to users',
    'Request to join a group',
    'Reject a pending request to join a group',
    'Download group members - finished (bulk)',
    'started (bulk)',
    'Add member to role',
    'Remove scoped member from role',
    'Add eligible member to role in PIM completed (timebound)',
    'Add member to role completed (PIM activation)',
    'Remove member from role (PIM activation expired)',
    'Update role setting in PIM',
    'Add member to administrative unit',
    'Bulk remove members from administrative unit - finished (bulk)',
    'GroupsODataV4_evaluateDynamicMembership',
    'Group_GetMembers',
    'Group_AddOwner',
    'Add a Connector to Connector Group',
  ])('of another activity changes no membership: %s', (activityDisplayName) => {
    expect(decode(anAudit({ activityDisplayName }))).toEqual([aSkip('not_a_membership_change')]);
    expect(decode(anAudit({ activityDisplayName, result: null }))).toEqual([aSkip('not_a_membership_change')]);
  });

  test.each([
    ['UserManagement', 'Update user'],
    ['EntitlementManagement', 'Fulfill access package assignment request'],
    ['Policy', 'Apply decision'],
    ['Application Management', 'Update application'],
    ['ProvisioningManagement', 'Export'],
  ])('of the category %s changes no membership: %s', (category, activityDisplayName) => {
    expect(decode(anAudit({ category, activityDisplayName }))).toEqual([aSkip('not_a_membership_change')]);
  });

  test.each([
    ['GroupManagement', 'Move member between groups'],
    ['GroupManagement', 'Process dynamic membership'],
    ['GroupManagement', 'Merge'],
    ['UserManagement', 'Add user to group'],
    ['UserManagement', 'Remove all members from group'],
    ['EntitlementManagement', 'Assign group member by access package'],
    ['SomethingNew', 'Update user'],
    [null, 'Update user'],
    ['GroupManagement', ''],
  ])('that is not known is a hint, never silence: %s, %s', (category, activityDisplayName) => {
    expect(decode(anAudit({ category, activityDisplayName }))).toMatchObject([
      { kind: 'hint', code: 'unknown_event_type', message: expect.stringContaining('full state') },
    ]);
  });

  test.each([
    'Bulk import group members - finished (bulk)',
    'Bulk remove group members - finished (bulk)',
    'Approve a pending request to join a group',
    'Group_RemoveMember',
  ])('that changes members and does not name them is a hint: %s', (activityDisplayName) => {
    expect(decode(anAudit({ activityDisplayName }))).toMatchObject([{ kind: 'hint', code: 'change_without_detail' }]);
  });

  test.each([
    ['a group in a group', [groupTarget({ id: 'child' }), groupTarget()]],
    [
      'a group whose parent is only a property',
      [groupTarget({ id: 'child', modifiedProperties: [objectId({ newValue: `"${GROUP}"` })] })],
    ],
    ['a service principal', [{ id: 's', type: 'ServicePrincipal' }, groupTarget()]],
    ['a device', [{ id: 'd', type: 'Device' }, groupTarget()]],
  ])('refuses a member by its type: %s', (_, targetResources) => {
    expect(decode(anAudit({ targetResources }))).toMatchObject([{ kind: 'invalid', code: 'member_type' }]);
  });

  test.each([
    ['target_missing', [groupTarget()]],
    ['target_missing', [userTarget()]],
    ['empty_id', [{ type: 'User', userPrincipalName: 'bob@contoso.com', id: null }, groupTarget()]],
    ['schema', 'no list'],
    ['schema', null],
  ])('without what it is about is invalid: %s %j', (code, targetResources) => {
    expect(decode(anAudit({ targetResources }))).toMatchObject([{ kind: 'invalid', code }]);
  });
});

describe('audit log entries come', () => {
  const added = aDelta({ ...HEADER, add: [USER] });

  test('in batches of Azure Monitor, other categories among them', () => {
    const signIn = { category: 'SignInLogs', operationName: 'Sign-in activity', properties: { id: 'x' } };
    const unknown = { ...signIn, category: 'NewLogs' };
    expect(decode({ records: [unknown] })).toMatchObject([{ kind: 'hint', code: 'unknown_event_type' }]);
    expect(decode({ records: [anAzureRecord(anAudit()), signIn, anAzureRecord(anAudit(REMOVAL))] })).toEqual([
      added,
      aSkip('not_a_membership_change'),
      aDelta({ ...HEADER, remove: [USER] }),
    ]);
  });

  test('with JSON within texts', () => {
    const targetResources = JSON.stringify([
      { ...userTarget(), modifiedProperties: JSON.stringify([objectId({ newValue: JSON.stringify(GROUP) })]) },
    ]);
    expect(decode({ records: [anAzureRecord(JSON.stringify(anAudit({ targetResources })))] })).toEqual([added]);
    expect(decode({ records: [anAzureRecord('{"id":')] })).toMatchObject([{ kind: 'invalid', code: 'schema' }]);
  });

  test('in pages of Graph and in lists', () => {
    expect(decode(aPage('auditLogs/directoryAudits', anAudit(), anAudit()))).toEqual([added, added]);
    expect(decode([anAudit()])).toEqual([added]);
  });

  test('as the rows of a Log Analytics export', () => {
    const row = {
      TimeGenerated: '2025-04-02T15:32:33Z',
      Category: 'GroupManagement',
      OperationName: 'Add member to group',
      ActivityDisplayName: 'Add member to group',
      ActivityDateTime: '2025-04-02T15:32:32.9293064+00:00',
      Result: 'success',
      Id: 'Directory_1',
      TargetResources: [userTarget(), groupTarget()],
    };
    expect(decode({ records: [row] })).toEqual([added]);
  });

  test('an empty batch tells nothing', () => {
    expect(decode({ records: [] })).toEqual([aSkip('no_events')]);
  });
});

const aNotification = (parts: object = {}, data: object = {}) => ({
  changeType: 'updated',
  clientState: 'secret',
  resource: `Groups/${GROUP}`,
  resourceData: { '@odata.type': '#Microsoft.Graph.Group', '@odata.id': `Groups/${GROUP}`, id: GROUP, ...data },
  subscriptionId: 'd850b120-19bb-4291-b9c4-845ea04dd38d',
  tenantId: 't',
  ...parts,
});

describe('a change notification', () => {
  test.each([`Groups/${GROUP}`, `/groups('${GROUP}')`, '/groups'])(
    'of a deletion is the deleted group, as there is nothing left to read: %s',
    (resource) => {
      const notification = aNotification(
        { id: 'n1', changeType: 'deleted', resource },
        { eventTime: HEADER.occurredAt },
      );
      expect(decode({ value: [notification] })).toEqual([aState({ ...HEADER, eventId: 'n1', deleted: true })]);
    },
  );

  test.each([`groups/${GROUP}/members`, `groups/${GROUP}/owners/x`, `teams/${GROUP}`, `teams/${GROUP}/channels/c`])(
    'of a deletion below a group, or of its team, does not delete the group: %s',
    (resource) => {
      expect(decode(aNotification({ changeType: 'deleted', resource }))).toMatchObject([
        { kind: 'hint', group: GROUP },
      ]);
    },
  );

  test.each(['updated', 'created'])('without detail is a hint: %s', (changeType) => {
    expect(decode({ value: [aNotification({ changeType })] })).toMatchObject([
      { kind: 'hint', code: 'change_without_detail', group: GROUP },
    ]);
  });

  test('with members@delta tells the change; its entries name no type, and removals only a text', () => {
    const members = [{ id: USER }, { id: OTHER, '@removed': 'deleted' }];
    const notification = aNotification(
      { id: 'n1' },
      { eventTime: '2018-11-22T01:47:00.2455823Z', 'members@delta': members },
    );
    expect(decode({ value: [notification] })).toEqual([
      aDelta({
        group: GROUP,
        eventId: 'n1',
        occurredAt: '2018-11-22T01:47:00.2455823Z',
        add: [USER],
        remove: [OTHER],
      }),
    ]);
  });

  test.each([`/groups/${GROUP}/members`, `groups('${GROUP}')`, `teams/${GROUP}/members`])(
    'names its group in %s',
    (resource) => {
      expect(decode(aNotification({ resource, resourceData: null }))).toMatchObject([{ kind: 'hint', group: GROUP }]);
    },
  );

  test('with encrypted content is a hint', () => {
    const encryptedContent = { data: 'x', dataSignature: 'y' };
    expect(decode({ value: [aNotification({ encryptedContent })] })).toMatchObject([
      { kind: 'hint', code: 'encrypted_content', group: GROUP },
    ]);
  });

  test.each([
    ['missed', 'notifications_missed'],
    ['subscriptionRemoved', 'subscription_removed'],
    ['reauthorizationRequired', 'reauthorization_required'],
    ['somethingNew', 'lifecycle_event'],
  ])('of the lifecycle event %s is a hint', (lifecycleEvent, code) => {
    expect(decode({ value: [{ subscriptionId: 's', tenantId: 't', lifecycleEvent }] })).toMatchObject([
      { kind: 'hint', code, group: null },
    ]);
  });

  test('of another resource changes no membership', () => {
    const resourceData = { '@odata.type': '#Microsoft.Graph.User', id: USER };
    expect(decode(aNotification({ resource: `Users/${USER}`, resourceData }))).toEqual([
      aSkip('not_a_membership_change'),
    ]);
  });

  test('of a resource that is not known is a hint', () => {
    const resourceData = { '@odata.type': '#Microsoft.Graph.Community', id: USER };
    expect(decode(aNotification({ resource: `communities/${USER}`, resourceData }))).toMatchObject([
      { kind: 'hint', code: 'change_without_detail', group: null },
    ]);
  });

  test('that validates a subscription of Event Hubs is skipped', () => {
    const changeType = 'Validation: Testing client application reachability for subscription Request-Id: 522a8e7e';
    const resourceData = { '@odata.type': 'NA', '@odata.id': 'NA', id: 'NA' };
    expect(decode({ value: [aNotification({ changeType, resource: 'NA', resourceData })] })).toEqual([
      aSkip('validation'),
    ]);
  });
});

describe('what is none of these is invalid', () => {
  // The last one is an admin event of Keycloak: silence would hide that the format is wrong.
  test.each([[{}], [5], [[null]], [{ value: [7] }], [{ id: 'x', resourceType: 'GROUP_MEMBERSHIP' }]])('%j', (value) => {
    expect(decode(value)).toMatchObject([{ kind: 'invalid', code: 'schema' }]);
  });
});
