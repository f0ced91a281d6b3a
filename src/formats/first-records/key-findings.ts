/**
 * What the keys of the first records show. Order holds within a partition only: a group must stay in one, by the hash of its
 * key or by a routing of its own. With one partition there is nothing to choose.
 */
import { isChange, type ChangeEvent } from '../../core/change/change.ts';
import { idKey, recordKey } from '../../core/change/id-key.ts';
import { hashingOf, type Hashing } from '../../core/log/key-hashing.ts';
import { quote } from '../reading/reading.ts';
import type { DecodedRecord, FirstRecord, FirstRecords, RecordFinding } from './record-finding.ts';

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
    return [
      {
        severity: 'error',
        code: 'keyless',
        message: `${topic} has ${partitionCount} partitions and records without a key: the changes of a group are spread over them, and their order is lost.`,
        remedy: REKEY,
      },
    ];
  const spread = firstSpread(changes.map(({ event, key }) => [idKey(event.group), key ?? '']));
  if (spread === null) return [];
  // A routing by group keeps it in one partition, also under several keys.
  const isTogether =
    firstSpread(changes.map(({ event, record }) => [idKey(event.group), String(record.partition)])) === null;
  if (isTogether && hashing.kind !== 'one') return [];
  const isOrdered =
    firstSpread(changes.flatMap(({ event, key }) => membersOf(event).map((member) => [member, key ?? '']))) === null;
  if (isOrdered && changes.every(({ event }) => event.kind === 'delta'))
    return [
      {
        severity: 'warning',
        code: 'keyed_by_membership',
        message: `${topic} is keyed by membership (the group ${quote(spread)} stands under several keys): each member keeps its order, but several instances may change one group at a time and meet in conflicts.`,
        remedy: `${REKEY} Debezium: message.key.columns=<schema>.<table>:<group column>.`,
      },
    ];
  return [
    {
      severity: 'error',
      code: 'group_under_several_keys',
      message: `${topic} has records of the group ${quote(spread)} under several keys: they are spread over partitions, and their order is lost.`,
      remedy: REKEY,
    },
  ];
}

/** One key in two partitions: two producers choose partitions, or spell a group, in different ways, or one chooses at random. */
function placeFindings({ topic }: FirstRecords, changes: readonly KeyedChange[]): RecordFinding[] {
  const places = new Map<string, FirstRecord>();
  for (const { record, key } of changes) {
    if (key === null) continue;
    const earlier = places.get(key) ?? record;
    places.set(key, earlier);
    if (earlier.partition === record.partition) continue;
    return [
      {
        severity: 'warning',
        code: 'key_in_several_partitions',
        message: `${topic} has records with the key ${quote(Buffer.from(record.key ?? []).toString())} in ${placeText(earlier)} and in ${placeText(record)}: their order is lost, and an earlier change may undo a later one.`,
        remedy: `${SAME_PARTITIONER} Records from before a change of the number of partitions are no fault.`,
      },
    ];
  }
  return [];
}

function hashingFindings({ topic }: FirstRecords, hashing: Hashing): RecordFinding[] {
  if (hashing.kind !== 'mixed') return [];
  return [
    {
      severity: 'warning',
      code: 'keys_hashed_differently',
      message: `The keys of ${topic} are hashed in ${hashing.names.length} ways: ${hashing.names.join(', ')}. A group that two such producers write stands in two partitions, and the order of its changes is lost.`,
      remedy: SAME_PARTITIONER,
    },
  ];
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
