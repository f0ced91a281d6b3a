/**
 * What of a due report is still to be written: its dead letter, then the report itself, which says that the letter is there.
 * Each is cut until it fits.
 */
import { smaller } from '../core/log/dead-letter.ts';
import type { ReportRecord } from '../core/report/report.ts';
import { smallerReport } from '../core/report/reporting.ts';
import type { Headers, OutRecord } from '../ports.ts';
import type { Due, Partition } from './state.ts';
import type { Place } from './unsettled.ts';

export interface Outgoing {
  readonly partition: Partition;
  /** Where it fails alone. */
  readonly own: Place;
  isWritten: boolean;
  isCut: boolean;
  /** The name of the place that it could not be written to. */
  waitsFor: string | null;
  /** Rendered when it is sent: the epoch may have grown. */
  record(): OutRecord;
  /** Makes it smaller; false: there is no smaller form. */
  cut(): boolean;
}

/** In the order of writing. */
export function outgoingOf(due: Due, reportTopic: string): readonly Outgoing[] {
  const report = new OutgoingReport(due, reportTopic);
  return due.deadLetter === null ? [report] : [new OutgoingLetter(due, due.deadLetter), report];
}

const placeOf = (topic: string, { report, partition }: Due): Place => ({
  name: `${topic}: ${report.id}`,
  topic,
  act: 'write',
  owner: partition.number,
});

class OutgoingReport implements Outgoing {
  readonly partition: Partition;
  readonly own: Place;
  isWritten = false;
  isCut = false;
  waitsFor: string | null = null;
  readonly #due: Due;
  readonly #topic: string;
  #report: ReportRecord;
  #cutRecord: Pick<OutRecord, 'key' | 'headers'> | null = null;

  constructor(due: Due, topic: string) {
    this.partition = due.partition;
    this.own = placeOf(topic, due);
    this.#due = due;
    this.#topic = topic;
    this.#report = due.report;
  }

  record(): OutRecord {
    const { key, partition } = this.#due;
    const value = JSON.stringify({ ...this.#report, epoch: partition.epoch });
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
    this.isCut = true;
    return true;
  }
}

class OutgoingLetter implements Outgoing {
  readonly partition: Partition;
  readonly own: Place;
  isWritten = false;
  isCut = false;
  waitsFor: string | null = null;
  #letter: OutRecord;

  constructor(due: Due, letter: OutRecord) {
    this.partition = due.partition;
    this.own = placeOf(letter.topic, due);
    this.#letter = letter;
  }

  record(): OutRecord {
    return this.#letter;
  }

  cut(): boolean {
    const letter = smaller(this.#letter);
    this.#letter = letter ?? this.#letter;
    this.isCut ||= letter !== null;
    return letter !== null;
  }
}
