/**
 * Keycloak's admin events, as plug-ins send them: AdminEvent as JSON (github.com/SnuK87/keycloak-kafka and those like it),
 * the extended ones of webhooks (github.com/p2-inc/keycloak-events: `uid`, `"type":"admin.GROUP_MEMBERSHIP-CREATE"`; some others
 * without `admin.`), and those of Keycloak's own event hooks (since 26.8: `sourceType`, `eventId`). The resource path is the
 * only source of ids: `users/{user}/groups/{group}`, `groups/{group}`, and the same of an organization's groups, which are
 * groups like any other. The representation is there only where "include representation" is set, and it is that of the group
 * alone. Events of other kinds are known (below); what is not known is a hint.
 * Groups below a deleted group go with it, and users who are deleted leave their groups, without an event of their own.
 */
import type { Op, SourceEvent } from '../core/change/change.ts';
import {
  AS_FULL_STATE,
  deletedGroup,
  deltaOf,
  fieldsIn,
  hint,
  invalid,
  isThere,
  quote,
  readJsonText,
  textIn,
  type Fields,
} from './reading/reading.ts';
import type { Reader } from './reading/events.ts';
import { epochTime, notAChange, notSuccessful, readEach, unknownEvent } from './reading/events.ts';
import { isObject } from '../core/text/json.ts';

export const keycloak: Reader = {
  name: 'keycloak',
  recognizes,
  decode: (record) => readEach(record, readEvent),
};

/** An admin event, also one without `resourcePath`; or an event of a user: `LOGIN`, `access.LOGIN`. */
function recognizes(fields: Fields): boolean {
  if ('resourcePath' in fields && ('operationType' in fields || 'type' in fields)) return true;
  if ('operationType' in fields && ('resourceType' in fields || 'resourceTypeAsString' in fields)) return true;
  if ('sourceType' in fields && 'realmId' in fields && 'eventId' in fields) return true;
  const type = textIn(fields['type']) ?? '';
  if (type.startsWith('admin.') && ADMIN_TYPE.test(type)) return true;
  const isOfUser = 'realmId' in fields && /^(?:access\.)?[A-Z][A-Z_]+$/.test(type);
  return isOfUser && ['clientId', 'ipAddress', 'sessionId', 'authDetails'].some((name) => name in fields);
}

function readEvent(json: unknown): SourceEvent {
  if (!isObject(json)) return unknownShape;
  const what = whatHappened(json);
  if (what === null) return readUserEvent(json);
  if (hasFailed(json)) return notSuccessful;
  const header = {
    eventId: textIn(json['id']) ?? textIn(json['uid']) ?? textIn(json['eventId']),
    occurredAt: epochTime(json['time']),
  };
  const membership = MEMBERSHIPS.get(what);
  if (membership !== undefined) {
    const { member, group } = membership.path.exec(pathOf(json))?.groups ?? {};
    if (member === undefined || group === undefined) return wrongPath(json, membership.wanted);
    return deltaOf(membership.op, [member], { group, ...header });
  }
  const deletion = DELETIONS.get(what);
  if (deletion !== undefined) {
    const { group } = deletion.path.exec(pathOf(json))?.groups ?? {};
    return group === undefined ? wrongPath(json, deletion.wanted) : deletedGroup({ group, ...header });
  }
  if (what === 'USER-CREATE' && namesGroups(json['representation'])) return createdInGroups(json);
  return isOfAnotherKind(what) ? notAChange : unknownKind(what);
}

interface Path {
  readonly path: RegExp;
  readonly wanted: string;
}

const OF_REALM: Path = {
  path: /^users\/(?<member>[^/]+)\/groups\/(?<group>[^/]+)$/,
  wanted: '`users/{user}/groups/{group}`',
};
const OF_ORGANIZATION: Path = {
  path: /^organizations\/[^/]+\/groups\/(?<group>[^/]+)\/members\/(?<member>[^/]+)$/,
  wanted: '`organizations/{organization}/groups/{group}/members/{user}`',
};

const MEMBERSHIPS: ReadonlyMap<string, Path & { readonly op: Op }> = new Map([
  ['GROUP_MEMBERSHIP-CREATE', { ...OF_REALM, op: 'add' }],
  ['GROUP_MEMBERSHIP-DELETE', { ...OF_REALM, op: 'remove' }],
  ['ORGANIZATION_GROUP_MEMBERSHIP-CREATE', { ...OF_ORGANIZATION, op: 'add' }],
  ['ORGANIZATION_GROUP_MEMBERSHIP-DELETE', { ...OF_ORGANIZATION, op: 'remove' }],
]);

const DELETIONS: ReadonlyMap<string, Path> = new Map([
  ['GROUP-DELETE', { path: /^groups\/(?<group>[^/]+)$/, wanted: '`groups/{group}`' }],
  [
    'ORGANIZATION_GROUP-DELETE',
    {
      path: /^organizations\/[^/]+\/groups\/(?<group>[^/]+)$/,
      wanted: '`organizations/{organization}/groups/{group}`',
    },
  ],
]);

/** A user that is created with groups is a member of them, and no other event says so. Some plug-ins write the representation as JSON. */
function namesGroups(representation: unknown): boolean {
  if (isObject(representation)) return isNamed(representation['groups']);
  if (typeof representation !== 'string' || !representation.includes('"groups"')) return false;
  const read = readJsonText(representation);
  // One that was cut may go on with groups.
  return !read.ok || isNamed(fieldsIn(read.json)['groups']);
}

const isNamed = (groups: unknown): boolean => isThere(groups) && !(Array.isArray(groups) && groups.length === 0);

const createdInGroups = (event: Fields): SourceEvent =>
  hint(
    'created_in_groups',
    `The user ${quote(pathOf(event))} was created as a member of groups that are named by their paths alone: look up in Keycloak ` +
      `which these are, read their members, and ${AS_FULL_STATE}.`,
  );

const unknownKind = (what: string): SourceEvent =>
  unknownEvent(`The event ${quote(what)}`, {
    changes: `look up in Keycloak who is in the group and ${AS_FULL_STATE}`,
    otherwise: 'let the plug-in leave it out',
  });

/** None of them is about groups; what neither is one nor an admin event is of another source. */
function readUserEvent(event: Fields): SourceEvent {
  const type = textIn(event['type']) ?? (event['sourceType'] === 'USER' ? textIn(event['eventType']) : null);
  const isOne = ('realmId' in event || 'authDetails' in event) && event['resourcePath'] === undefined;
  if (type === null || !isOne) return unknownShape;
  return isUserEvent(type) ? notAChange : unknownKind(type);
}

const pathOf = (event: Fields): string => textIn(event['resourcePath']) ?? '';

/** `GROUP_MEMBERSHIP-CREATE`; null: this is no admin event. */
function whatHappened(event: Fields): string | null {
  const resource = textIn(event['resourceType']) ?? textIn(event['resourceTypeAsString']);
  const operation = textIn(event['operationType']);
  if (resource !== null && operation !== null) return `${resource}-${operation}`;
  const [, named] = ADMIN_TYPE.exec(textIn(event['type']) ?? '') ?? [];
  return named ?? null;
}

const ADMIN_TYPE = /^(?:admin\.)?([A-Z][A-Z_]*-(?:CREATE|UPDATE|DELETE|ACTION))$/;

const hasFailed = ({ error }: Fields): boolean => isThere(error) && error !== '';

const wrongPath = (event: Fields, wanted: string): SourceEvent =>
  invalid(
    'resource_path',
    `\`resourcePath\` must be ${wanted}; it is ${quote(pathOf(event))}, and ids are not guessed. Look up in Keycloak who ` +
      `is in the group, ${AS_FULL_STATE}, and correct the plug-in that wrote this.`,
  );

const unknownShape = invalid(
  'schema',
  'This is no admin event of Keycloak: `resourceType` and `operationType`, or `type` as admin.GROUP_MEMBERSHIP-CREATE, are ' +
    'missing. Let the plug-in write AdminEvent as JSON.',
);

/**
 * Kinds of Keycloak's events that change no group. Sources: the enums ResourceType and EventType of Keycloak 26.7
 * (keycloak-server-spi-private, org.keycloak.events), and their javadoc of older versions.
 * CUSTOM is not among them: what an extension tells under it is not known.
 */
const RESOURCES: ReadonlySet<string> = new Set(
  (
    'REALM REALM_ROLE REALM_ROLE_MAPPING REALM_SCOPE_MAPPING AUTH_FLOW AUTH_EXECUTION_FLOW AUTH_EXECUTION ' +
    'AUTHENTICATOR_CONFIG REQUIRED_ACTION_CONFIG REQUIRED_ACTION IDENTITY_PROVIDER IDENTITY_PROVIDER_MAPPER PROTOCOL_MAPPER ' +
    'USER USER_LOGIN_FAILURE USER_SESSION USER_FEDERATION_PROVIDER USER_FEDERATION_MAPPER USER_PROFILE CLIENT ' +
    'CLIENT_INITIAL_ACCESS_MODEL CLIENT_ROLE CLIENT_ROLE_MAPPING CLIENT_SCOPE CLIENT_SCOPE_MAPPING ' +
    'CLIENT_SCOPE_CLIENT_MAPPING CLUSTER_NODE COMPONENT AUTHORIZATION_RESOURCE_SERVER AUTHORIZATION_RESOURCE ' +
    'AUTHORIZATION_SCOPE AUTHORIZATION_POLICY ORGANIZATION ORGANIZATION_MEMBERSHIP'
  ).split(' '),
);

const OPERATIONS: ReadonlySet<string> = new Set(['CREATE', 'UPDATE', 'DELETE', 'ACTION']);

/** Of a group: it comes, or is changed. */
const OF_GROUPS: ReadonlySet<string> = new Set([
  'GROUP-CREATE',
  'GROUP-UPDATE',
  'ORGANIZATION_GROUP-CREATE',
  'ORGANIZATION_GROUP-UPDATE',
]);

/** @param what as in `USER-CREATE`. */
function isOfAnotherKind(what: string): boolean {
  const [resource = '', operation = ''] = what.split('-');
  return OF_GROUPS.has(what) || (RESOURCES.has(resource) && OPERATIONS.has(operation));
}

const USER_EVENTS: ReadonlySet<string> = new Set(
  (
    'LOGIN REGISTER LOGOUT CODE_TO_TOKEN CLIENT_LOGIN REFRESH_TOKEN VALIDATE_ACCESS_TOKEN INTROSPECT_TOKEN ' +
    'FEDERATED_IDENTITY_LINK FEDERATED_IDENTITY_OVERRIDE_LINK REMOVE_FEDERATED_IDENTITY UPDATE_EMAIL UPDATE_PROFILE ' +
    'UPDATE_PASSWORD UPDATE_TOTP UPDATE_CREDENTIAL REMOVE_CREDENTIAL VERIFY_EMAIL VERIFY_PROFILE REMOVE_TOTP GRANT_CONSENT ' +
    'UPDATE_CONSENT REVOKE_GRANT SEND_VERIFY_EMAIL SEND_RESET_PASSWORD SEND_IDENTITY_PROVIDER_LINK RESET_PASSWORD ' +
    'RESTART_AUTHENTICATION INVALID_SIGNATURE REGISTER_NODE UNREGISTER_NODE USER_INFO_REQUEST ' +
    'IDENTITY_PROVIDER_LINK_ACCOUNT IDENTITY_PROVIDER_LOGIN IDENTITY_PROVIDER_FIRST_LOGIN IDENTITY_PROVIDER_POST_LOGIN ' +
    'IDENTITY_PROVIDER_RESPONSE IDENTITY_PROVIDER_RETRIEVE_TOKEN IMPERSONATE CUSTOM_REQUIRED_ACTION EXECUTE_ACTIONS ' +
    'EXECUTE_ACTION_TOKEN CLIENT_INFO CLIENT_REGISTER CLIENT_UPDATE CLIENT_DELETE CLIENT_INITIATED_ACCOUNT_LINKING ' +
    'TOKEN_EXCHANGE OAUTH2_DEVICE_AUTH OAUTH2_DEVICE_VERIFY_USER_CODE OAUTH2_DEVICE_CODE_TO_TOKEN OAUTH2_EXTENSION_GRANT ' +
    'AUTHREQID_TO_TOKEN PERMISSION_TOKEN DELETE_ACCOUNT PUSHED_AUTHORIZATION_REQUEST USER_DISABLED_BY_PERMANENT_LOCKOUT ' +
    'USER_DISABLED_BY_TEMPORARY_LOCKOUT USER_SESSION_DELETED INVITE_ORG JWT_AUTHORIZATION_GRANT ' +
    'VERIFIABLE_CREDENTIAL_REQUEST VERIFIABLE_CREDENTIAL_OFFER_REQUEST VERIFIABLE_CREDENTIAL_NONCE_REQUEST ' +
    'VERIFIABLE_CREDENTIAL_CREATE_OFFER VERIFIABLE_CREDENTIAL_PRE_AUTHORIZED_GRANT'
  ).split(' '),
);

/** A login and the like, with the prefix of a webhook or without, successful or not. */
const isUserEvent = (type: string): boolean => USER_EVENTS.has(type.replace(/^access\./, '').replace(/_ERROR$/, ''));
