/**
 * Room adapters/record-index: report records and source records in a local SQLite file, found by group and member.
 * Not here: reading them from their topics, and what they say (console/indexing.ts).
 *
 * Records are kept as they were read, in the order in which they came.
 */
import type { Position } from '../../core/change/change.ts';
import { murmur2 } from '../../core/log/reading.ts';
import type { TopicRecord } from '../../ports.ts';
import type {
  About,
  IndexedTopic,
  IndexEntry,
  IndexPlace,
  ReportsWanted,
  UnreadRecord,
  WantedMember,
} from './entries.ts';
import { headersText, recordOf } from './rows.ts';
import { checkMeta, openIndexFile, prepareAll, WRITES } from './schema.ts';
import type { Database, Row, SqlValue, Statement } from './sqlite.ts';

/** Of the source, where a report says none. */
const NO_PARTITION = -1;
/** In place of a member's id. */
const WHOLE = 0;
const TOPIC: Readonly<Record<IndexedTopic, number>> = { report: 0, source: 1 };

const RECORDS_A_TURN = 500;
/** Names that were written already need not be written again. */
const REMEMBERED_MAX = 200_000;

export class RecordIndex {
  readonly #database: Database;
  readonly #write: Readonly<Record<keyof typeof WRITES, Statement>>;
  readonly #record: Statement;
  readonly #groupIds = new Map<string, number>();
  readonly #memberIds = new Map<string, number>();
  readonly #written = new Set<string>();

  /**
   * @param origin what its records are of; of an index that was made for something else it is another
   * @throws IndexError, SqliteMissingError
   */
  static async open(directory: string, origin: string): Promise<RecordIndex> {
    return new RecordIndex(await openIndexFile(directory, origin));
  }

  private constructor(database: Database) {
    this.#database = database;
    this.#write = prepareAll(database, WRITES);
    this.#record = database.prepare('SELECT * FROM records WHERE id = ?');
  }

  close(): void {
    this.#database.close();
  }

  /** @param id null: not known. @throws IndexError where it was another when the topic was read first */
  checkTopic(topic: IndexedTopic, id: string | null): void {
    if (id !== null) checkMeta(this.#database, `${topic} topic`, id);
  }

  /** By partition; those that were not there when it was read are missing. */
  places(topic: IndexedTopic): ReadonlyMap<number, IndexPlace> {
    const rows = this.#all('SELECT * FROM places WHERE topic = ?', [TOPIC[topic]]);
    const offset = (value: SqlValue | undefined): bigint => BigInt(Number(value));
    return new Map(
      rows.map(({ partition, first, next }) => [Number(partition), { first: offset(first), next: offset(next) }]),
    );
  }

  /**
   * All of it, or nothing where it fails. What another process has written meanwhile is left out.
   * @param entries in the order of each partition's offsets
   * @param places by partition, how far it is in the index with them
   */
  add(topic: IndexedTopic, entries: readonly IndexEntry[], places: ReadonlyMap<number, IndexPlace>): void {
    this.#inTransaction(() => {
      const known = this.places(topic);
      const nextOf = (partition: number): bigint => known.get(partition)?.next ?? 0n;
      for (const entry of entries)
        if (entry.record.offset >= nextOf(entry.record.partition)) this.#addEntry(TOPIC[topic], entry);
      for (const [partition, { first, next }] of places)
        if (next >= nextOf(partition)) this.#write.place.run(TOPIC[topic], partition, Number(first), Number(next));
    });
  }

  /** What could not be read. @param reader by which nothing more can be read than last time: nothing then */
  unread(topic: IndexedTopic, reader: string): readonly UnreadRecord[] {
    const [known] = this.#all('SELECT value FROM meta WHERE name = ?', [`${topic} reader`]);
    if (known?.['value'] === reader) return [];
    const sql = 'SELECT records.* FROM unread JOIN records ON id = record WHERE topic = ? ORDER BY id';
    return this.#all(sql, [TOPIC[topic]]).map((row) => ({ id: Number(row['id']), record: recordOf(row) }));
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
    const { group, names, member, otherMember, position, partition, target, memberTarget, hasVersion } = about;
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
    if (target !== null) this.#write.target.run(groupId, WHOLE, target, time, record);
    if (memberTarget !== null) this.#write.target.run(groupId, memberId, memberTarget, time, record);
    if (hasVersion) this.#write.version.run(groupId, time, record);
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

  /** Report records of these partitions in the order in which they came, those that cannot be read too. */
  *reports(wanted: ReportsWanted, partitions: ReadonlySet<number>): Generator<TopicRecord> {
    const { groups, members, since, until } = wanted;
    if (groups === null && members === null) return yield* this.#reportsBetween(since, until, partitions);
    for (const row of this.#rowsOf([...this.#reportIds(groups, members), ...this.#unreadReports()])) {
      const time = Number(row['time']);
      const isWithin = (since === null || time >= since) && (until === null || time < until);
      if (isWithin && partitions.has(Number(row['partition']))) yield recordOf(row);
    }
  }

  /** One for each name that the target has had for the groups and their members, the last that says so. */
  *reportsOfNames(groups: readonly string[], partitions: ReadonlySet<number>): Generator<TopicRecord> {
    const ids = this.#groupsOf(groups).flatMap((group) =>
      this.#all('SELECT record AS id FROM targets WHERE group_id = ?', [group]).map(({ id }) => Number(id)),
    );
    for (const row of this.#rowsOf([...ids, ...this.#oneInEach(groups)]))
      if (partitions.has(Number(row['partition']))) yield recordOf(row);
  }

  /**
   * Report records that decide about a member, and of others as many as say what has become of the group since: the newest with its
   * version, one of each full state that has changed others, and one in each partition that has any.
   */
  *reportsAbout(
    groups: readonly string[],
    member: WantedMember,
    partitions: ReadonlySet<number>,
  ): Generator<TopicRecord> {
    const ids = [...this.#oneInEach(groups)];
    for (const group of this.#groupsOf(groups)) {
      ids.push(...this.#aboutIds('report', group, this.#membersIn(group, member)));
      const versions = this.#all('SELECT record AS id FROM versions WHERE group_id = ?', [group]);
      const byStates = this.#all(OF_STATES, [group, WHOLE, group, WHOLE]);
      ids.push(...[...versions, ...byStates].map(({ id }) => Number(id)));
    }
    for (const row of this.#rowsOf(ids)) if (partitions.has(Number(row['partition']))) yield recordOf(row);
  }

  /** Source records about the group, in the order in which they came. @param member null: of all; else its own, and full states */
  *sourceRecords(
    groups: readonly string[],
    member: WantedMember | null,
    partitions: ReadonlySet<number>,
  ): Generator<TopicRecord> {
    const ids = this.#groupsOf(groups).flatMap((group) =>
      this.#aboutIds('source', group, member === null ? null : this.#membersIn(group, member)),
    );
    for (const row of this.#rowsOf(ids)) if (partitions.has(Number(row['partition']))) yield recordOf(row);
  }

  /** Partitions of the source in which the groups were, by reports of these partitions. */
  partitionsOf(groups: readonly string[], reportPartitions: ReadonlySet<number>): readonly number[] {
    const found = groups
      .flatMap((name) => this.#all('SELECT * FROM group_partitions WHERE name = ?', [name]))
      .filter((row) => reportPartitions.has(Number(row['report_partition'])))
      .map(({ partition }) => Number(partition));
    return [...new Set(found)].filter((partition) => partition !== NO_PARTITION);
  }

  /** Of which no record could be read: partition, offset, and why. */
  batches(
    topic: IndexedTopic,
  ): readonly { readonly partition: number; readonly offset: bigint; readonly why: string }[] {
    const rows = this.#all('SELECT * FROM batches WHERE topic = ? ORDER BY partition, offset', [TOPIC[topic]]);
    return rows.map(({ partition, offset, message }) => ({
      partition: Number(partition),
      offset: BigInt(Number(offset)),
      why: String(message),
    }));
  }

  /** Of all reports. */
  get outcomes(): readonly string[] {
    return this.#all('SELECT name FROM outcomes', []).map(({ name }) => String(name));
  }

  #oneInEach(names: readonly string[]): readonly number[] {
    const sql = 'SELECT record FROM group_partitions WHERE name = ?';
    return names.flatMap((name) => this.#all(sql, [name]).map(({ record }) => Number(record)));
  }

  #reportIds(groups: readonly string[] | null, members: readonly string[] | null): readonly number[] {
    const memberIds = members === null ? null : this.#closureOf(members);
    if (groups !== null) return this.#groupsOf(groups).flatMap((group) => this.#aboutIds('report', group, memberIds));
    const sql = `SELECT record FROM about WHERE topic = 0 AND member_id IN ${LISTED}`;
    return this.#all(sql, [listed(memberIds ?? [])]).map(({ record }) => Number(record));
  }

  #unreadReports(): readonly number[] {
    const rows = this.#all('SELECT record FROM unread JOIN records ON id = record WHERE topic = 0', []);
    return rows.map(({ record }) => Number(record));
  }

  *#reportsBetween(
    since: number | null,
    until: number | null,
    partitions: ReadonlySet<number>,
  ): Generator<TopicRecord> {
    const sql = 'SELECT * FROM records WHERE topic = 0 AND id > ? AND time >= ? AND time < ? ORDER BY id LIMIT ?';
    const bounds = [since ?? 0, until ?? Number.MAX_SAFE_INTEGER];
    for (let last = 0; ;) {
      const rows = this.#all(sql, [last, ...bounds, RECORDS_A_TURN]);
      for (const row of rows) if (partitions.has(Number(row['partition']))) yield recordOf(row);
      if (rows.length < RECORDS_A_TURN) return;
      last = Number(rows.at(-1)?.['id']);
    }
  }

  /** @param members null: of all; else theirs, and what is about the group as a whole */
  #aboutIds(topic: IndexedTopic, group: number, members: readonly number[] | null): readonly number[] {
    const sql = 'SELECT record FROM about WHERE topic = ? AND group_id = ?';
    const rows =
      members === null
        ? this.#all(sql, [TOPIC[topic], group])
        : this.#all(`${sql} AND member_id IN ${LISTED}`, [TOPIC[topic], group, listed([WHOLE, ...members])]);
    return rows.map(({ record }) => Number(record));
  }

  /** Each once, in the order in which they came. */
  *#rowsOf(ids: readonly number[]): Generator<Row> {
    let last = 0;
    for (const id of ids.toSorted((a, b) => a - b)) {
      if (id !== last) yield this.#record.get(id) as Row;
      last = id;
    }
  }

  #groupsOf(names: readonly string[]): readonly number[] {
    const sql = 'SELECT group_id AS id FROM group_names WHERE name = ?';
    return [...new Set(names.flatMap((name) => this.#all(sql, [name])).map(({ id }) => Number(id)))];
  }

  #membersIn(group: number, { names, means }: WantedMember): readonly number[] {
    const named = this.#closureOf([...names]);
    if (means === null) return named;
    const ofGroup = this.#all(NAMES_IN_GROUP, [group]);
    const others = ofGroup.filter(({ name }) => means(String(name))).map(({ member_id: id }) => Number(id));
    return [...new Set([...named, ...others])];
  }

  /** Of these names, and of every other name that reports have had for one of them. */
  #closureOf(names: readonly string[]): readonly number[] {
    const found = new Set<number>();
    const known = new Set(names);
    // The set grows while it is gone through.
    for (const name of known) {
      const ids = this.#all('SELECT member_id AS id FROM member_names WHERE name = ?', [name]);
      for (const { id } of ids) {
        if (found.has(Number(id))) continue;
        found.add(Number(id));
        const others = this.#all('SELECT name FROM member_names WHERE member_id = ?', [id ?? null]);
        for (const other of others) known.add(String(other['name']));
      }
    }
    return [...found];
  }

  #all(sql: string, values: readonly SqlValue[]): readonly Row[] {
    return this.#database.prepare(sql).all(...values) as readonly Row[];
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

const NAMES_IN_GROUP = `SELECT name, member_id FROM member_names WHERE member_id IN
  (SELECT DISTINCT member_id FROM about WHERE topic IN (0, 1) AND group_id = ?)`;

/** Of each full state of a group one report about a member. */
const OF_STATES = `SELECT min(record) AS id FROM about WHERE topic = 0 AND group_id = ? AND member_id <> ? AND (source_offset, place) IN
  (SELECT source_offset, place FROM about WHERE topic IN (0, 1) AND group_id = ? AND member_id = ?) GROUP BY source_offset, place`;

/** One value, however many are listed. */
const LISTED = '(SELECT value FROM json_each(?))';
const listed = (values: readonly number[]): string => JSON.stringify(values);
