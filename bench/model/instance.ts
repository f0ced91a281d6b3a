/**
 * A discrete-event model of one instance: events of groups come in, the group that has waited longest gets the next request, with
 * all that it has up to 50 members, and the target allows so many requests in each of its windows. Times are seconds.
 *
 * What it leaves out: changes that cancel each other, failures, the processor, and Kafka's own delays, which are
 * one constant (`readingS`).
 */
import { seededRandom } from '../../src/lab/sandbox/seed.ts';
import { percentile } from '../world/percentile.ts';

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
  /** How many groups are known at most, so that they need no GET: those that were used last. */
  readonly knownGroups: number;
  /** They are known from the start, in so far as there is room for them. */
  readonly isWarm: boolean;
}

export interface Modelled {
  /** Of an event, from its sending to its PATCH, s. */
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
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
  knownGroups: Number.POSITIVE_INFINITY,
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
function* arrivals({ eventsPerSecond, seconds, groups, skew }: InstanceLoad): Generator<Arrival> {
  const random = seededRandom(1);
  let at = 0;
  for (;;) {
    at -= Math.log(1 - random()) / eventsPerSecond;
    if (at >= seconds) return;
    yield { at, group: Math.floor(groups * random() ** skew) };
  }
}

class Instance {
  readonly #arrivals: Iterator<Arrival>;
  readonly #target: InstanceTarget;
  readonly #settings: InstanceSettings;
  #next: Arrival | null;
  /** Group → when its events were sent; in the order in which the groups began to wait. */
  readonly #waiting = new Map<number, number[]>();
  /** Groups with a request under way; their events wait apart. */
  readonly #behind = new Map<number, number[]>();
  /** Requests under way, in the order of their ends: all take as long. */
  readonly #flights: { readonly at: number; readonly group: number }[] = [];
  readonly #known = new Map<number, true>();
  readonly #latencies: number[] = [];
  #now = 0;
  #permits = 0;
  #windowEndsAt = 0;
  #requests = 0;

  constructor(
    events: Iterable<Arrival>,
    { load, target, settings }: { load: InstanceLoad; target: InstanceTarget; settings: InstanceSettings },
  ) {
    this.#arrivals = events[Symbol.iterator]();
    this.#target = target;
    this.#settings = settings;
    if (settings.isWarm) for (let group = 0; group < load.groups; group += 1) this.#remember(group);
    this.#next = this.#draw();
  }

  run(): Modelled {
    while (this.#next !== null || this.#waiting.size > 0 || this.#flights.length > 0) {
      this.#openWindow();
      this.#land();
      this.#readArrived();
      this.#send();
      this.#now = this.#nextTime();
    }
    return {
      p50: percentile(this.#latencies, 50),
      p99: percentile(this.#latencies, 99),
      requests: this.#requests,
      doneS: this.#now,
    };
  }

  #draw(): Arrival | null {
    const next = this.#arrivals.next();
    return next.done === true ? null : next.value;
  }

  /** The target begins a window with the first request after the one before has ended. */
  #openWindow(): void {
    if (this.#now < this.#windowEndsAt || this.#waiting.size === 0) return;
    this.#permits = this.#target.allowed;
    this.#windowEndsAt = this.#now + this.#target.windowS;
  }

  #readArrived(): void {
    for (; this.#next !== null && this.#next.at + this.#settings.readingS <= this.#now; this.#next = this.#draw()) {
      const { at, group } = this.#next;
      const events = this.#behind.get(group) ?? this.#waiting.get(group);
      if (events === undefined) this.#waiting.set(group, [at]);
      else events.push(at);
    }
    this.#openWindow();
  }

  #land(): void {
    for (let first = this.#flights[0]; first !== undefined && first.at <= this.#now; first = this.#flights[0]) {
      this.#flights.shift();
      const { group } = first;
      const events = this.#behind.get(group) ?? [];
      this.#behind.delete(group);
      if (events.length > 0) this.#waiting.set(group, events);
    }
  }

  #send(): void {
    for (const [group, events] of this.#waiting) {
      if (this.#permits === 0 || this.#flights.length >= this.#settings.concurrency) return;
      this.#permits -= 1;
      this.#requests += 1;
      this.#waiting.delete(group);
      this.#flights.push({ at: this.#now + this.#target.latencyS, group });
      const isKnown = this.#known.has(group);
      this.#remember(group);
      const sent = isKnown ? events.splice(0, this.#settings.membersPerPatch) : [];
      for (const at of sent) this.#latencies.push(this.#now - at);
      this.#behind.set(group, events);
    }
  }

  #remember(group: number): void {
    this.#known.delete(group);
    this.#known.set(group, true);
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.#settings.knownGroups && oldest !== undefined) this.#known.delete(oldest);
  }

  #nextTime(): number {
    const arrival = this.#next === null ? Infinity : this.#next.at + this.#settings.readingS;
    const landing = this.#flights[0]?.at ?? Infinity;
    const window = this.#waiting.size > 0 && this.#permits === 0 ? this.#windowEndsAt : Infinity;
    const next = Math.min(arrival, landing, window);
    return next === Infinity ? this.#now : Math.max(next, this.#now);
  }
}
