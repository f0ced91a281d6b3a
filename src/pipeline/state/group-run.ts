/**
 * A group in flight: what was taken when its slot opened, and what its requests have shown since. It begins with the slot
 * and ends when everything that was due is final, parked or held, or when nothing more may be sent.
 */
import { WHOLE_GROUP, isSamePosition, type Intent } from '../../core/change/change.ts';
import type { RequestFacts } from '../../core/target/refusals.ts';
import type { Observation } from '../../core/target/breaker.ts';
import { afterLanding, afterRefusal, searchAmong, type Fault, type Search } from '../../core/target/isolation.ts';
import type { FailedOutcome } from '../../core/target/outcome.ts';
import { isSatisfied, type Snapshot } from '../../core/target/snapshot.ts';
import type { RefusedVersion } from '../../core/target/version.ts';
import { SLICE_MAX, type DueQueue } from './due-queue.ts';
import type { Members } from './members.ts';
import type { UnconfirmedChanges } from './unconfirmed-changes.ts';

/** A PATCH that was refused, and what it says of the intents that it was about. */
export interface RefusedPatch {
  readonly outcome: FailedOutcome;
  readonly fault: Fault;
  /** What was sent, less what a newer intent has replaced meanwhile. */
  readonly part: readonly Intent[];
  /** With what was replaced. */
  readonly sentCount: number;
  /** What the group still has to send, the part included. */
  readonly tried: readonly Intent[];
  readonly request: RequestFacts;
  readonly seen: Observation;
}

/** What the target has refused as stale, as long as reads show that version. */
export interface RefusedAsStale extends RefusedVersion {
  readonly request: RequestFacts;
  /** What was sent under that version. */
  readonly patch: RefusedPatch;
}

/** What has replaced an intent whose request is on its way. */
export interface Replacing {
  /** Id of the intent that has. */
  readonly by: string;
  /** When the first request about the replaced one was sent, epoch ms. */
  readonly requestedAt: number | null;
}

/** What a run looks at of its group. */
export interface GroupInFlight {
  readonly members: Members;
  /** What the target has accepted and not shown yet; null: nothing. */
  readonly unconfirmed: UnconfirmedChanges | null;
}

export type Next = 'go_on' | 'stop';

export interface RunStart {
  readonly snapshot: Snapshot | null;
  /** One permit of the gate was taken with the slot. */
  readonly hasPermit: boolean;
  readonly suspects: readonly Intent[];
  readonly membersMax: number;
}

const NONE: ReadonlySet<Intent> = new Set();

/** @typeParam G the group. */
export class GroupRun<G extends GroupInFlight = GroupInFlight> {
  readonly group: G;
  readonly due: DueQueue;
  #hasPermit: boolean;
  #requestCount = 0;
  #hasAsked = false;
  #wasRead = false;
  #sent = NONE;
  readonly #superseded = new Map<Intent, Replacing>();
  #snapshot: Snapshot | null;
  #isFresh = false;
  #suspects: readonly Intent[];
  #search: Search;
  #membersMax: number;
  #unseenMax: number;
  #conflicts = 0;
  #refused: RefusedAsStale | null = null;
  #reservedUnseen: number | null = null;

  constructor(group: G, due: DueQueue, { snapshot, hasPermit, suspects, membersMax }: RunStart) {
    this.group = group;
    this.due = due;
    this.#snapshot = snapshot;
    this.#hasPermit = hasPermit;
    this.#suspects = suspects;
    this.#search = searchAmong(Math.min(suspects.length, membersMax));
    this.#membersMax = membersMax;
    this.#unseenMax = membersMax;
  }

  /** A permit of the gate that no request has used up yet. */
  get hasPermit(): boolean {
    return this.#hasPermit;
  }

  /** Answers whether there is one; every further request takes its own. */
  usePermit(): boolean {
    const hadPermit = this.#hasPermit;
    this.#hasPermit = false;
    return hadPermit;
  }

  /** Requests that were answered. */
  get requestCount(): number {
    return this.#requestCount;
  }

  noteAnswered(): void {
    this.#requestCount += 1;
  }

  /** Answers whether this is its first request. */
  noteAsked(): boolean {
    const isFirst = !this.#hasAsked;
    this.#hasAsked = true;
    return isFirst;
  }

  /** The group was read since the slot opened. */
  get wasRead(): boolean {
    return this.#wasRead;
  }

  noteReadable(): void {
    this.#wasRead = true;
  }

  get snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  /** The snapshot was read or written by this run, and nothing has failed since. */
  get isFresh(): boolean {
    return this.#isFresh;
  }

  /** A read shows the group like this; as fresh as the last one. */
  show(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
  }

  noteRead(snapshot: Snapshot | null): void {
    this.#snapshot = snapshot;
    this.#isFresh = true;
  }

  forgetSnapshot(): void {
    this.#snapshot = null;
    this.#isFresh = false;
  }

  /** A request of these is on its way. */
  beginRequest(part: readonly Intent[]): void {
    this.#sent = new Set(part);
  }

  /** What became of its intents is settled. */
  endRequest(): void {
    this.#sent = NONE;
  }

  /** It was accepted. @param after the group as it is now; null: it has to be read. */
  noteApplied(part: readonly Intent[], after: Snapshot | null): void {
    this.#search = afterLanding(this.#search);
    this.#conflicts = 0;
    this.#refused = null;
    this.#suspects = this.#suspects.filter((intent) => !part.includes(intent));
    this.#snapshot = after;
    this.#isFresh = after !== null;
  }

  noteFailed(): void {
    this.endRequest();
    this.#isFresh = false;
    this.#reservedUnseen = null;
  }

  isSent(intent: Intent): boolean {
    return this.#sent.has(intent);
  }

  /** The intent is on its way, and something newer has taken its place. */
  supersede(intent: Intent, replacing: Replacing): void {
    this.#superseded.set(intent, replacing);
  }

  get superseded(): Iterable<Intent> {
    return this.#superseded.keys();
  }

  /** What has replaced it meanwhile; it is settled by the caller. */
  takeReplacing(intent: Intent): Replacing | undefined {
    const replacing = this.#superseded.get(intent);
    this.#superseded.delete(intent);
    return replacing;
  }

  /** Known to hold a bad member. */
  get suspects(): readonly Intent[] {
    return this.#suspects;
  }

  get search(): Search {
    return this.#search;
  }

  suspect(intents: readonly Intent[]): void {
    this.#suspects = intents;
  }

  /** Halves of what was refused are sent until one is alone. @param sentCount with what was replaced meanwhile. */
  noteRefused(part: readonly Intent[], sentCount: number): void {
    this.#search = afterRefusal(this.#search, sentCount);
    this.#suspects = sentCount > 1 ? part : this.#suspects.filter((intent) => !part.includes(intent));
  }

  get membersMax(): number {
    return this.#membersMax;
  }

  limitMembers(count: number): void {
    this.#membersMax = count;
  }

  /** Of removals that a doubtful snapshot does not show. */
  get unseenMax(): number {
    return Math.min(this.#unseenMax, this.#membersMax);
  }

  askForUnseenAlone(): void {
    this.#unseenMax = 1;
  }

  /** In a row. */
  get conflicts(): number {
    return this.#conflicts;
  }

  get refused(): RefusedAsStale | null {
    return this.#refused;
  }

  noteConflict(refused: RefusedAsStale): void {
    this.#refused = refused;
    this.#conflicts += 1;
  }

  endConflicts(): void {
    this.#conflicts = 0;
  }

  forgetRefused(): void {
    this.#refused = null;
  }

  /** Of the removals that are due, since when the guard's window counts them, those whom the snapshot does not show; null: it counts none. */
  get reservedUnseen(): number | null {
    return this.#reservedUnseen;
  }

  noteReserved(unseenCount: number): void {
    this.#reservedUnseen = unseenCount;
  }

  /** What is in flight goes on in another state, such as one conflict more. */
  replaceDue(intent: Intent, next: Intent): void {
    const member = this.group.members.get(intent.member);
    if (member === undefined) return;
    member.advance(next);
    this.due.replace(intent, next);
    this.#suspects = this.#suspects.map((each) => (each === intent ? next : each));
  }

  stillDue(): Intent[] {
    return [...this.due].filter((intent) => isStillDue(this.group, intent));
  }

  /**
   * Of what is still due and not kept back, what the next step is about: a full state with what it came to, else those that
   * may hold a bad member, and others.
   */
  slice(isKeptBack: (intent: Intent) => boolean): Intent[] {
    const group = this.group;
    const snapshot = this.#snapshot;
    const isPending = (intent: Intent): boolean => isStillDue(group, intent);
    const isSettled = (intent: Intent): boolean =>
      !isTried(group, intent) || (snapshot !== null && isSatisfied(intent, snapshot));
    const whole = group.members.get(WHOLE_GROUP)?.pending ?? null;
    if (whole === null || !this.due.has(whole) || isKeptBack(whole)) {
      const first = take(this.#suspects, SLICE_MAX, (intent) => isPending(intent) && !isKeptBack(intent));
      const slice = this.due.slice({ isPending, isKeptBack, isSettled });
      return first.length === 0 ? slice : [...new Set([...first, ...slice])];
    }
    if (whole.whole?.isPartly !== true) return [whole];
    const isOfOther = (intent: Intent): boolean =>
      intent === whole ||
      isKeptBack(intent) ||
      isExhausted(group, intent) ||
      !isSamePosition(intent.source, whole.source);
    return [whole, ...this.due.slice({ isPending, isKeptBack: isOfOther, isSettled })];
  }
}

/** Of what was due: it has not become final, was not parked, and not superseded before it was sent. */
export const isStillDue = ({ members }: GroupInFlight, intent: Intent): boolean =>
  members.get(intent.member)?.pending === intent;

/** Neither tried for the last time nor accepted: a failure now is a failed try of it. */
export const isTried = (group: GroupInFlight, intent: Intent): boolean =>
  !isExhausted(group, intent) && group.unconfirmed?.has(intent) !== true;

export const isExhausted = (group: GroupInFlight, intent: Intent): boolean =>
  group.members.get(intent.member)?.exhausted?.intent === intent;

function take<T>(list: readonly T[], countMax: number, isWanted: (one: T) => boolean): T[] {
  const taken: T[] = [];
  for (const one of list) {
    if (taken.length === countMax) break;
    if (isWanted(one)) taken.push(one);
  }
  return taken;
}
