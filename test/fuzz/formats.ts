/** Records of every source format, mutated: each is read by some format without an exception, and accounted for as what it is. */
import { readFileSync, readdirSync } from 'node:fs';
import { ID_LENGTH_MAX, type Decoded, type SourceEvent, type SourceFormat } from '../../src/core/change/change.ts';
import { parseWhere } from '../../src/formats/debezium/where.ts';
import { readMapping } from '../../src/formats/mapping/file.ts';
import { formatNames, sourceFormat, type FormatName, type FormatOptions } from '../../src/formats/registry.ts';
import { withoutKeys } from '../../src/formats/scim/token-verifier.ts';
import type { Headers } from '../../src/ports.ts';
import { demand, single } from './kind.ts';
import { formatOfSample } from '../support/formats.ts';
import type { SeededRandom } from '../support/random.ts';
import { giant, json, mutatedBytes, mutatedJson, oddHeaders, oddText } from './mutate.ts';
import { demandId } from './source-records.ts';

interface Sample {
  readonly name: FormatName;
  readonly key: unknown;
  readonly value: unknown;
  readonly headers: Headers;
}

const folder = new URL('../support/samples/', import.meta.url);

const samples: readonly Sample[] = readdirSync(folder).map((file) => {
  const { record } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as {
    record: { key: unknown; value: unknown; headers: Readonly<Record<string, string>> };
  };
  const { key, value, headers } = record;
  const name = formatOfSample(file);
  return { name, key, value, headers: Object.entries(headers).map(([header, text]) => [header, Buffer.from(text)]) };
});

const mapping = readMapping({
  version: 1,
  if_record: [{ path: '$.value', exists: true }],
  events: '$.value[*]',
  group: '@.id',
  members: "@['members@delta'][*].id",
  operation: { path: '@.changeType', values: { updated: 'state', deleted: 'deleted' }, otherwise: 'ignore' },
  occurred_at: 'headers.ce_time',
});

const options = (deletes: 'rows' | 'tombstones'): FormatOptions => ({
  debezium: {
    groupColumn: 'group_id',
    memberColumn: 'user_id',
    table: null,
    deletes,
    memberWhere: deletes === 'rows' ? null : parseWhere('deleted_at is null, membership_type != GUEST'),
  },
  mapping: mapping.ok ? mapping.mapping : null,
  verifier: withoutKeys,
});

const formats = new Map<FormatName, readonly SourceFormat[]>(
  formatNames.map((name) => [name, [sourceFormat(name, options('rows')), sourceFormat(name, options('tombstones'))]]),
);

interface Input {
  readonly format: SourceFormat;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Headers;
}

function anInput(random: SeededRandom): Input {
  const sample = random.pick(samples);
  // Mostly by its own format; a topic may also be read by a wrong one.
  const name = random.oneIn(3) ? random.pick(formatNames) : random.oneIn(3) ? 'auto' : sample.name;
  return {
    format: random.pick(formats.get(name) ?? []),
    key: random.oneIn(4) ? mutatedBytes(random, json(sample.key)) : sample.key === null ? null : json(sample.key),
    value: aValue(random, sample.value),
    headers: random.oneIn(3) ? oddHeaders(random, sample.headers) : sample.headers,
  };
}

function aValue(random: SeededRandom, value: unknown): Uint8Array | null {
  if (value === null && !random.oneIn(4)) return null;
  if (random.oneIn(5_000)) return giant(random, random.pick(['', '{"data":[', '{"records":[', '{"events":{"a":']));
  switch (random.below(10)) {
    case 0:
      return mutatedBytes(random, json(value));
    case 1:
      return json(JSON.stringify(mutatedJson(random, value)));
    case 2:
      return json(anEnvelope(random, mutatedJson(random, value)));
    case 3:
      return random.bytes(random.below(100));
    default:
      return json(mutatedJson(random, value));
  }
}

const anEnvelope = (random: SeededRandom, data: unknown): unknown =>
  mutatedJson(random, { specversion: '1.0', type: oddText(random), source: 's', id: oddText(random), data });

const TOPIC = { partitionCount: 3 };
const MESSAGE_BYTES_MAX = 1_024;

function accountFor({ format, ...record }: Input): string {
  const before = record.value === null ? null : Buffer.from(record.value);
  const events = format.decode(record, TOPIC);
  demand(events.length > 0, 'a record has an event');
  for (const event of events) demandEvent(event);
  demand(before === null || before.equals(record.value ?? before), 'the bytes are as they came');
  if (events.length < SEVERAL_MAX)
    demand(JSON.stringify(format.decode(record, TOPIC)) === JSON.stringify(events), 'read twice, it means the same');
  if (record.value === null) demandOfTombstone(events);
  const [first] = events;
  return events.length > 1 ? 'several events' : 'code' in first ? `${first.kind}: ${first.code}` : first.kind;
}

/** A long list is read once only. */
const SEVERAL_MAX = 100;

function demandOfTombstone(events: Decoded): void {
  demand(events.length === 1 && events[0].kind !== 'state', 'a tombstone is never a full state');
  demand(events[0].kind !== 'delta' || events[0].add.length === 0, 'a tombstone never adds');
}

function demandEvent(event: SourceEvent): void {
  switch (event.kind) {
    case 'delta':
    case 'state':
      demandId(event.group);
      for (const member of event.kind === 'delta' ? [...event.add, ...event.remove] : event.members) demandId(member);
      demand(event.kind === 'delta' || !event.deleted || event.members.length === 0, 'a deleted group has no members');
      demand((event.eventId?.length ?? 0) <= ID_LENGTH_MAX, 'an event id is bounded');
      demand((event.occurredAt?.length ?? 0) <= ID_LENGTH_MAX, 'a time is bounded');
      return;
    case 'hint':
    case 'invalid':
      demand(/^[a-z][a-z0-9_]*$/.test(event.code), 'a code is one');
      demand(/\w.*\.$/s.test(event.message), 'the message is a sentence');
      demand(Buffer.byteLength(event.message) <= MESSAGE_BYTES_MAX, 'the message is at most 1 KiB');
      if (event.group !== null) demandId(event.group);
      return;
    case 'skip':
      demand(/^[a-z][a-z0-9_]*$/.test(event.reason), 'a reason is a code');
  }
}

export const sourceFormats = single('formats', 1_000, { make: anInput, account: accountFor });
