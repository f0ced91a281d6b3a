/**
 * Room adapters/record-index: report records and source records in a local SQLite file, found by group and member.
 * Not here: reading them from their topics, and what they say (console/indexing.ts).
 *
 * Records are kept as they were read, in the order in which they came. Positions are found by a hash, which two may share.
 */
import { murmur2 } from '../../core/log/reading.ts';
import type { TopicRecord } from '../../ports.ts';
import type {
  About,
  IndexedTopic,
  IndexEntry,
  IndexPlace,
  IndexProblem,
  ReportsWanted,
  WantedMember,
} from './entries.ts';
import { headersText, placeOf, placeValues, recordOf } from './rows.ts';
import { openIndexFile, prepareAll, WRITES } from './schema.ts';
import type { Database, Row, SqlValue, Statement } from './sqlite.ts';

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

  /** By partition; those of which nothing was read are missing. */
  places(topic: IndexedTopic): ReadonlyMap<number, IndexPlace> {
    const rows = this.#all('SELECT * FROM places WHERE topic = ?', [TOPIC[topic]]);
    return new Map(rows.map((row) => [Number(row['partition']), placeOf(row)]));
  }

  /**
   * All of it, or nothing where it fails. What another process has written meanwhile is left out.
   * @param entries in the order of each partition's offsets
   * @param places by partition, how far it is in the index with them
   */
  add(topic: IndexedTopic, entries: readonly IndexEntry[], places: ReadonlyMap<number, IndexPlace>): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const known = this.places(topic);
      for (const entry of entries) {
        const { partition, offset } = entry.record;
        if (offset >= (known.get(partition)?.next ?? 0n)) this.#addEntry(TOPIC[topic], entry);
      }
      for (const [partition, place] of places)
        if (place.next >= (known.get(partition)?.next ?? 0n))
          this.#write.place.run(TOPIC[topic], partition, ...placeValues(place));
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      this.#groupIds.clear();
      this.#memberIds.clear();
      this.#written.clear();
      throw error;
    }
  }

  #addEntry(topic: number, { record, time, about, problem }: IndexEntry): void {
    const { partition, offset, timestamp, key, value, headers } = record;
    const at = [topic, partition, Number(offset)] as const;
    if (problem !== null) this.#write.problem.run(...at, problem.kind, problem.message);
    if (about.length === 0) return;
    const inserted = this.#write.record.get(...at, timestamp, time, key, value, headersText(headers)) as Row;
    const id = Number(inserted['id']);
    for (const each of about) this.#addAbout(topic, id, time, each);
  }

  #addAbout(topic: number, record: number, time: number, about: About): void {
    const { group, otherNames, member, otherMember, position, partition, hasVersion } = about;
    const groupId = this.#idOf('group', group);
    const memberId = member === null ? WHOLE : this.#idOf('member', member);
    this.#write.about.run(topic, groupId, memberId, hashOf(position), record);
    for (const name of otherNames)
      if (name !== group) this.#once(`g ${groupId} ${name}`, () => this.#write.groupName.run(name, groupId));
    if (otherMember !== null && otherMember !== member)
      this.#once(`m ${memberId} ${otherMember}`, () => this.#write.memberName.run(otherMember, memberId));
    this.#once(`p ${groupId} ${partition}`, () => this.#write.groupPartition.run(groupId, partition));
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

  /** Report records in the order in which they came. Without groups and members all. */
  *reports(wanted: ReportsWanted): Generator<TopicRecord> {
    const { since, until } = wanted;
    const isWithin = (time: number): boolean => (since === null || time >= since) && (until === null || time < until);
    if (wanted.groups === null && wanted.members === null) return yield* this.#reportsBetween(since, until);
    for (const row of this.#rowsOf(this.#reportIds(wanted))) if (isWithin(Number(row['time']))) yield recordOf(row);
  }

  /**
   * Report records that decide about a member, and of others as many as say what has become of the group since: its newest one, the newest
   * with its version, and one of each full state that has changed others.
   */
  *reportsAbout(groups: readonly string[], member: WantedMember): Generator<TopicRecord> {
    const ids = new Set<number>();
    for (const group of this.#groupsOf(groups)) {
      for (const id of this.#aboutIds('report', group, this.#membersIn(group, member))) ids.add(id);
      const newest = this.#all('SELECT max(record) AS id FROM about WHERE topic = 0 AND group_id = ?', [group]);
      const versions = this.#all('SELECT record AS id FROM versions WHERE group_id = ?', [group]);
      const byStates = this.#all(OF_STATES, [group, WHOLE, group, WHOLE]);
      for (const { id } of [...newest, ...versions, ...byStates]) if (id !== null) ids.add(Number(id));
    }
    for (const row of this.#rowsOf([...ids])) yield recordOf(row);
  }

  /** Source records about the group, in the order in which they came. @param member null: of all; else its own, and full states */
  *sourceRecords(groups: readonly string[], member: WantedMember | null): Generator<TopicRecord> {
    const ids = this.#groupsOf(groups).flatMap((group) => [
      ...this.#aboutIds('source', group, member === null ? null : this.#membersIn(group, member)),
    ]);
    for (const row of this.#rowsOf([...new Set(ids)])) yield recordOf(row);
  }

  /** Partitions of the source that have, or had, something of the groups. */
  partitionsOf(groups: readonly string[]): readonly number[] {
    const found = this.#groupsOf(groups).flatMap((group) =>
      this.#all('SELECT partition FROM group_partitions WHERE group_id = ?', [group]),
    );
    return [...new Set(found.map(({ partition }) => Number(partition)))];
  }

  /** What could not be read. */
  problems(topic: IndexedTopic): readonly IndexProblem[] {
    const rows = this.#all('SELECT * FROM problems WHERE topic = ? ORDER BY partition, offset', [TOPIC[topic]]);
    return rows.map((row) => ({ kind: row['kind'] as IndexProblem['kind'], message: String(row['message']) }));
  }

  count(topic: IndexedTopic): number {
    const [row] = this.#all('SELECT count(*) AS count FROM records WHERE topic = ?', [TOPIC[topic]]);
    return Number(row?.['count'] ?? 0);
  }

  #reportIds({ groups, members }: ReportsWanted): readonly number[] {
    const memberIds = members === null ? null : this.#closureOf(members);
    if (groups !== null) {
      const ids = this.#groupsOf(groups).flatMap((group) => [...this.#aboutIds('report', group, memberIds)]);
      return [...new Set(ids)];
    }
    const sql = `SELECT DISTINCT record FROM about WHERE topic = 0 AND member_id IN ${LISTED}`;
    return this.#all(sql, [listed(memberIds ?? [])]).map(({ record }) => Number(record));
  }

  *#reportsBetween(since: number | null, until: number | null): Generator<TopicRecord> {
    const sql = 'SELECT * FROM records WHERE topic = 0 AND id > ? AND time >= ? AND time < ? ORDER BY id LIMIT ?';
    const bounds = [since ?? 0, until ?? Number.MAX_SAFE_INTEGER];
    for (let last = 0; ;) {
      const rows = this.#all(sql, [last, ...bounds, RECORDS_A_TURN]);
      for (const row of rows) yield recordOf(row);
      if (rows.length < RECORDS_A_TURN) return;
      last = Number(rows.at(-1)?.['id']);
    }
  }

  /** @param members null: of all; else theirs, and what is about the group as a whole */
  *#aboutIds(topic: IndexedTopic, group: number, members: readonly number[] | null): Generator<number> {
    const sql = 'SELECT record FROM about WHERE topic = ? AND group_id = ?';
    const rows =
      members === null
        ? this.#all(sql, [TOPIC[topic], group])
        : this.#all(`${sql} AND member_id IN ${LISTED}`, [TOPIC[topic], group, listed([WHOLE, ...members])]);
    for (const { record } of rows) yield Number(record);
  }

  /** In the order in which they came. */
  *#rowsOf(ids: readonly number[]): Generator<Row> {
    for (const id of ids.toSorted((a, b) => a - b)) yield this.#record.get(id) as Row;
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

const NAMES_IN_GROUP = `SELECT name, member_id FROM member_names WHERE member_id IN
  (SELECT DISTINCT member_id FROM about WHERE topic IN (0, 1) AND group_id = ?)`;

/** Of each full state of a group one report about a member. */
const OF_STATES = `SELECT min(record) AS id FROM about WHERE topic = 0 AND group_id = ? AND member_id <> ? AND position IN
  (SELECT position FROM about WHERE topic IN (0, 1) AND group_id = ? AND member_id = ?) GROUP BY position`;

/** One value, however many are listed. */
const LISTED = '(SELECT value FROM json_each(?))';
const listed = (values: readonly number[]): string => JSON.stringify(values);

/** Of two names it may be the same. */
const hashOf = (name: string): number => murmur2(Buffer.from(name));
