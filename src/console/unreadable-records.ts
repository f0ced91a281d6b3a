/** What of the topics cannot be read when groups are compared, and of which groups it may be. */
import { idKey } from '../core/change/change.ts';
import type { Unreadable } from '../core/drift/differences.ts';
import type { TopicRecord } from '../ports.ts';
import { groupInKey } from './report-search.ts';

/** Of report records that name no group. */
const UNKNOWN_GROUP = '';

/** Partitions that may have something of a group. */
export interface PartitionsOfGroup {
  /** Of the source, and of the retry topic. */
  readonly source: ReadonlySet<number>;
  readonly report: ReadonlySet<number>;
}

export class UnreadableRecords {
  readonly #batches: Unreadable[] = [];
  /** By `idKey` of the group, the first one. */
  readonly #reports = new Map<string, Unreadable>();

  /** Of batches, each as a sentence without a full stop. */
  get problems(): readonly string[] {
    return this.#batches.map(({ message }) => `${message}; what it says is missing`);
  }

  /** A topic may be read twice. */
  noteBatch(batch: Unreadable): void {
    const { topic, partition, offset } = batch;
    const isKnown = this.#batches.some(
      (each) => each.topic === topic && each.partition === partition && each.offset === offset,
    );
    if (!isKnown) this.#batches.push(batch);
  }

  /** @param name of the report topic */
  noteReport({ key, value, partition, offset }: TopicRecord, name: string): void {
    const group = idKey(groupInKey(key) ?? UNKNOWN_GROUP);
    if (value === null || this.#reports.has(group)) return;
    const message = `a record of ${name}, at ${partition}/${offset}, is no report that this version reads`;
    this.#reports.set(group, { topic: 'report', partition, offset, message });
  }

  /** Of report records, the first one of each group that is asked for. @param groups by `idKey`; null: all */
  reportsOf(groups: ReadonlySet<string> | null): readonly string[] {
    const isAsked = (group: string): boolean => groups === null || group === UNKNOWN_GROUP || groups.has(group);
    return [...this.#reports].flatMap(([group, { message }]) => (isAsked(group) ? [message] : []));
  }

  /** @param group by `idKey`. */
  of(group: string, { source, report }: PartitionsOfGroup): readonly Unreadable[] {
    const isNear = ({ topic, partition }: Unreadable): boolean => (topic === 'report' ? report : source).has(partition);
    const own = this.#reports.get(group);
    const ofNone = this.#reports.get(UNKNOWN_GROUP);
    return [
      ...this.#batches.filter(isNear),
      ...(own === undefined ? [] : [own]),
      ...(ofNone !== undefined && isNear(ofNone) ? [ofNone] : []),
    ];
  }
}
