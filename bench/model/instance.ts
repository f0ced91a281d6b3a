/**
 * A discrete-event model of one instance. Times are seconds.
 *
 * Events of groups come in. Up to 20 groups have a turn at a time; the group whose oldest event has waited longest gets the next
 * one. A turn takes what the group has at its beginning and lasts until all of it is sent, 50 members a request, one request after
 * the other; a group that is not known is read first (src/pipeline/apply/apply-group.ts). A turn that has begun gets its next
 * permit before a new turn begins (src/adapters/genesys/gate.ts). The target allows so many requests in each of its windows.
 *
 * The model leaves out changes that cancel each other, removals, which go first, failures, LINGER_MS and the processor. Kafka's
 * own delays are one constant (`readingS`).
 */
import { seededRandom } from '../../src/lab/sandbox/seed.ts';
import { Heap } from '../../src/pipeline/state/heap.ts';

export interface InstanceLoad {
  readonly eventsPerSecond: number;
  /** How long events come. */
  readonly seconds: number;
  readonly groups: number;
  /** 1: all groups alike. 2: the busiest 1 % of the groups have 10 % of the events, and so on: a share s has s^(1/skew). */
  readonly skew: number;
}

export interface InstanceTarget {
  /** Requests allowed in each window, and its length. */
  readonly allowed: number;
  readonly windowS: number;
  readonly latencyS: number;
}

export interface InstanceSettings {
  readonly concurrency: number;
  readonly membersPerPatch: number;
  /** From an event's sending until it may be sent, where nothing else waits. */
  readonly readingS: number;
  /** Members of all groups that are known and need no GET; those that had their turn last are kept (`snapshotMembersMax`). */
  readonly knownMembersMax: number;
  readonly membersPerGroup: number;
  /** Groups are known from the start, as far as there is room for them. */
  readonly isWarm: boolean;
}

export interface Modelled {
  /** Of an event, from its sending to its PATCH, s. */
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
  /** While events arrive: what is sent after the last one is left out. */
  readonly requestsPerEvent: number;
  /** Until everything is sent, s. */
  readonly doneS: number;
}

/** How far the model is off, as a factor of at least 1, and how far it may be. */
export const offBy = (modelled: number, measured: number): number => Math.max(modelled / measured, measured / modelled);
export const OFF_BY_MAX = { atMost: 1.25 };

export const SETTINGS: InstanceSettings = {
  concurrency: 20,
  membersPerPatch: 50,
  readingS: 0.01,
  knownMembersMax: 200_000,
  membersPerGroup: 1_000,
  isWarm: true,
};

export function modelInstance(load: InstanceLoad, target: InstanceTarget, settings = SETTINGS): Modelled {
  return new Instance(arrivals(load), { load, target, settings }).run();
}

interface Arrival {
  readonly at: number;
  readonly group: number;
}

/** At random times (a Poisson process), in their order. */
export function* arrivals({ eventsPerSecond, seconds, groups, skew }: InstanceLoad): Generator<Arrival> {
  const random = seededRandom(1);
  let at = 0;
  for (;;) {
    at -= Math.log(1 - random()) / eventsPerSecond;
    if (at >= seconds) return;
    yield { at, group: Math.floor(groups * random() ** skew) };
  }
}

/** A group in its turn: what it had when the turn began, in the order in which it is sent. */
interface Turn {
  readonly group: number;
  readonly due: readonly number[];
  /** Of these, how many have been sent. */
  sentCount: number;
  isKnown: boolean;
}

class Instance {
  readonly #arrivals: Iterator<Arrival>;
  readonly #target: InstanceTarget;
  readonly #settings: InstanceSettings;
  #next: Arrival | null;
  /** Group → when its events were sent, of those that no turn has taken. */
  readonly #pending = new Map<number, number[]>();
  /** Groups that wait for a turn, the one with the oldest event first. */
  readonly #ready = new Heap<number>();
  readonly #inTurn = new Set<number>();
  /** Turns that wait for a permit; they get it before a turn begins. */
  readonly #takers: Turn[] = [];
  /** Requests in flight, in the order of their ends: all take as long. */
  readonly #inFlight: { readonly at: number; readonly turn: Turn }[] = [];
  readonly #known = new Map<number, true>();
  readonly #knownMax: number;
  readonly #latencies: number[] = [];
  readonly #arrivalsEndS: number;
  #now = 0;
  #permits = 0;
  #windowEndsAt = 0;
  #requests = 0;
  /** Requests, and the events that they carry. */
  #whileArriving = { requests: 0, events: 0 };

  constructor(
    events: Iterable<Arrival>,
    { load, target, settings }: { load: InstanceLoad; target: InstanceTarget; settings: InstanceSettings },
  ) {
    this.#arrivals = events[Symbol.iterator]();
    this.#arrivalsEndS = load.seconds;
    this.#target = target;
    this.#settings = settings;
    this.#knownMax = Math.floor(settings.knownMembersMax / (settings.membersPerGroup + 1));
    if (settings.isWarm)
      for (let group = 0; group < Math.min(load.groups, this.#knownMax); group += 1) this.#remember(group);
    this.#next = this.#draw();
  }

  run(): Modelled {
    while (this.#next !== null || this.#pending.size > 0 || this.#inTurn.size > 0) {
      this.#answer();
      this.#readArrived();
      this.#openWindow();
      this.#send();
      this.#now = this.#nextTime();
    }
    const sorted = Float64Array.from(this.#latencies).toSorted();
    return {
      p50: ranked(sorted, 50),
      p99: ranked(sorted, 99),
      requests: this.#requests,
      requestsPerEvent: this.#whileArriving.requests / this.#whileArriving.events,
      doneS: this.#now,
    };
  }

  #draw(): Arrival | null {
    const next = this.#arrivals.next();
    return next.done === true ? null : next.value;
  }

  #readArrived(): void {
    for (; this.#next !== null && this.#next.at + this.#settings.readingS <= this.#now; this.#next = this.#draw()) {
      const { at, group } = this.#next;
      const events = this.#pending.get(group);
      if (events !== undefined) events.push(at);
      else {
        this.#pending.set(group, [at]);
        if (!this.#inTurn.has(group)) this.#ready.push(group, at);
      }
    }
  }

  /** The target begins a window with the first request after the one before has ended. */
  #openWindow(): void {
    if (this.#now < this.#windowEndsAt || this.#takers.length + this.#ready.size === 0) return;
    this.#permits = this.#target.allowed;
    this.#windowEndsAt = this.#now + this.#target.windowS;
  }

  #answer(): void {
    for (let first = this.#inFlight[0]; first !== undefined && first.at <= this.#now; first = this.#inFlight[0]) {
      this.#inFlight.shift();
      const { turn } = first;
      if (turn.sentCount < turn.due.length) this.#takers.push(turn);
      else this.#endTurn(turn.group);
    }
  }

  #endTurn(group: number): void {
    this.#inTurn.delete(group);
    const oldest = this.#pending.get(group)?.[0];
    if (oldest !== undefined) this.#ready.push(group, oldest);
  }

  #send(): void {
    while (this.#permits > 0) {
      const turn = this.#takers.shift() ?? this.#beginTurn();
      if (turn === null) return;
      this.#permits -= 1;
      this.#request(turn);
      this.#inFlight.push({ at: this.#now + this.#target.latencyS, turn });
    }
  }

  /** null: no group waits, or no slot is free. */
  #beginTurn(): Turn | null {
    if (this.#inTurn.size >= this.#settings.concurrency) return null;
    const group = this.#ready.pop();
    if (group === undefined) return null;
    const due = this.#pending.get(group) ?? [];
    this.#pending.delete(group);
    this.#inTurn.add(group);
    const isKnown = this.#known.has(group);
    this.#remember(group);
    return { group, due, sentCount: 0, isKnown };
  }

  /** A GET where the group is not known, else a PATCH. */
  #request(turn: Turn): void {
    const end = turn.isKnown ? Math.min(turn.sentCount + this.#settings.membersPerPatch, turn.due.length) : 0;
    for (const at of turn.due.slice(turn.sentCount, end)) this.#latencies.push(this.#now - at);
    this.#requests += 1;
    if (this.#now < this.#arrivalsEndS) {
      this.#whileArriving.requests += 1;
      this.#whileArriving.events += Math.max(0, end - turn.sentCount);
    }
    turn.sentCount = Math.max(turn.sentCount, end);
    turn.isKnown = true;
  }

  #remember(group: number): void {
    this.#known.delete(group);
    this.#known.set(group, true);
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.#knownMax && oldest !== undefined) this.#known.delete(oldest);
  }

  #nextTime(): number {
    const isWaiting = this.#takers.length + this.#ready.size > 0;
    const window = isWaiting && this.#permits === 0 ? this.#windowEndsAt : Infinity;
    const answer = this.#inFlight[0]?.at ?? Infinity;
    // No event changes anything before a window opens or a slot is free.
    const isBlocked = window < Infinity || this.#inTurn.size >= this.#settings.concurrency;
    const arrival = this.#next === null || isBlocked ? Infinity : this.#next.at + this.#settings.readingS;
    const next = Math.min(arrival, answer, window);
    return next === Infinity ? this.#now : Math.max(next, this.#now);
  }
}

/** By the nearest rank. */
const ranked = (sorted: Float64Array, percent: number): number =>
  sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
