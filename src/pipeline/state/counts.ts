/** What the pipeline counts and measures since its start, and how many requests are on their way. */
import { isFinal, type Report } from '../../core/report/reporting.ts';
import type { Work } from '../../core/status/work-ahead.ts';
import type { RequestKind } from '../../core/target/breaker.ts';

/** How often each of some names was met. */
export class CounterByName {
  readonly #counts = new Map<string, number>();

  note(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  get byName(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}

export class Counter {
  #value = 0;

  get value(): number {
    return this.#value;
  }

  add(by: 1 | -1 = 1): void {
    this.#value += by;
  }
}

/** Durations in ms, by how long they were. Plain data: a view of one instant. */
export interface HistogramView {
  /** Upper bounds, inclusive, in ascending order; what is longer is in `count` only. */
  readonly bounds: readonly number[];
  /** How many were no longer than the bound of the same index. */
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** Durations in ms, counted in buckets of fixed bounds. Each change and each request is observed: `observe` allocates nothing. */
export class Histogram {
  readonly #bounds: readonly number[];
  /** Of each bound those that no lower one takes; at the end those beyond all of them. */
  readonly #counts: Float64Array;
  #sum = 0;

  /** @param bounds in ascending order. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(ms: number): void {
    const bounds = this.#bounds;
    let i = 0;
    while (i < bounds.length && ms > (bounds[i] ?? 0)) i += 1;
    this.#counts[i] = (this.#counts[i] ?? 0) + 1;
    this.#sum += ms;
  }

  get count(): number {
    return this.#counts.reduce((sum, own) => sum + own, 0);
  }

  /** The cumulative counts are computed only here. */
  get view(): HistogramView {
    let count = 0;
    const upTo = Array.from(this.#counts, (own) => (count += own));
    return { bounds: this.#bounds, counts: upTo.slice(0, -1), sum: this.#sum, count };
  }
}

const NEWEST_WEIGHT = 1 / 20;

/** An exponentially weighted moving average: the newest value counts a twentieth. */
export class MovingMean {
  #value: number | null = null;

  /** null: nothing was observed yet. */
  get value(): number | null {
    return this.#value;
  }

  observe(value: number): void {
    this.#value = this.#value === null ? value : this.#value + (value - this.#value) * NEWEST_WEIGHT;
  }
}

const NO_WORK: Work = { records: 0, changes: 0, finished: 0, patches: 0, reads: 0 };

const MINUTE_MS = 60_000;

/** REQUEST_TIMEOUT_MS is 10 s by default. */
const REQUEST_BOUNDS_MS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];
/** Under a budget of 180 requests a minute a backlog takes minutes. */
const CHANGE_BOUNDS_MS = [...REQUEST_BOUNDS_MS, MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS];

export type GroupRequest = Exclude<RequestKind, 'look_up'>;

export class Counts {
  /** Source records that were read, and the changes in them. */
  readonly #read = { records: 0, changes: 0 };
  #finished = 0;
  /** As they were at the last two marks. */
  #marks: readonly [Work, Work] = [NO_WORK, NO_WORK];
  /** Events of the source that concern no membership, by reason. */
  readonly skipped = new CounterByName();
  /** Requests to the target, by the kind of their outcome. */
  readonly requests = new CounterByName();
  /** Versions that had moved on when a group was changed. */
  readonly conflicts = new Counter();
  /** Requests of operators that were not executed, by why. */
  readonly refusedRequests = new CounterByName();
  /** Final reports, by outcome. */
  readonly reports = new CounterByName();
  /** Requests of groups to the target, and for tokens; not look-ups. */
  readonly requestsInFlight = new Counter();
  /** How often offsets, or what is parked, were not there any more. */
  readonly possibleLosses = new Counter();
  /** Requests that ended outside their lease. */
  readonly outsideLease = new Counter();
  /** As the final reports say, of changes that a request was sent for: until its first one, and from there to their end. */
  readonly queueTimes = new Histogram(CHANGE_BOUNDS_MS);
  readonly applyTimes = new Histogram(CHANGE_BOUNDS_MS);
  /** Requests of groups that were answered, or have failed; not look-ups. */
  readonly requestTimes: Readonly<Record<GroupRequest, Histogram>> = {
    read: new Histogram(REQUEST_BOUNDS_MS),
    write: new Histogram(REQUEST_BOUNDS_MS),
  };
  /** How long such a request takes at present. */
  readonly requestMs = new MovingMean();

  /** It is due. However often it is written, it counts once. */
  noteReport(report: Report): void {
    if (!isFinal(report)) return;
    const { outcome, lag } = report;
    this.#finished += 1;
    this.reports.note(outcome);
    if (lag.queue !== null) this.queueTimes.observe(lag.queue);
    if (lag.apply !== null) this.applyTimes.observe(lag.apply);
  }

  noteRead(changes: number): void {
    this.#read.records += 1;
    this.#read.changes += changes;
  }

  /** Now and then, so that `lately` forgets what was done before the last mark but one. */
  mark(): void {
    this.#marks = [this.#marks[1], this.#work];
  }

  get lately(): Work {
    const [before] = this.#marks;
    const { records, changes, finished, patches, reads } = this.#work;
    return {
      records: records - before.records,
      changes: changes - before.changes,
      finished: finished - before.finished,
      patches: patches - before.patches,
      reads: reads - before.reads,
    };
  }

  get #work(): Work {
    const { read, write } = this.requestTimes;
    return { ...this.#read, finished: this.#finished, patches: write.count, reads: read.count };
  }

  noteRequestTime(request: GroupRequest, ms: number): void {
    this.requestTimes[request].observe(ms);
    this.requestMs.observe(ms);
  }
}
