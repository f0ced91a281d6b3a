/**
 * Reports that are not acknowledged yet, in the order in which they came. Of each its dead letter is written first, then the
 * report itself, which says that the dead letter is there. Each is cut until it fits. And `Unsettled`: the places in Kafka that
 * cannot be written to, or committed, at present.
 */
import { smaller } from '../../core/log/dead-letter.ts';
import type { ReportRecord } from '../../core/report/report.ts';
import { reportId, reportRecord, smallerReport, type Report } from '../../core/report/reporting.ts';
import { writePauseMs } from '../../core/target/retry.ts';
import { RepeatedCauses } from '../../core/text/repeated-causes.ts';
import type { Clock, Instant, OutRecord } from '../../ports.ts';
import type { Group, Partition } from './group.ts';
import type { Act } from './partition.ts';

/** A report, with its dead letter. */
export interface Due {
  readonly partition: Partition;
  /** Of the change that ends with it; null: it is about a whole record, or about a try. */
  readonly group: Group | null;
  /** Of the source record that it is about as a whole: acknowledged, it completes that; null: it is about a change or a try. */
  readonly offset: bigint | null;
  /** Of the report: the group, or the source record's where it could not be read. */
  readonly key: Uint8Array | string | null;
  readonly report: Report;
  readonly deadLetter: OutRecord | null;
}

/** Where nothing is acknowledged for so long, Kafka writes no reports at present: it does so within a second under full load. */
const STALLED_MS = 2_000;

/** What is to be reported. The group of a report about a change counts as unacknowledged until the report is acknowledged. */
export class Outbox {
  readonly #reportTopic: string;
  readonly #clock: Pick<Clock, 'now'>;
  /** With the record of each that is written next, from when it is looked at first: there may be very many. */
  readonly #due = new Map<Due, Outgoing | null>();
  readonly #counts = new Map<Partition, number>();
  /** When the last one was acknowledged, or came while there was none, monotonic ms. */
  #movedAt = -Infinity;

  constructor(reportTopic: string, clock: Pick<Clock, 'now'>) {
    this.#reportTopic = reportTopic;
    this.#clock = clock;
  }

  get size(): number {
    return this.#due.size;
  }

  get isStalled(): boolean {
    return this.size > 0 && this.#clock.now().monotonic - this.#movedAt >= STALLED_MS;
  }

  countOf(partition: Partition): number {
    return this.#counts.get(partition) ?? 0;
  }

  add(due: Due): void {
    if (this.size === 0) this.#move();
    this.#due.set(due, null);
    this.#counts.set(due.partition, this.countOf(due.partition) + 1);
    if (due.group !== null) due.partition.noteReportDue(due.group);
  }

  /** The record that is written next of each that is due, in the order in which they came. */
  *outgoing(isWritable: (partition: Partition) => boolean): Iterable<Outgoing> {
    for (const [due, known] of this.#due) {
      if (!isWritable(due.partition)) continue;
      const outgoing = known ?? firstOf(due, this.#reportTopic);
      if (known === null) this.#due.set(due, outgoing);
      yield outgoing;
    }
  }

  /** Names of the places that something waits for. */
  *waitedFor(): Iterable<string> {
    for (const outgoing of this.#due.values()) {
      const place = outgoing?.waitsFor ?? null;
      if (place !== null) yield place;
    }
  }

  /** It is written. true: with it all that is due of it. */
  acknowledge(written: Outgoing): boolean {
    const { due } = written;
    // Nothing is left of a partition that was lost meanwhile.
    if (!this.#due.has(due)) return false;
    this.#move();
    if (written instanceof OutgoingDeadLetter) {
      this.#due.set(due, new OutgoingReport(this.#reportTopic, due));
      return false;
    }
    this.#due.delete(due);
    if (due.group !== null) due.partition.noteReportAcknowledged(due.group);
    this.#counts.set(due.partition, this.countOf(due.partition) - 1);
    return true;
  }

  /** The partition is lost, and its counts with it. */
  revoke(partition: Partition): void {
    for (const due of this.#due.keys()) if (due.partition === partition) this.#due.delete(due);
    this.#counts.delete(partition);
  }

  #move(): void {
    this.#movedAt = this.#clock.now().monotonic;
  }
}

/** One record that is to be written. */
export abstract class Outgoing {
  readonly due: Due;
  /** It counts under any. */
  readonly epoch = null;
  protected readonly topic: string;
  #waitsFor: string | null = null;

  constructor(topic: string, due: Due) {
    this.due = due;
    this.topic = topic;
  }

  get partition(): Partition {
    return this.due.partition;
  }

  /** Where it fails alone. */
  get own(): Place {
    const { report, partition } = this.due;
    const { topic } = this;
    return { name: `${topic}: ${reportId(report)}`, topic, act: 'write', owner: partition.number };
  }

  /** The name of the place that it could not be written to. */
  get waitsFor(): string | null {
    return this.#waitsFor;
  }

  /** @param place its name; null: it may be written now. */
  waitFor(place: string | null): void {
    this.#waitsFor = place;
  }

  /** It has been made smaller before. */
  abstract readonly isCut: boolean;

  /** Rendered when it is sent: the epoch may have grown. */
  abstract record(): OutRecord;

  /** Makes it smaller; false: there is no smaller form. */
  abstract cut(): boolean;
}

/** The dead letter comes before its report. */
const firstOf = (due: Due, reportTopic: string): Outgoing =>
  due.deadLetter === null ? new OutgoingReport(reportTopic, due) : new OutgoingDeadLetter(due, due.deadLetter);

class OutgoingReport extends Outgoing {
  /** As it is cut; null: it is whole. */
  #smaller: ReportRecord | null = null;
  #cutRecord: Pick<OutRecord, 'key' | 'headers'> | null = null;

  get isCut(): boolean {
    return this.#cutRecord !== null;
  }

  record(): OutRecord {
    const { key, headers } = this.#cutRecord ?? { key: this.due.key, headers: [] };
    return { topic: this.topic, partition: null, key, headers, value: JSON.stringify(this.#rendered()) };
  }

  cut(): boolean {
    const report = smallerReport(this.#rendered());
    const { key, headers } = this.record();
    // The key of an invalid record is the source's, of any length: it is cut last, as that of a dead letter.
    const rest = smaller({ key, value: report === null ? null : 'shorter now', headers });
    if (rest === null) return false;
    this.#smaller = report ?? this.#smaller;
    this.#cutRecord = { key: rest.key, headers: rest.headers };
    return true;
  }

  #rendered(): ReportRecord {
    const { report, partition } = this.due;
    const { epoch } = partition.ownership;
    return this.#smaller === null ? reportRecord(report, epoch) : { ...this.#smaller, epoch };
  }
}

class OutgoingDeadLetter extends Outgoing {
  #deadLetter: OutRecord;
  #isCut = false;

  constructor(due: Due, deadLetter: OutRecord) {
    super(deadLetter.topic, due);
    this.#deadLetter = deadLetter;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  record(): OutRecord {
    return this.#deadLetter;
  }

  cut(): boolean {
    const deadLetter = smaller(this.#deadLetter);
    this.#deadLetter = deadLetter ?? this.#deadLetter;
    this.#isCut ||= deadLetter !== null;
    return deadLetter !== null;
  }
}

/*
 * What cannot be written to Kafka, or committed there, at present: since when, why, and when it is tried again. One entry
 * per place that fails on its own: a partition of a topic, one record, the offset of a source partition.
 *
 *   absent ──fail──▶ waits (growing pauses) ──time──▶ due ──written──▶ absent
 *                        ▲                             │
 *                        └────────fail, postpone───────┘
 */

export interface Place {
  /** Unique. */
  readonly name: string;
  readonly topic: string;
  readonly act: Act;
  /** The source partition that it is about; null: it may be about several. */
  readonly owner: number | null;
}

/** What an operator sees. */
export interface Stuck {
  readonly topic: string;
  readonly act: Act;
  /** The last one. */
  readonly error: string;
  /** Of the first failure in a row, epoch ms. */
  readonly since: number;
  /** It has failed often enough for the instance not to be ready. */
  readonly isLasting: boolean;
}

interface Entry {
  readonly place: Place;
  readonly error: string;
  readonly failures: number;
  readonly since: Instant;
  /** Monotonic ms. */
  readonly triedAt: number;
  readonly retryAt: number;
}

/** From then on the instance is not ready: a leader that moves is back by the third try. */
const STUCK_FAILURES = 3;
/** Of a place that is due, until the next round looks at it. */
const PASSED_OVER_MS = 100;

export class Unsettled {
  readonly #entries = new Map<string, Entry>();
  readonly #causes = new RepeatedCauses();

  /** It was tried in vain. Answers how many lines of this cause were left out of the log; null: this one is left out too. */
  fail(place: Place, error: string, now: Instant): number | null {
    const known = this.#entries.get(place.name);
    const failures = (known?.failures ?? 0) + 1;
    this.#put(place, { error, failures, since: known?.since ?? now, triedAt: now.monotonic }, now);
    return this.#causes.admit(`${place.topic} ${error}`, now.monotonic);
  }

  /** It was due and not tried, since everything else fails. */
  postpone(place: Place, error: string, now: Instant): void {
    const known = this.#entries.get(place.name);
    const former = known ?? { error, failures: 0, since: now, triedAt: -1 };
    this.#put(place, former, now);
  }

  clear(name: string): void {
    this.#entries.delete(name);
  }

  /** A partition is lost: what is about it alone is the next owner's. */
  revoke(owner: number): void {
    for (const { place } of this.#entries.values()) if (place.owner === owner) this.clear(place.name);
  }

  /** Nothing waits to be written there any more. */
  retain(isWanted: (place: Place) => boolean): void {
    for (const { place } of this.#entries.values()) if (!isWanted(place)) this.clear(place.name);
  }

  /** Everything is due now. */
  hurry(): void {
    for (const [name, entry] of this.#entries) this.#entries.set(name, { ...entry, retryAt: entry.triedAt });
  }

  get size(): number {
    return this.#entries.size;
  }

  isFailing(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Something of it, a partition or a record. */
  isTopicFailing(topic: string): boolean {
    for (const { place } of this.#entries.values()) if (place.topic === topic) return true;
    return false;
  }

  isWaiting(name: string, now: Instant): boolean {
    return (this.#entries.get(name)?.retryAt ?? -Infinity) > now.monotonic;
  }

  /** Monotonic ms; -1: never. */
  triedAt(name: string): number {
    return this.#entries.get(name)?.triedAt ?? -1;
  }

  /**
   * How long until something is to be tried again, ms; null: nothing fails. A place may become due while a round passes it
   * over, so one that is due already counts too.
   */
  nextInMs({ monotonic }: Instant): number | null {
    let next: number | null = null;
    for (const { retryAt } of this.#entries.values()) next = Math.min(next ?? Infinity, retryAt - monotonic);
    return next === null ? null : Math.max(PASSED_OVER_MS, next);
  }

  /** One for each topic and act, of the place that fails most often. */
  list(): readonly Stuck[] {
    const worst = new Map<string, Entry>();
    for (const entry of this.#entries.values()) {
      const key = `${entry.place.act} ${entry.place.topic}`;
      if ((worst.get(key)?.failures ?? -1) < entry.failures) worst.set(key, entry);
    }
    return [...worst.values()].map(({ place: { topic, act }, error, since, failures }) => ({
      topic,
      act,
      error,
      since: since.wall,
      isLasting: failures >= STUCK_FAILURES,
    }));
  }

  #put(place: Place, entry: Omit<Entry, 'place' | 'retryAt'>, now: Instant): void {
    const retryAt = now.monotonic + writePauseMs(Math.max(1, entry.failures));
    this.#entries.set(place.name, { ...entry, place, retryAt });
  }
}
