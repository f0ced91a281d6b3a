/**
 * Reads what the service has not ended, for a plan: the records of the source that are not committed, folded, and what waits in the retry
 * topic. Kept is what stands; never a record, so that a topic may have any number of them.
 */
import { idKey, isChange, isUnread, positionText, type SourceFormat } from '../core/change/change.ts';
import { KeptIds } from '../core/change/kept-ids.ts';
import { isHeld } from '../core/change/pending.ts';
import { ReadAgain, nextRead, rewound } from '../core/log/rewind.ts';
import { counted } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { LogTools } from '../ports.ts';
import { print, type CommandContext } from './command-context.ts';
import { FoldedChanges } from './folded-changes.ts';
import { eventsIn } from './source-events.ts';
import { InvalidEvents } from './invalid-events.ts';
import type { PlanTotals } from './plan-totals.ts';
import { meantFilter } from './meant-ids.ts';
import {
  UNKNOWN_GROUP,
  allWaiting,
  emptyPartition,
  groupedBy,
  readRetryTopic,
  selects,
  type WaitingIntent,
  type WaitingView,
} from './retry-topic.ts';
import {
  committedOffsets,
  demandCommitted,
  demandOnePartition,
  demandRoom,
  sourcePlaces,
  type RewindSources,
  type SourcePlace,
} from './rewind.ts';
import type { IdRows } from './id-map.ts';
import { TopicChanges, type PartitionRecords, type TopicWish } from './topic-changes.ts';
import { TopicReading } from './topic-reading.ts';

export interface TopicSources extends Pick<
  RewindSources,
  'consumerGroup' | 'pendingMax' | 'committed' | 'bounds' | 'offsetsSince'
> {
  readonly tools: LogTools;
  readonly topics: { readonly source: string; readonly retry: string };
  readonly format: SourceFormat;
  /** null: the source has the target's own ids. */
  readonly ids: IdRows | null;
}

interface Reading {
  readonly totals: PlanTotals;
  readonly context: CommandContext;
}

/**
 * Committed offsets come first, then what waits, then the ends of the source, then its records: what the offsets pass was recorded
 * before them, and what is committed or waits lies below these ends.
 * @throws ExitError where a topic is missing, an instance would refuse a partition, or `rewind` would refuse that time.
 */
export async function readTopics(
  asked: TopicWish,
  sources: TopicSources,
  { totals, context }: Reading,
): Promise<TopicChanges> {
  const { tools, topics } = sources;
  const invalid = new InvalidEvents();
  const noteBatch = ({ partition, offset, message }: { partition: number; offset: bigint; message: string }): void =>
    invalid.note(positionText({ topic: topics.source, partition, offset, index: null }), {
      code: 'batch_unreadable',
      message,
    });
  const reading = new TopicReading('source', topics.source, { ...sources, context }, { noteBatch });
  await reading.open();
  const offsets = await committedOffsets(asked.since, sources);
  const view = await readRetryTopic({ topic: topics.retry, tools, context });
  const wish = wishMeant(asked, view, sources);
  const places = sourcePlaces(offsets, await sources.bounds(topics.source, reading.all));
  if (wish.since !== null) demandCommitted(places, { ...sources, topic: topics.source, command: SINCE });
  const partitions = await recordsOf({ places, view, reading }, wish, context);
  const unreadable = await warnOfUnreadable({ view, retry: topics.retry }, wish, context);
  const changes = new TopicChanges(partitions, wish, unreadable);
  reading.select(changes.partitions);
  const isMoved = places.some((place) => rewound(place, null) !== null);
  await readSource({ reading, changes, partitions, invalid, readAgain: isMoved ? new ReadAgain() : null }, sources);
  await print(context.stderr, invalid.text);
  // A replay wakes none of them.
  if (wish.replay === null) totals.count('invalid', invalid.count);
  return changes;
}

const SINCE = 'plan --since';

/** As `replay now` reads its filters. @throws ExitError where an id means several, or is not known */
function wishMeant(wish: TopicWish, view: WaitingView, { ids }: Pick<TopicSources, 'ids'>): TopicWish {
  if (wish.replay === null) return wish;
  const waiting = allWaiting(view).map(({ intent }) => intent);
  const replay = meantFilter(wish.replay, { command: 'plan --replay', waiting, ids });
  return { ...wish, replay, ...(replay.groups !== undefined && { groups: replay.groups }) };
}

interface Opened {
  readonly places: readonly SourcePlace[];
  readonly view: WaitingView;
  readonly reading: TopicReading;
}

/** By partition, but for those that instances refuse and that are not asked for. @throws ExitError where they refuse one that is. */
async function recordsOf(
  { places, view, reading }: Opened,
  wish: TopicWish,
  context: CommandContext,
): Promise<ReadonlyMap<number, PartitionRecords>> {
  const { topic } = reading;
  const partitions = new Map<number, PartitionRecords>();
  const ids = new KeptIds();
  for (const place of places) {
    const { partition } = place;
    const { groups, pauses, unresolved } = view.partitions.get(partition) ?? emptyPartition();
    const all = [...groups.values()].flat();
    const refusal = refusalOf(place, topic, all);
    if (refusal !== null) {
      if (isAskedFor(partition, all, wish, reading)) throw refusedError(refusal);
      await print(context.stderr, `warning: ${refusal}: nothing of it is planned\n`);
      continue;
    }
    await warnOfLoss(place, topic, context);
    const { from, complete } = nextRead(place);
    const isComplete = (offset: bigint): boolean => complete.some((range) => range.from <= offset && offset < range.to);
    reading.startAt(partition, from);
    const unread = new FoldedChanges({ topic, partition }, { start: from, ids, isComplete });
    const waiting = groupedBy(all, ({ intent }) => intent.group);
    partitions.set(partition, { unread, waiting, unresolved, pauses, isComplete });
  }
  return partitions;
}

/** Something of the groups waits there, or Kafka's own producers put their records there. */
function isAskedFor(
  partition: number,
  waiting: readonly WaitingIntent[],
  { groups, replay }: TopicWish,
  reading: Pick<TopicReading, 'partitionOf'>,
): boolean {
  if (replay !== null) return waiting.some((each) => !isHeld(each.intent) && selects(replay, each));
  if (groups === undefined || groups.some((group) => reading.partitionOf(group) === partition)) return true;
  const keys = new Set(groups.map(idKey));
  return waiting.some(({ intent }) => keys.has(intent.group));
}

const UNREADABLE_NAMED_MAX = 20;

/** Instances keep such a record as it is. Answers how many there are of what is asked for. */
async function warnOfUnreadable(
  { view, retry }: { readonly view: WaitingView; readonly retry: string },
  { groups }: TopicWish,
  { stderr }: CommandContext,
): Promise<number> {
  const keys = groups === undefined ? null : new Set(groups.map(idKey));
  const problems = [...view.partitions].flatMap(([partition, { unreadable }]) =>
    [...unreadable].flatMap(([group, problem]) => {
      if (keys !== null && group !== UNKNOWN_GROUP && !keys.has(group)) return [];
      const what =
        group === UNKNOWN_GROUP ? 'a record of an unknown group' : `the live record of group ${visible(group)}`;
      return [`${retry}/${partition}: ${what} is not planned as a whole: ${visible(problem)}`];
    }),
  );
  for (const problem of problems.slice(0, UNREADABLE_NAMED_MAX)) await print(stderr, `warning: ${problem}\n`);
  const left = problems.length - UNREADABLE_NAMED_MAX;
  if (left > 0) await print(stderr, `… and ${counted(left, 'more live record')} like them\n`);
  return problems.length;
}

interface SourceReading {
  readonly reading: TopicReading;
  readonly changes: TopicChanges;
  readonly partitions: ReadonlyMap<number, PartitionRecords>;
  readonly invalid: InvalidEvents;
  /** null: no offset moves back. */
  readonly readAgain: ReadAgain | null;
}

async function readSource(
  { reading, changes, partitions, invalid, readAgain }: SourceReading,
  { format, pendingMax }: TopicSources,
): Promise<void> {
  const { topic, partitionCount } = reading;
  for await (const record of reading.read()) {
    const of = partitions.get(record.partition);
    if (of === undefined) continue;
    await format.prepare?.([record]);
    for (const { event, source } of eventsIn({ record, topic, partitionCount, format })) {
      const isWanted = event.kind === 'skip' || event.group === null || changes.isWanted(event.group);
      if (isChange(event)) readAgain?.take(event, record.partition);
      if (isChange(event) && isWanted) of.unread.take(event, source);
      else if (isUnread(event) && isWanted && !of.isComplete(record.offset)) invalid.note(positionText(source), event);
    }
    if (readAgain !== null) demandRoom(readAgain, { pendingMax, command: SINCE });
  }
  if (readAgain !== null) demandOnePartition(readAgain, SINCE);
}

/** Why instances refuse the partition, so that nothing of it would be sent; null: they do not. */
function refusalOf(
  { partition, offset, end }: SourcePlace,
  topic: string,
  waiting: readonly WaitingIntent[],
): string | null {
  const isForeign = ({ intent: { source } }: WaitingIntent): boolean =>
    source.topic !== topic || source.partition !== partition || source.offset >= end;
  const problem =
    offset !== null && offset > end
      ? `the committed offset ${offset} lies beyond its end ${end}`
      : waiting.some(isForeign)
        ? 'what waits in the retry topic is of another topic or partition, or lies beyond its end'
        : null;
  return problem === null ? null : `instances refuse ${topic}/${partition}: ${problem}`;
}

const refusedError = (refusal: string): ExitError =>
  new ExitError(
    EXIT.unavailable,
    `plan: ${refusal}\n  The topic was recreated, truncated or renamed: \`rollcall run\` logs the remedy.`,
  );

async function warnOfLoss(
  { partition, offset, start }: SourcePlace,
  topic: string,
  { stderr }: CommandContext,
): Promise<void> {
  if (offset === null || offset >= start) return;
  const gone = `records from offset ${offset} to ${start} were not read, and retention has taken them`;
  await print(stderr, `warning: ${topic}/${partition}: ${gone}\n`);
}
