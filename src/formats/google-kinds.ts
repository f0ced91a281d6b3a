/**
 * Names of activities, by what they say of memberships. Sources: the pages "… Audit Activity Events" of the Reports API
 * (https://developers.google.com/workspace/admin/reports/v1/appendix/activity/groups-enterprise, …/groups, …/admin-group-settings
 * and …/admin-event-names), and the applications of activities.list.
 */
import type { Op } from '../core/change.ts';

export interface Meaning {
  readonly op: Op | 'group_deleted' | 'without_detail' | 'group_renamed';
  /** Otherwise the event may leave out whom it is about, and then says no more than that there was a change. */
  readonly isMemberSure: boolean;
}

const sure = (op: Meaning['op']): Meaning => ({ op, isMemberSure: true });
const ifNamed = (op: Op): Meaning => ({ op, isMemberSure: false });
const withoutDetail: Meaning = { op: 'without_detail', isMemberSure: false };

const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  ['add_member', sure('add')],
  ['remove_member', sure('remove')],
  ['ADD_GROUP_MEMBER', sure('add')],
  ['REMOVE_GROUP_MEMBER', sure('remove')],
  ['add_user', ifNamed('add')],
  ['remove_user', ifNamed('remove')],
  // The one who asked is a member from then on; one who is banned is none.
  ['approve_join_request', ifNamed('add')],
  ['ban_member_with_moderation', ifNamed('remove')],
  ['ban_user_with_moderation', ifNamed('remove')],
  ['delete_group', sure('group_deleted')],
  ['DELETE_GROUP', sure('group_deleted')],
  // Groups are named by their addresses.
  ['CHANGE_GROUP_EMAIL', sure('group_renamed')],
  // The actor is meant, but no parameter names him; or many are.
  ['join', withoutDetail],
  ['accept_invitation', withoutDetail],
  ['unsubscribe_via_mail', withoutDetail],
  ['add_dynamic_group_query', withoutDetail],
  ['change_dynamic_group_query', withoutDetail],
  ['GROUP_MEMBER_BULK_UPLOAD', withoutDetail],
]);

/** undefined: none of a membership, or not known; `isOfAnotherKind` says which. */
export const meaningOfName = (name: string): Meaning | undefined => MEANINGS.get(name);

const OTHER_APPLICATIONS: ReadonlySet<string> = new Set(
  (
    'access_evaluation access_transparency assignments calendar chat chrome classroom cloud_search contacts context_aware_access ' +
    'currents data_migration data_studio directory_sync drive gcp gemini_in_workspace_apps gmail gplus graduation jamboard keep ' +
    'ldap login looker_studio meet meet_hardware mobile profile rules saml takeout tasks token user_accounts vault voice'
  ).split(' '),
);

/** Of the application `admin`: all but GROUP_SETTINGS. */
const OTHER_TYPES: ReadonlySet<string> = new Set(
  (
    'ALERT_CENTER APPLICATION_SETTINGS CALENDAR_SETTINGS CHAT_SETTINGS CHROME_OS_SETTINGS CONTACTS_SETTINGS CUSTOMER_TAKEOUT ' +
    'DELEGATED_ADMIN_SETTINGS DEVICE_SETTINGS DIRECTORY_SYNC DOCS_SETTINGS DOMAIN_SETTINGS EMAIL_SETTINGS LABELS ' +
    'LICENSES_SETTINGS MOBILE_SETTINGS ORG_SETTINGS ORG_USERS_SETTINGS SECURITY_INVESTIGATION SECURITY_SETTINGS SITES_SETTINGS ' +
    'SYSTEM_DEFINED_RULE USER_SETTINGS'
  ).split(' '),
);

/** Events of groups that leave their members as they are. */
const OTHER_NAMES: ReadonlySet<string> = new Set(
  // groups_enterprise
  (
    'add_info_setting add_member_role add_membership_expiry add_security_setting add_service_account_permission ' +
    'change_info_setting change_security_setting change_security_setting_state create_group create_namespace ' +
    'delete_namespace invite_member reject_invitation reject_join_request remove_info_setting remove_member_role ' +
    'remove_membership_expiry remove_security_setting remove_service_account_permission request_to_join ' +
    'revoke_invitation unban_member update_membership_expiry ' +
    // groups
    'always_post_from_user change_acl_permission change_basic_setting change_email_subscription_type ' +
    'change_identity_setting change_new_members_restrictions_setting change_post_replies_setting ' +
    'change_spam_moderation_setting change_topic_setting invite_user moderate_message reinvite_user ' +
    // admin, GROUP_SETTINGS
    'CHANGE_GROUP_DESCRIPTION CHANGE_GROUP_NAME CHANGE_GROUP_SETTING CREATE_GROUP GROUP_LIST_DOWNLOAD ' +
    'GROUP_MEMBERS_DOWNLOAD REORDER_GROUP_BASED_POLICIES_EVENT UPDATE_GROUP_MEMBER UPDATE_GROUP_MEMBER_DELIVERY_SETTINGS ' +
    'UPDATE_GROUP_MEMBER_DELIVERY_SETTINGS_CAN_EMAIL_OVERRIDE WHITELISTED_GROUPS_UPDATED'
  ).split(' '),
);

/** Names are unique within an application alone. */
export const isOfOtherApplication = (application: string | null): boolean =>
  application !== null && OTHER_APPLICATIONS.has(application);

/** @param type as in `USER_SETTINGS`; null: the event has none. */
export const isOfAnotherKind = (name: string, type: string | null): boolean =>
  OTHER_NAMES.has(name) || (type !== null && OTHER_TYPES.has(type) && !/group|member/i.test(name));

/** Methods of Cloud Identity that only read, or that change a group and not its members. */
const HARMLESS_METHOD = /\.(?:Get|List|Search|Lookup|Check)\w*$|\.(?:CreateGroup|UpdateGroup|UpdateSecuritySettings)$/i;

/** Of a log entry of Google Cloud that holds no event. */
export const mayChangeGroups = (method: string): boolean =>
  /group|member/i.test(method) && !HARMLESS_METHOD.test(method);
