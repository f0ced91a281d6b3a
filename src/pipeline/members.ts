/**
 * The members of one group of which something is pending, recorded or unfinished, and which of them a step of the pipeline
 * has to look at. A group may have 100,000 members, so no step goes through all of them: each change of a member moves it
 * from one list to the other here, and a step reads the list that it is about.
 */
import type { Intent } from '../core/change.ts';
import { isOfFullState, isUndecided } from '../core/full-state.ts';
import { isGuarded } from '../core/guard.ts';
import { isHeld, isParked } from '../core/pending.ts';
import { isSamePosition, type Position } from '../core/position.ts';
import { Heap } from './heap.ts';
import type { Due, Open, Spent } from './state.ts';

/** What a pending intent waits for: an operator, the live record, its time (`timed`), or nothing (`soon`). */
type Wait = 'none' | 'dead' | 'held' | 'recordOfAddition' | 'record' | 'timed' | 'soon';

function waitOf(intent: Intent | null): Wait {
  if (intent === null) return 'none';
  if (intent.dead !== null) return 'dead';
  if (isHeld(intent)) return 'held';
  if (intent.waits === 'record') return intent.op === 'add' ? 'recordOfAddition' : 'record';
  return intent.notBefore > 0 ? 'timed' : 'soon';
}

/** One for all: there are hundreds of thousands of members. */
export const NOTHING_UNTOLD: readonly Due[] = [];

/** What is known of one member of one group. */
export class Member {
  readonly name: string;
  /** The final report of `pending` (which is dead then) is acknowledged. */
  pendingReported = false;
  /** The final report of `recorded` is acknowledged. */
  recordedReported = false;
  /** In no order. */
  open: Open | null = null;
  spent: Spent | null = null;
  /** What a replay woke last: a report or a mark of it that is still on its way proves nothing. */
  woken: Intent | null = null;
  /** When the first request that concerned `pending` was sent, epoch ms. */
  requestedAt: number | null = null;
  /** Reports that it waits, held back until the live record says so; else the next owner might know of no wait to end. */
  untold: readonly Due[] = NOTHING_UNTOLD;
  readonly #members: Members;
  #pending: Intent | null = null;
  #recorded: Intent | null = null;

  constructor(name: string, members: Members) {
    this.name = name;
    this.#members = members;
  }

  /** The newest intent, if it is not final, or dead. */
  get pending(): Intent | null {
    return this.#pending;
  }

  set pending(intent: Intent | null) {
    const before = this.#pending;
    this.#pending = intent;
    if (before !== intent) this.#members.notePending(this, before, intent);
  }

  /** What the acknowledged live record says. */
  get recorded(): Intent | null {
    return this.#recorded;
  }

  set recorded(intent: Intent | null) {
    this.#recorded = intent;
    this.#members.noteRecorded(this);
  }

  /** Nothing of it is pending, recorded or unfinished. */
  get isEmpty(): boolean {
    return this.#pending === null && this.#recorded === null && this.open === null;
  }
}

/** The additions of one full state that are pending. */
interface AdditionsOf {
  readonly source: Position;
  /** Those that are not decided. */
  readonly undecided: Set<string>;
  /** Those whose member is not known, or that are given up. */
  readonly unresolved: Set<string>;
}

/** How many members of all groups of a partition wait for another try. */
export class TriedCount {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  change(by: number): void {
    this.#value += by;
  }
}

export class Members {
  readonly #triedCount: TriedCount;
  readonly #all = new Map<string, Member>();
  readonly #recorded = new Set<Member>();
  readonly #lists: Readonly<Record<Exclude<Wait, 'none' | 'timed'>, Set<Member>>> = {
    dead: new Set(),
    held: new Set(),
    recordOfAddition: new Set(),
    record: new Set(),
    soon: new Set(),
  };
  /** By the time that they wait for, epoch ms. */
  readonly #timed = new Heap<Member>();
  readonly #tried = new Set<Member>();
  readonly #forGroup = new Set<Member>();
  readonly #guarded = new Set<Member>();
  readonly #decidable = new Set<Member>();
  readonly #ofFullState = new Set<Member>();
  /** Of the full state that was asked about last. */
  #additions: AdditionsOf | null = null;

  constructor(triedCount: TriedCount) {
    this.#triedCount = triedCount;
  }

  get size(): number {
    return this.#all.size;
  }

  get(name: string): Member | undefined {
    return this.#all.get(name);
  }

  keys(): IterableIterator<string> {
    return this.#all.keys();
  }

  values(): IterableIterator<Member> {
    return this.#all.values();
  }

  [Symbol.iterator](): IterableIterator<[string, Member]> {
    return this.#all.entries();
  }

  /** Made when it is first asked for. */
  obtain(name: string): Member {
    const known = this.#all.get(name);
    if (known !== undefined) return known;
    const member = new Member(name, this);
    this.#all.set(name, member);
    return member;
  }

  /** One that is empty. */
  delete(name: string): void {
    this.#all.delete(name);
  }

  /** The acknowledged live record says something of them. */
  get recorded(): ReadonlySet<Member> {
    return this.#recorded;
  }

  get dead(): ReadonlySet<Member> {
    return this.#lists.dead;
  }

  /** They wait for an operator. */
  get held(): ReadonlySet<Member> {
    return this.#lists.held;
  }

  /** They wait to be recorded: additions first, each in the order in which they have begun to. */
  *unrecorded(): Iterable<Member> {
    yield* this.#lists.recordOfAddition;
    yield* this.#lists.record;
  }

  /** They wait for nothing but their turn, or their time has come. */
  due(now: number): ReadonlySet<Member> {
    const { soon } = this.#lists;
    for (let top = this.#timed.peek(); top !== undefined && top.priority <= now; top = this.#timed.peek()) {
      this.#timed.pop();
      this.#forGroup.delete(top.key);
      soon.add(top.key);
    }
    return soon;
  }

  /** When the next of the others is due, epoch ms; infinite: there is none. */
  get nextAt(): number {
    return this.#timed.peek()?.priority ?? Number.POSITIVE_INFINITY;
  }

  /** They wait for another try. */
  get tried(): ReadonlySet<Member> {
    return this.#tried;
  }

  get #unrecordedCount(): number {
    return this.#lists.recordOfAddition.size + this.#lists.record.size;
  }

  /** How many of them are parked. */
  get parkedCount(): number {
    return this.#tried.size + this.#lists.held.size + this.#unrecordedCount;
  }

  /** They wait for an answer of their group, or for their time. */
  get forGroup(): ReadonlySet<Member> {
    return this.#forGroup;
  }

  /** Removals that the guard has a say in, and that are not held. */
  get guarded(): ReadonlySet<Member> {
    return this.#guarded;
  }

  /** An operator decides, or has decided, about them; dead ones too. */
  get decidable(): ReadonlySet<Member> {
    return this.#decidable;
  }

  /** Removals of full states, dead ones too. */
  get ofFullState(): ReadonlySet<Member> {
    return this.#ofFullState;
  }

  /** Additions of the full state at this position. */
  additionsOf(source: Position): Readonly<AdditionsOf> {
    if (this.#additions !== null && isSamePosition(this.#additions.source, source)) return this.#additions;
    this.#additions = { source, undecided: new Set(), unresolved: new Set() };
    for (const { name, pending } of this.#all.values()) this.#noteAddition(name, pending);
    return this.#additions;
  }

  /** `before` is not pending any more, `after` is. */
  notePending(member: Member, before: Intent | null, after: Intent | null): void {
    const [from, to] = [waitOf(before), waitOf(after)];
    if (from !== to || to === 'timed') this.#move(member, to, after);
    const triedBefore = this.#tried.size;
    keep(this.#tried, member, (to === 'timed' || to === 'soon') && isTried(after));
    this.#triedCount.change(this.#tried.size - triedBefore);
    keep(this.#forGroup, member, to === 'timed' && after?.waits === 'group');
    keep(this.#guarded, member, to !== 'dead' && to !== 'held' && after !== null && isGuarded(after));
    keep(this.#decidable, member, after !== null && after.guard !== null);
    keep(this.#ofFullState, member, after !== null && isOfFullState(after));
    this.#noteAddition(member.name, after);
  }

  noteRecorded(member: Member): void {
    keep(this.#recorded, member, member.recorded !== null);
  }

  #move(member: Member, to: Wait, intent: Intent | null): void {
    // What is due by its time is in another list by now.
    for (const list of Object.values(this.#lists)) list.delete(member);
    this.#timed.delete(member);
    if (to === 'timed') this.#timed.push(member, intent?.notBefore ?? 0);
    else if (to !== 'none') this.#lists[to].add(member);
  }

  #noteAddition(name: string, intent: Intent | null): void {
    if (this.#additions === null) return;
    const { source, undecided, unresolved } = this.#additions;
    const isOfIt = intent?.op === 'add' && isSamePosition(intent.source, source);
    keep(undecided, name, isOfIt && isUndecided(intent));
    keep(unresolved, name, isOfIt && !isUndecided(intent));
  }
}

const isTried = (intent: Intent | null): boolean => intent !== null && intent.attempt > 0 && isParked(intent);

function keep<T>(list: Set<T>, one: T, isIn: boolean): void {
  if (isIn) list.add(one);
  else list.delete(one);
}
