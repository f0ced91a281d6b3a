/**
 * Activities of Entra's audit log, by what they say of memberships. Source: "Microsoft Entra audit log categories and activities"
 * (https://learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities) and, for categories of diagnostic
 * settings, …/concept-diagnostic-settings-logs-options.
 *
 * An activity that names a group or a member is known by itself or by the thing it is about; any other by its category. What is
 * neither is a hint: it may be a new way into a group.
 */
import type { Op } from '../core/change.ts';

export type Meaning = Op | 'group_deleted' | 'group_restored' | 'without_detail';

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
export const meaningOfActivity = (activity: string): Meaning | undefined => MEANINGS.get(activity);

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
  [
    'AdministrativeUnit',
    'Agreement',
    'ApplicationManagement',
    'AttributeManagement',
    'Authentication',
    'Authorization',
    'AuthorizationPolicy',
    'CertificateBasedAuthConfiguration',
    'CertificateAuthorityEntity',
    'Contact',
    'CrossTenantAccessSettings',
    'CrossTenantIdentitySyncSettings',
    'Device',
    'DeviceConfiguration',
    'DeviceManagement',
    'DeviceTemplate',
    'DirectoryManagement',
    'EntitlementManagement',
    'ExternalUserProfile',
    'IdentityProtection',
    'KerberosDomain',
    'KeyManagement',
    'Label',
    'MicrosoftSupportAccessManagement',
    'MultiTenantOrg',
    'MultiTenantOrgIdentitySyncPolicyUpdate',
    'MultiTenantOrgPartnerConfigurationTemplate',
    'MultiTenantOrgTenant',
    'ObjectManagement',
    'Other',
    'PendingExternalUserProfile',
    'PermissionGrantPolicy',
    'Policy',
    'PolicyManagement',
    'PrivateEndpoint',
    'PrivateLinkResource',
    'ProvisioningManagement',
    'ResourceManagement',
    'RoleManagement',
    'SourceOfAuthorityPolicy',
    'TaskManagement',
    'UserManagement',
    'WorkflowManagement',
    // Of diagnostic settings, beside AuditLogs.
    'ADFSSignInLogs',
    'AzureADGraphActivityLogs',
    'B2CRequestLogs',
    'EnrichedOffice365AuditLogs',
    'GraphNotificationsActivityLogs',
    'ManagedIdentitySignInLogs',
    'MicrosoftGraphActivityLogs',
    'MicrosoftServicePrincipalSignInLogs',
    'NetworkAccessAlerts',
    'NetworkAccessConnectionEvents',
    'NetworkAccessTrafficLogs',
    'NonInteractiveUserSignInLogs',
    'ProvisioningLogs',
    'RemoteNetworkHealthLogs',
    'RiskyServicePrincipals',
    'RiskyUsers',
    'ServicePrincipalRiskEvents',
    'ServicePrincipalSignInLogs',
    'SignInLogs',
    'UserRiskEvents',
  ].map((category) => category.toLowerCase()),
);

/** @param activity in lower case. */
export function isOfAnotherKind(activity: string, category: string | null): boolean {
  if (/group|member/.test(activity)) return OF_GROUPS.has(activity) || OF_OTHER_THINGS.test(activity);
  // Portals and Privileged Identity Management log under the category of groups, too.
  if (activity === 'started (bulk)' || OF_OTHER_THINGS.test(activity)) return true;
  return category !== null && CATEGORIES.has(category.toLowerCase().replaceAll(' ', ''));
}
