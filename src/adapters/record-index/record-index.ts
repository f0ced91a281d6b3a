/**
 * Room adapters/record-index: report records and source records in a local SQLite file, found by group and member.
 * Not here: reading them from their topics, and what they say (console/indexing.ts).
 *
 * Records are kept as they were read, in the order in which they came.
 */
import type { TopicRecord } from '../../ports.ts';
import type { CountingStore } from '../../core/report/counting.ts';
import { CountingInFile } from './counting.ts';
import type { IndexedTopic, IndexPlace, ReportsWanted, UnreadRecord, WantedMember } from './entries.ts';
import { IndexWriter } from './index-writer.ts';
import { NO_PARTITION, placesIn, recordOf, TOPIC, WHOLE } from './rows.ts';
import { checkMeta, openIndexFile } from './schema.ts';
import type { Database, Row, SqlValue, Statement } from './sqlite.ts';

const RECORDS_A_TURN = 500;

export class RecordIndex {
  readonly writer: IndexWriter;
  readonly #database: Database;
  readonly #record: Statement;

  /**
   * @param origin what its records are of; of an index that was made for something else it is another
   * @throws IndexError, SqliteMissingError
   */
  static async open(directory: string, origin: string): Promise<RecordIndex> {
    return new RecordIndex(await openIndexFile(directory, origin));
  }

  private constructor(database: Database) {
    this.#database = database;
    this.writer = new IndexWriter(database);
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
    return placesIn(this.#database, topic);
  }

  /** What could not be read. @param reader by which nothing more can be read than last time: nothing then */
  unread(topic: IndexedTopic, reader: string): readonly UnreadRecord[] {
    const [known] = this.#all('SELECT value FROM meta WHERE name = ?', [`${topic} reader`]);
    if (known?.['value'] === reader) return [];
    const sql = 'SELECT records.* FROM unread JOIN records ON id = record WHERE topic = ? ORDER BY id';
    return this.#all(sql, [TOPIC[topic]]).map((row) => ({ id: Number(row['id']), record: recordOf(row) }));
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
   * version, the newest of a request that may have moved it, one of each full state that has changed others, and one in each
   * partition that has any.
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

  /** Timestamp of the oldest report of a partition that has one within these, epoch ms, both inclusive; null: none has. */
  oldestReportTime(partition: number, { from, to }: { readonly from: number; readonly to: number }): number | null {
    const [row] = this.#all(OLDEST_REPORT, [partition, from, to]);
    return row === undefined ? null : Number(row['timestamp']);
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

  /** For one count: an index has one of them. */
  counting(): CountingStore {
    return new CountingInFile(this.#database);
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
    const memberIds = members === null ? null : this.#membersNamed(members);
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
    const bounds = [since ?? Number.MIN_SAFE_INTEGER, until ?? Number.MAX_SAFE_INTEGER];
    const [ids] = this.#all(
      'SELECT min(id) AS first, max(id) AS last FROM records WHERE topic = 0 AND time >= ? AND time < ?',
      bounds,
    );
    const end = Number(ids?.['last'] ?? 0);
    for (let last = Number(ids?.['first'] ?? 0) - 1; ;) {
      const rows = this.#all(REPORTS_BY_ID, [last, end, ...bounds, RECORDS_A_TURN]);
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
    const named = this.#membersNamed(names);
    if (means === null) return named;
    const ofGroup = this.#all(NAMES_IN_GROUP, [group]);
    const others = ofGroup.filter(({ name }) => means(String(name))).map(({ member_id: id }) => Number(id));
    return [...new Set([...named, ...others])];
  }

  /** By either id that a report has for them. */
  #membersNamed(names: Iterable<string>): readonly number[] {
    const sql = 'SELECT member_id AS id FROM member_names WHERE name = ?';
    return [...new Set([...names].flatMap((name) => this.#all(sql, [name])).map(({ id }) => Number(id)))];
  }

  #all(sql: string, values: readonly SqlValue[]): readonly Row[] {
    return this.#database.prepare(sql).all(...values) as readonly Row[];
  }
}

const NAMES_IN_GROUP = `SELECT name, member_id FROM member_names WHERE member_id IN
  (SELECT DISTINCT member_id FROM about WHERE topic IN (0, 1) AND group_id = ?)`;

/** Of each full state of a group one report about a member. */
const OF_STATES = `SELECT min(record) AS id FROM about WHERE topic = 0 AND group_id = ? AND member_id <> ? AND (source_offset, place) IN
  (SELECT source_offset, place FROM about WHERE topic IN (0, 1) AND group_id = ? AND member_id = ?) GROUP BY source_offset, place`;

/** By the index of times SQLite would sort all that are left for each turn; a `+` keeps it from that. */
const REPORTS_BY_ID =
  'SELECT * FROM records WHERE id > ? AND id <= ? AND +topic = 0 AND +time >= ? AND +time < ? ORDER BY id LIMIT ?';

/** In their order, likewise: the first that fits is near the beginning. */
const OLDEST_REPORT =
  'SELECT timestamp FROM records WHERE +topic = 0 AND partition = ? AND timestamp BETWEEN ? AND ? ORDER BY id LIMIT 1';

/** One value, however many are listed. */
const LISTED = '(SELECT value FROM json_each(?))';
const listed = (values: readonly number[]): string => JSON.stringify(values);
