/** What of the topics cannot be read when groups are compared, and of which groups it may be. */
import { idKey } from '../core/change/change.ts';
import type { Unreadable } from '../core/drift/differences.ts';
import type { TopicRecord } from '../ports.ts';
import { groupInKey } from './report-search.ts';

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
  /** By partition, the first report record that names no group: it may be of any that has reports there. */
  readonly #reportsOfNone = new Map<number, Unreadable>();

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
    if (value === null) return;
    const group = groupInKey(key);
    const message = `a record of ${name}, at ${partition}/${offset}, is no report that this version reads`;
    const found: Unreadable = { topic: 'report', partition, offset, message };
    if (group === null) noteFirst(this.#reportsOfNone, partition, found);
    else noteFirst(this.#reports, idKey(group), found);
  }

  /** Of report records, the first one of each group that is asked for, and of each partition. @param groups by `idKey`; null: all */
  reportsOf(groups: ReadonlySet<string> | null): readonly string[] {
    const named = [...this.#reports].filter(([group]) => groups?.has(group) ?? true).map(([, found]) => found);
    return [...named, ...this.#reportsOfNone.values()].map(({ message }) => message);
  }

  /** @param group by `idKey`. */
  of(group: string, { source, report }: PartitionsOfGroup): readonly Unreadable[] {
    const isNear = ({ topic, partition }: Unreadable): boolean => (topic === 'report' ? report : source).has(partition);
    const own = this.#reports.get(group);
    return [
      ...this.#batches.filter(isNear),
      ...(own === undefined ? [] : [own]),
      ...[...this.#reportsOfNone.values()].filter(isNear),
    ];
  }
}

function noteFirst<Key>(known: Map<Key, Unreadable>, key: Key, found: Unreadable): void {
  if (!known.has(key)) known.set(key, found);
}
