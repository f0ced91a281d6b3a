/**
 * Room pipeline/dispatch: when a group, or an id that is looked up, has its turn.
 * Not here: what is sent for a group in its turn (apply).
 *
 * Which groups are ready, which wait until when, and the one loop that gives slots and permits to the ready ones. While the
 * breaker is open it chooses whom to probe; where the wall clock is set back, waits end earlier.
 */
import type { LimitFunction } from 'p-limit';
import type { Intent } from '../../core/change/change.ts';
import { isDue, isForTarget } from '../../core/change/pending.ts';
import { nextProbe, type ProbeCandidate } from '../../core/target/breaker.ts';
import type { Instant } from '../../ports.ts';
import { keptBackIn, plannableIn, releaseKnown } from '../intents/full-state-removals.ts';
import { approvedLast } from '../../core/group/guard.ts';
import { holdRetargeted } from '../intents/guard.ts';
import { identifyDue, unknownId, wholeOf } from '../intents/identify.ts';
import { waitForResume } from '../intents/pauses.ts';
import type { Group, Partition } from '../state/group.ts';
import type { SoughtId } from '../state/look-ups.ts';
import type { Member } from '../state/member.ts';
import { isDispatchable, isOpen, isPaused, type Owners } from '../state/owners.ts';
import { tidyGroup } from '../state/partitions.ts';
import { SLICE, eachGroup, type Slices } from '../state/turns.ts';
import { askForIds, probeLookUp } from './look-up.ts';

/** Works out again what is due of a group; to be called whenever that may have changed and it is not in flight. */
export function review(owners: Owners, group: Group): void {
  const { queue, clock } = owners;
  if (group.members.size === 0) return tidyGroup(owners, group);
  // The holder of the lock reviews the group when it lets go.
  if (queue.isLocked(group) || !isOpen(owners, group.partition)) return;
  if (isPaused(group)) return restPaused(owners, group);
  const now = clock.now();
  const doubtUntilMs = group.waitsForDoubtUntilMs;
  if (doubtUntilMs !== null && now.monotonic >= doubtUntilMs) group.endWaitForDoubt();
  identifyDue(owners, group, now.wall);
  // The target's name for it may be what is paused.
  if (isPaused(group)) return restPaused(owners, group);
  releaseKnown(owners, group);
  holdRetargeted(owners, group);
  const isPlannable = plannableIn(owners, group);
  let since = Number.POSITIVE_INFINITY;
  let due: 'remove' | 'add' | null = null;
  let wakeAt = Number.POSITIVE_INFINITY;
  let isDeferred = false;
  for (const { pending } of group.members.due(now.wall)) {
    if (pending === null) continue;
    if (doubtUntilMs !== null && group.isWaitingForDoubt(pending)) {
      isDeferred = true;
      // What is left may be lost in the digits of the wall clock, and its group would be woken in the same instant, again and again.
      wakeAt = Math.min(wakeAt, now.wall + Math.max(1, doubtUntilMs - now.monotonic));
    } else if (!isDue(pending, now.wall)) {
      // The wall clock was set back.
      wakeAt = Math.min(wakeAt, pending.notBefore);
    } else if (isPlannable(pending)) {
      since = Math.min(since, pending.firstSeenAt);
      // A full state may revoke.
      due = pending.op === 'add' ? (due ?? 'add') : 'remove';
    }
  }
  wakeAt = Math.min(wakeAt, Math.max(group.members.nextAt, now.wall + owners.options.lingerMs));
  if (!isDeferred) group.endWaitForDoubt();
  // What is new waits with the rest of its group.
  const throttledUntil = queue.goesFirst(group) ? 0 : owners.throttled.notBefore(group);
  if (due !== null && now.wall < throttledUntil) return queue.wakeBy(group, Math.min(wakeAt, throttledUntil));
  if (due === null && wakeAt < Number.POSITIVE_INFINITY) return queue.wakeBy(group, wakeAt);
  if (due === null) {
    if (group.members.due(now.wall).size === 0) queue.endTurn(group);
    return rest(owners, group);
  }
  queue.makeReady(group, { class: due, since: Math.max(since, owners.throttled.since(group)), now: now.wall });
}

function restPaused(owners: Owners, group: Group): void {
  waitForResume(owners, group);
  rest(owners, group);
}

/** Nothing of it has its turn or waits for its time, so no request comes that looks at what is unconfirmed. */
function rest({ queue, clock }: Owners, group: Group): void {
  const now = clock.now();
  group.unconfirmed?.dropOld(group.members, now.monotonic);
  group.dropConfirmed();
  const leftMs = group.unconfirmed?.leftMs(now.monotonic) ?? 0;
  if (leftMs > 0) queue.wake(group, now.wall + Math.max(1, leftMs));
  else queue.endWait(group);
}

/** A change that waits for a resume is recorded together with what comes within it: each time all of the record is written. */
const PAUSED_LINGER_MS = 1_000;

/** How long a new change waits for others of its group: the more of the target's budget is spent, the longer. */
export const presentLingerMs = ({ options, api }: Owners, group: Group): number =>
  isPaused(group) ? PAUSED_LINGER_MS : options.lingerMs * api.gate.spentShare();

/** What a slot that opens now takes of the group; a probe also what waits for nothing but an answer of the group. */
export function takeDue(owners: Owners, group: Group): readonly Intent[] {
  holdRetargeted(owners, group);
  const now = owners.clock.now().wall;
  const isPlannable = plannableIn(owners, group);
  // Removals first, as in each request.
  const removals: Intent[] = [];
  const others: Intent[] = [];
  const take = ({ pending }: Member): void => {
    if (pending !== null && isPlannable(pending)) (pending.op === 'remove' ? removals : others).push(pending);
  };
  for (const member of group.members.due(now)) if (member.pending !== null && isDue(member.pending, now)) take(member);
  if (owners.breaker.isProbing(group)) for (const member of group.members.forGroup) take(member);
  const due = [...approvedLast(removals), ...others];
  // What is newer than a full state comes on top of it, so never before it.
  const whole = wholeOf(group);
  if (whole !== null && whole.waits !== 'record' && due.length > 0 && !keptBackIn(group)(whole)) due.push(whole);
  return due;
}

export function reviewAll(owners: Owners, partition: Partition): void {
  const work = eachGroup(owners, partition, (group) => review(owners, group));
  void owners.turns.run(work, () => owners.partitions.isCurrent(partition));
}

/** The dispatcher: wakes what is due, then fills free slots. */
export class Dispatcher {
  readonly #owners: Owners;
  readonly #limit: LimitFunction;
  readonly #applyGroup: (group: Group) => Promise<void>;
  readonly #watch: WallClockWatch;
  #timer: (() => void) | null = null;
  #waitsForGate = false;

  constructor(owners: Owners, limit: LimitFunction, applyGroup: (group: Group) => Promise<void>) {
    this.#owners = owners;
    this.#limit = limit;
    this.#applyGroup = applyGroup;
    this.#watch = new WallClockWatch(owners.clock.now());
  }

  run(): void {
    const setBackMs = this.#watch.look(this.#owners.clock.now());
    if (setBackMs > 0) endWaitsEarlier(this.#owners, setBackMs);
    this.#wakeDue();
    askForIds(this.#owners);
    this.#probe();
    this.#fillSlots();
    this.#armTimer();
  }

  stop(): void {
    this.#timer?.();
    this.#timer = null;
  }

  #wakeDue(): void {
    const { queue, clock } = this.#owners;
    const now = clock.now().wall;
    // The rest is woken in the next turn of the event loop: the timer that is armed then is due immediately.
    for (let count = 0; count < SLICE; count += 1) {
      const group = queue.takeDue(now);
      if (group === undefined) return;
      review(this.#owners, group);
    }
  }

  #fillSlots(): void {
    const { queue, lease, api, breaker, clock, options, throttled } = this.#owners;
    const yields = (group: Group): boolean => throttled.yields(group);
    while (lease.mayAsk && breaker.isClosed && queue.readyCount > 0) {
      if (this.#isFull) return;
      if (!api.gate.tryTake()) return this.#waitForGate();
      const group = queue.takeReady({ now: clock.now().wall, maxWaitMs: options.maxWaitMs, yields });
      if (group === undefined || queue.isLocked(group) || !isDispatchable(this.#owners, group)) {
        api.gate.giveBack();
        continue;
      }
      this.#take(group);
    }
  }

  /** While the breaker is open, one request now and then sees whether it can be closed. */
  #probe(): void {
    const { breaker, queue, lookUps, options } = this.#owners;
    if (!breaker.isProbeDue || !this.#owners.lease.mayAsk) return;
    if (this.#isFull || lookUps.inFlight >= options.concurrency) return;
    const chosen = chooseProbe(this.#owners);
    if (chosen === null) return;
    const { group, need } = chosen;
    if (need.kind === 'look_up') return probeLookUp(this.#owners, group, need.sought);
    breaker.probe(group);
    queue.withdraw(group);
    this.#take(group);
  }

  get #isFull(): boolean {
    return this.#limit.activeCount + this.#limit.pendingCount >= this.#owners.options.concurrency;
  }

  #take(group: Group): void {
    // Before its turn comes: what happens meanwhile must not send it a second time.
    this.#owners.queue.lock(group);
    // Only then is the slot free again.
    void this.#limit(() => this.#applyGroup(group)).then(() => this.run());
  }

  #waitForGate(): void {
    if (this.#waitsForGate) return;
    this.#waitsForGate = true;
    void this.#owners.api.gate.whenOpen().then(() => {
      this.#waitsForGate = false;
      this.run();
    });
  }

  #armTimer(): void {
    const { queue, lease, clock } = this.#owners;
    this.#timer?.();
    const at = queue.nextAt;
    this.#timer =
      at === null || lease.isEnding
        ? null
        : clock.schedule(Math.max(0, at - clock.now().wall), () => {
            this.#timer = null;
            this.run();
          });
  }
}

/* Whom an open breaker asks, to see whether the target can be worked with again: it sends what a group needs next. */

/** `nothing`: it waits for something else, so it can only be read. */
type Need = { readonly kind: 'request' | 'nothing' } | { readonly kind: 'look_up'; readonly sought: SoughtId };

interface Candidate extends ProbeCandidate {
  readonly group: Group;
  readonly need: Need;
}

/** At most as many as the rule needs to know. */
const PENDING_MAX = 3;

/** Groups that have something to ask the target for. */
export function pendingGroupCount(owners: Owners): number {
  let count = 0;
  for (const { need } of candidates(owners)) {
    if (need.kind !== 'nothing') count += 1;
    if (count >= PENDING_MAX) return count;
  }
  return count;
}

/** null: there is nothing to ask for. */
export function chooseProbe(owners: Owners): Candidate | null {
  const { queue, lookUps } = owners;
  const free = [...candidates(owners)].filter(
    ({ group, need }) => !queue.isLocked(group) && !(need.kind === 'look_up' && lookUps.isAsked(need.sought)),
  );
  const needy = free.filter(({ need }) => need.kind !== 'nothing');
  return nextProbe(needy.length > 0 ? needy : free.filter(({ group }) => group.target !== null));
}

function* candidates(owners: Owners): Iterable<Candidate> {
  const now = owners.clock.now().wall;
  for (const partition of owners.partitions) {
    if (partition.counts.pending === 0 || !isOpen(owners, partition)) continue;
    for (const group of partition.groups.values()) {
      if (!isDispatchable(owners, group)) continue;
      const need = needOf(owners, group, now);
      if (need !== null) yield { group, need, failedAt: owners.breaker.failedAt(group) };
    }
  }
}

/** null: nothing of the group is pending. */
function needOf(owners: Owners, group: Group, now: number): Need | null {
  let need: Need | null = null;
  const isPlannable = plannableIn(owners, group);
  for (const { pending } of group.members.values()) {
    if (pending === null || pending.dead !== null) continue;
    need ??= { kind: 'nothing' };
    if (!isForTarget(pending, now)) continue;
    if (isPlannable(pending)) return { kind: 'request' };
    const sought = unknownId(owners, group, pending);
    if (sought !== null) need = { kind: 'look_up', sought };
  }
  return need;
}

/*
 * The wall clock is set back: what waits until a time by it would wait longer by as much, for hours or for years. Each wait
 * ends that much earlier by the new time, and so after as long as was meant.
 */

/** What a clock is adjusted by little by little is no step. */
const STEP_MIN_MS = 1_000;

/** Sees steps of the wall clock by the monotonic one. */
export class WallClockWatch {
  #ahead: number;

  constructor(now: Instant) {
    this.#ahead = aheadOf(now);
  }

  /** By how much it was set back since it was looked at last; 0: it was not. */
  look(now: Instant): number {
    const ahead = aheadOf(now);
    const setBackMs = this.#ahead - ahead;
    this.#ahead = ahead;
    return setBackMs >= STEP_MIN_MS ? setBackMs : 0;
  }
}

/** A machine that sleeps stops the monotonic clock, which makes it more and never less. */
const aheadOf = ({ wall, monotonic }: Instant): number => wall - monotonic;

export function endWaitsEarlier(owners: Owners, setBackMs: number): void {
  owners.logger.warn({ setBackMs }, 'the wall clock was set back: what waits is tried as long after as was meant');
  for (const partition of owners.partitions)
    void owners.turns.run(endEachEarlier(owners, partition, setBackMs), () => owners.partitions.isCurrent(partition));
}

function* endEachEarlier(owners: Owners, partition: Partition, setBackMs: number): Slices {
  yield* eachGroup(owners, partition, (group) => {
    endEarlier(group, setBackMs);
    owners.review(group);
  });
  owners.settle();
}

function endEarlier(group: Group, setBackMs: number): void {
  for (const member of group.members.values()) {
    const { pending, exhausted } = member;
    // In flight, it stays what its run has taken.
    if (pending === null || pending.dead !== null || pending.notBefore === 0 || group.run?.due.has(pending) === true)
      continue;
    const earlier: Intent = { ...pending, notBefore: Math.max(1, pending.notBefore - setBackMs) };
    if (exhausted?.intent === pending) member.postponeLastLook(earlier);
    else member.advance(earlier);
    if (member.recorded !== null) group.partition.toWrite.add(group);
  }
}
