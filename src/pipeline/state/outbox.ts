/**
 * Reports that are not acknowledged yet, in the order in which they came. Of each its dead letter is written first, then the
 * report itself, which says that the dead letter is there. Each is cut until it fits.
 */
import { smaller } from '../../core/log/dead-letter.ts';
import type { ReportRecord } from '../../core/report/report.ts';
import { reportId, reportRecord, shadowReport, smallerReport, type Report } from '../../core/report/reporting.ts';
import type { Clock, OutRecord } from '../../ports.ts';
import type { Group, Partition } from './group.ts';
import type { Place } from './unsettled.ts';

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

/** Where reports go, and whether they are those of a shadow. */
interface ReportPlace {
  readonly topic: string;
  readonly isShadow: boolean;
}

/** What is to be reported. The group of a report about a change counts as unacknowledged until the report is acknowledged. */
export class Outbox {
  readonly #reports: ReportPlace;
  readonly #clock: Pick<Clock, 'now'>;
  /** With the record of each that is written next, from when it is looked at first: there may be very many. */
  readonly #due = new Map<Due, Outgoing | null>();
  readonly #counts = new Map<Partition, number>();
  /** Those of them that are about a pause, or its end. */
  readonly #pauses = new Set<Due>();
  /** When the last one was acknowledged, or came while there was none, monotonic ms. */
  #movedAt = -Infinity;

  constructor(reports: ReportPlace, clock: Pick<Clock, 'now'>) {
    this.#reports = reports;
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

  /** @param offset of the request in the retry topic. */
  hasPause(partition: Partition, offset: bigint): boolean {
    for (const { partition: its, report } of this.#pauses)
      if (its === partition && report.source.offset === offset) return true;
    return false;
  }

  add(due: Due): void {
    if (this.size === 0) this.#move();
    this.#due.set(due, null);
    this.#counts.set(due.partition, this.countOf(due.partition) + 1);
    if (due.group !== null) due.partition.noteReportDue(due.group);
    if (due.report.pause !== undefined) this.#pauses.add(due);
  }

  /** The record that is written next of each that is due, in the order in which they came. */
  *outgoing(isWritable: (partition: Partition) => boolean): Iterable<Outgoing> {
    for (const [due, known] of this.#due) {
      if (!isWritable(due.partition)) continue;
      const outgoing = known ?? firstOf(due, this.#reports);
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
      this.#due.set(due, new OutgoingReport(due, this.#reports));
      return false;
    }
    this.#forget(due);
    if (due.group !== null) due.partition.noteReportAcknowledged(due.group);
    this.#counts.set(due.partition, this.countOf(due.partition) - 1);
    return true;
  }

  /** The partition is lost, and its counts with it. */
  revoke(partition: Partition): void {
    for (const due of this.#due.keys()) if (due.partition === partition) this.#forget(due);
    this.#counts.delete(partition);
  }

  #forget(due: Due): void {
    this.#due.delete(due);
    this.#pauses.delete(due);
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
const firstOf = (due: Due, reports: ReportPlace): Outgoing =>
  due.deadLetter === null ? new OutgoingReport(due, reports) : new OutgoingDeadLetter(due, due.deadLetter);

class OutgoingReport extends Outgoing {
  /** As it is cut; null: it is whole. */
  #smaller: ReportRecord | null = null;
  #cutRecord: Pick<OutRecord, 'key' | 'headers'> | null = null;
  readonly #isShadow: boolean;

  constructor(due: Due, { topic, isShadow }: ReportPlace) {
    super(topic, due);
    this.#isShadow = isShadow;
  }

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
    if (this.#smaller !== null) return { ...this.#smaller, epoch };
    const record = reportRecord(report, epoch);
    return this.#isShadow ? shadowReport(record) : record;
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
