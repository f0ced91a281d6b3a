/**
 * Audit log entries: Graph's directoryAudit, alone or as the `properties` of an Azure Monitor record (also as JSON within
 * a text), and the columns of a Log Analytics export, which begin with capitals. Targets are recognised by their type, never by
 * their place. Activities of other kinds are known (below); what is not known is a hint.
 * https://learn.microsoft.com/graph/api/resources/directoryaudit
 */
import type { Op, SourceEvent } from '../../core/change/change.ts';
import {
  type Fields,
  AS_FULL_STATE,
  deletedGroup,
  deltaOf,
  hint,
  invalid,
  listIn,
  quote,
  readJsonText,
  textIn,
} from '../reading/reading.ts';
import {
  groupIn,
  idIn,
  notAChange,
  notSuccessful,
  refusedMember,
  timeIn,
  unique,
  unknownEvent,
} from '../reading/events.ts';
import { isObject } from '../../core/text/json.ts';

export const isAudit = (entry: Fields): boolean =>
  (field(entry, 'activityDisplayName') ?? field(entry, 'operationName') ?? field(entry, 'targetResources')) !==
  undefined;

type ChangeMeaning = Exclude<Meaning, 'without_detail'>;

export function readAudit(record: Fields): SourceEvent {
  const properties = parsed(record['properties']);
  if (properties === UNREADABLE) return invalid('schema', '`properties` is a text, but no JSON.');
  const audit = isObject(properties) ? properties : record;
  const named = textIn(field(audit, 'activityDisplayName')) ?? textIn(field(record, 'operationName')) ?? '';
  const activity = named.trim().toLowerCase();
  const meaning = meaningOfActivity(activity);
  if (meaning === undefined)
    return isOfAnotherKind(activity, categoryOf(audit, record))
      ? notAChange
      : unknownEvent(`The activity ${quote(named)}`, ADVICE);
  const result = textIn(field(audit, 'result')) ?? textIn(field(record, 'resultType'));
  if (result === null) return invalid('schema', '`result` is missing, so it is not known whether the change was made.');
  switch (result.toLowerCase()) {
    case 'success':
      return meaning === 'without_detail' ? withoutDetail(named) : readChange(audit, meaning);
    case 'failure':
      return notSuccessful;
    default:
      // `timeout` and what Graph adds to the list (`unknownFutureValue`) do not say that nothing was changed.
      return hint(
        'outcome_unknown',
        `\`result\` is ${quote(result)}, so it is not known whether the change was made: ${READ_AGAIN}.`,
      );
  }
}

/** Of the entry itself; around it Azure Monitor says AuditLogs, or what other log it is. */
const categoryOf = (audit: Fields, record: Fields): string | null =>
  textIn(field(audit, 'category')) ?? textIn(field(record, 'category'));

const READ_AGAIN = `read the group's members from Graph (groups/{id}/members) and ${AS_FULL_STATE}`;

const ADVICE = { changes: READ_AGAIN, otherwise: 'leave it out of the topic' };

const withoutDetail = (activity: string): SourceEvent =>
  hint(
    'change_without_detail',
    `${quote(activity)} may have changed the members, and does not name them: ${READ_AGAIN}.`,
  );

function readChange(audit: Fields, meaning: ChangeMeaning): SourceEvent {
  const targets = parsed(field(audit, 'targetResources'));
  if (!Array.isArray(targets)) return invalid('schema', '`targetResources` must be a list.');
  const read = readTargets(targets.filter(isObject), meaning);
  const { users } = read;
  if (users.length === 0 && (meaning === 'add' || meaning === 'remove')) return withoutUser(read);
  const group = groupOf(read);
  if (typeof group !== 'string') return group;
  const header = { group, eventId: textIn(field(audit, 'id')), occurredAt: timeIn(field(audit, 'activityDateTime')) };
  switch (meaning) {
    case 'group_deleted':
      return deletedGroup(header);
    case 'group_restored':
      return hint('group_restored', RESTORED, groupIn(group));
    case 'add':
    case 'remove':
      return deltaOf(meaning, users, header);
  }
}

const RESTORED = `A deleted group is back with its members, whom the event does not name: read them from Graph and ${AS_FULL_STATE}.`;

interface Targets {
  readonly users: readonly string[];
  readonly groups: readonly string[];
  /** Types of what is neither a user nor a group. */
  readonly others: readonly string[];
  /** `Group.ObjectID` of the changed properties: the group that the member went into or out of. */
  readonly named: string | null;
}

function readTargets(targets: readonly Fields[], meaning: ChangeMeaning): Targets {
  const [users, groups, others]: [string[], string[], string[]] = [[], [], []];
  let named: string | null = null;
  for (const target of targets) {
    const type = typeOf(target);
    if (type === 'user') users.push(idIn(field(target, 'id')));
    else if (type === 'group') groups.push(...groupId(target));
    else if (type !== '') others.push(type);
    named ??= namedGroup(target, meaning);
  }
  return { users: unique(users), groups: unique(groups), others, named };
}

/** Graph's beta says it as `#microsoft.graph.targetResourceUser`; empty: the target has none. */
function typeOf(target: Fields): string {
  const type =
    textIn(field(target, 'type')) ?? textIn(target['@odata.type'])?.replace(/^#?microsoft\.graph\.targetResource/i, '');
  return type?.toLowerCase() ?? '';
}

/** None, where the target has none: then it says no more than that there is a group. */
function groupId(target: Fields): readonly string[] {
  const id = textIn(field(target, 'id'));
  return id === null ? [] : [id];
}

/**
 * The target of the type Group wins over `Group.ObjectID` where both are there: its id is what Graph documents as the
 * resource's id, while the properties are texts for people. In a real log both say the same; they differ only where
 * its ids were replaced, and then it is unknown which is right. Several groups: the property says which.
 */
function groupOf({ groups, named }: Targets): string | SourceEvent {
  const [only, ...more] = groups;
  if (only !== undefined && more.length === 0) return only;
  if (only === undefined && named !== null) return named;
  if (only === undefined)
    return invalid('target_missing', 'The entry has neither a target of the type Group nor a `Group.ObjectID`.');
  if (named !== null && groups.includes(named)) return named;
  return invalid('target_ambiguous', 'The entry has several targets of the type Group.');
}

function withoutUser({ groups, others, named }: Targets): SourceEvent {
  const [type] = others;
  const group = named ?? (groups.length === 1 ? (groups[0] ?? null) : null);
  if (type !== undefined) return refusedMember(`The member is of the type ${quote(type)}`, group);
  // The group that is the member has the other one's id among its properties.
  if (groups.length > 1 || (groups.length === 1 && named !== null && named !== groups[0]))
    return refusedMember('A group is the member of a group', named);
  return invalid('target_missing', 'The entry has no target of the type User.', groupIn(group));
}

function namedGroup(target: Fields, meaning: ChangeMeaning): string | null {
  for (const property of listIn(parsed(field(target, 'modifiedProperties')))) {
    if (!isObject(property) || field(property, 'displayName') !== 'Group.ObjectID') continue;
    const [newValue, oldValue] = [unquoted(field(property, 'newValue')), unquoted(field(property, 'oldValue'))];
    return meaning === 'remove' ? (oldValue ?? newValue) : (newValue ?? oldValue);
  }
  return null;
}

/** Values of properties are JSON within a text (`"\"id\""`), sometimes in a list, sometimes plain. */
function unquoted(value: unknown): string | null {
  const text = textIn(value);
  if (text === null) return null;
  const read = /^["[]/.test(text) ? readJsonText(text) : null;
  if (read === null || !read.ok) return text;
  return textIn(Array.isArray(read.json) ? read.json[0] : read.json);
}

const UNREADABLE = Symbol('unreadable');

/** What is JSON within a text, as JSON. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const read = readJsonText(value);
  return read.ok ? read.json : UNREADABLE;
}

/** `name`, or as a column of Log Analytics writes it: `Name`. */
const field = (fields: Fields, name: string): unknown =>
  fields[name] ?? fields[name.charAt(0).toUpperCase() + name.slice(1)];

/*
 * Activities of Entra's audit log, by what they say of memberships. Source: "Microsoft Entra audit log categories and activities"
 * (https://learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities) and, for categories of diagnostic
 * settings, …/concept-diagnostic-settings-logs-options.
 *
 * An activity that names a group or a member is known by itself or by the thing it is about; any other by its category. What is
 * neither is a hint: it may be a new way into a group.
 */

type Meaning = Op | 'group_deleted' | 'group_restored' | 'without_detail';

const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  ['add member to group', 'add'],
  ['remove member from group', 'remove'],
  ['delete group', 'group_deleted'],
  ['hard delete group', 'group_deleted'],
  ['restore group', 'group_restored'],
  // Beside these the directory should log each member; where it does not, nothing else tells of them.
  ['bulk import group members - finished (bulk)', 'without_detail'],
  ['bulk remove group members - finished (bulk)', 'without_detail'],
  ['group_addmember', 'without_detail'],
  ['group_removemember', 'without_detail'],
  ['group_delete', 'without_detail'],
  ['group_restore', 'without_detail'],
  ['approve a pending request to join a group', 'without_detail'],
]);

/** undefined: none of a membership, or not known; `isOfAnotherKind` says which. */
const meaningOfActivity = (activity: string): Meaning | undefined => MEANINGS.get(activity);

/** Activities that name groups or members, of another kind all the same. */
const OF_GROUPS: ReadonlySet<string> = new Set([
  'add group',
  'update group',
  'add owner to group',
  'remove owner from group',
  'add app role assignment to group',
  'remove app role assignment from group',
  'assign label to group',
  'remove label from group',
  'create group settings',
  'update group settings',
  'delete group settings',
  'set group license',
  'set group to be managed by user',
  'start applying group based license to users',
  'finish applying group based license to user',
  'finish applying group based license to users',
  'trigger group license recalculation',
  'autorenew group',
  'renew group',
  'request to join a group',
  'cancel a pending request to join a group',
  'delete a pending request to join a group',
  'reject a pending request to join a group',
  'create incompatible group',
  'delete incompatible group',
  'add a group to feature rollout',
  'remove a group from feature rollout',
  'download group members - finished (bulk)',
  'download groups - finished (bulk)',
  'group_addowner',
  'group_removeowner',
  'group_create',
  'group_update',
  'group_batchvalidatedynamicmembership',
  'group_validatedynamicmembership',
  'user_getmemberof',
  'lcmpolicy_renewgroup',
]);

/**
 * Members of roles, of administrative units, and what Privileged Identity Management does: where it puts a user into a group,
 * the directory logs `Add member to group` as well. Reading activities, policies and connectors that hold the word.
 */
const OF_OTHER_THINGS =
  /\b(?:to|from) (?:an? )?role\b|\bPIM\b|\b(?:to|from) (?:restricted management )?administrative unit\b|^groups?_get|^groupsodatav4_|^grouplifecyclepolicies_|^groups_createlink$|\bconnector group\b|^get .* resource group$/i;

/** Of audit entries. GroupManagement is not among them: its activities are known one by one. */
const CATEGORIES: ReadonlySet<string> = new Set(
  (
    'AdministrativeUnit Agreement ApplicationManagement AttributeManagement Authentication Authorization ' +
    'AuthorizationPolicy CertificateBasedAuthConfiguration CertificateAuthorityEntity Contact ' +
    'CrossTenantAccessSettings CrossTenantIdentitySyncSettings Device DeviceConfiguration DeviceManagement ' +
    'DeviceTemplate DirectoryManagement EntitlementManagement ExternalUserProfile IdentityProtection KerberosDomain ' +
    'KeyManagement Label MicrosoftSupportAccessManagement MultiTenantOrg MultiTenantOrgIdentitySyncPolicyUpdate ' +
    'MultiTenantOrgPartnerConfigurationTemplate MultiTenantOrgTenant ObjectManagement Other ' +
    'PendingExternalUserProfile PermissionGrantPolicy Policy PolicyManagement PrivateEndpoint PrivateLinkResource ' +
    'ProvisioningManagement ResourceManagement RoleManagement SourceOfAuthorityPolicy TaskManagement UserManagement ' +
    'WorkflowManagement ' +
    // Of diagnostic settings, beside AuditLogs.
    'ADFSSignInLogs AzureADGraphActivityLogs B2CRequestLogs EnrichedOffice365AuditLogs ' +
    'GraphNotificationsActivityLogs ManagedIdentitySignInLogs MicrosoftGraphActivityLogs ' +
    'MicrosoftServicePrincipalSignInLogs NetworkAccessAlerts NetworkAccessConnectionEvents NetworkAccessTrafficLogs ' +
    'NonInteractiveUserSignInLogs ProvisioningLogs RemoteNetworkHealthLogs RiskyServicePrincipals RiskyUsers ' +
    'ServicePrincipalRiskEvents ServicePrincipalSignInLogs SignInLogs UserRiskEvents'
  )
    .toLowerCase()
    .split(' '),
);

/** @param activity in lower case. */
function isOfAnotherKind(activity: string, category: string | null): boolean {
  if (/group|member/.test(activity)) return OF_GROUPS.has(activity) || OF_OTHER_THINGS.test(activity);
  // Portals and Privileged Identity Management log under the category of groups, too.
  if (activity === 'started (bulk)' || OF_OTHER_THINGS.test(activity)) return true;
  return category !== null && CATEGORIES.has(category.toLowerCase().replaceAll(' ', ''));
}
