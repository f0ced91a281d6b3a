/**
 * Watches the window of the removal guard (protocol.md 11.3), without any code of `src`: what its records say was removed counts
 * for each owner of the partition, and what is committed as removed is in them.
 */
import type { LiveIntent, TopicRecord } from '../../oracle/live-records.ts';
import { headerOf, textOf } from '../../oracle/live-records.ts';
import type { Report } from '../../oracle/reports.ts';
import { EPOCH_MS } from '../engine/host.ts';
import type { GuardSettings } from '../settings.ts';
import { Violation } from '../violation.ts';
import type { Knowledge } from './knowledge.ts';
import { isSuccess, seatOf } from './knowledge.ts';
import type { LiveView } from './live-view.ts';

interface World {
  readonly knowledge: Knowledge;
  readonly guard: GuardSettings;
  readonly members: (group: string) => ReadonlySet<string>;
  /** By partition. */
  readonly live: readonly LiveView[];
  /** Ms of the history. */
  readonly now: () => number;
  /** One owner at a time, whose requests are never late: it knows what its live records say. */
  readonly knowsParked: boolean;
  /** So many failed tries, this one included, are the last. */
  readonly attemptsMax: number;
}

interface Entry {
  readonly group: string | null;
  readonly count: number;
  /** Epoch ms. */
  readonly at: number;
}

interface Slice {
  readonly epoch: number;
  readonly seq: number;
  readonly entries: readonly Entry[];
}

/** A removal with a final report. */
interface Removed {
  readonly group: string;
  /** When the member went, ms of the history. */
  readonly at: number;
  /** Of the owner that reported it. */
  readonly epoch: number;
  /** That owner has committed it: only its slice tells the next owner of it. */
  readonly isOwed: boolean;
}

const PREFIX = '\u0000rollcall.removals.';
/** What is just about to leave the window may have left it for an instance, besides by what its clock differs. */
const MARGIN_MS = 30_000;

export class RemovalOracle {
  readonly #world: World;
  /** By partition and key. */
  readonly #slices: Map<string, Slice>[];
  /** By partition and id. */
  readonly #removed: Map<string, Removed>[];
  /** Removals that were made, or that an owner takes for made. */
  #madeCount = 0;

  constructor(world: World) {
    this.#world = world;
    this.#slices = world.live.map(() => new Map());
    this.#removed = world.live.map(() => new Map());
  }

  /** A record of the retry topic that is not void. */
  recorded(record: TopicRecord): void {
    const key = textOf(record.key);
    if (!key.startsWith(PREFIX)) return;
    const slices = this.#slices[record.partition];
    const [epoch = 0, seq = 0] = ['rollcall-epoch', 'rollcall-seq'].map((name) => Number(headerOf(record, name)));
    const known = slices?.get(key);
    if (known !== undefined && (known.epoch > epoch || (known.epoch === epoch && known.seq > seq))) return;
    const { removals } = JSON.parse(record.value === null ? '{"removals":[]}' : textOf(record.value)) as {
      removals: readonly Entry[];
    };
    slices?.set(key, { epoch, seq, entries: removals });
  }

  /** The cleaner has run. */
  cleaned(): void {
    for (const slices of this.#slices) slices.clear();
  }

  /** A final report of a removal. */
  reported(
    partition: number,
    { id, outcome, epoch, reported_at }: Report,
    seat: { readonly group: string; readonly member: string },
  ): void {
    const { knowledge, now } = this.#world;
    // It may be by its own request, whose answer was lost.
    if (outcome === 'recovered') this.#madeCount += 1;
    // Not later than its report was made. That may be written long after: the member was added and has gone once more since.
    const reportedAt = Math.min(now(), Date.parse(reported_at) - EPOCH_MS);
    const at = Math.min(knowledge.absentSince.get(seatOf(seat)) ?? reportedAt, reportedAt);
    const isOwed = this.#removed[partition]?.get(id)?.isOwed ?? false;
    this.#removed[partition]?.set(id, { group: seat.group, at, epoch, isOwed });
  }

  /**
   * What the owner that reported it has committed is counted where the next owner finds it. An owner that ended in between
   * may have written the report alone; the next owner finds the member gone.
   * @param epoch of the owner that commits.
   */
  committed(partition: number, epoch: number, isCommitted: (id: string) => boolean): void {
    const { knowledge, guard, now } = this.#world;
    const entries = this.#entriesOf(partition);
    // Some had no room for the names of their groups.
    if (entries.some(({ group }) => group === null)) return;
    const owed = new Map<string, number>();
    for (const [id, removed] of this.#removed[partition] ?? []) {
      const { group, at } = removed;
      const { outcome = '', approval } = knowledge.finals.get(id) ?? {};
      const isOwn = isSuccess(outcome) && outcome !== 'already_synced' && !approval;
      const isOwed = removed.isOwed || (removed.epoch === epoch && isCommitted(id));
      if (isOwed !== removed.isOwed) this.#removed[partition]?.set(id, { ...removed, isOwed });
      if (isOwn && isOwed && at > now() - guard.windowMs + knowledge.clockSkewMs + MARGIN_MS)
        owed.set(group, (owed.get(group) ?? 0) + 1);
    }
    for (const [group, count] of owed) {
      const counted = countOf(entries.filter((entry) => entry.group === group));
      if (counted < count)
        fail(`${count} removals from ${group} are committed, and ${counted} are recorded for the next owner`);
    }
  }

  /** A request has removed so many without an approval. @param size of the group before. */
  removed(
    partition: number,
    group: string,
    removed: { readonly members: readonly string[]; readonly size: number },
  ): void {
    const { guard, now, knowledge } = this.#world;
    const { members, size } = removed;
    this.#madeCount += members.length;
    const from = EPOCH_MS + now() - guard.windowMs + knowledge.clockSkewMs + MARGIN_MS;
    const before = countOf(this.#entriesOf(partition).filter((entry) => entry.group === group && entry.at > from));
    const total = before + members.length + this.#parkedBeside(partition, group, members);
    const text = `${members.length} removals from ${group} take effect after ${before} others in the window`;
    if (total > guard.groupCount) fail(`${text}: more than ${guard.groupCount}`);
    const all = size + before;
    if (guard.groupPercent < 100 && all >= guard.groupFloor && total * 100 > guard.groupPercent * all)
      fail(`${text}: ${total} of ${all} are more than ${guard.groupPercent} %`);
  }

  /** Something is held since an owner removes too much in all. */
  heldForWindow(id: string): void {
    const { knowledge, guard } = this.#world;
    // What a full state comes to is not known before it is worked out.
    if (knowledge.states.size > 0) return;
    const pending = [...knowledge.open].filter((open) => knowledge.find(open)?.op === 'remove').length;
    if (this.#madeCount + pending <= guard.windowCount)
      fail(
        `${id} is held for ${guard.windowCount} in the window, and no more than ${this.#madeCount + pending} are or were to go`,
      );
  }

  /** Other removals that wait in the live record for another try; one that had its last may wait there for its end. */
  #parkedBeside(partition: number, group: string, members: readonly string[]): number {
    const { live, knowsParked, attemptsMax, knowledge } = this.#world;
    if (!knowsParked) return 0;
    const present = this.#world.members(group);
    const isPending = ({ op, member, place, attempt, dead, held, approval }: LiveIntent): boolean =>
      op === 'remove' &&
      dead === null &&
      held === null &&
      approval === null &&
      attempt < attemptsMax - 1 &&
      present.has(member) &&
      !members.includes(member) &&
      knowledge.newest(seatOf({ group, member }))?.place === place;
    return [...(live[partition]?.groups.get(group)?.intents.values() ?? [])].filter(isPending).length;
  }

  #entriesOf(partition: number): readonly Entry[] {
    return [...(this.#slices[partition]?.values() ?? [])].flatMap(({ entries }) => entries);
  }
}

const countOf = (entries: readonly Entry[]): number => entries.reduce((sum, { count }) => sum + count, 0);

function fail(detail: string): never {
  throw new Violation('held', detail);
}
