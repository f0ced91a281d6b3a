/**
 * What the first records of a topic tell before anything is applied: a wrong format, a wrong key, deletes that nobody could
 * read, a cleaner that would take changes away. Pure; each finding names its mend. An `error` loses or misreads changes, a
 * `warning` is a risk somebody may accept.
 */
import { type Decoded, type SourceFormat, type SourceRecord, type ChangeEvent, isChange } from '../core/change.ts';
import type { DetectingFormat } from './auto.ts';
import { debeziumFindings } from './debezium-first-records.ts';
import type { DebeziumOptions } from './debezium-row.ts';
import type { FormatName } from './names.ts';
import { quote } from './reading.ts';

export interface FirstRecord extends SourceRecord {
  readonly partition: number;
}

export interface RecordFinding {
  readonly severity: 'error' | 'warning';
  readonly code: RecordFindingCode;
  readonly message: string;
  readonly mend: string;
}

export type RecordFindingCode =
  | 'wrong_format'
  | 'unreadable'
  | 'tombstones_only'
  | 'keyless'
  | 'group_under_several_keys'
  | 'keyed_by_membership'
  | 'deletes_not_read'
  | 'deletes_unreadable'
  | 'updates_not_told'
  | 'tombstones_read_twice'
  | 'compacted_by_group';

export interface FirstRecords {
  readonly topic: string;
  readonly records: readonly FirstRecord[];
  readonly partitionCount: number;
  /** Effective settings of the topic. */
  readonly settings: ReadonlyMap<string, string>;
  readonly name: FormatName;
  /** Prepared for these records, where it must be. */
  readonly format: SourceFormat;
  /** Says what else the records could be. */
  readonly auto: DetectingFormat;
  readonly debezium: DebeziumOptions;
}

/** Nothing to say about an empty topic. */
export function firstRecordFindings(first: FirstRecords): RecordFinding[] {
  const { records, format, partitionCount } = first;
  if (records.length === 0) return [];
  const decoded = records.map((record) => ({ record, events: format.decode(record, { partitionCount }) }));
  return [
    ...tombstoneFindings(first),
    ...formatFindings(first, decoded),
    ...(first.name === 'native' ? [] : keyFindings(first, decoded)),
    ...(records.some((record) => first.name === 'debezium' || (first.name === 'auto' && isDebezium(first, record)))
      ? debeziumFindings(first)
      : []),
  ];
}

/** What `run` does not start with: changes would be lost without anybody noticing. */
export const refusesStart = ({ code }: RecordFinding): boolean =>
  code === 'deletes_not_read' || code === 'deletes_unreadable';

const isDebezium = ({ auto }: FirstRecords, record: SourceRecord): boolean =>
  record.value !== null && auto.tookFor(record) === 'debezium';

export interface DecodedRecord {
  readonly record: FirstRecord;
  readonly events: Decoded;
}

function tombstoneFindings({ records, topic, debezium }: FirstRecords): RecordFinding[] {
  if (debezium.deletes === 'tombstones' || records.some(({ value }) => value !== null)) return [];
  return [
    {
      severity: 'warning',
      code: 'tombstones_only',
      message: `The first ${records.length} records of ${topic} have no values; a tombstone says nothing about a membership.`,
      mend: 'Let the producer write values. Where it is Debezium with flattened records, see DEBEZIUM_DELETES in docs/formats.md.',
    },
  ];
}

function formatFindings(first: FirstRecords, decoded: readonly DecodedRecord[]): RecordFinding[] {
  const { topic, name, auto } = first;
  const told = decoded.filter(({ record }) => record.value !== null);
  const problems = told.flatMap(({ events }) => events.filter((event) => event.kind === 'invalid').slice(0, 1));
  const [problem] = problems;
  if (problem === undefined || told.some(({ events }) => events.some((event) => event.kind !== 'invalid'))) return [];
  const other = mostFrequent(told.map(({ record }) => auto.tookFor(record)));
  if (other !== null && other !== name && name !== 'auto')
    return [
      {
        severity: 'error',
        code: 'wrong_format',
        message: `None of the first ${told.length} records of ${topic} can be read as ${name}: they look like ${other}.`,
        mend: `Set SOURCE_FORMAT=${other}.`,
      },
    ];
  return [
    {
      severity: 'error',
      code: 'unreadable',
      message: `None of the first ${told.length} records of ${topic} can be read as ${name}: ${problem.message}`,
      mend: 'See what each record means with `rollcall decode`, and correct SOURCE_FORMAT, its settings, or the producer.',
    },
  ];
}

function mostFrequent<T>(values: readonly (T | null)[]): T | null {
  const counts = new Map<T, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}

/** Order holds within a partition only, and the key chooses it. With one partition there is nothing to choose. */
function keyFindings(first: FirstRecords, decoded: readonly DecodedRecord[]): RecordFinding[] {
  const { topic, partitionCount } = first;
  if (partitionCount === 1) return [];
  const changes = decoded.flatMap(({ record, events }) =>
    events.filter(isChange).map((event) => ({ record, event, key: keyText(record) })),
  );
  if (changes.some(({ key }) => key === null))
    return [
      {
        severity: 'error',
        code: 'keyless',
        message: `${topic} has ${partitionCount} partitions and records without a key: the changes of a group are spread over them, and their order is lost.`,
        mend: REKEY,
      },
    ];
  const spread = firstSpread(changes.map(({ event, key }) => [event.group, key ?? '']));
  if (spread === null) return [];
  const isOrdered =
    firstSpread(changes.flatMap(({ event, key }) => membersOf(event).map((member) => [member, key ?? '']))) === null;
  if (isOrdered && changes.every(({ event }) => event.kind === 'delta'))
    return [
      {
        severity: 'warning',
        code: 'keyed_by_membership',
        message: `${topic} is keyed by membership (the group ${quote(spread)} stands under several keys): each member keeps its order, but several instances may change one group at a time and meet in conflicts.`,
        mend: `${REKEY} Debezium: message.key.columns=<schema>.<table>:<group column>.`,
      },
    ];
  return [
    {
      severity: 'error',
      code: 'group_under_several_keys',
      message: `${topic} has records of the group ${quote(spread)} under several keys: they are spread over partitions, and their order is lost.`,
      mend: REKEY,
    },
  ];
}

const REKEY =
  'Let the producer key its records by group, or have `rollcall ingest topic` write them anew, keyed by group.';

const membersOf = (event: ChangeEvent): readonly string[] =>
  (event.kind === 'delta' ? [...event.add, ...event.remove] : event.members).map(
    (member) => `${event.group}\n${member}`,
  );

/** The first thing that stands under more than one key. */
function firstSpread(pairs: readonly (readonly [thing: string, key: string])[]): string | null {
  const keys = new Map<string, string>();
  for (const [thing, key] of pairs) {
    if ((keys.get(thing) ?? key) !== key) return thing;
    keys.set(thing, key);
  }
  return null;
}

const keyText = ({ key }: SourceRecord): string | null => (key === null ? null : Buffer.from(key).toString('latin1'));
