/** The tables of the index, and how one is opened. */
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { openDatabase, type Database, type Row, type Statement } from './sqlite.ts';

const VERSION = '1';
const FILE = 'records.sqlite';

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA busy_timeout = 30000;
  PRAGMA cache_size = -200000;
  PRAGMA wal_autocheckpoint = 32768;
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS places (topic INTEGER, partition INTEGER, first INTEGER NOT NULL, next INTEGER NOT NULL,
    last INTEGER, digest TEXT, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, partition INTEGER NOT NULL,
    offset INTEGER NOT NULL, timestamp INTEGER NOT NULL, time INTEGER NOT NULL, key BLOB, value BLOB, headers TEXT);
  CREATE INDEX IF NOT EXISTS records_by_time ON records (topic, time);
  CREATE TABLE IF NOT EXISTS problems (topic INTEGER, partition INTEGER, offset INTEGER, kind TEXT NOT NULL, message TEXT NOT NULL,
    PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS group_names (name TEXT, group_id INTEGER NOT NULL, PRIMARY KEY (name, group_id)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS groups (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS members (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS member_names (name TEXT, member_id INTEGER, PRIMARY KEY (name, member_id)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS names_by_member ON member_names (member_id);
  CREATE TABLE IF NOT EXISTS group_partitions (group_id INTEGER, partition INTEGER, PRIMARY KEY (group_id, partition)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS versions (group_id INTEGER PRIMARY KEY, time INTEGER NOT NULL, record INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS about (topic INTEGER, group_id INTEGER, member_id INTEGER, position INTEGER, record INTEGER,
    PRIMARY KEY (topic, group_id, member_id, position, record)) WITHOUT ROWID;
`;

/** The index cannot be used for what was asked. */
export class IndexError extends Error {
  override readonly name = 'IndexError';
}

export const WRITES = {
  place: 'INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?, ?, ?)',
  record:
    'INSERT INTO records (topic, partition, offset, timestamp, time, key, value, headers) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id',
  problem: 'INSERT OR REPLACE INTO problems VALUES (?, ?, ?, ?, ?)',
  group: 'INSERT INTO groups (name) VALUES (?) ON CONFLICT DO UPDATE SET name = excluded.name RETURNING id',
  member: 'INSERT INTO members (name) VALUES (?) ON CONFLICT DO UPDATE SET name = excluded.name RETURNING id',
  groupName: 'INSERT OR IGNORE INTO group_names VALUES (?, ?)',
  memberName: 'INSERT OR IGNORE INTO member_names VALUES (?, ?)',
  groupPartition: 'INSERT OR IGNORE INTO group_partitions VALUES (?, ?)',
  version:
    'INSERT INTO versions VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET time = excluded.time, record = excluded.record WHERE excluded.time >= time',
  about: 'INSERT OR IGNORE INTO about VALUES (?, ?, ?, ?, ?)',
} as const;

/** Creates what is missing, for its owner alone. @throws IndexError, SqliteMissingError */
export async function openIndexFile(directory: string, origin: string): Promise<Database> {
  const path = join(directory, FILE);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await (await open(path, 'a', 0o600)).close();
  const database = await openDatabase(path);
  try {
    database.exec(SCHEMA);
    checkOrigin(database, path, origin);
    return database;
  } catch (error) {
    database.close();
    throw indexErrorOf(error, path);
  }
}

function checkOrigin(database: Database, path: string, origin: string): void {
  const read = database.prepare('SELECT value FROM meta WHERE name = ?');
  const write = database.prepare('INSERT OR IGNORE INTO meta VALUES (?, ?)');
  for (const [name, value] of [
    ['version', VERSION],
    ['origin', origin],
  ] as const) {
    write.run(name, value);
    const known = (read.get(name) as Row)['value'];
    if (known === value) continue;
    const was =
      name === 'version' ? `by version ${String(known)} of the index` : `for other topics, or another SOURCE_FORMAT`;
    throw new IndexError(`${path} was made ${was}; give another directory to --index, or delete it`);
  }
}

function indexErrorOf(error: unknown, path: string): Error {
  if (error instanceof IndexError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new IndexError(`${path} cannot be used as an index: ${why}; give another directory to --index`, {
    cause: error,
  });
}

export const prepareAll = <K extends string>(
  database: Database,
  sql: Readonly<Record<K, string>>,
): Readonly<Record<K, Statement>> =>
  Object.fromEntries(Object.entries<string>(sql).map(([name, text]) => [name, database.prepare(text)])) as Record<
    K,
    Statement
  >;
