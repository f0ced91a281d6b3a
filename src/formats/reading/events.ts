/** What formats share about events: several of them in one record, their ids and times, and which format recognizes a record. */
import type { Invalid, SourceFormat } from '../../core/change/change.ts';
import { idProblem, isSameId, type Decoded, type SourceEvent, type SourceRecord } from '../../core/change/change.ts';
import { isObject } from '../../core/text/json.ts';
import {
  badId,
  hint,
  invalid,
  isSerializedTwice,
  notAnObject,
  quote,
  readValue,
  skip,
  textIn,
  tombstone,
  type Fields,
} from './reading.ts';

/** Reads a record as JSON and hands it on; all report what is none in the same words. */
export function readEvents(record: SourceRecord, eventsIn: (json: unknown) => readonly SourceEvent[]): Decoded {
  if (record.value === null) return [tombstone];
  const read = readValue(record);
  if (!read.ok) return [read.problem];
  if (isSerializedTwice(read.json))
    return [notAnObject(read.json, 'The value must be the event itself, or a list of events.')];
  return several(eventsIn(read.json));
}

/** Of a source whose records hold one event, or a list of them. */
export const readEach = (record: SourceRecord, readEvent: (json: unknown) => SourceEvent): Decoded =>
  readEvents(record, (json) => (Array.isArray(json) ? json : [json]).map(readEvent));

/** The events of one record; where it holds none, that is what it tells. */
export function several(events: readonly SourceEvent[]): Decoded {
  const [first] = events;
  if (first === undefined) return [skip('no_events')];
  return events.length === 1 ? [first] : [first, ...events.slice(1)];
}

/** What Amazon EventBridge puts around an event: the event is its `detail`. */
export const withoutEventBridge = (json: unknown): unknown =>
  isObject(json) && 'detail-type' in json && 'detail' in json ? json['detail'] : json;

const TIME_LENGTH_MAX = 64;

/** A time as the source writes it; it is only shown, so a value that cannot be one is left out. */
export function timeIn(value: unknown): string | null {
  const text = textIn(value);
  return text !== null && text.length <= TIME_LENGTH_MAX ? text : null;
}

/** The last millisecond of the year 9999: what RFC 3339 can write. */
const EPOCH_MS_MAX = 253_402_300_799_999;

const rfc3339 = (epochMs: number): string | null =>
  epochMs >= 0 && epochMs <= EPOCH_MS_MAX ? new Date(epochMs).toISOString() : null;

/** Epoch milliseconds, as a number or a text → RFC 3339; null where it is neither. */
export function epochTime(value: unknown): string | null {
  const time = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof time === 'number' ? rfc3339(time) : null;
}

/** Seconds since 1970, as tokens write them (RFC 7519 2) → RFC 3339; null where it is none. */
export const epochSeconds = (value: unknown): string | null =>
  typeof value === 'number' ? rfc3339(value * 1000) : null;

/** An id as the source writes it; a value that is no text becomes the empty id, which every event refuses. */
export const idIn = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The id of a group for a message or a dead letter; null where it could be none. */
export function groupIn(value: unknown): string | null {
  const id = textIn(value);
  return id !== null && idProblem(id) === null ? id : null;
}

export const unique = (ids: readonly string[]): readonly string[] => (ids.length < 2 ? ids : [...new Set(ids)]);

/** What the target cannot hold: a group, a device or a service is no member of a Genesys group. */
export const refusedMember = (what: string, group: string | null): SourceEvent =>
  invalid(
    'member_type',
    `${what}: only users can be members of a Genesys group; put its users into the group themselves.`,
    groupIn(group),
  );

/**
 * An event of a kind that is not known: it may be a new way into a group.
 * @param advice what to do where it changes memberships, and where it does not
 */
export const unknownEvent = (
  what: string,
  advice: { readonly changes: string; readonly otherwise: string },
  group: string | null = null,
): SourceEvent =>
  hint(
    'unknown_event_type',
    `${what} is not known, and it may change memberships. Where it does, ${advice.changes}; where it does not, ${advice.otherwise}.`,
    group,
  );

export const notAChange = skip('not_a_membership_change');
export const notSuccessful = skip('not_successful');

/*
 * A format that says which records are its own, so that the formats that detect (registry.ts) know no field of any other format.
 * It goes by names that only this format has: what any table or application may name so (`id`, `type`, `deleted`) says nothing.
 */

export interface Reader extends SourceFormat {
  /**
   * The record is of this format and of no other, whether or not it is a membership change.
   * @param fields the value; of a list its first entry; of what Amazon EventBridge sends its `detail`.
   */
  recognizes(fields: Fields, record: SourceRecord): boolean;
  /** Asked only where no format recognizes the record: it may be of this format, and this one says best what is wrong with it. */
  suspects?(fields: Fields, record: SourceRecord): boolean;
}

/* Ids as tables and applications write them: a text, or a whole number, which becomes text. */

/** What a field holds: an id, nothing, or something that can be none. */
export type FoundId =
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'bad'; readonly problem: Invalid };

const NONE: FoundId = { kind: 'none' };

/** `field` names it in the message. An empty text counts as none: that is how databases fill what they do not tell. */
export function foundId(value: unknown, field: string): FoundId {
  if (value === undefined || value === null || value === '') return NONE;
  if (typeof value === 'string') return { kind: 'id', id: value };
  if (typeof value !== 'number' || !Number.isInteger(value)) return { kind: 'bad', problem: badId(field, 'schema') };
  if (Number.isSafeInteger(value)) return { kind: 'id', id: String(value) };
  // What was written there is lost: JSON.parse has rounded it to another id.
  const message = `${field} is a number beyond 2^53, which JSON readers round to another one; send it as a text.`;
  return { kind: 'bad', problem: invalid('id_rounded', message) };
}

/** The one id under any of these names; names that disagree are no id. */
export function idUnder(fields: Fields, names: readonly string[]): FoundId {
  let found: FoundId = NONE;
  for (const name of names) {
    const value = fields[name];
    const here = isObject(value) ? idOfObject(value, names, name) : foundId(value, `\`${name}\``);
    if (here.kind === 'bad') return here;
    if (here.kind === 'none') continue;
    if (found.kind === 'id' && !isSameId(found.id, here.id)) return disagreement(found.id, here.id);
    found = here;
  }
  return found;
}

/**
 * Of an object that is one of `names` its `id`, or what it names by one of them. A membership with an id of its own names its user beside it
 * (FusionAuth: `{"id","groupId","userId"}`): two that disagree are no id.
 */
export function idOfObject(object: Fields, names: readonly string[], field: string): FoundId {
  let found = foundId(object['id'], `\`${field}\``);
  for (const name of names) {
    if (found.kind === 'bad') return found;
    const value = object[name];
    const inner = foundId(isObject(value) ? value['id'] : value, `\`${name}\``);
    if (inner.kind === 'none') continue;
    if (found.kind === 'id' && inner.kind === 'id' && !isSameId(found.id, inner.id))
      return disagreement(found.id, inner.id);
    found = inner;
  }
  return found;
}

const disagreement = (one: string, other: string): FoundId => ({
  kind: 'bad',
  problem: invalid('alias_conflict', `The event names both ${quote(one)} and ${quote(other)}; send one of them.`),
});
