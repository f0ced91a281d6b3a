/**
 * CloudEvents 1.0, an envelope around any format: binary mode (headers `ce_…`), structured mode and batches. The inner
 * format reads the data; what it does not know of the event itself (id, time) comes from the envelope.
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md, …/formats/json-format.md
 */
import {
  ID_LENGTH_MAX,
  isChange,
  type SourceEvent,
  type SourceFormat,
  type SourceRecord,
} from '../core/change/change.ts';
import {
  eventIdHeader,
  headerText,
  invalid,
  readJson,
  readValue,
  skip,
  textIn,
  type Fields,
  type Read,
  type ReadRecord,
} from './reading/reading.ts';
import { several, timeIn } from './reading/events.ts';
import { isObject } from '../core/text/json.ts';

/** What the envelope says of the event; null where it says nothing. */
export interface Attributes {
  readonly type: string | null;
  readonly id: string | null;
  readonly time: string | null;
}

/** What the layer hands on. */
export interface Inner {
  readonly attributes: Attributes;
  /** Its value is the event's data. */
  readonly record: ReadRecord;
  /** The structured event; in binary mode, what it would be. */
  readonly envelope: Fields;
}

/** What a record is: no CloudEvent, or so many of them. */
export type Unwrapped =
  | { readonly kind: 'none'; readonly record: SourceRecord }
  | { readonly kind: 'events'; readonly events: readonly (Inner | SourceEvent)[] };

/**
 * Takes the envelope off, where there is one, and has the inner format read what was in it.
 * @param readsItself envelopes that the inner format wants whole.
 */
export function cloudEvents(
  inner: SourceFormat,
  readsItself: (envelope: Fields) => boolean = () => false,
): SourceFormat {
  const recordsIn = (record: SourceRecord): readonly SourceRecord[] => {
    const unwrapped = mayHaveEnvelope(record) ? unwrap(record) : null;
    if (unwrapped === null || unwrapped.kind === 'none') return [record];
    return unwrapped.events.flatMap((event) => ('kind' in event ? [] : [event.record]));
  };
  const { prepare } = inner;
  return {
    name: inner.name,
    decode: (record, topic) => {
      const unwrapped = unwrap(record);
      if (unwrapped.kind === 'none') return inner.decode(unwrapped.record, topic);
      return several(
        unwrapped.events.flatMap((event) => {
          if ('kind' in event) return [event];
          const { envelope, attributes } = event;
          if (readsItself(envelope)) return inner.decode(withRead(record, { ok: true, json: envelope }), topic);
          if (event.record.value === null) return [withoutData];
          return withAttributes(inner.decode(event.record, topic), attributes);
        }),
      );
    },
    ...(prepare !== undefined && { prepare: (records) => prepare(records.flatMap(recordsIn)) }),
  };
}

/** A look at the bytes, since nothing is parsed twice that need not be. */
const mayHaveEnvelope = ({ value, headers }: SourceRecord): boolean =>
  value !== null &&
  (headers.length > 0 || Buffer.from(value.buffer, value.byteOffset, value.byteLength).includes('"specversion"'));

export const withoutData = skip('no_data');

/** What the source says of an event stands before what its envelope says. */
export const withAttributes = (events: readonly SourceEvent[], { id, time }: Attributes): readonly SourceEvent[] =>
  events.map((event) =>
    isChange(event)
      ? { ...event, eventId: event.eventId ?? boundedId(id), occurredAt: event.occurredAt ?? time }
      : event,
  );

/** An id that is too long is left out rather than costing the change. */
const boundedId = (id: string | null): string | null => (id !== null && id.length <= ID_LENGTH_MAX ? id : null);

/** Whether the record is a CloudEvent, or says so. */
export function hasEnvelope(record: SourceRecord): boolean {
  const mode = record.value === null ? null : modeOf(record);
  if (mode !== 'sniff') return mode !== null;
  const read = readValue(record);
  return read.ok && isStructured(read.json);
}

export function unwrap(record: SourceRecord): Unwrapped {
  const mode = record.value === null ? null : modeOf(record);
  if (mode === null) return { kind: 'none', record };
  if (mode === 'binary') return { kind: 'events', events: [fromHeaders(record)] };
  const read = readValue(record);
  if (mode === 'sniff' && !(read.ok && isStructured(read.json)))
    return { kind: 'none', record: withRead(record, read) };
  if (!read.ok) return { kind: 'events', events: [read.problem] };
  const all = mode === 'batch' && Array.isArray(read.json) ? read.json : [read.json];
  return { kind: 'events', events: all.map((event) => fromEnvelope(event, record)) };
}

export const withRead = ({ key, value, headers }: SourceRecord, read: Read): ReadRecord => ({
  key,
  value,
  headers,
  read,
});

type Mode = 'binary' | 'structured' | 'batch' | 'sniff';

function modeOf(record: SourceRecord): Mode | null {
  if (record.headers.length > 0) {
    const contentType = (headerText(record, 'content-type') ?? headerText(record, 'Content-Type') ?? '').toLowerCase();
    if (contentType.startsWith('application/cloudevents-batch')) return 'batch';
    if (contentType.startsWith('application/cloudevents')) return 'structured';
    if (headerText(record, 'ce_specversion') !== null) return 'binary';
  }
  // Signed tokens and other texts are no envelopes, and cost nothing here.
  return 'read' in record || mayBeObject(record.value) ? 'sniff' : null;
}

const OPENING_BRACE = 0x7b;
/** A letter or a digit opens no object; a byte order mark and white space may stand before one. */
const mayBeObject = (value: Uint8Array | null): boolean => {
  const first = value?.[0] ?? 0;
  return first === OPENING_BRACE || first <= 0x20 || first >= 0x80;
};

/** The attributes that every event must have (section 3.1 of the specification). */
const isStructured = (json: unknown): json is Fields =>
  isObject(json) && 'specversion' in json && ATTRIBUTES.every((name) => textIn(json[name]) !== null);

const ATTRIBUTES = ['specversion', 'type', 'source', 'id'] as const;

function fromHeaders(record: SourceRecord): Inner {
  const type = headerText(record, 'ce_type');
  const id = eventIdHeader(record, 'ce_id');
  const time = timeIn(headerText(record, 'ce_time'));
  const read = readValue(record);
  const envelope = { ...attributesIn(record), time, data: read.ok ? read.json : undefined };
  const { key, value } = record;
  return { attributes: { type, id, time }, record: { key, value, headers: ownHeaders(record), read }, envelope };
}

/** Those of extensions too: an inner format may go by them. */
const attributesIn = (record: SourceRecord): Fields =>
  Object.fromEntries(
    record.headers
      .filter(([name]) => name.startsWith('ce_'))
      .map(([name]) => [name.slice('ce_'.length), headerText(record, name)]),
  );

function fromEnvelope(event: unknown, record: SourceRecord): Inner | SourceEvent {
  if (!isStructured(event)) return noEnvelope;
  const attributes = { type: textIn(event['type']), id: textIn(event['id']), time: timeIn(event['time']) };
  const { value, read } = dataOf(event, record.value);
  return { attributes, record: { key: record.key, value, headers: ownHeaders(record), read }, envelope: event };
}

/** Those that are not the envelope's. */
const ownHeaders = ({ headers }: SourceRecord): SourceRecord['headers'] =>
  headers.length === 0
    ? headers
    : headers.filter(([name]) => !name.startsWith('ce_') && name.toLowerCase() !== 'content-type');

interface Data {
  readonly value: Uint8Array | null;
  readonly read: Read;
}

/** Texts have bytes of their own, since signed tokens are verified as they were written; for JSON `read` speaks. */
function dataOf({ data, data_base64: encoded }: Fields, whole: Uint8Array | null): Data {
  if (typeof encoded === 'string') return readData(Buffer.from(encoded, 'base64'));
  if (typeof data === 'string') return readData(Buffer.from(data));
  return { value: data === undefined || data === null ? null : whole, read: { ok: true, json: data } };
}

const readData = (value: Uint8Array): Data => ({ value, read: readJson(value) });

const noEnvelope = invalid(
  'schema',
  'The content type says CloudEvents, but `specversion`, `type`, `source` or `id` is missing; send the event as its ' +
    'specification says.',
);
