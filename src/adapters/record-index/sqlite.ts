/**
 * SQLite as this version of Node has it: `node:sqlite` (22.13 or later), else the optional package better-sqlite3, whose statements are
 * used in the same way.
 */

export type SqlValue = string | number | Uint8Array | null;
export type Row = Readonly<Record<string, SqlValue>>;

export interface Statement {
  run(...values: readonly SqlValue[]): unknown;
  get(...values: readonly SqlValue[]): unknown;
  all(...values: readonly SqlValue[]): unknown;
}

export interface Database {
  exec(sql: string): unknown;
  prepare(sql: string): Statement;
  close(): unknown;
}

export type DatabaseClass = new (path: string) => Database;

export class SqliteMissingError extends Error {
  override readonly name = 'SqliteMissingError';

  constructor(cause: unknown) {
    const here = `this is Node ${process.versions.node}`;
    super(`an index needs SQLite: use Node 22.13 or later (${here}), or \`npm install better-sqlite3@12\``, {
      cause,
    });
  }
}

/** Creates the file where it is missing. @throws SqliteMissingError */
export async function openDatabase(path: string): Promise<Database> {
  const Opened = await databaseClass();
  return new Opened(path);
}

/** @throws SqliteMissingError */
export async function databaseClass(): Promise<DatabaseClass> {
  // Not known to the types of Node 20.
  const builtIn = 'node:sqlite';
  try {
    return ((await import(builtIn)) as { readonly DatabaseSync: DatabaseClass }).DatabaseSync;
  } catch {
    // An older Node.
  }
  try {
    return (await import('better-sqlite3')).default;
  } catch (cause) {
    throw new SqliteMissingError(cause);
  }
}
