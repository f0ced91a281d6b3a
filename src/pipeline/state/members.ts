/**
 * The members of one group of which something is pending, recorded or unfinished, and which of them a step of the pipeline
 * has to look at. A group may have 100,000 members, so no step goes through all of them: each change of a member moves it
 * from one list to the other here, and a step reads the list that it is about.
 */
import { WHOLE_GROUP, isSamePosition, type Intent, type Position } from '../../core/change/change.ts';
import { isHeld, isNotified, isUnsure } from '../../core/change/pending.ts';
import { isOfFullState, isUndecided } from '../../core/group/full-state.ts';
import { isGuarded } from '../../core/group/guard.ts';
import { isNews, recordedHold } from '../../core/group/held-set.ts';
import { Heap } from './heap.ts';
import { Member, type MemberLists } from './member.ts';

/** What a pending intent waits for: an operator, the live record, its time (`timed`), or nothing (`soon`). */
type Wait = 'none' | 'dead' | 'held' | 'recordOfAddition' | 'record' | 'timed' | 'soon';

function waitOf(intent: Intent | null): Wait {
  if (intent === null) return 'none';
  if (intent.dead !== null) return 'dead';
  if (isHeld(intent)) return 'held';
  if (intent.waits === 'record') return intent.op === 'add' ? 'recordOfAddition' : 'record';
  return intent.notBefore > 0 ? 'timed' : 'soon';
}

/** null: there is none. */
type List = Set<Member> | null;

/** The additions of one full state that are pending. */
interface AdditionsOf {
  readonly source: Position;
  /** Those that are not decided. */
  readonly undecided: Set<string>;
  /** Those whose member is not known, or that are given up. */
  readonly unresolved: Set<string>;
}

type Try = 'tried' | 'unsent' | null;

/**
 * Whether it waits for another try, or for a resume, or with what failed in its group without having been in a request; null: neither.
 * What a PATCH may have done was tried, too.
 */
function tryOf(wait: Wait, intent: Intent | null): Try {
  if (intent === null || (wait !== 'timed' && wait !== 'soon')) return null;
  if (intent.attempt > 0 || intent.waits === 'resume' || isUnsure(intent)) return 'tried';
  return intent.waits === 'group' ? 'unsent' : null;
}

/** How many intents of all groups of a partition are pending, and what they wait for. */
export interface IntentCounts {
  /** Neither final nor dead. */
  readonly pending: number;
  /** Of them, those that wait for an operator. */
  readonly held: number;
  readonly dead: number;
  /** Of the pending ones, those that wait for another try, or for a resume. */
  readonly tried: number;
  /** Of the pending ones, those that wait with what failed in their group and were not in a request. */
  readonly unsent: number;
}

export class IntentTally {
  readonly #counts = { pending: 0, held: 0, dead: 0, tried: 0, unsent: 0 };
  /** As they are; they follow what is counted. */
  readonly counts: IntentCounts = this.#counts;

  count(wait: Wait, attempt: Try, by: 1 | -1): void {
    if (wait === 'dead') this.#counts.dead += by;
    else if (wait !== 'none') this.#counts.pending += by;
    if (wait === 'held') this.#counts.held += by;
    if (attempt !== null) this.#counts[attempt] += by;
  }
}

export class Members implements MemberLists {
  readonly #tally: IntentTally;
  readonly #all = new Map<string, Member>();
  // There may be as many groups as members, so that a list is there only while a member is in it.
  #recorded: List = null;
  #dead: List = null;
  #held: List = null;
  #heldNews: List = null;
  #notifiedCount = 0;
  #recordOfAddition: List = null;
  #record: List = null;
  #soon: List = null;
  /** By the time that they wait for, epoch ms. */
  #timed: Heap<Member> | null = null;
  #tried: List = null;
  #forGroup: List = null;
  #guarded: List = null;
  #decidable: List = null;
  #ofFullState: List = null;
  /** Of the full state that was asked about last. */
  #additions: AdditionsOf | null = null;

  constructor(tally: IntentTally) {
    this.#tally = tally;
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
    return this.#recorded ?? NONE;
  }

  get dead(): ReadonlySet<Member> {
    return this.#dead ?? NONE;
  }

  /** They wait for an operator. */
  get held(): ReadonlySet<Member> {
    return this.#held ?? NONE;
  }

  /** They wait for an operator, as the acknowledged live record says, and no message that was delivered. */
  get heldNews(): ReadonlySet<Member> {
    return this.#heldNews ?? NONE;
  }

  /** How many wait for an operator, as messages that were delivered have said. */
  get notifiedCount(): number {
    return this.#notifiedCount;
  }

  /** They wait to be recorded: additions first, then a full state, then the others, each in the order in which they have begun to. */
  *unrecorded(): Iterable<Member> {
    yield* this.#recordOfAddition ?? NONE;
    const whole = this.#all.get(WHOLE_GROUP);
    if (whole !== undefined && this.#record?.has(whole) === true) yield whole;
    for (const member of this.#record ?? NONE) if (member !== whole) yield member;
  }

  /** They wait for nothing but their turn, or their time has come. */
  due(now: number): ReadonlySet<Member> {
    for (let top = this.#timed?.peek(); top !== undefined && top.priority <= now; top = this.#timed?.peek()) {
      this.#timed?.pop();
      this.#forGroup = without(this.#forGroup, top.key);
      this.#soon = withOne(this.#soon, top.key);
    }
    return this.#soon ?? NONE;
  }

  /** They wait for nothing but their turn, or for their time. */
  *queued(): Iterable<Member> {
    yield* this.#soon ?? NONE;
    yield* this.#timed?.keys() ?? NONE;
  }

  /** When the next of the others is due, epoch ms; infinite: there is none. */
  get nextAt(): number {
    return this.#timed?.peek()?.priority ?? Number.POSITIVE_INFINITY;
  }

  /** They wait for another try, or for a resume. */
  get tried(): ReadonlySet<Member> {
    return this.#tried ?? NONE;
  }

  /** How many changes are pending that no operator has to decide about. */
  get unheldCount(): number {
    const timed = this.#timed?.size ?? 0;
    return sizeOf(this.#soon) + timed + sizeOf(this.#recordOfAddition) + sizeOf(this.#record);
  }

  /** How many of them are parked. */
  get parkedCount(): number {
    return sizeOf(this.#tried) + sizeOf(this.#held) + sizeOf(this.#recordOfAddition) + sizeOf(this.#record);
  }

  /** They wait for an answer of their group, or for their time. */
  get forGroup(): ReadonlySet<Member> {
    return this.#forGroup ?? NONE;
  }

  /** Removals that the guard has a say in, and that are not held. */
  get guarded(): ReadonlySet<Member> {
    return this.#guarded ?? NONE;
  }

  /** An operator decides, or has decided, about them; dead ones too. */
  get decidable(): ReadonlySet<Member> {
    return this.#decidable ?? NONE;
  }

  /** Removals of full states, dead ones too. */
  get ofFullState(): ReadonlySet<Member> {
    return this.#ofFullState ?? NONE;
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
    const kind = tryOf(to, after);
    this.#tried = kept(this.#tried, member, kind === 'tried');
    this.#tally.count(from, tryOf(from, before), -1);
    this.#tally.count(to, kind, 1);
    this.#forGroup = kept(this.#forGroup, member, to === 'timed' && after?.waits === 'group');
    this.#guarded = kept(this.#guarded, member, to !== 'dead' && to !== 'held' && after !== null && isGuarded(after));
    this.#decidable = kept(this.#decidable, member, after !== null && after.guard !== null);
    this.#ofFullState = kept(this.#ofFullState, member, after !== null && isOfFullState(after));
    this.#notifiedCount += countNotified(after) - countNotified(before);
    this.#noteHeldNews(member);
    this.#noteAddition(member.name, after);
  }

  noteRecorded(member: Member): void {
    this.#noteHeldNews(member);
    this.#recorded = kept(this.#recorded, member, member.recorded !== null);
  }

  #noteHeldNews(member: Member): void {
    this.#heldNews = kept(this.#heldNews, member, isNews(recordedHold(member.pending, member.recorded)));
  }

  #move(member: Member, to: Wait, intent: Intent | null): void {
    this.#dead = kept(this.#dead, member, to === 'dead');
    this.#held = kept(this.#held, member, to === 'held');
    this.#recordOfAddition = kept(this.#recordOfAddition, member, to === 'recordOfAddition');
    this.#record = kept(this.#record, member, to === 'record');
    // What is due by its time is here, too.
    this.#soon = kept(this.#soon, member, to === 'soon');
    this.#timed?.delete(member);
    if (to === 'timed') (this.#timed ??= new Heap()).push(member, intent?.notBefore ?? 0);
    else if (this.#timed?.size === 0) this.#timed = null;
  }

  #noteAddition(name: string, intent: Intent | null): void {
    if (this.#additions === null) return;
    const { source, undecided, unresolved } = this.#additions;
    const isOfIt = intent?.op === 'add' && isSamePosition(intent.source, source);
    keep(undecided, name, isOfIt && isUndecided(intent));
    keep(unresolved, name, isOfIt && !isUndecided(intent));
  }
}

const countNotified = (intent: Intent | null): number => Number(intent !== null && isNotified(intent));

const NONE: ReadonlySet<Member> = new Set();

const sizeOf = (list: List): number => list?.size ?? 0;

const kept = (list: List, member: Member, isIn: boolean): List =>
  isIn ? withOne(list, member) : without(list, member);

const withOne = (list: List, member: Member): List => (list ?? new Set()).add(member);

function without(list: List, member: Member): List {
  list?.delete(member);
  return sizeOf(list) === 0 ? null : list;
}

function keep<T>(names: Set<T>, one: T, isIn: boolean): void {
  if (isIn) names.add(one);
  else names.delete(one);
}
