/** Which groups are ready, which wait until when, and the one loop that gives slots and permits to the ready ones. */
import type { LimitFunction } from 'p-limit';
import type { Intent } from '../core/change/change.ts';
import { isDue } from '../core/change/pending.ts';
import type { Context } from './context.ts';
import { isCurrent, isDispatchable, mayAsk } from './context.ts';
import { eachGroup, SLICE } from './each-group.ts';
import { keptBackIn, plannableIn, releaseKnown } from './full-state-removals.ts';
import { holdRetargeted } from './guard.ts';
import { identifyDue, wholeOf } from './identify.ts';
import { lookUp, probeLookUp } from './look-up.ts';
import type { Member } from './member.ts';
import { tidyGroup } from './partition.ts';
import { chooseProbe } from './probe.ts';
import { endWaitsEarlier, WallClockWatch } from './set-back.ts';
import type { Group } from './group.ts';
import type { Partition } from './state.ts';

/** Works out again what is due of a group; to be called whenever that may have changed and it is not in flight. */
export function review(context: Context, group: Group): void {
  const { state, clock } = context;
  if (group.members.size === 0) return tidyGroup(context, group);
  // The holder of the lock reviews the group when it lets go.
  if (state.locks.has(group.id) || !isDispatchable(context, group.partition)) return;
  const now = clock.now();
  const doubtUntilMs = group.waitsForDoubtUntilMs;
  if (doubtUntilMs !== null && now.monotonic >= doubtUntilMs) group.endWaitForDoubt();
  identifyDue(context, group, now.wall);
  releaseKnown(context, group);
  holdRetargeted(context, group);
  const isPlannable = plannableIn(context, group);
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
  wakeAt = Math.min(wakeAt, Math.max(group.members.nextAt, now.wall + context.options.lingerMs));
  if (!isDeferred) group.endWaitForDoubt();
  // What is new waits with the rest of its group.
  const throttledUntil = context.throttled.notBefore(group);
  if (due !== null && now.wall < throttledUntil) return wake(context, group, Math.min(wakeAt, throttledUntil));
  if (due === null && wakeAt < Number.POSITIVE_INFINITY) return wake(context, group, wakeAt);
  state.waiting.delete(group);
  since = Math.max(since, context.throttled.since(group));
  if (due !== null) state.ready.push(group, { class: due, since, now: now.wall });
}

/** What a slot that opens now takes of the group; a probe also what waits for nothing but an answer of the group. */
export function takeDue(context: Context, group: Group): readonly Intent[] {
  holdRetargeted(context, group);
  const now = context.clock.now().wall;
  const isPlannable = plannableIn(context, group);
  // Removals first, as in each request.
  const due: Intent[] = [];
  const others: Intent[] = [];
  for (const member of waitingIn(context, group, now)) {
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
function* waitingIn({ breaker }: Context, group: Group, now: number): Iterable<Member> {
  const { members } = group;
  for (const member of members.due(now)) if (member.pending !== null && isDue(member.pending, now)) yield member;
  if (breaker.isProbing(group)) yield* members.forGroup;
}

/** Reviews the group at `at` (epoch ms) at the latest. */
export function wake({ state }: Context, group: Group, at: number): void {
  if (state.ready.classOf(group) !== null || (state.waiting.priorityOf(group) ?? Number.POSITIVE_INFINITY) <= at)
    return;
  state.waiting.push(group, at);
}

export function reviewAll(context: Context, partition: Partition): void {
  const work = eachGroup(context, partition, (group) => review(context, group));
  void context.turns.run(work, () => isCurrent(context, partition));
}

/** The dispatcher: wakes what is due, then fills free slots. */
export class Dispatcher {
  readonly #context: Context;
  readonly #limit: LimitFunction;
  readonly #applyGroup: (group: Group) => Promise<void>;
  readonly #watch: WallClockWatch;
  #timer: (() => void) | null = null;
  #waitsForGate = false;

  constructor(context: Context, limit: LimitFunction, applyGroup: (group: Group) => Promise<void>) {
    this.#context = context;
    this.#limit = limit;
    this.#applyGroup = applyGroup;
    this.#watch = new WallClockWatch(context.clock.now());
  }

  run(): void {
    const setBackMs = this.#watch.look(this.#context.clock.now());
    if (setBackMs > 0) endWaitsEarlier(this.#context, setBackMs);
    this.#wakeDue();
    lookUp(this.#context);
    this.#probe();
    this.#fillSlots();
    this.#armTimer();
  }

  stop(): void {
    this.#timer?.();
    this.#timer = null;
  }

  #wakeDue(): void {
    const { state, clock } = this.#context;
    const now = clock.now().wall;
    // The timer that is armed then is due at once, so that the rest is woken in the next turn.
    for (let count = 0; count < SLICE; count += 1) {
      const top = state.waiting.peek();
      if (top === undefined || top.priority > now) return;
      state.waiting.pop();
      review(this.#context, top.key);
    }
  }

  #fillSlots(): void {
    const { state, api, breaker, clock, options, throttled } = this.#context;
    const yields = (group: Group): boolean => throttled.yields(group);
    while (mayAsk(this.#context) && breaker.isClosed && !state.ready.isEmpty) {
      if (this.#isFull) return;
      if (!api.gate.tryTake()) return this.#waitForGate();
      const group = state.ready.pop({ now: clock.now().wall, maxWaitMs: options.maxWaitMs, yields });
      if (group === undefined || state.locks.has(group.id) || !isDispatchable(this.#context, group.partition)) {
        api.gate.giveBack();
        continue;
      }
      this.#take(group);
    }
  }

  /** While the breaker is open, one request now and then sees whether it can be closed. */
  #probe(): void {
    const { breaker, state, options } = this.#context;
    if (!breaker.isProbeDue || !mayAsk(this.#context)) return;
    if (this.#isFull || state.lookUpsInFlight >= options.concurrency) return;
    const chosen = chooseProbe(this.#context);
    if (chosen === null) return;
    const { group, need } = chosen;
    if (typeof need === 'object') return probeLookUp(this.#context, group, need);
    breaker.probe(group);
    state.ready.delete(group);
    this.#take(group);
  }

  get #isFull(): boolean {
    return this.#limit.activeCount + this.#limit.pendingCount >= this.#context.options.concurrency;
  }

  #take(group: Group): void {
    // Before its turn comes: what happens meanwhile must not send it a second time.
    this.#context.state.locks.add(group.id);
    // Only then is the slot free again.
    void this.#limit(() => this.#applyGroup(group)).then(() => this.run());
  }

  #waitForGate(): void {
    if (this.#waitsForGate) return;
    this.#waitsForGate = true;
    void this.#context.api.gate.whenOpen().then(() => {
      this.#waitsForGate = false;
      this.run();
    });
  }

  #armTimer(): void {
    const { state, clock } = this.#context;
    this.#timer?.();
    const top = state.waiting.peek();
    this.#timer =
      top === undefined || state.isDraining
        ? null
        : clock.schedule(Math.max(0, top.priority - clock.now().wall), () => {
            this.#timer = null;
            this.run();
          });
  }
}
