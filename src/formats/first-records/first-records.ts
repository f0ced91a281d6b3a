/**
 * Room formats/first-records: what the first records of a topic show before anything is applied.
 * Not here: reading them, and what a command then does (console).
 *
 * What the first records of a topic tell before anything is applied: a wrong format, a wrong key, deletes that no reader could
 * read, a cleaner that would take changes away. Pure; each finding names its remedy. An `error` loses or misreads changes:
 * `run` does not start, and `doctor` fails. A `warning` is a risk that an operator may accept: `run` logs it.
 */
import { idKey, isChange, recordKey, type ChangeEvent, type SourceRecord } from '../../core/change/change.ts';
import { hashingOf, type Hashing } from '../../core/log/reading.ts';
import { quote } from '../reading/reading.ts';
import { debeziumFindings } from './debezium.ts';
import {
  error,
  type DecodedRecord,
  type FirstRecord,
  type FirstRecords,
  type RecordFinding,
  type RecordFindingCode,
  warning,
} from './record-finding.ts';

/** Nothing to say about an empty topic. */
export function firstRecordFindings(first: FirstRecords): RecordFinding[] {
  const { records, format, partitionCount } = first;
  if (records.length === 0) return [];
  const decoded = records.map((record) => ({ record, events: format.decode(record, { partitionCount }) }));
  return [
    ...tombstoneFindings(first),
    ...formatFindings(first, decoded),
    ...skipFindings(first, decoded),
    ...keyFindings(first, decoded),
    ...(records.some((record) => first.name === 'debezium' || (first.name === 'auto' && isDebezium(first, record)))
      ? debeziumFindings(first)
      : []),
  ];
}

/** What `run` does not start with, and what `doctor` fails for. */
export const refusesStart = ({ severity }: RecordFinding): boolean => severity === 'error';

/** About records that may have been read already; the others are about how the topic is written and cleaned from now on, too. */
const pastCodes: ReadonlySet<RecordFindingCode> = new Set(['wrong_format', 'keyless', 'group_under_several_keys']);

export const isOfThePast = ({ severity, code }: RecordFinding): boolean => severity === 'error' && pastCodes.has(code);

/** Where all of the records are committed: a service that runs must start again, although its topic began in another shape. */
export const afterCommit = (finding: RecordFinding): RecordFinding =>
  isOfThePast(finding) ? { ...finding, severity: 'warning' } : finding;

const isDebezium = ({ auto }: FirstRecords, record: SourceRecord): boolean =>
  record.value !== null && auto.tookFor(record) === 'debezium';

function tombstoneFindings({ records, topic, debezium }: FirstRecords): RecordFinding[] {
  if (debezium.deletes === 'tombstones' || records.some(({ value }) => value !== null)) return [];
  return warning(
    'tombstones_only',
    `The first ${records.length} records of ${topic} have no values; a tombstone says nothing about a membership.`,
    'Let the producer write values. Where it is Debezium with flattened records, see DEBEZIUM_DELETES in docs/formats.md.',
  );
}

function formatFindings(first: FirstRecords, decoded: readonly DecodedRecord[]): RecordFinding[] {
  const { topic, name, auto } = first;
  const withValue = decoded.filter(({ record }) => record.value !== null);
  const problems = withValue.flatMap(({ events }) => events.filter((event) => event.kind === 'invalid').slice(0, 1));
  const [problem] = problems;
  if (problem === undefined || withValue.some(({ events }) => events.some((event) => event.kind !== 'invalid')))
    return [];
  const other = mostFrequent(withValue.map(({ record }) => auto.tookFor(record)));
  if (other !== null && other !== name && name !== 'auto')
    return error(
      'wrong_format',
      `None of the first ${withValue.length} records of ${topic} can be read as ${name}: they look like ${other}.`,
      `Set SOURCE_FORMAT=${other}.`,
    );
  // Each becomes a dead letter with its reason, which a better record may follow.
  return warning(
    'unreadable',
    `None of the first ${withValue.length} records of ${topic} can be read as ${name}: ${problem.message}`,
    'See what each record means with `rollcall decode`, and correct SOURCE_FORMAT, its settings, or the producer.',
  );
}

/** Nothing would ever be applied: either the topic is not about memberships, or a setting names other ones. */
function skipFindings({ topic, name }: FirstRecords, decoded: readonly DecodedRecord[]): RecordFinding[] {
  const events = decoded.filter(({ record }) => record.value !== null).flatMap((one) => one.events);
  const reason = mostFrequent(events.map((event) => (event.kind === 'skip' ? event.reason : null)));
  if (reason === null || !events.every(({ kind }) => kind === 'skip')) return [];
  return warning(
    'all_skipped',
    `All of the first ${decoded.length} records of ${topic} are skipped as ${name}, most of them as \`${reason}\`: nothing would be applied.`,
    `${SKIP_REMEDIES.get(reason) ?? 'See what the topic holds, and correct SOURCE_TOPIC or SOURCE_FORMAT.'} \`rollcall decode\` says what each record means.`,
  );
}

const SKIP_REMEDIES: ReadonlyMap<string, string> = new Map([
  [
    'other_table',
    'Correct DEBEZIUM_TABLE: it must be the table in `source.table`, alone or with `source.schema` before it.',
  ],
  ['not_a_member_row', 'Correct DEBEZIUM_MEMBER_WHERE: no row fulfils it.'],
  ['not_mapped', 'Correct `if_record` and `if_event` of the mapping: no record fulfils them.'],
]);

function mostFrequent<T>(values: readonly (T | null)[]): T | null {
  const counts = new Map<T, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}

/*
 * What the keys of the first records show. Order holds within a partition only: a group must stay in one, by the hash of its
 * key or by a routing of its own. With one partition there is nothing to choose.
 */

export function keyFindings(first: FirstRecords, decoded: readonly DecodedRecord[]): RecordFinding[] {
  if (first.partitionCount === 1) return [];
  const changes = decoded.flatMap(({ record, events }) =>
    events.filter(isChange).map((event) => ({ record, event, key: keyText(record) })),
  );
  const hashing = hashingOf(distinctPlaces(changes), first.partitionCount);
  return [
    // A native record without its group's key is a dead letter of its own.
    ...(first.name === 'native' ? [] : groupFindings(first, changes, hashing)),
    ...placeFindings(first, changes),
    ...hashingFindings(first, hashing),
  ];
}

interface KeyedChange {
  readonly record: FirstRecord;
  readonly event: ChangeEvent;
  /** null: the record has none. */
  readonly key: string | null;
}

/** The records of one group under several keys, or under none. */
function groupFindings(
  { topic, partitionCount }: FirstRecords,
  changes: readonly KeyedChange[],
  hashing: Hashing,
): RecordFinding[] {
  if (changes.some(({ key }) => key === null))
    return error(
      'keyless',
      `${topic} has ${partitionCount} partitions and records without a key: the changes of a group are spread over them, and their order is lost.`,
      REKEY,
    );
  const spread = firstSpread(changes.map(({ event, key }) => [idKey(event.group), key ?? '']));
  if (spread === null) return [];
  // A routing by group keeps it in one partition, also under several keys.
  const isTogether =
    firstSpread(changes.map(({ event, record }) => [idKey(event.group), String(record.partition)])) === null;
  if (isTogether && hashing.kind !== 'one') return [];
  const isOrdered =
    firstSpread(changes.flatMap(({ event, key }) => membersOf(event).map((member) => [member, key ?? '']))) === null;
  if (isOrdered && changes.every(({ event }) => event.kind === 'delta'))
    return warning(
      'keyed_by_membership',
      `${topic} is keyed by membership (the group ${quote(spread)} stands under several keys): each member keeps its order, but several instances may change one group at a time and meet in conflicts.`,
      `${REKEY} Debezium: message.key.columns=<schema>.<table>:<group column>.`,
    );
  return error(
    'group_under_several_keys',
    `${topic} has records of the group ${quote(spread)} under several keys: they are spread over partitions, and their order is lost.`,
    REKEY,
  );
}

/** One key in two partitions: two producers choose partitions, or spell a group, in different ways, or one chooses at random. */
function placeFindings({ topic }: FirstRecords, changes: readonly KeyedChange[]): RecordFinding[] {
  const places = new Map<string, FirstRecord>();
  for (const { record, key } of changes) {
    if (key === null) continue;
    const earlier = places.get(key) ?? record;
    places.set(key, earlier);
    if (earlier.partition === record.partition) continue;
    return warning(
      'key_in_several_partitions',
      `${topic} has records with the key ${quote(Buffer.from(record.key ?? []).toString())} in ${placeText(earlier)} and in ${placeText(record)}: their order is lost, and an earlier change may undo a later one.`,
      `${SAME_PARTITIONER} Records from before a change of the number of partitions are no fault.`,
    );
  }
  return [];
}

function hashingFindings({ topic }: FirstRecords, hashing: Hashing): RecordFinding[] {
  if (hashing.kind !== 'mixed') return [];
  return warning(
    'keys_hashed_differently',
    `The keys of ${topic} are hashed in ${hashing.names.length} ways: ${hashing.names.join(', ')}. A group that two such producers write stands in two partitions, and the order of its changes is lost.`,
    SAME_PARTITIONER,
  );
}

const SAME_PARTITIONER =
  'Give all producers of the topic the same partitioner (librdkafka: partitioner=murmur2_random is that of Java), and their keys one letter case, then, when nothing of the groups concerned waits any more (`rollcall replay list`, `rollcall held list`), send their full states while nothing changes them.';

const REKEY =
  'Let the producer key its records by group, or have `rollcall ingest topic` write them again, keyed by group.';

const placeText = ({ partition, offset }: FirstRecord): string =>
  offset === undefined ? `partition ${partition}` : `partition ${partition} (offset ${offset})`;

const membersOf = (event: ChangeEvent): readonly string[] =>
  (event.kind === 'delta' ? [...event.add, ...event.remove] : event.members).map(
    (member) => `${idKey(event.group)}\n${idKey(member)}`,
  );

/** Each key once for each partition that it stands in. */
const distinctPlaces = (changes: readonly KeyedChange[]) => [
  ...new Map(
    changes.flatMap(({ record: { key, partition }, key: text }) =>
      key === null ? [] : [[`${partition} ${text}`, { key, partition }] as const],
    ),
  ).values(),
];

/** The first thing that stands under more than one key, or in more than one partition. */
function firstSpread(pairs: readonly (readonly [thing: string, place: string])[]): string | null {
  const places = new Map<string, string>();
  for (const [thing, place] of pairs) {
    if ((places.get(thing) ?? place) !== place) return thing;
    places.set(thing, place);
  }
  return null;
}

const keyText = ({ key }: FirstRecord): string | null => (key === null ? null : recordKey(key));
