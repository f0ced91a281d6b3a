/**
 * Keycloak's admin events, as plug-ins send them: AdminEvent as JSON (github.com/SnuK87/keycloak-kafka and those like it),
 * and the extended ones of webhooks (github.com/p2-inc/keycloak-events: `uid`, `"type":"admin.GROUP_MEMBERSHIP-CREATE"`; some others
 * without `admin.`). The resource path is the only source of ids: `users/{user}/groups/{group}`, `groups/{group}`. The
 * representation is there only where "include representation" is set, and it is that of the group alone.
 * Groups below a deleted group go with it, and users who are deleted leave their groups, without an event of their own.
 */
import type { SourceEvent } from '../core/change.ts';
import type { Reader } from './reader.ts';
import { deletedGroup, deltaOf, type Fields, invalid, isFields, quote, textIn } from './reading.ts';
import { epochTime, notAChange, notSuccessful, readEvents } from './several.ts';

export const keycloak: Reader = {
  name: 'keycloak',
  recognizes,
  decode: (record) => readEvents(record, (json) => (Array.isArray(json) ? json : [json]).map(readEvent)),
};

/** An admin event, also one without `resourcePath`; or an event of a user: `LOGIN`, `access.LOGIN`. */
function recognizes(fields: Fields): boolean {
  if ('resourcePath' in fields && ('operationType' in fields || 'type' in fields)) return true;
  if ('operationType' in fields && ('resourceType' in fields || 'resourceTypeAsString' in fields)) return true;
  const type = textIn(fields['type']) ?? '';
  if (type.startsWith('admin.') && ADMIN_TYPE.test(type)) return true;
  const isOfUser = 'realmId' in fields && /^(?:access\.)?[A-Z][A-Z_]+$/.test(type);
  return isOfUser && ['clientId', 'ipAddress', 'sessionId', 'authDetails'].some((name) => name in fields);
}

function readEvent(json: unknown): SourceEvent {
  if (!isFields(json)) return unknownShape;
  const what = whatHappened(json);
  if (what === null) return isUserEvent(json) ? notAChange : unknownShape;
  if (hasFailed(json)) return notSuccessful;
  const eventId = textIn(json['id']) ?? textIn(json['uid']);
  const occurredAt = epochTime(json['time']);
  switch (what) {
    case 'GROUP_MEMBERSHIP-CREATE':
    case 'GROUP_MEMBERSHIP-DELETE': {
      const [, member, group] = MEMBERSHIP_PATH.exec(pathOf(json)) ?? [];
      if (member === undefined || group === undefined) return wrongPath(json, '`users/{user}/groups/{group}`');
      return deltaOf(what === 'GROUP_MEMBERSHIP-CREATE' ? 'add' : 'remove', [member], { group, eventId, occurredAt });
    }
    case 'GROUP-DELETE': {
      const [, group] = GROUP_PATH.exec(pathOf(json)) ?? [];
      return group === undefined ? wrongPath(json, '`groups/{group}`') : deletedGroup({ group, eventId, occurredAt });
    }
    default:
      return notAChange;
  }
}

const MEMBERSHIP_PATH = /^users\/([^/]+)\/groups\/([^/]+)$/;
const GROUP_PATH = /^groups\/([^/]+)$/;

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

/** A login and the like; none of them is about groups. */
const isUserEvent = (event: Fields): boolean =>
  textIn(event['type']) !== null &&
  ('realmId' in event || 'authDetails' in event) &&
  event['resourcePath'] === undefined;

const hasFailed = ({ error }: Fields): boolean => error !== undefined && error !== null && error !== '';

const wrongPath = (event: Fields, wanted: string): SourceEvent =>
  invalid(
    'resource_path',
    `\`resourcePath\` must be ${wanted}; it is ${quote(pathOf(event))}, and ids are not guessed. Look up in Keycloak who ` +
      'is in the group, send its full state, and mend the plug-in that wrote this.',
  );

const unknownShape = invalid(
  'schema',
  'This is no admin event of Keycloak: `resourceType` and `operationType`, or `type` as admin.GROUP_MEMBERSHIP-CREATE, are ' +
    'missing. Let the plug-in write AdminEvent as JSON.',
);
