/**
 * Groups as Graph's delta query tells them (groups/delta, directoryObjects/delta): `members@delta` holds what changed, not
 * who is in. https://learn.microsoft.com/graph/delta-query-groups
 */
import type { SourceEvent } from '../../core/change/change.ts';
import type { Fields } from '../reading/reading.ts';
import {
  AS_FULL_STATE,
  deletedGroup,
  delta,
  hint,
  invalid,
  quote,
  textIn,
  type EventHeader,
} from '../reading/reading.ts';
import { groupIn, idIn, notAChange, refusedMember } from '../reading/several.ts';
import { isObject } from '../../core/text/json.ts';

/** At least one of these makes an object with an id a group; with a page's context it needs none. */
const MARKS = ['@removed', '@odata.type', '@odata.id', 'members@delta', 'owners@delta', 'displayName', 'groupTypes'];

export const isGroup = (entry: Fields, context: string | null): boolean =>
  'id' in entry && (context !== null || MARKS.some((mark) => mark in entry));

export function readGraphGroup(entry: Fields, context: string | null): readonly SourceEvent[] {
  const type = textIn(entry['@odata.type'])?.toLowerCase();
  const collection = collectionOf(context);
  // Who is in the group, without its delta; the entries may be of any type.
  const [, listed] = MEMBERS_OF.exec(context ?? '') ?? [];
  if (listed !== undefined) return [expanded(listed)];
  // Pages of directoryObjects/delta hold users too, and a deleted user is no deleted group.
  if (type === undefined ? collection !== 'groups' : type !== '#microsoft.graph.group')
    return [isKnownOther(type, collection) ? notAChange : withoutType(entry, type ?? collection)];
  // A directory role looks like a group otherwise: it has `members@delta` too, and its page alone says what it is one of.
  if ('roleTemplateId' in entry) return [notAChange];
  const group = idIn(entry['id']);
  if (isRemoved(entry)) return [deletedGroup({ group })];
  const members = entry['members@delta'];
  if (members !== undefined) return readMembers(members, { group, eventId: null, occurredAt: null });
  if (Object.keys(entry).some((name) => LISTS_MEMBERS.test(name))) return [expanded(group)];
  const { deletedDateTime } = entry;
  return [deletedDateTime === undefined || deletedDateTime === null ? notAChange : inRecycleBin(group)];
}

/** Types of directory objects, and collections, that are none of groups (https://learn.microsoft.com/graph/api/resources/directoryobject). */
const OTHER_TYPES =
  /^(?:#microsoft\.graph\.)?(?:user|device|orgcontact|contact|serviceprincipal|application|administrativeunit|directoryrole|agreement|policy|approleassignment|oauth2permissiongrant|organization|domain|tenant\w*|mailfolder|message|event|drive\w*|site|list\w*)s?$/;

const isKnownOther = (type: string | undefined, collection: string): boolean => OTHER_TYPES.test(type ?? collection);

/** `$expand=members` lists at most 20 members, so that it is no full state. */
const expanded = (group: string): SourceEvent =>
  hint(
    'members_without_delta',
    "The group has `members` or the like, which need not be all of them, and no `members@delta`: ask Graph for groups/delta, or read the group's " +
      `members (groups/{id}/members) and ${AS_FULL_STATE}.`,
    groupIn(group),
  );

/** Of a list such as directory/deletedItems, which does not say that the group has just gone there. */
const inRecycleBin = (group: string): SourceEvent =>
  hint(
    'group_in_recycle_bin',
    `The group has a \`deletedDateTime\` and no \`@removed\`: where it is deleted, send it as {"group_id":…,"deleted":true}; ` +
      `otherwise read its members (groups/{id}/members) and ${AS_FULL_STATE}.`,
    groupIn(group),
  );

/** `members`, `transitiveMembers`, and what OData says of them (`members@odata.nextLink`, `members@odata.bind`). */
const LISTS_MEMBERS = /^(?:transitive)?members(?:@|$)/i;

/** `…$metadata#groups('id')/members`. */
const MEMBERS_OF = /\$metadata#groups\('([^']+)'\)\/(?:transitive)?members\b/i;

/** What the page is one of; without a context, groups. */
const collectionOf = (context: string | null): string =>
  context === null ? 'groups' : (/\$metadata#(\w+)/.exec(context)?.[1]?.toLowerCase() ?? 'groups');

const withoutType = (entry: Fields, what: string): SourceEvent =>
  hint(
    'type_missing',
    `The object has no \`@odata.type\`, or one that is not known (${quote(what)}), so it may be a group; ask Graph for groups/delta ` +
      'instead.',
    groupIn(entry['id']),
  );

/** The users as one event; what else is a member of the group is refused beside them. */
export function readMembers(members: unknown, { group, eventId, occurredAt }: EventHeader): readonly SourceEvent[] {
  if (!Array.isArray(members) || !members.every(isObject))
    return [invalid('schema', '`members@delta` must be a list of objects.', groupIn(group))];
  const [add, remove, refused]: [string[], string[], Fields[]] = [[], [], []];
  for (const member of members) {
    if (isUser(member)) (isRemoved(member) ? remove : add).push(idIn(member['id']));
    else refused.push(member);
  }
  const isChange = add.length + remove.length > 0;
  const events = isChange ? [delta({ group, eventId, occurredAt, add, remove })] : [];
  if (refused.length > 0) return [...events, refusal(refused, group)];
  return isChange ? events : [notAChange];
}

function refusal(refused: readonly Fields[], group: string): SourceEvent {
  const [first] = refused;
  const others = refused.length === 1 ? '' : ` and ${refused.length - 1} more`;
  const what = `The member ${quote(idIn(first?.['id']))} of the type ${quote(idIn(first?.['@odata.type']))}${others} cannot be put in`;
  return refusedMember(what, group);
}

/** Change notifications name no types (and Graph can leave them out), so a member without one counts as a user. */
function isUser(member: Fields): boolean {
  const type = textIn(member['@odata.type']);
  return type === null || type.toLowerCase() === '#microsoft.graph.user';
}

/** `{"reason":…}` in a delta query, `"deleted"` in a notification; any reason ends the membership. */
const isRemoved = (object: Fields): boolean => object['@removed'] !== undefined && object['@removed'] !== null;
