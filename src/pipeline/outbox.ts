/**
 * Reports that are not acknowledged yet, in the order in which they came. Of each its dead letter is written first, then the
 * report itself, which says that the dead letter is there. Each is cut until it fits.
 */
import { smaller } from '../core/log/dead-letter.ts';
import type { Intent } from '../core/change/change.ts';
import type { ReportRecord } from '../core/report/report.ts';
import { smallerReport } from '../core/report/reporting.ts';
import type { Headers, OutRecord } from '../ports.ts';
import type { Group, Partition } from './group.ts';
import type { Place } from './unsettled.ts';

/** A report, with its dead letter. */
export interface Due {
  readonly partition: Partition;
  /** Of the change that ends; null: it is about a whole record, or about a try. */
  readonly subject: { readonly group: Group; readonly intent: Intent } | null;
  /** Of the source record that it is about as a whole: acknowledged, it completes that; null: it is about a change or a try. */
  readonly offset: bigint | null;
  /** Of the report: the group, or the source record's where it could not be read. */
  readonly key: Uint8Array | string | null;
  readonly report: ReportRecord;
  readonly deadLetter: OutRecord | null;
}

export class Outbox {
  readonly #reportTopic: string;
  /** With what of each is to be written, from when it is looked at first: there may be very many. */
  readonly #due = new Map<Due, readonly Outgoing[] | null>();

  constructor(reportTopic: string) {
    this.#reportTopic = reportTopic;
  }

  get size(): number {
    return this.#due.size;
  }

  [Symbol.iterator](): Iterator<Due> {
    return this.#due.keys();
  }

  add(due: Due): void {
    this.#due.set(due, null);
  }

  /** Of what is due the record that is written next; null: all of it is written. */
  nextOf(due: Due): Outgoing | null {
    const known = this.#due.get(due);
    if (known === undefined) return null;
    const outgoing = known ?? outgoingOf(due, this.#reportTopic);
    this.#due.set(due, outgoing);
    return outgoing.find(({ isWritten }) => !isWritten) ?? null;
  }

  /** Names of the places that something waits for. */
  *waitedFor(): Iterable<string> {
    for (const outgoing of this.#due.values())
      for (const { isWritten, waitsFor } of outgoing ?? []) if (!isWritten && waitsFor !== null) yield waitsFor;
  }

  /** It is acknowledged. */
  delete(due: Due): void {
    this.#due.delete(due);
  }

  /** The partition is lost. */
  revoke(partition: Partition): void {
    for (const due of this.#due.keys()) if (due.partition === partition) this.#due.delete(due);
  }
}

/** One record that is to be written. */
export abstract class Outgoing {
  readonly partition: Partition;
  /** Where it fails alone. */
  readonly own: Place;
  #isWritten = false;
  #waitsFor: string | null = null;

  constructor(topic: string, { report, partition }: Due) {
    this.partition = partition;
    this.own = { name: `${topic}: ${report.id}`, topic, act: 'write', owner: partition.number };
  }

  get isWritten(): boolean {
    return this.#isWritten;
  }

  /** The name of the place that it could not be written to. */
  get waitsFor(): string | null {
    return this.#waitsFor;
  }

  noteWritten(): void {
    this.#isWritten = true;
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

/** In the order of writing. */
const outgoingOf = (due: Due, reportTopic: string): readonly Outgoing[] => {
  const report = new OutgoingReport(reportTopic, due);
  return due.deadLetter === null ? [report] : [new OutgoingDeadLetter(due, due.deadLetter), report];
};

class OutgoingReport extends Outgoing {
  readonly #due: Due;
  readonly #topic: string;
  #report: ReportRecord;
  #cutRecord: Pick<OutRecord, 'key' | 'headers'> | null = null;

  constructor(topic: string, due: Due) {
    super(topic, due);
    this.#due = due;
    this.#topic = topic;
    this.#report = due.report;
  }

  get isCut(): boolean {
    return this.#cutRecord !== null;
  }

  record(): OutRecord {
    const { key, partition } = this.#due;
    const value = JSON.stringify({ ...this.#report, epoch: partition.ownership.epoch });
    const headers: Headers = [];
    return { topic: this.#topic, partition: null, key, headers, ...this.#cutRecord, value };
  }

  cut(): boolean {
    const report = smallerReport(this.#report);
    const { key, headers } = this.record();
    // The key of an invalid record is the source's, of any length: it is cut last, as that of a dead letter.
    const rest = smaller({ key, value: report === null ? null : 'shorter now', headers });
    if (rest === null) return false;
    this.#report = report ?? this.#report;
    this.#cutRecord = { key: rest.key, headers: rest.headers };
    return true;
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
