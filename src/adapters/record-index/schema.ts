/** The tables of the index, and how one is opened. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createPrivateFile } from '../private-file.ts';
import { openDatabase, type Database, type Row, type Statement } from './sqlite.ts';

const VERSION = '2';
const FILE = 'records.sqlite';

const SCHEMA = `
  PRAGMA busy_timeout = 30000;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA cache_size = -200000;
  PRAGMA wal_autocheckpoint = 32768;
  CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS places (topic INTEGER, partition INTEGER, first INTEGER NOT NULL, next INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, partition INTEGER NOT NULL,
    offset INTEGER NOT NULL, timestamp INTEGER NOT NULL, time INTEGER NOT NULL, key BLOB, value BLOB, headers TEXT);
  CREATE INDEX IF NOT EXISTS records_by_time ON records (topic, time);
  CREATE TABLE IF NOT EXISTS unread (record INTEGER PRIMARY KEY);
  CREATE TABLE IF NOT EXISTS batches (topic INTEGER, partition INTEGER, offset INTEGER, message TEXT NOT NULL,
    PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS outcomes (name TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS group_names (name TEXT, group_id INTEGER NOT NULL, PRIMARY KEY (name, group_id)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS groups (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS members (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS member_names (name TEXT, member_id INTEGER, PRIMARY KEY (name, member_id)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS names_by_member ON member_names (member_id);
  CREATE TABLE IF NOT EXISTS group_partitions (name TEXT, report_partition INTEGER, partition INTEGER, record INTEGER NOT NULL,
    PRIMARY KEY (name, report_partition, partition)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS versions (group_id INTEGER, group_target TEXT, kind TEXT, time INTEGER NOT NULL,
    record INTEGER NOT NULL, PRIMARY KEY (group_id, group_target, kind)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS targets (group_id INTEGER, group_target TEXT, member_id INTEGER, name TEXT, time INTEGER NOT NULL,
    record INTEGER NOT NULL, PRIMARY KEY (group_id, group_target, member_id, name)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS about (topic INTEGER, group_id INTEGER, member_id INTEGER, source_offset INTEGER, place INTEGER,
    record INTEGER, PRIMARY KEY (topic, group_id, member_id, source_offset, place, record)) WITHOUT ROWID;
`;

/** The index cannot be used for what was asked. */
export class IndexError extends Error {
  override readonly name = 'IndexError';
}

export const WRITES = {
  place: 'INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?)',
  record:
    'INSERT INTO records (topic, partition, offset, timestamp, time, key, value, headers) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id',
  unread: 'INSERT OR IGNORE INTO unread VALUES (?)',
  readNow: 'DELETE FROM unread WHERE record = ?',
  batch: 'INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?)',
  outcome: 'INSERT OR IGNORE INTO outcomes VALUES (?)',
  target:
    'INSERT INTO targets VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET time = excluded.time, record = excluded.record WHERE excluded.time >= time',
  group: 'INSERT INTO groups (name) VALUES (?) ON CONFLICT DO UPDATE SET name = excluded.name RETURNING id',
  member: 'INSERT INTO members (name) VALUES (?) ON CONFLICT DO UPDATE SET name = excluded.name RETURNING id',
  groupName: 'INSERT OR IGNORE INTO group_names VALUES (?, ?)',
  memberName: 'INSERT OR IGNORE INTO member_names VALUES (?, ?)',
  groupPartition: 'INSERT OR IGNORE INTO group_partitions VALUES (?, ?, ?, ?)',
  version:
    'INSERT INTO versions VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET time = excluded.time, record = excluded.record WHERE excluded.time >= time',
  about: 'INSERT OR IGNORE INTO about VALUES (?, ?, ?, ?, ?, ?)',
} as const;

/** Creates what is missing, for its owner alone. @throws IndexError, SqliteMissingError, and what the file system or SQLite throw */
export async function openIndexFile(directory: string, origin: string): Promise<Database> {
  const path = join(directory, FILE);
  await createDirectory(directory);
  await createPrivateFile(path);
  const database = await openDatabase(path);
  try {
    database.exec(SCHEMA);
    checkMeta(database, 'version', VERSION);
    checkMeta(database, 'origin', origin);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Its parent is there: `recursive` would try for ever where the file system says that it is not. */
async function createDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

const DIFFERS: Readonly<Record<string, string>> = {
  version: 'another version of Rollcall has made it',
  origin: 'it is of other topics, or of another SOURCE_FORMAT or other variables of it',
};

/** What is said first holds. @throws IndexError where it was something else */
export function checkMeta(database: Database, name: string, value: string): void {
  database.prepare('INSERT OR IGNORE INTO meta VALUES (?, ?)').run(name, value);
  const known = database.prepare('SELECT value FROM meta WHERE name = ?').get(name) as Row;
  if (known['value'] === value) return;
  throw new IndexError(DIFFERS[name] ?? `the ${name} was deleted and created again since it was read`);
}

export const prepareAll = <K extends string>(
  database: Database,
  sql: Readonly<Record<K, string>>,
): Readonly<Record<K, Statement>> =>
  Object.fromEntries(Object.entries<string>(sql).map(([name, text]) => [name, database.prepare(text)])) as Record<
    K,
    Statement
  >;
