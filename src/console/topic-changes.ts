/** What the service has not ended, for a plan: what stands of each group, in its live record and in records that are not read yet. */
import { WHOLE_GROUP, idKey, sourceGroup, sourceMember, type Intent } from '../core/change/change.ts';
import { pendingByRecords } from '../core/change/pending-by-records.ts';
import { isHeld, revived } from '../core/change/pending.ts';
import type { UnresolvedNames } from '../core/log/live-record.ts';
import type { PausesOf } from '../core/log/pause-record.ts';
import { counted } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import type { ChangedGroup, GroupIntents } from './dry-run.ts';
import type { FoldedChanges } from './folded-changes.ts';
import type { PlannedChanges } from './planning.ts';
import { selects, type WaitingFilter, type WaitingIntent } from './retry-topic.ts';

/** What is planned. */
export interface TopicWish {
  /** As after a rewind to that time, epoch ms; null: from the committed offsets on. */
  readonly since: number | null;
  /** As the source names them; absent: all. */
  readonly groups?: readonly string[];
  /** What a replay by this filter wakes, with what else is due of its groups; null: no replay. */
  readonly replay: WaitingFilter | null;
}

/** What is known of one partition of the source. */
export interface PartitionRecords {
  readonly unread: FoldedChanges;
  /** By group, by `idKey`. */
  readonly waiting: ReadonlyMap<string, readonly WaitingIntent[]>;
  /** By group, as the key of its live record spells it. */
  readonly unresolved: ReadonlyMap<string, UnresolvedNames>;
  readonly pauses: PausesOf;
  readonly isComplete: (offset: bigint) => boolean;
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
  /** Live records of which not all is planned. */
  readonly unreadableCount: number;

  constructor(
    partitions: ReadonlyMap<number, PartitionRecords>,
    { groups, replay }: TopicWish,
    unreadableCount: number,
  ) {
    this.#replay = replay;
    this.unreadableCount = unreadableCount;
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
  *takeGroups(): Generator<ChangedGroup> {
    for (const [partition, of] of this.#partitions) {
      const left = new Set(of.waiting.keys());
      for (const changed of of.unread.takeGroups()) {
        left.delete(idKey(changed.group));
        yield* this.#standing(partition, of, changed.folded());
      }
      for (const key of left) {
        const [first] = of.waiting.get(key) ?? [];
        if (first === undefined || !this.isWanted(key)) continue;
        const unread = { intents: new Map<string, Intent>(), superseded: new Map<string | null, number>() };
        yield* this.#standing(partition, of, { group: sourceGroup(first.intent), ...unread });
      }
    }
  }

  *#standing(partition: number, of: PartitionRecords, unread: GroupIntents): Generator<ChangedGroup> {
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
    const { group } = unread;
    const recorded = { waiting: records.waiting, unresolved: of.unresolved.get(key) ?? {} };
    const wanted = { group, intents, superseded: replaced, complete, recorded };
    yield { group, pauses: of.pauses, folded: () => wanted };
  }

  #isWoken(waiting: WaitingIntent): boolean {
    return this.#replay !== null && !isHeld(waiting.intent) && selects(this.#replay, waiting);
  }
}

const NAMED_MAX = 5;
