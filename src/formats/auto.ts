/**
 * `auto`: each record is read by the format that it has, told by its shape alone (shape.ts), and `cloudevents`: events in that
 * envelope, whatever is in them. Both are for topics into which several sources write; where there is one, its own name is
 * safer, since a record of another shape then is a dead letter instead of a guess.
 */
import type { Decoded, SourceEvent, SourceFormat, SourceRecord } from '../core/change.ts';
import { hasEnvelope, type Inner, unwrap, withAttributes, withoutData } from './cloudevents.ts';
import type { DebeziumOptions } from './debezium-row.ts';
import { isOutbox } from './debezium-outbox.ts';
import { readMemberEvent } from './member-event.ts';
import { native } from './native.ts';
import { fieldsIn, invalid, isFields, type ReadRecord, readValue } from './reading.ts';
import { several } from './several.ts';
import { type Shape, shapeOf, shapeOfEnvelope } from './shape.ts';

/** A format that takes records for others. */
export interface DetectingFormat extends SourceFormat {
  /** The format that the record is read by; null: none fits. */
  tookFor(record: SourceRecord): Shape | 'cloudevents' | null;
}

export interface Known {
  /** In any envelope. */
  readonly formats: Readonly<Record<Shape, SourceFormat>>;
  /** Without one. */
  readonly bare: Readonly<Record<Shape, SourceFormat>>;
  readonly debezium: DebeziumOptions;
}

export function auto(known: Known): DetectingFormat {
  const envelopes = anyCloudEvent(known);
  const formatOf = (name: Shape | 'cloudevents', { headers }: SourceRecord): SourceFormat => {
    if (name === 'cloudevents') return envelopes;
    // Without headers there is no envelope, or it would have been found: nobody need look for it once more.
    return headers.length === 0 ? known.bare[name] : known.formats[name];
  };
  return {
    name: 'auto',
    tookFor: (record) => detect(record, known.debezium)[0],
    decode: (record, topic) => {
      const [name, read] = detect(record, known.debezium);
      return name === null ? [unknown] : formatOf(name, read).decode(read, topic);
    },
    ...preparing(known),
  };
}

/** Events in envelopes alone: a record without one is none of its. */
export function anyCloudEvent(known: Known): SourceFormat {
  const decode = (record: SourceRecord): Decoded => {
    const unwrapped = unwrap(record);
    if (unwrapped.kind === 'events')
      return several(
        unwrapped.events.flatMap((event) => ('kind' in event ? [event] : readInner(event, record, known))),
      );
    return record.value === null ? native.decode(record, { partitionCount: 1 }) : [noEnvelope];
  };
  return { name: 'cloudevents', decode, ...preparing(known) };
}

/** Signed tokens are found by the format that verifies them. */
function preparing({ formats }: Known): Pick<SourceFormat, 'prepare'> {
  const { prepare } = formats['scim-events'];
  return prepare === undefined ? {} : { prepare };
}

function readInner(
  { attributes, record, envelope }: Inner,
  whole: SourceRecord,
  { bare }: Known,
): readonly SourceEvent[] {
  const readsEnvelope = shapeOfEnvelope(envelope);
  if (readsEnvelope !== null) {
    return withAttributes(bare[readsEnvelope].decode(wholeOf(envelope, record, whole), ANY_KEY), attributes);
  }
  if (record.value === null) return [withoutData];
  if (!record.read.ok) return [record.read.problem];
  const shape = shapeOf(record.read.json);
  // The key is chosen for the envelope, so it need not be the group's.
  const own = shape === 'native' ? { ...record, key: null } : record;
  if (shape !== null) return withAttributes(bare[shape].decode(own, ANY_KEY), attributes);
  const { type, id, time } = attributes;
  return [readMemberEvent(fieldsIn(record.read.json), { type, eventId: id, occurredAt: time })];
}

const wholeOf = (json: unknown, { key, headers }: ReadRecord, { value }: SourceRecord): ReadRecord => ({
  key,
  value,
  headers,
  read: { ok: true, json },
});

const ANY_KEY = { partitionCount: 1 } as const;

type Detected = readonly [name: Shape | 'cloudevents' | null, record: SourceRecord];

function detect(record: SourceRecord, options: DebeziumOptions): Detected {
  // Only there a record without a value may say something.
  if (record.value === null) return ['debezium', record];
  const read = readValue(record);
  const known: ReadRecord = { key: record.key, value: record.value, headers: record.headers, read };
  if (!read.ok) return [isToken(record.value) ? 'scim-events' : null, known];
  const shape = shapeOf(read.json);
  if (shape === 'debezium' || shape === 'auth0') return [shape, known];
  if (hasEnvelope(known)) return ['cloudevents', known];
  if (shape !== null) return [shape, known];
  return [looseShape(known, options), known];
}

function looseShape(record: SourceRecord, { groupColumn, memberColumn }: DebeziumOptions): Shape | null {
  const read = readValue(record);
  const json = read.ok ? read.json : null;
  // A tombstone, as JSON converters write it.
  if (json === null) return 'debezium';
  if (typeof json === 'string') return isToken(Buffer.from(json)) ? 'scim-events' : 'debezium';
  if (!isFields(json)) return null;
  if (isOutbox(json, record) || (groupColumn in json && memberColumn in json)) return 'debezium';
  return 'group_id' in json || 'genesys_group_id' in json ? 'native' : null;
}

/** base64url of `{"`, as all signed tokens begin (RFC 7515 3.3). */
const isToken = (value: Uint8Array): boolean => value[0] === 0x65 && value[1] === 0x79 && value.includes(0x2e);

const unknown = invalid(
  'unknown_format',
  'The record has the shape of no format that Rollcall knows: describe it with SOURCE_FORMAT=mapping.',
);

const noEnvelope = invalid(
  'schema',
  'This is no CloudEvent: neither are there headers such as ce_specversion, nor the fields `specversion`, `type`, `source` ' +
    'and `id`. Set SOURCE_FORMAT to the format of the records, or to auto.',
);
