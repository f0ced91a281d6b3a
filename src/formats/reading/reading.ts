/**
 * Room formats/reading: what formats share: bytes → JSON → checked ids, and what cannot be read.
 * Not here: what one format alone knows.
 *
 * What all formats share: bytes → JSON, and events whose ids are checked. Total: no bytes cause an exception.
 * A lone surrogate (`"\ud800"` in JSON) has no UTF-8 form, so it could be neither a key nor a path: no text that we take.
 */
import {
  ID_LENGTH_MAX,
  idProblem,
  type Delta,
  type FullState,
  type Hint,
  type IdProblem,
  type Invalid,
  type Op,
  type Skip,
  type SourceRecord,
} from '../../core/change/change.ts';
import { causeOfBytes, causeOfText } from './unreadable.ts';
import { isObject } from '../../core/text/json.ts';

export type Fields = Readonly<Record<string, unknown>>;

export const isThere = (value: unknown): boolean => value !== undefined && value !== null;

export const isText = (value: unknown): value is string => typeof value === 'string' && value.isWellFormed();

/** The text; null where it is anything else, or empty. */
export const textIn = (value: unknown): string | null => (isText(value) && value !== '' ? value : null);

export const fieldsIn = (value: unknown): Fields => (isObject(value) ? value : {});

export const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/**
 * How a group whose change the source could not tell is put right. Beside any format of the source topic (native.ts), save signed SCIM
 * events.
 */
export const BESIDE_FORMAT = 'a native record with the header rollcall-format: native, see docs/formats.md';
export const AS_FULL_STATE = `send them as a full state, while nothing changes them (${BESIDE_FORMAT})`;

export type Read = { readonly ok: true; readonly json: unknown } | { readonly ok: false; readonly problem: Invalid };

/** A record whose value has been read already: an envelope was taken off, or its format was looked for. */
export interface ReadRecord extends SourceRecord {
  readonly read: Read;
}

/** The value of a record that has one, read once however many layers look at it. */
export function readValue(record: SourceRecord & { readonly read?: Read }): Read {
  return record.read ?? readJson(record.value ?? NO_BYTES);
}

const NO_BYTES = new Uint8Array();

const decoder = new TextDecoder('utf-8', { fatal: true });

/** null: it is not UTF-8. A byte order mark is skipped. */
export function utf8Text(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** A byte order mark is skipped (RFC 8259 8.1). */
export function readJson(bytes: Uint8Array): Read {
  const text = utf8Text(bytes);
  if (text === null) return { ok: false, problem: notUtf8('The value', bytes) };
  const read = readJsonText(text);
  if (read.ok) return read;
  const cause = causeOfBytes(bytes) ?? causeOfText(text);
  if (cause === null) return read;
  const message = `The value is not JSON (it begins with ${quote(text)}): ${cause}`;
  return { ok: false, problem: invalid('not_json', message) };
}

/** What stands there is not known, and two ids could become one by their replacement characters. */
export const notUtf8 = (what: string, bytes: Uint8Array): Invalid =>
  invalid('not_utf8', `${what} is not UTF-8: ${causeOfBytes(bytes) ?? 'encode it as UTF-8.'}`);

export function readJsonText(text: string): Read {
  try {
    return { ok: true, json: JSON.parse(text) };
  } catch {
    return { ok: false, problem: invalid('not_json', `The value is not JSON; it begins with ${quote(text)}.`) };
  }
}

/** Of a value that is JSON, but not the object that is wanted. `wanted`: a sentence that says what to send. */
export const notAnObject = (json: unknown, wanted: string): Invalid =>
  invalid('schema', `${shapeProblem(json)}${wanted}`);

/** What is wrong with its shape; empty: nothing that is known. */
function shapeProblem(json: unknown): string {
  if (Array.isArray(json))
    return 'The value is a JSON list, and this format has one event a record: send each entry by itself. ';
  return isSerializedTwice(json) ? SERIALIZED_TWICE : '';
}

export const isSerializedTwice = (json: unknown): boolean =>
  typeof json === 'string' && /^\s*[{["]/.test(json) && readJsonText(json).ok;

const SERIALIZED_TWICE =
  'The value is a JSON text that holds JSON: it was serialized twice. Hand the object itself to the serializer (Node: ' +
  'JSON.stringify once; Logstash and Filebeat: codec json), or its text to one that writes texts as they are (Kafka Connect: ' +
  'value.converter=org.apache.kafka.connect.storage.StringConverter). ';

const QUOTE_LENGTH_MAX = 60;
/** Of foreign text, so much as a message may repeat. */
export const quote = (foreign: string): string => JSON.stringify(foreign.slice(0, QUOTE_LENGTH_MAX));

export const invalid = (code: string, message: string, group: string | null = null): Invalid => ({
  kind: 'invalid',
  code,
  message,
  group,
});

export const hint = (code: string, message: string, group: string | null = null): Hint => ({
  kind: 'hint',
  code,
  message,
  group,
});

export const skip = (reason: string): Skip => ({ kind: 'skip', reason });

/** A record without a value: read as nothing, never as "group deleted". */
export const tombstone = skip('tombstone');

/** What an event says of itself beside its members. */
export interface EventHeader {
  readonly group: string;
  readonly eventId: string | null;
  readonly occurredAt: string | null;
}

/** Where it says nothing of them, its id and time may be left out. */
type PartialHeader = Pick<EventHeader, 'group'> & Partial<EventHeader>;

/** Members to add and to remove; `invalid` where an id cannot be one. */
export function delta(
  event: PartialHeader & { readonly add?: readonly string[]; readonly remove?: readonly string[] },
): Delta | Invalid {
  // Field by field: this is done for every record, and taking an object apart with a rest costs as much as a short JSON.parse.
  const { group, eventId = null, occurredAt = null, add = NO_MEMBERS, remove = NO_MEMBERS } = event;
  const problem = problemOf(group, eventId) ?? memberProblem(add, group) ?? memberProblem(remove, group);
  return problem ?? { kind: 'delta', group, eventId, occurredAt, add, remove };
}

const NO_MEMBERS: readonly string[] = [];

/** Members who come, or members who go. Written out, since spreading would cost a third of the reading of a record. */
export const deltaOf = (
  op: Op,
  members: readonly string[],
  { group, eventId, occurredAt }: EventHeader,
): Delta | Invalid =>
  op === 'add'
    ? delta({ group, eventId, occurredAt, add: members, remove: NO_MEMBERS })
    : delta({ group, eventId, occurredAt, add: NO_MEMBERS, remove: members });

/** Exactly these members; `invalid` where an id cannot be one. */
export function fullState(event: PartialHeader & { readonly members: readonly string[] }): FullState | Invalid {
  const { group, eventId = null, occurredAt = null, members } = event;
  const problem = problemOf(group, eventId) ?? memberProblem(members, group);
  return problem ?? { kind: 'state', group, eventId, occurredAt, members, deleted: false };
}

/** The group is gone at the identity provider. */
export function deletedGroup({ group, eventId = null, occurredAt = null }: PartialHeader): FullState | Invalid {
  return problemOf(group, eventId) ?? { kind: 'state', group, eventId, occurredAt, members: [], deleted: true };
}

function problemOf(group: string, eventId: string | null): Invalid | null {
  const ofGroup = problemOfId(group);
  if (ofGroup !== null) return badId('the group id', ofGroup);
  // It is copied into every record of every intent, so it is bounded like an id.
  if (eventId !== null && (eventId.length > ID_LENGTH_MAX || !isText(eventId)))
    return badId('the event id', 'id_too_long', group);
  return null;
}

function memberProblem(members: readonly string[], group: string): Invalid | null {
  for (const member of members) {
    const ofMember = problemOfId(member);
    if (ofMember !== null) return badId('a member id', ofMember, group);
  }
  return null;
}

const problemOfId = (id: string): IdProblem | 'schema' | null => (isText(id) ? idProblem(id) : 'schema');

const ID_REMEDIES: Readonly<Record<IdProblem | 'schema', string>> = {
  empty_id: 'is empty; set it to an id',
  control_character: 'holds a control character; send the id alone',
  id_too_long: `is longer than ${ID_LENGTH_MAX} characters; send the id alone`,
  unsafe_id: 'is `.` or `..`, which no path can name; send the id of the directory',
  schema: 'must be a well-formed text',
};

export const badId = (field: string, code: IdProblem | 'schema', group: string | null = null): Invalid =>
  invalid(code, `${field} ${ID_REMEDIES[code]}.`, group);

/* Headers of a record as text. */

const LENGTH_MAX = 4_096;

type WithHeaders = Pick<SourceRecord, 'headers'>;

/** The last one of that name; null where there is none, or it is empty. JSON converters write texts with quotation marks. */
export function headerText(record: WithHeaders, name: string): string | null {
  const bytes = lastHeader(record, name);
  return bytes === null ? null : textOf(bytes);
}

/** The same, of one that ids are taken from. */
export function checkedHeader(record: WithHeaders, name: string): string | null | Invalid {
  const bytes = lastHeader(record, name);
  if (bytes === null) return null;
  return utf8Text(bytes) === null ? notUtf8(`The header \`${name}\``, bytes) : textOf(bytes);
}

/** The id of an event is only reported: what cannot be read costs no change. */
export function eventIdHeader(record: WithHeaders, name: string): string | null {
  const text = checkedHeader(record, name);
  return typeof text === 'string' ? text : null;
}

function lastHeader({ headers }: WithHeaders, name: string): Uint8Array | null {
  for (let at = headers.length - 1; at >= 0; at -= 1) {
    const header = headers[at];
    if (header !== undefined && header[0] === name) return header[1];
  }
  return null;
}

function textOf(bytes: Uint8Array): string | null {
  if (bytes.length > LENGTH_MAX) return null;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  return textIn(text.startsWith('"') ? unquoted(text) : text);
}

function unquoted(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/*
 * What serializers of a Schema Registry write is no JSON: a zero, the schema's id in four bytes, then Avro, Protobuf, or JSON.
 * https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/index.html#wire-format
 */

const HEADER_LENGTH = 5;

/** null: other bytes. A second byte other than zero would be a schema id beyond 16 million; UTF-16 has its first character there. */
export const schemaRegistryProblem = ({ value }: SourceRecord): Invalid | null =>
  value !== null && value.length > HEADER_LENGTH && value[0] === 0 && value[1] === 0 ? encoded : null;

export const encoded = invalid(
  'schema_registry',
  'The data begins with the zero and the schema id of a Schema Registry (Avro, Protobuf or JSON Schema), which Rollcall does ' +
    'not read: set value.converter and key.converter to org.apache.kafka.connect.json.JsonConverter (and ' +
    'value.converter.schemas.enable=false), for CloudEvents value.converter.data.serializer.type=json, or let the producer ' +
    'write plain JSON.',
);
