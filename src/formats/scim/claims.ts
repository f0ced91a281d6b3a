/**
 * The claims of a security event token → changes of one group. `sub_id` names the resource (RFC 9967 2.1); the events of
 * one token are one change of it, so a notice beside a full event says nothing new. Events of the other profiles that share a
 * stream (SSF, CAEP, RISC) change no group, no matter what their subject is; an event that is not known is a hint.
 */
import type { SourceEvent } from '../../core/change/change.ts';
import type { Fields } from '../reading/reading.ts';
import {
  AS_FULL_STATE,
  deletedGroup,
  delta,
  fieldsIn,
  fullState,
  hint,
  invalid,
  isText,
  listIn,
  quote,
  skip,
  textIn,
  type EventHeader,
} from '../reading/reading.ts';
import { epochSeconds, groupIn, notAChange, unknownEvent } from '../reading/events.ts';
import { attribute, membersIn, patched, refusals, type Patched } from './members.ts';
import { isObject } from '../../core/text/json.ts';

export function readClaims(claims: Fields): readonly SourceEvent[] {
  const { events } = claims;
  const uris = Object.keys(fieldsIn(events));
  if (!isObject(events) || uris.length === 0)
    return [invalid('schema', '`events` is missing or empty: this is no security event token.')];
  const unknown = uris.find((uri) => !isOfAnotherProfile(uri) && !isKnown(shortName(uri)));
  if (unknown !== undefined)
    return [
      unknownEvent(`The event ${quote(unknown)}`, { changes: READ_AGAIN, otherwise: 'leave it out of the stream' }),
    ];
  if (uris.every(isOfAnotherProfile)) return uris.map(() => notAChange);
  const group = groupOf(fieldsIn(claims['sub_id']));
  if (typeof group !== 'string') return [group];
  const header: ClaimsHeader = {
    group,
    // One transaction may become several tokens, each with a jti of its own (RFC 9967 2.2).
    eventId: textIn(claims['txn']) ?? textIn(claims['jti']),
    occurredAt: epochSeconds(claims['toe']) ?? epochSeconds(claims['iat']),
    hasFullEvent: uris.length > 1 && uris.some((uri) => isFull(shortName(uri))),
  };
  return uris.flatMap((uri) => readEvent(shortName(uri), fieldsIn(events[uri]), header));
}

interface ClaimsHeader extends EventHeader {
  readonly hasFullEvent: boolean;
}

const PREFIX = 'urn:ietf:params:scim:event:';

/** In lower case. RFC 9967 has the prefix above; earlier drafts wrote `SCIM`, or turned the words around. */
function shortName(uri: string): string | null {
  if (uri.startsWith(PREFIX)) return uri.slice(PREFIX.length).toLowerCase();
  return /^urn:ietf:params:(?:scim:event|event:scim):(.+)$/.exec(uri.toLowerCase())?.[1] ?? null;
}

/**
 * Profiles of security events: OpenID SSF 1.0 and its CAEP and RISC profiles, OAuth's, back-channel logout, and what Okta
 * adds to them.
 */
const OTHER_PROFILES = [
  'https://schemas.openid.net/secevent/ssf/event-type/',
  'https://schemas.openid.net/secevent/sse/event-type/',
  'https://schemas.openid.net/secevent/caep/event-type/',
  'https://schemas.openid.net/secevent/risc/event-type/',
  'https://schemas.openid.net/secevent/oauth/event-type/',
  'http://schemas.openid.net/event/backchannel-logout',
  'https://schemas.okta.com/secevent/okta/event-type/',
] as const;

const isOfAnotherProfile = (uri: string): boolean => OTHER_PROFILES.some((beginning) => uri.startsWith(beginning));

const KNOWN: ReadonlySet<string> = new Set([
  'prov:patch:full',
  'prov:patch:notice',
  'prov:put:full',
  'prov:put:notice',
  'prov:create:full',
  'prov:create:notice',
  'prov:delete',
  'feed:add',
  'feed:remove',
  // Of other kinds: users are switched on and off; a request has its answer.
  'prov:activate',
  'prov:deactivate',
  'misc:asyncresp',
  'sig:authmethod',
  'sig:pwdreset',
]);

const isKnown = (name: string | null): boolean => name !== null && KNOWN.has(name);

const isFull = (name: string | null): boolean => name !== null && (name.endsWith(':full') || name === 'prov:delete');

function readEvent(name: string | null, event: Fields, header: ClaimsHeader): readonly SourceEvent[] {
  const data = fieldsIn(event['data']);
  switch (name) {
    case 'prov:patch:full':
      return readPatch(data, header);
    case 'prov:put:full':
    case 'prov:create:full':
      return readResource(data, header, name);
    case 'prov:delete':
      return [deletedGroup(header)];
    case 'prov:patch:notice':
    case 'prov:put:notice':
    case 'prov:create:notice':
      return [readNotice(event, header)];
    case 'feed:add':
    case 'feed:remove':
      return [readFeed(name, header)];
    default:
      return [notAChange];
  }
}

function readPatch(data: Fields, header: ClaimsHeader): readonly SourceEvent[] {
  const operations = attribute(data, 'Operations');
  if (!Array.isArray(operations)) return [schemaProblem('`data.Operations` must be a list.', header)];
  const patch = patched(operations);
  if (patch === null) return [notAChange];
  if (typeof patch === 'string') return [schemaProblem(`The PATCH cannot be read: ${patch}.`, header)];
  return [...changeOf(patch, header), ...refusals(patch.refused, header.group)];
}

/** Nothing, where the operations name only members that are refused. */
function changeOf(
  { kind, wanted, refused }: Patched,
  { group, eventId, occurredAt }: EventHeader,
): readonly SourceEvent[] {
  if (kind === 'state') return [fullState({ group, eventId, occurredAt, members: [...wanted.keys()] })];
  if (wanted.size === 0 && refused.length > 0) return [];
  const [add, remove]: [string[], string[]] = [[], []];
  for (const [member, op] of wanted) (op === 'add' ? add : remove).push(member);
  return [delta({ group, eventId, occurredAt, add, remove })];
}

function readResource(
  data: Fields,
  header: ClaimsHeader,
  name: 'prov:put:full' | 'prov:create:full',
): readonly SourceEvent[] {
  const members = attribute(data, 'members');
  if (members === undefined && name === 'prov:create:full') return [notAChange];
  // No members, or a server that leaves them out of its answers? An empty group would lose everybody.
  if (members === undefined)
    return [
      hint('members_missing', `The new state of the group has no \`members\`: ${READ_AGAIN}.`, groupIn(header.group)),
    ];
  const read = Array.isArray(members) ? membersIn(members) : null;
  const { group, eventId, occurredAt } = header;
  if (read === null) return [schemaProblem('`data.members` must be a list of objects.', header)];
  return [fullState({ group, eventId, occurredAt, members: read.users }), ...refusals(read.refused, group)];
}

function readNotice(event: Fields, header: ClaimsHeader): SourceEvent {
  if (header.hasFullEvent) return coveredByFullEvent;
  const attributes = listIn(event['attributes']);
  const isOfMembers = attributes.length === 0 || attributes.some((name) => isText(name) && MEMBERS.test(name));
  if (!isOfMembers) return notAChange;
  return hint(
    'change_without_detail',
    `The notice does not say which members changed: ${READ_AGAIN}.`,
    groupIn(header.group),
  );
}

const MEMBERS = /^(?:urn:ietf:params:scim:schemas:core:2\.0:group:)?members(?![\w-])/i;

/** Neither says anything of the members: who is in a group that joins the feed is not said, and one that leaves it still exists. */
function readFeed(name: 'feed:add' | 'feed:remove', { group, hasFullEvent }: ClaimsHeader): SourceEvent {
  if (hasFullEvent) return coveredByFullEvent;
  if (name === 'feed:add')
    return hint('feed_added', `The group is new in the feed, without its members: ${READ_AGAIN}.`, groupIn(group));
  const message =
    'The group has left the feed, so its changes are not sent any more. It is not deleted: its members stay as they are.';
  return hint('feed_removed', message, groupIn(group));
}

const READ_AGAIN =
  `read the group's members from the SCIM server (GET the uri of sub_id) and ${AS_FULL_STATE}; where SCIM_EVENTS_JWKS_FILE is ` +
  'set, use `rollcall apply FILE --format native`';

const coveredByFullEvent = skip('told_in_full');

const schemaProblem = (message: string, { group }: EventHeader): SourceEvent =>
  invalid('schema', message, groupIn(group));

/** RFC 7644 3.2 and 4; devices of RFC 9944. */
const OTHER_RESOURCES: ReadonlySet<string> = new Set(
  'users me serviceproviderconfig resourcetypes schemas bulk feeds devices endpointapps roles entitlements'.split(' '),
);

const unknownResource = (type: string): SourceEvent =>
  hint(
    'unknown_resource_type',
    `The event is about a resource of the type ${quote(type)}, which is not known: where it holds the members of a group, ${READ_AGAIN}.`,
  );

/** `/Groups/{id}`, the path from the server's base; an event of another resource changes no group. */
function groupOf(subject: Fields): string | SourceEvent {
  const [, type, id] = /(?:^|\/)([A-Za-z]+)\/([^/?#]+)\/?$/.exec(textIn(subject['uri']) ?? '') ?? [];
  if (type === undefined || id === undefined) {
    return invalid(
      'schema',
      '`sub_id.uri` must name the resource, as in {"format":"scim","uri":"/Groups/…"} (RFC 9967 2.1).',
    );
  }
  if (OTHER_RESOURCES.has(type.toLowerCase())) return notAChange;
  if (type.toLowerCase() !== 'groups') return unknownResource(type);
  try {
    return id.includes('%') ? decodeURIComponent(id) : id;
  } catch {
    return invalid('schema', `\`sub_id.uri\` ends in ${quote(id)}, which is no percent-encoded id.`);
  }
}
