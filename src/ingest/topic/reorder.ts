/**
 * The reorder window: events of several partitions → one stream in the order of their times; below, what was released last.
 * Pure: now is passed in.
 *
 * Within a partition the order of arrival stands: an event counts as no earlier than the one before it. The earliest
 * event is released when every other partition either has a later one in hand, or has been read past its time, or has
 * been read to its end for the whole window since the event came: what is idle must not hold up the others for ever. A
 * partition that has more to read is waited for, however long that takes; else a backlog would be put into a wrong
 * order.
 *
 * What is no event goes right behind the one before it in its partition, and says nothing about the time up to which
 * that was read: when its record was written is later than what the events behind it are about. Times are microseconds:
 * Entra ID writes seven digits after the second, more than a Date can hold.
 */
import { instantIn } from '../../core/text/instant.ts';
import type { Delta, FullState, Op } from '../../core/change/change.ts';
import { idKey } from '../../core/change/change.ts';

/** Of what is no event. */
export const NO_TIME = -Infinity;

export interface Entry<T> {
  /** When it happened; any unit, the same for all. NO_TIME: it is none that happened. */
  readonly time: number;
  /** Of equal times the lower one goes first. */
  readonly rank: number;
  /** Bytes that it keeps in memory. */
  readonly size: number;
  readonly value: T;
}

interface BufferedEntry<T> extends Entry<T> {
  readonly arrivedAt: number;
}

interface Lane<T> {
  readonly partition: number;
  queue: BufferedEntry<T>[];
  /** Of `queue`: those before it are released already. */
  head: number;
  /** Bytes of what waits. */
  size: number;
  /** The latest time that was read; NO_TIME: none yet. */
  time: number;
  /** Since when there has been nothing more to read; null: there is. */
  endSince: number | null;
}

interface Room {
  readonly bufferMax: number;
  readonly bufferBytesMax: number;
}

/** What there is to do now: an entry, or nothing before `now` has come to `at`; null: before something is read. */
type Next<T> =
  | { readonly kind: 'release'; readonly lane: Lane<T>; readonly entry: BufferedEntry<T> }
  | { readonly kind: 'wait'; readonly at: number | null };

/** Instants (`now`, `windowMs`) are monotonic ms. */
export class ReorderWindow<T> {
  readonly #windowMs: number;
  #lanes: readonly Lane<T>[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** Everything before is forgotten. Nothing is known of these partitions until `read` tells of them. */
  assign(partitions: readonly number[]): void {
    this.#lanes = partitions.map((partition) => ({
      partition,
      queue: [],
      head: 0,
      size: 0,
      time: NO_TIME,
      endSince: null,
    }));
  }

  /** What was read of a partition, in its order; perhaps nothing but that its end is reached. */
  read(partition: number, entries: readonly Entry<T>[], { isAtEnd, now }: { isAtEnd: boolean; now: number }): void {
    const lane = this.#lanes.find((each) => each.partition === partition);
    if (lane === undefined) return;
    for (const entry of entries) {
      lane.time = Math.max(lane.time, entry.time);
      lane.size += entry.size;
      lane.queue.push({ ...entry, time: isEvent(entry) ? lane.time : NO_TIME, arrivedAt: now });
    }
    if (!isAtEnd) lane.endSince = null;
    // A steady stream of what is no event must not put off the others for ever.
    else if (lane.endSince === null || entries.some(isEvent)) lane.endSince = now;
  }

  /** Takes out what may go on now, at most so many. */
  release(now: number, countMax: number): readonly T[] {
    const released: T[] = [];
    while (released.length < countMax) {
      const next = this.#next(now);
      if (next.kind === 'wait') break;
      next.lane.size -= next.entry.size;
      advance(next.lane);
      released.push(next.entry.value);
    }
    return released;
  }

  /** When `release` is worth another call although nothing more is read; null: never. */
  releasableAt(now: number): number | null {
    const next = this.#next(now);
    return next.kind === 'wait' ? next.at : now;
  }

  /** How much of its room a partition has taken: 1 is all of it. */
  fill(partition: number, { bufferMax, bufferBytesMax }: Room): number {
    const lane = this.#lanes.find((each) => each.partition === partition);
    if (lane === undefined) return 0;
    return Math.max((lane.queue.length - lane.head) / bufferMax, lane.size / bufferBytesMax);
  }

  #next(now: number): Next<T> {
    let earliest: { readonly lane: Lane<T>; readonly entry: BufferedEntry<T> } | null = null;
    for (const lane of this.#lanes) {
      const entry = lane.queue[lane.head];
      if (entry !== undefined && (earliest === null || compare(entry, earliest.entry) < 0)) earliest = { lane, entry };
    }
    if (earliest === null) return { kind: 'wait', at: null };
    const at = this.#dueAt(earliest.entry);
    return at !== null && at <= now ? { kind: 'release', ...earliest } : { kind: 'wait', at };
  }

  /** null: a partition has more to read, which may be earlier. */
  #dueAt(entry: BufferedEntry<T>): number | null {
    let dueAt = -Infinity;
    for (const { queue, head, time, endSince } of this.#lanes) {
      // What waits here is no earlier, as `entry` is the earliest of all.
      if (head < queue.length || time >= entry.time) continue;
      if (endSince === null) return null;
      dueAt = Math.max(dueAt, Math.max(endSince, entry.arrivedAt) + this.#windowMs);
    }
    return dueAt;
  }
}

const isEvent = ({ time }: Pick<Entry<unknown>, 'time'>): boolean => time !== NO_TIME;

/** The difference of two infinities is no number. */
const compare = <T>(a: BufferedEntry<T>, b: BufferedEntry<T>): number =>
  a.time === b.time ? a.rank - b.rank : a.time - b.time;

const SPENT_MAX = 1_000;

/** Cuts off what is released now and then only: `shift` would move all that waits each time. */
function advance<T>(lane: Lane<T>): void {
  lane.head += 1;
  if (lane.head < SPENT_MAX && lane.head < lane.queue.length) return;
  lane.queue = lane.queue.slice(lane.head);
  lane.head = 0;
}

export interface EventTime {
  /** Epoch µs. */
  readonly at: number;
  /** The source says so itself; else it is when the record was written, which says little about the order. */
  readonly isCertain: boolean;
}

/** An event cannot be written long before it happened: such a time would hold up, or cover, all that comes after it. */
const AHEAD_MAX_MS = 3_600_000;

/** @param timestamp of the record, epoch ms. */
export function eventTime(occurredAt: string | null, timestamp: number): EventTime {
  const at = occurredAt === null ? null : microseconds(occurredAt);
  if (at === null || at > (timestamp + AHEAD_MAX_MS) * 1000) return { at: timestamp * 1000, isCertain: false };
  return { at, isCertain: true };
}

/** With date, time and zone only: a time without a zone is a guess. */
const TIME = /^(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|z|[+-]\d\d:?\d\d)$/;

function microseconds(text: string): number | null {
  const [, seconds, fraction = '', zone] = TIME.exec(text) ?? [];
  if (seconds === undefined || zone === undefined) return null;
  const ms = instantIn(`${seconds}${zone}`);
  return ms === null ? null : ms * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}

/*
 * What was released last of each (group, member), in any spelling, so that an older change that comes late does not overwrite it. Pure.
 *
 * The rule, where the later one wants something else than the earlier one did:
 * - older, and both say when they happened: it is superseded, and must not go on;
 * - older by the time of its record only: the order is unknown, so the order of arrival stands (`uncertain`);
 * - of the very same time, from another partition: likewise.
 * A full state covers every member of its group, and is superseded by any later change of the group.
 */

export interface Occurrence extends EventTime {
  readonly partition: number;
}

interface Mark extends Occurrence {
  readonly wants: Op | 'state';
}

export interface Judgement {
  /** What may go on; null: nothing. */
  readonly event: Delta | FullState | null;
  /** Members whose change is superseded; of a full state, the group itself. */
  readonly superseded: readonly string[];
  /** Epoch µs of the newest that they are superseded by. */
  readonly newestAt: number | null;
  /** Changes whose order is unknown. */
  readonly uncertainCount: number;
}

type Verdict = 'newer' | 'same' | 'superseded' | 'uncertain';

export class LastReleased {
  readonly #countMax: number;
  /** In two generations: to look for the oldest of one map costs more, the more of it was replaced. */
  #young = new Map<string, Mark>();
  #old: ReadonlyMap<string, Mark> = new Map();

  /** @param countMax marks that are remembered at the least, the latest ones, and at most twice that; about 200 bytes each. */
  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
  }

  /** Judges an event, and remembers what of it goes on. */
  judge(event: Delta | FullState, occurrence: Occurrence): Judgement {
    return event.kind === 'state' ? this.#judgeState(event, occurrence) : this.#judgeDelta(event, occurrence);
  }

  #judgeDelta(event: Delta, occurrence: Occurrence): Judgement {
    const superseded: string[] = [];
    let newestAt: number | null = null;
    let uncertainCount = 0;
    const removed = new Set(event.remove.map(idKey));
    for (const member of new Set([...event.remove, ...event.add])) {
      const mark: Mark = { ...occurrence, wants: removed.has(idKey(member)) ? 'remove' : 'add' };
      const [verdict, by] = this.#verdict([stateKey(event.group), memberKey(event.group, member)], mark);
      if (verdict === 'uncertain') uncertainCount += 1;
      if (verdict === 'superseded') {
        superseded.push(member);
        newestAt = Math.max(newestAt ?? -Infinity, by);
      } else if (verdict !== 'same') {
        this.#remember(memberKey(event.group, member), after(mark, verdict, by));
        this.#rememberNewest(event.group, mark);
      }
    }
    if (superseded.length === 0) return { event, superseded, newestAt, uncertainCount };
    const dropped = new Set(superseded);
    const [add, remove] = [event.add, event.remove].map((list) => list.filter((member) => !dropped.has(member)));
    const isEmpty = add?.length === 0 && remove?.length === 0;
    return {
      event: isEmpty ? null : { ...event, add: add ?? [], remove: remove ?? [] },
      superseded,
      newestAt,
      uncertainCount,
    };
  }

  #judgeState(event: FullState, occurrence: Occurrence): Judgement {
    const mark: Mark = { ...occurrence, wants: 'state' };
    const [verdict, by] = this.#verdict([newestKey(event.group)], mark);
    if (verdict === 'superseded') return { event: null, superseded: [event.group], newestAt: by, uncertainCount: 0 };
    this.#remember(stateKey(event.group), after(mark, verdict, by));
    this.#rememberNewest(event.group, mark);
    return { event, superseded: [], newestAt: null, uncertainCount: verdict === 'uncertain' ? 1 : 0 };
  }

  /** By the one that counts most against it. */
  #verdict(keys: readonly string[], mark: Mark): readonly [verdict: Verdict, by: number] {
    const former = keys.flatMap((key) => this.#markOf(key) ?? []);
    const [newest] = former.toSorted((a, b) => b.at - a.at);
    return newest === undefined ? ['newer', -Infinity] : [verdictOn(newest, mark), newest.at];
  }

  #rememberNewest(group: string, mark: Mark): void {
    const newest = this.#markOf(newestKey(group));
    if (newest === undefined || newest.at <= mark.at) this.#remember(newestKey(group), mark);
  }

  #remember(key: string, mark: Mark): void {
    this.#young.set(key, mark);
    if (this.#young.size < this.#countMax) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  #markOf(key: string): Mark | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }
}

function verdictOn(former: Mark, mark: Mark): Verdict {
  if (mark.at > former.at) return 'newer';
  // To want the same again changes nothing, but must not make the former look older.
  if (mark.wants === former.wants && mark.wants !== 'state') return mark.at === former.at ? 'newer' : 'same';
  if (mark.at === former.at) return mark.partition === former.partition ? 'newer' : 'uncertain';
  return mark.isCertain && former.isCertain ? 'superseded' : 'uncertain';
}

/** What goes on without a sure place in the order leaves none to judge by. */
const after = (mark: Mark, verdict: Verdict, by: number): Mark =>
  verdict === 'uncertain' ? { ...mark, at: Math.max(mark.at, by), isCertain: false } : mark;

// No id holds a control character, so that no two of these keys are equal.
const memberKey = (group: string, member: string): string => `${idKey(group)}\n${idKey(member)}`;
const stateKey = (group: string): string => `${idKey(group)}\n\nstate`;
const newestKey = (group: string): string => `${idKey(group)}\n\nnewest`;
