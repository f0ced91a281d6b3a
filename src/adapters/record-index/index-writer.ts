/** What is written into the index. */
import type { Position } from '../../core/change/change.ts';
import { murmur2 } from '../../core/log/reading.ts';
import type { About, IndexedTopic, IndexEntry, IndexPlace } from './entries.ts';
import { headersText, NO_PARTITION, placesIn, TOPIC, WHOLE } from './rows.ts';
import { prepareAll, WRITES } from './schema.ts';
import type { Database, Row, Statement } from './sqlite.ts';

/** A group that is not resolved. */
const NOT_KNOWN = '';
/** Names that were written already need not be written again. */
const REMEMBERED_MAX = 200_000;

export class IndexWriter {
  readonly #database: Database;
  readonly #write: Readonly<Record<keyof typeof WRITES, Statement>>;
  readonly #groupIds = new Map<string, number>();
  readonly #memberIds = new Map<string, number>();
  readonly #written = new Set<string>();

  constructor(database: Database) {
    this.#database = database;
    this.#write = prepareAll(database, WRITES);
  }

  /**
   * All of it, or nothing where it fails. What another process has written meanwhile is left out.
   * @param entries in the order of each partition's offsets
   * @param places by partition, how far it is in the index with them
   */
  add(topic: IndexedTopic, entries: readonly IndexEntry[], places: ReadonlyMap<number, IndexPlace>): void {
    this.#inTransaction(() => {
      const known = placesIn(this.#database, topic);
      const nextOf = (partition: number): bigint => known.get(partition)?.next ?? 0n;
      for (const entry of entries)
        if (entry.record.offset >= nextOf(entry.record.partition)) this.#addEntry(TOPIC[topic], entry);
      for (const [partition, { first, next }] of places)
        if (next >= nextOf(partition)) this.#write.place.run(TOPIC[topic], partition, Number(first), Number(next));
    });
  }

  /** As it is read by now. */
  readAgain(topic: IndexedTopic, reader: string, entries: readonly (readonly [id: number, entry: IndexEntry])[]): void {
    this.#inTransaction(() => {
      this.#database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(`${topic} reader`, reader);
      for (const [id, entry] of entries) {
        if (entry.problem === null) this.#write.readNow.run(id);
        this.#addAll(TOPIC[topic], id, entry);
      }
    });
  }

  #inTransaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      for (const remembered of [this.#groupIds, this.#memberIds, this.#written]) remembered.clear();
      try {
        this.#database.exec('ROLLBACK');
      } catch {
        // SQLite has done so itself, as where the disk is full.
      }
      throw error;
    }
  }

  #addEntry(topic: number, entry: IndexEntry): void {
    const { record, time, about, problem } = entry;
    const { partition, offset, timestamp, key, value, headers } = record;
    const at = [topic, partition, Number(offset)] as const;
    if (problem?.kind === 'batch') this.#write.batch.run(...at, problem.message);
    if (about.length === 0 && problem?.kind !== 'record') return;
    const inserted = this.#write.record.get(...at, timestamp, time, key, value, headersText(headers)) as Row;
    const id = Number(inserted['id']);
    if (problem !== null) this.#write.unread.run(id);
    this.#addAll(topic, id, entry);
  }

  #addAll(topic: number, record: number, { about, outcome, time, record: { partition } }: IndexEntry): void {
    for (const each of about) this.#addAbout({ topic, record, time, partition }, each);
    if (outcome !== null) this.#once(`o ${outcome}`, () => this.#write.outcome.run(outcome));
  }

  #addAbout({ topic, record, time, partition: reportPartition }: AddedRecord, about: About): void {
    const { group, names, member, otherMember, position, partition, target, memberTarget, version } = about;
    const groupTarget = target ?? NOT_KNOWN;
    const groupId = this.#idOf('group', group);
    const memberId = member === null ? WHOLE : this.#idOf('member', member);
    this.#write.about.run(topic, groupId, memberId, ...placeOf(position), record);
    for (const name of names) {
      if (name !== group) this.#once(`g ${groupId} ${name}`, () => this.#write.groupName.run(name, groupId));
      if (topic === TOPIC.report)
        this.#once(`p ${reportPartition} ${partition} ${name}`, () =>
          this.#write.groupPartition.run(name, reportPartition, partition ?? NO_PARTITION, record),
        );
    }
    if (otherMember !== null && otherMember !== member)
      this.#once(`m ${memberId} ${otherMember}`, () => this.#write.memberName.run(otherMember, memberId));
    if (target !== null) this.#write.target.run(groupId, target, WHOLE, target, time, record);
    if (memberTarget !== null) this.#write.target.run(groupId, groupTarget, memberId, memberTarget, time, record);
    if (version !== null) this.#write.version.run(groupId, groupTarget, version, time, record);
  }

  /** It goes by its own name as well. */
  #idOf(kind: 'group' | 'member', name: string): number {
    const ids = kind === 'group' ? this.#groupIds : this.#memberIds;
    const known = ids.get(name);
    if (known !== undefined) return known;
    const id = Number((this.#write[kind].get(name) as Row)['id']);
    if (ids.size >= REMEMBERED_MAX) ids.clear();
    ids.set(name, id);
    this.#write[`${kind}Name`].run(name, id);
    return id;
  }

  #once(what: string, write: () => void): void {
    if (this.#written.has(what)) return;
    if (this.#written.size >= REMEMBERED_MAX) this.#written.clear();
    this.#written.add(what);
    write();
  }
}

interface AddedRecord {
  readonly topic: number;
  /** Its id. */
  readonly record: number;
  readonly time: number;
  readonly partition: number;
}

/** The offset, and what tells apart changes of one offset. */
const placeOf = (position: Position | null): readonly [offset: number, place: number] =>
  position === null
    ? [-1, 0]
    : [
        Number(position.offset),
        murmur2(Buffer.from(`${position.topic}/${position.partition}/${position.index ?? ''}`)),
      ];
