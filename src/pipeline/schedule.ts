/** Which groups are ready, which wait until when, and the one loop that gives slots and permits to the ready ones. */
import type { LimitFunction } from 'p-limit';
import type { Intent } from '../core/change/change.ts';
import { isDue } from '../core/change/pending.ts';
import { eachGroup, SLICE } from './each-group.ts';
import { keptBackIn, plannableIn, releaseKnown } from './full-state-removals.ts';
import { holdRetargeted } from './guard.ts';
import { identifyDue, wholeOf } from './identify.ts';
import { lookUp, probeLookUp } from './look-up.ts';
import type { Member } from './member.ts';
import { tidyGroup } from './groups.ts';
import { chooseProbe } from './probe.ts';
import { endWaitsEarlier, WallClockWatch } from './set-back.ts';
import type { Group, Partition } from './group.ts';
import { type Owners, isDispatchable } from './owners.ts';

/** Works out again what is due of a group; to be called whenever that may have changed and it is not in flight. */
export function review(owners: Owners, group: Group): void {
  const { queue, clock } = owners;
  if (group.members.size === 0) return tidyGroup(owners, group);
  // The holder of the lock reviews the group when it lets go.
  if (queue.isLocked(group) || !isDispatchable(owners, group.partition)) return;
  const now = clock.now();
  const doubtUntilMs = group.waitsForDoubtUntilMs;
  if (doubtUntilMs !== null && now.monotonic >= doubtUntilMs) group.endWaitForDoubt();
  identifyDue(owners, group, now.wall);
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
      // What is left may be lost in the digits of the wall clock, and its group would be woken at once, again and again.
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
  const throttledUntil = owners.throttled.notBefore(group);
  if (due !== null && now.wall < throttledUntil) return queue.wakeBy(group, Math.min(wakeAt, throttledUntil));
  if (due === null && wakeAt < Number.POSITIVE_INFINITY) return queue.wakeBy(group, wakeAt);
  if (due === null) return queue.endWait(group);
  queue.makeReady(group, { class: due, since: Math.max(since, owners.throttled.since(group)), now: now.wall });
}

/** What a slot that opens now takes of the group; a probe also what waits for nothing but an answer of the group. */
export function takeDue(owners: Owners, group: Group): readonly Intent[] {
  holdRetargeted(owners, group);
  const now = owners.clock.now().wall;
  const isPlannable = plannableIn(owners, group);
  // Removals first, as in each request.
  const due: Intent[] = [];
  const others: Intent[] = [];
  for (const member of waitingIn(owners, group, now)) {
    const { pending } = member;
    if (pending !== null && isPlannable(pending)) (pending.op === 'remove' ? due : others).push(pending);
  }
  for (const intent of others) due.push(intent);
  // What is newer than a full state comes on top of it, so never before it.
  const whole = wholeOf(group);
  if (whole !== null && whole.waits !== 'record' && due.length > 0 && !keptBackIn(group)(whole)) due.push(whole);
  return due;
}

/** Those that are due; for a probe those, too, that wait for nothing but an answer of the group. */
function* waitingIn({ breaker }: Owners, group: Group, now: number): Iterable<Member> {
  const { members } = group;
  for (const member of members.due(now)) if (member.pending !== null && isDue(member.pending, now)) yield member;
  if (breaker.isProbing(group)) yield* members.forGroup;
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
    lookUp(this.#owners);
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
    // The timer that is armed then is due at once, so that the rest is woken in the next turn.
    for (let count = 0; count < SLICE; count += 1) {
      const group = queue.takeDue(now);
      if (group === undefined) return;
      review(this.#owners, group);
    }
  }

  #fillSlots(): void {
    const { queue, lease, api, breaker, clock, options, throttled } = this.#owners;
    const yields = (group: Group): boolean => throttled.yields(group);
    while (lease.mayAsk && breaker.isClosed && queue.hasReady) {
      if (this.#isFull) return;
      if (!api.gate.tryTake()) return this.#waitForGate();
      const group = queue.takeReady({ now: clock.now().wall, maxWaitMs: options.maxWaitMs, yields });
      if (group === undefined || queue.isLocked(group) || !isDispatchable(this.#owners, group.partition)) {
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
    if (typeof need === 'object') return probeLookUp(this.#owners, group, need);
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
