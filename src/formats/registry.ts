/**
 * Room formats: bytes → change events: one file or folder for each source format, which `registry.ts` names.
 * Not here: I/O, time and state.
 *
 * Every source format by its name (to add one: CONTRIBUTING.md). All but `native` and `mapping` also read their events in CloudEvents.
 */
import type { Decoded, Invalid, SourceEvent, SourceFormat, SourceRecord } from '../core/change/change.ts';
import { isObject } from '../core/text/json.ts';
import { auth0 } from './auth0.ts';
import { cloudEvents, hasEnvelope, type Inner, unwrap, withAttributes, withoutData, withRead } from './cloudevents.ts';
import { debezium, isCloudEvent } from './debezium/debezium.ts';
import type { DebeziumOptions } from './debezium/row.ts';
import { entra } from './entra/entra.ts';
import { readMemberEvent } from './event/member-event.ts';
import { google } from './google.ts';
import { keycloak } from './keycloak.ts';
import type { Mapping } from './mapping/file.ts';
import { mappingFormat } from './mapping/mapping.ts';
import { besideNative, native } from './native/native.ts';
import { okta } from './okta.ts';
import type { Reader } from './reading/events.ts';
import { several, withoutEventBridge } from './reading/events.ts';
import {
  fieldsIn,
  invalid,
  notAnObject,
  readValue,
  schemaRegistryProblem,
  type Read,
  type ReadRecord,
} from './reading/reading.ts';
import { scimEvents } from './scim/events.ts';
import type { TokenVerifier } from './scim/token-verifier.ts';

export interface FormatOptions {
  readonly debezium: DebeziumOptions;
  /** null: there is none; then `mapping` cannot be had. */
  readonly mapping: Mapping | null;
  /** Of signed SCIM events. */
  readonly verifier: TokenVerifier;
}

/** @throws Error for `mapping` without a mapping: the configuration has let it through. */
export function sourceFormat(name: FormatName, options: FormatOptions): SourceFormat {
  switch (name) {
    case 'native':
      return native;
    case 'mapping':
      if (options.mapping === null) throw new Error('the format `mapping` needs a mapping');
      return mappingFormat(options.mapping);
    case 'cloudevents':
      return anyCloudEvent(knownFormats(options));
    case 'auto':
      return autoFormat(options);
    default:
      return knownFormats(options).formats[name];
  }
}

/**
 * Of the source topic, where native records may stand beside those of the format. Not beside signed ones: who can write to the topic
 * could get around the signature.
 */
export function sourceTopicFormat(name: FormatName, options: FormatOptions): SourceFormat {
  const format = sourceFormat(name, options);
  return name === 'scim-events' && options.verifier.hasKeys ? format : besideNative(format);
}

/** `auto`, which says what it takes a record for. */
export const autoFormat = (options: FormatOptions): DetectingFormat => auto(knownFormats(options));

function knownFormats({ debezium: options, verifier }: FormatOptions): Known {
  const bare = {
    native,
    debezium: debezium(options),
    okta,
    keycloak,
    entra,
    'scim-events': scimEvents(verifier),
    google,
    auth0,
  };
  const formats = {
    native,
    debezium: cloudEvents(bare.debezium, isCloudEvent),
    okta: cloudEvents(okta),
    keycloak: cloudEvents(keycloak),
    entra: cloudEvents(entra),
    'scim-events': cloudEvents(bare['scim-events']),
    google: cloudEvents(google),
    // Its events are CloudEvents themselves.
    auth0: cloudEvents(auth0, () => true),
  };
  return { bare, formats };
}

/*
 * `auto`: each record is read by the format that recognizes it, and `cloudevents`: events in that envelope, of any format. Both
 * are for topics into which several sources write; where there is one, its own name is safer, since a record of another
 * format then is a dead letter.
 */

/** Formats that are found, in the order in which they are asked: what unusual fields say comes first. */
const ORDER = [
  'debezium',
  'auth0',
  'okta',
  'scim-events',
  'google',
  'entra',
  'keycloak',
  'native',
] as const satisfies readonly FormatName[];

type DetectedName = (typeof ORDER)[number];

/** A format that takes records for others. */
export interface DetectingFormat extends SourceFormat {
  /** The format that the record is read by; null: none fits. */
  tookFor(record: SourceRecord): DetectedName | 'cloudevents' | null;
}

export interface Known {
  /** In any envelope. */
  readonly formats: Readonly<Record<DetectedName, SourceFormat>>;
  /** Without one. */
  readonly bare: Readonly<Record<DetectedName, Reader>>;
}

export function auto(known: Known): DetectingFormat {
  const envelopes = anyCloudEvent(known);
  const formatOf = (name: DetectedName | 'cloudevents', { headers }: SourceRecord): SourceFormat => {
    if (name === 'cloudevents') return envelopes;
    // Without headers there is no envelope, or it would have been found.
    return headers.length === 0 ? known.bare[name] : known.formats[name];
  };
  return {
    name: 'auto',
    tookFor: (record) => detect(record, known)[0],
    decode: (record, topic) => {
      const [name, read] = detect(record, known);
      if (name !== null) return formatOf(name, read).decode(read, topic);
      return [read.read.ok ? unknown(read.read.json) : (schemaRegistryProblem(record) ?? read.read.problem)];
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
    return record.value === null ? native.decode(record, { partitionCount: 1 }) : [noEnvelope(readValue(record))];
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
  const event = withRead({ ...record, value: whole.value }, { ok: true, json: envelope });
  const readsEnvelope = READS_ENVELOPES.find((name) => bare[name].recognizes(envelope, event));
  if (readsEnvelope !== undefined) return withAttributes(bare[readsEnvelope].decode(event, ANY_KEY), attributes);
  if (record.value === null) return [withoutData];
  if (!record.read.ok) return [record.read.problem];
  const name = recognized(record.read.json, record, bare);
  // The key is chosen for the envelope, so it need not be the group's.
  const own = name === 'native' ? { ...record, key: null } : record;
  if (name !== null) return withAttributes(bare[name].decode(own, ANY_KEY), attributes);
  const { type, id, time } = attributes;
  return [readMemberEvent(fieldsIn(record.read.json), { type, eventId: id, occurredAt: time })];
}

const ANY_KEY = { partitionCount: 1 } as const;

/** Its events are recognized by the envelope's own fields. */
const READS_ENVELOPES = ['debezium', 'auth0'] as const;

type Detected = readonly [name: DetectedName | 'cloudevents' | null, record: ReadRecord];

function detect(record: SourceRecord, { bare }: Known): Detected {
  const { value } = record;
  // Only Debezium says something by a record without a value.
  if (value === null) return ['debezium', withRead(record, { ok: true, json: null })];
  const read = readValue(record);
  const known = withRead(record, read);
  if (!read.ok) return [isToken(value) ? 'scim-events' : null, known];
  const name = recognized(read.json, known, bare);
  if (name === 'debezium' || name === 'auth0') return [name, known];
  if (hasEnvelope(known)) return ['cloudevents', known];
  return [name ?? suspected(read.json, known, bare), known];
}

/** Lists and pages are what their first entry is. */
const firstIn = (json: unknown): unknown => withoutEventBridge(Array.isArray(json) ? json[0] : json);

function recognized(json: unknown, record: SourceRecord, bare: Known['bare']): DetectedName | null {
  const fields = firstIn(json);
  if (!isObject(fields)) return null;
  for (const name of ORDER) if (bare[name].recognizes(fields, record)) return name;
  return null;
}

function suspected(json: unknown, record: SourceRecord, bare: Known['bare']): DetectedName | null {
  // A tombstone, as JSON converters write it.
  if (json === null) return 'debezium';
  if (typeof json === 'string') return isToken(Buffer.from(json)) ? 'scim-events' : 'debezium';
  if (!isObject(json)) return null;
  for (const name of ORDER) if (bare[name].suspects?.(json, record) === true) return name;
  return null;
}

/** base64url of `{"`, as all signed tokens begin (RFC 7515 3.3). */
const isToken = (value: Uint8Array): boolean => value[0] === 0x65 && value[1] === 0x79 && value.includes(0x2e);

function unknown(json: unknown): Invalid {
  const what = Array.isArray(json) ? 'The value is a JSON list, and its first entry' : 'The record';
  return invalid(
    'unknown_format',
    `${what} has the shape of no format that Rollcall knows: describe it with SOURCE_FORMAT=mapping.`,
  );
}

const noEnvelope = (read: Read): Invalid =>
  notAnObject(
    read.ok ? read.json : undefined,
    'This is no CloudEvent: neither are there headers such as ce_specversion, nor the fields `specversion`, `type`, `source` ' +
      'and `id`. Set SOURCE_FORMAT to the format of the records, or to auto.',
  );

/** The names of all formats, as SOURCE_FORMAT and `--format` take them. */
export const formatNames = [
  'native',
  'debezium',
  'okta',
  'keycloak',
  'entra',
  'scim-events',
  'google',
  'auth0',
  'cloudevents',
  'mapping',
  'auto',
] as const;

export type FormatName = (typeof formatNames)[number];
