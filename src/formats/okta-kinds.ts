/**
 * Types of System Log events, by what they say of memberships. Source: Okta's catalogue of event types, release 2026.08
 * (https://developer.okta.com/docs/reference/api/event-types/, data/event-types.json of its repository, 1,274 types).
 *
 * A type that names a group or a member is known by itself or by its family; any other by its first word. What is neither is
 * a hint: it may be a new way into a group.
 */
import type { Op } from '../core/change.ts';

export type Meaning = Op | 'group_deleted' | 'nested_group' | 'unclear' | 'without_detail';

const MEANINGS = new Map<string, Meaning>([
  ['group.user_membership.add', 'add'],
  ['group.user_membership.remove', 'remove'],
  ['system.identity_sources.group.user.assign', 'add'],
  ['system.identity_sources.group.user.revoke', 'remove'],
  ['group.lifecycle.delete', 'group_deleted'],
  ['system.import.group.delete', 'group_deleted'],
  ['system.identity_sources.group.delete', 'group_deleted'],
  ['app.user_management.user_group_import.delete_success', 'group_deleted'],
  ['app.user_management.app_group_member_import.insert_success', 'add'],
  ['app.user_management.app_group_member_import.delete_success', 'remove'],
  ['app.user_management.app_group_group_member_import.insert_success', 'nested_group'],
  ['app.user_management.app_group_group_member_import.delete_success', 'nested_group'],
  // Data that an identity source hands over in bulk: neither groups nor members are named.
  ['system.identity_sources.bulk_group_delete', 'without_detail'],
  ['system.identity_sources.bulk_group_membership_upsert', 'without_detail'],
  ['system.identity_sources.bulk_group_membership_delete', 'without_detail'],
]);

/** Of imports the System Log says this for all; which one it was, another field may tell. */
export const IMPORT = 'app.user_management';

/** All that may be more than another kind. */
export const TYPES_OF_CHANGES: readonly string[] = [IMPORT, ...MEANINGS.keys()];

/** undefined: none of a membership, or not known; `isOfAnotherKind` says which. */
export const meaningOfType = (type: string): Meaning | undefined => MEANINGS.get(type);

/** First words of types that say nothing of groups, unless a further word names a group or a member. */
const FAMILIES: ReadonlySet<string> = new Set(
  (
    'access account analytics app application certification core credential device directory entitlement event_hook governance ' +
    'iam inline_hook integration master_application mim network_zone oauth2 org pam personal pki plugin policy resource ' +
    'resource_servers scheduled_action security self_service support system task user workflows workload_principal zone'
  ).split(' '),
);

/** Types that name groups or members, of another kind all the same. With a dot at the end: all types that begin so. */
const OF_GROUPS: readonly string[] = [
  // Groups and their settings.
  'group.lifecycle.create',
  'group.profile.update',
  'group.application_assignment.',
  'group.privilege.',
  // Rules: each member that one adds or removes has an event of its own.
  'group.user_membership.rule.',
  // Imports: steps, and groups that come or change; each member has an event app.user_management.
  'system.import.group.complete',
  'system.import.group.create',
  'system.import.group.start',
  'system.import.group.update',
  'system.import.group_membership.complete',
  'system.import.membership_processing.',
  'system.identity_sources.group.create',
  'system.identity_sources.group.update',
  'system.identity_sources.bulk_group_upsert',
  'app.user_management.user_group_import.create_failure',
  'app.user_management.user_group_import.update_failure',
  'app.user_management.user_group_import.upsert_fail',
  'app.user_management.user_group_import.upsert_success',
  // What Okta writes into applications and directories; members of its own groups do not change by it.
  'app.user_management.grouppush.',
  'app.ad.password_migration_campaign.group.',
  'app.office365.',
  'application.provision.group.',
  'application.provision.group_membership.',
  'application.provision.group_push.',
  'application.user_membership.',
  'master_application.user_membership.',
  'directory.external.group.membership.',
  // Other things that are called groups: of orgs, of servers, of roles in Workflows.
  'account.org_group.',
  'pam.',
  'workflows.user.role.group.',
];

const KNOWN_TYPES: ReadonlySet<string> = new Set(OF_GROUPS.filter((type) => !type.endsWith('.')));
const KNOWN_BEGINNINGS = OF_GROUPS.filter((type) => type.endsWith('.'));

export function isOfAnotherKind(type: string): boolean {
  if (/group|member/i.test(type))
    return KNOWN_TYPES.has(type) || KNOWN_BEGINNINGS.some((beginning) => type.startsWith(beginning));
  const end = type.indexOf('.');
  return end > 0 && FAMILIES.has(type.slice(0, end));
}
