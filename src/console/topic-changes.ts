/**
 * What the service has not ended, for a plan: the records of the source that are not committed, folded, and what waits in the retry
 * topic. Kept is what stands; never a record, so that a topic may have any number of them.
 */
import {
  WHOLE_GROUP,
  idKey,
  isChange,
  isUnread,
  positionText,
  sourceGroup,
  sourceMember,
  type Intent,
  type SourceFormat,
} from '../core/change/change.ts';
import { KeptIds } from '../core/change/kept-ids.ts';
import { pendingByRecords } from '../core/change/pending-by-records.ts';
import { isHeld, revived } from '../core/change/pending.ts';
import type { UnresolvedNames } from '../core/log/live-record.ts';
import type { PausesOf } from '../core/log/pause-record.ts';
import { ReadAgain, nextRead } from '../core/log/rewind.ts';
import { counted } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { LogTools } from '../ports.ts';
import { print, unlessStopped, type CommandContext } from './command-context.ts';
import type { GroupIntents } from './dry-run.ts';
import { FoldedChanges } from './folded-changes.ts';
import { eventsIn } from './source-events.ts';
import { InvalidEvents } from './invalid-events.ts';
import type { PlanTotals } from './plan-totals.ts';
import type { PlannedChanges } from './planning.ts';
import {
  emptyPartition,
  groupedBy,
  readRetryTopic,
  selects,
  type WaitingFilter,
  type WaitingIntent,
} from './retry-topic.ts';
import { demandCommitted, demandOnePartition, demandRoom, placesAt, type RewindSources } from './rewind.ts';
import type { SourcePlace } from './rewind.ts';
import { TopicReading } from './topic-reading.ts';

export interface TopicSources extends Pick<
  RewindSources,
  'consumerGroup' | 'pendingMax' | 'committed' | 'bounds' | 'offsetsSince'
> {
  readonly tools: LogTools;
  readonly topics: { readonly source: string; readonly retry: string };
  readonly format: SourceFormat;
}

/** What is planned. */
export interface TopicWish {
  /** As after a rewind to that time, epoch ms; null: from the committed offsets on. */
  readonly since: number | null;
  /** As the source names them; absent: all. */
  readonly groups?: readonly string[];
  /** What a replay by this filter wakes, with what else is due of its groups; null: no replay. */
  readonly replay: WaitingFilter | null;
}

interface Reading {
  readonly totals: PlanTotals;
  readonly context: CommandContext;
}

/** What is known of one partition of the source. */
interface PartitionRecords {
  readonly unread: FoldedChanges;
  /** By group, by `idKey`. */
  readonly waiting: ReadonlyMap<string, readonly WaitingIntent[]>;
  /** By group, as the key of its live record spells it. */
  readonly unresolved: ReadonlyMap<string, UnresolvedNames>;
  readonly pauses: PausesOf;
  readonly isComplete: (offset: bigint) => boolean;
}

/**
 * Committed offsets come first, then what waits, then the source: what the offsets pass was recorded before them.
 * @throws ExitError where a topic is missing, an instance would refuse a partition, or `rewind` would refuse that time.
 */
export async function readTopics(
  wish: TopicWish,
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
  const places = await unlessStopped(context, placesAt(wish.since, reading, sources));
  if (wish.since !== null) demandCommitted(places, { ...sources, topic: topics.source });
  const view = await readRetryTopic({ topic: topics.retry, tools, context });
  const partitions = new Map<number, PartitionRecords>();
  const ids = new KeptIds();
  for (const place of places) {
    const { partition } = place;
    const { groups, pauses, unresolved } = view.partitions.get(partition) ?? emptyPartition();
    const waiting = groupedBy([...groups.values()].flat(), ({ intent }) => intent.group);
    demandOwnRecords(place, topics.source, waiting);
    await warnOfLoss(place, topics.source, context);
    const { from, complete } = nextRead(place);
    const isComplete = (offset: bigint): boolean => complete.some((range) => range.from <= offset && offset < range.to);
    reading.startAt(partition, from);
    const unread = new FoldedChanges({ topic: topics.source, partition }, { start: from, ids, isComplete });
    partitions.set(partition, { unread, waiting, unresolved, pauses, isComplete });
  }
  const changes = new TopicChanges(partitions, wish);
  reading.select(changes.partitions);
  await readSource({ reading, changes, partitions, invalid }, wish, sources);
  await print(context.stderr, invalid.text);
  totals.count('invalid', invalid.count);
  return changes;
}

interface SourceReading {
  readonly reading: TopicReading;
  readonly changes: TopicChanges;
  readonly partitions: ReadonlyMap<number, PartitionRecords>;
  readonly invalid: InvalidEvents;
}

async function readSource(
  { reading, changes, partitions, invalid }: SourceReading,
  { since }: TopicWish,
  { format, pendingMax }: TopicSources,
): Promise<void> {
  const { topic, partitionCount } = reading;
  const readAgain = since === null ? null : new ReadAgain();
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
    if (readAgain !== null) demandRoom(readAgain, pendingMax);
  }
  if (readAgain !== null) demandOnePartition(readAgain);
}

/** @throws ExitError where an instance would refuse the partition, so that nothing of it would be sent. */
function demandOwnRecords(
  { partition, offset, end }: SourcePlace,
  topic: string,
  waiting: ReadonlyMap<string, readonly WaitingIntent[]>,
): void {
  const isForeign = ({ intent: { source } }: WaitingIntent): boolean =>
    source.topic !== topic || source.partition !== partition || source.offset >= end;
  const problem =
    offset !== null && offset > end
      ? `the committed offset ${offset} lies beyond its end ${end}`
      : [...waiting.values()].flat().some(isForeign)
        ? 'what waits in the retry topic is of another topic or partition, or lies beyond its end'
        : null;
  if (problem === null) return;
  throw new ExitError(
    EXIT.unavailable,
    `plan: instances refuse ${topic}/${partition}: ${problem}\n  The topic was recreated, truncated or renamed: \`rollcall run\` logs the remedy.`,
  );
}

async function warnOfLoss(
  { partition, offset, start }: SourcePlace,
  topic: string,
  { stderr }: CommandContext,
): Promise<void> {
  if (offset === null || offset >= start) return;
  const gone = `records from offset ${offset} to ${start} were not read, and retention has taken them`;
  await print(stderr, `warning: ${topic}/${partition}: ${gone}\n`);
}

/** By partition and group. */
export class TopicChanges implements PlannedChanges {
  readonly #partitions: ReadonlyMap<number, PartitionRecords>;
  readonly #replay: WaitingFilter | null;
  /** By `idKey`; null: all. */
  readonly #groups: ReadonlySet<string> | null;
  /** By `idKey`, of those that were handed out. */
  readonly #partitionOf = new Map<string, number>();
  readonly #inTwoPartitions = new Set<string>();
  /** Removals that a replay does not wake, of those that it names. */
  readonly heldCount: number;
  /** Changes that were given up, are not sent, and that nothing newer has replaced. */
  givenUpCount = 0;

  constructor(partitions: ReadonlyMap<number, PartitionRecords>, { groups, replay }: TopicWish) {
    this.#replay = replay;
    const waiting = [...partitions.values()].flatMap((of) => [...of.waiting.values()].flat());
    this.heldCount =
      replay === null ? 0 : waiting.filter((each) => each.state === 'held' && selects(replay, each)).length;
    if (replay === null) {
      this.#groups = groups === undefined ? null : new Set(groups.map(idKey));
      this.#partitions = partitions;
      return;
    }
    const woken = waiting.filter((each) => this.#isWoken(each)).map(({ intent }) => intent);
    const numbers = new Set(woken.map(({ source }) => source.partition));
    this.#groups = new Set(woken.map(({ group }) => group));
    this.#partitions = new Map([...partitions].filter(([number]) => numbers.has(number)));
  }

  /** Of the source, in which something of the groups may be. */
  get partitions(): readonly number[] {
    return [...this.#partitions.keys()];
  }

  /** @param group as the source spells it */
  isWanted(group: string): boolean {
    return this.#groups === null || this.#groups.has(idKey(group));
  }

  /** At most. */
  get groupCount(): number {
    let count = 0;
    for (const { unread, waiting } of this.#partitions.values())
      count += unread.groupCount + [...waiting.keys()].filter((group) => this.isWanted(group)).length;
    return count;
  }

  /** '' where each group has its changes in one partition. */
  get problem(): string {
    const groups = [...this.#inTwoPartitions];
    if (groups.length === 0) return '';
    const names = groups.slice(0, NAMED_MAX).map(visible).join(', ');
    const more = groups.length > NAMED_MAX ? ` and ${groups.length - NAMED_MAX} more` : '';
    return `${counted(groups.length, 'group')} in two partitions, which have no order, so that each part is planned by itself: ${names}${more}`;
  }

  /** A group that was handed out is forgotten; those of which nothing is pending are left out. */
  *takeGroups(): Generator<GroupIntents> {
    for (const [partition, of] of this.#partitions) {
      const left = new Set(of.waiting.keys());
      for (const wanted of of.unread.takeGroups()) {
        left.delete(idKey(wanted.group));
        yield* this.#standing(partition, of, wanted);
      }
      for (const key of left) {
        const [first] = of.waiting.get(key) ?? [];
        if (first === undefined || !this.isWanted(key)) continue;
        const unread = { intents: new Map<string, Intent>(), superseded: new Map<string | null, number>() };
        yield* this.#standing(partition, of, { group: sourceGroup(first.intent), ...unread });
      }
    }
  }

  *#standing(partition: number, of: PartitionRecords, unread: GroupIntents): Generator<GroupIntents> {
    const key = idKey(unread.group);
    const waiting = of.waiting.get(key) ?? [];
    const woken = new Set(waiting.filter((each) => this.#isWoken(each)).map(({ intent }) => intent));
    if (this.#replay !== null && woken.size === 0) return;
    const records = { waiting: waiting.map(({ intent }) => intent), unread: unread.intents.values() };
    const { pending, superseded, complete } = pendingByRecords({ ...records, isComplete: of.isComplete });
    const intents = new Map([...pending].map(([member, each]) => [member, woken.has(each) ? revived(each) : each]));
    const replaced = new Map(unread.superseded);
    const isStanding = (intent: Intent): boolean => pending.get(intent.member) === intent;
    const gone = [...woken].filter((intent) => intent.dead !== null && !isStanding(intent));
    for (const intent of [...superseded, ...gone]) {
      const member = intent.member === WHOLE_GROUP ? null : sourceMember(intent);
      replaced.set(member, (replaced.get(member) ?? 0) + 1);
    }
    const isDead = ({ dead }: Intent): boolean => dead !== null;
    this.givenUpCount += [...intents.values()].filter(isDead).length;
    if (replaced.size === 0 && [...intents.values()].every(isDead)) return;
    const known = this.#partitionOf.get(key);
    if (known !== undefined && known !== partition) this.#inTwoPartitions.add(unread.group);
    this.#partitionOf.set(key, partition);
    yield {
      group: unread.group,
      intents,
      superseded: replaced,
      complete,
      recorded: { waiting: records.waiting, unresolved: of.unresolved.get(key) ?? {} },
      pauses: of.pauses,
    };
  }

  #isWoken(waiting: WaitingIntent): boolean {
    return this.#replay !== null && !isHeld(waiting.intent) && selects(this.#replay, waiting);
  }
}

const NAMED_MAX = 5;
