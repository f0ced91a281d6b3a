/**
 * Who made a change, in records of formats that say it. It is read only for an operator who asks why, since reading it of each
 * record would slow the service down: so this looks for it in any record, and does not ask which format that is.
 *
 *   Okta      actor.alternateId   https://developer.okta.com/docs/reference/api/system-log/#actor-object
 *   Entra     initiatedBy         https://learn.microsoft.com/graph/api/resources/auditactivityinitiator
 *   Keycloak  authDetails.userId  https://www.keycloak.org/docs-api/latest/rest-api/#AuthDetailsRepresentation
 *   native    actor: a text, in any record with group_id; or an object as Okta's and Google's; actor.displayName of `rollcall resync` and `undo`
 *   Google    actor.email, or authenticationInfo.principalEmail of an audit log
 */
import { isObject } from '../core/text/json.ts';
import { namesGroup } from './native/native.ts';
import { fieldsIn, textIn, type Fields } from './reading/reading.ts';

/** Batches and envelopes lie in each other so deep. */
const DEPTH_MAX = 6;

interface NamedActor {
  readonly eventId: string | null;
  readonly actor: string;
}

/** Of an event of the record, by its id; null: the record does not say. @param eventCount how many events the record holds */
export function actorsIn(value: Uint8Array | null, eventCount: number): (eventId: string | null) => string | null {
  const actors = value === null ? [] : actorsWithin(parsed(value), DEPTH_MAX);
  const [only] = actors;
  return (eventId) => {
    const own = actors.find((each) => eventId !== null && each.eventId === eventId);
    // An envelope may have an id of its own.
    return own?.actor ?? (eventCount === 1 && actors.length === 1 ? (only?.actor ?? null) : null);
  };
}

function parsed(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString());
  } catch {
    return null;
  }
}

function actorsWithin(json: unknown, depth: number): readonly NamedActor[] {
  if (depth === 0) return [];
  if (Array.isArray(json)) return json.flatMap((each: unknown) => actorsWithin(each, depth - 1));
  if (!isObject(json)) return [];
  const actor = actorIn(json);
  if (actor !== null) return [{ eventId: idOf(json), actor }];
  return Object.values(json).flatMap((each) => actorsWithin(each, depth - 1));
}

function actorIn(fields: Fields): string | null {
  const { actor, initiatedBy, authDetails, authenticationInfo } = fields;
  const by = fieldsIn(initiatedBy);
  return (
    // Of a record without group_id a text of this name may be anything.
    (namesGroup(fields) ? textIn(actor) : null) ??
    firstText(actor, 'alternateId', 'email', 'displayName', 'id', 'profileId') ??
    firstText(by['user'], 'userPrincipalName', 'displayName', 'id') ??
    firstText(by['app'], 'displayName', 'appId', 'servicePrincipalId') ??
    firstText(authDetails, 'username', 'userId') ??
    firstText(authenticationInfo, 'principalEmail')
  );
}

function firstText(fields: unknown, ...names: readonly string[]): string | null {
  const given = fieldsIn(fields);
  for (const name of names) {
    const text = textIn(given[name]);
    if (text !== null) return text;
  }
  return null;
}

const idOf = ({ uuid, id, uid }: Fields): string | null =>
  textIn(uuid) ?? textIn(id) ?? textIn(uid) ?? textIn(fieldsIn(id)['uniqueQualifier']);
