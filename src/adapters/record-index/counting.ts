/**
 * What stands of changes while they are counted, in a temporary file of SQLite, which is gone with the process: about 150 bytes for each
 * change, and as many for each PATCH. In memory are the groups, reasons and outcomes that they name, each once,
 * and of the file at most 64 MiB; of the index, which is read meanwhile, its connection keeps at most 195 MiB (schema.ts).
 */
import { nearestRank, type CountedChange, type CountingStore, type Tallies } from '../../core/report/counting.ts';
import { errorText } from '../../core/text/visible.ts';
import { prepareAll } from './schema.ts';
import type { Database, Row, Statement } from './sqlite.ts';

/** Nothing in it has to outlive an error. One transaction, which is never ended: the end of each would write its pages to the file. */
const SCHEMA = `
  PRAGMA temp_store = FILE;
  CREATE TEMP TABLE changes (id TEXT PRIMARY KEY, change TEXT NOT NULL) WITHOUT ROWID;
  CREATE TEMP TABLE patches (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time INTEGER NOT NULL);
  CREATE TEMP TABLE lags (row INTEGER, ms INTEGER, count INTEGER NOT NULL, PRIMARY KEY (row, ms)) WITHOUT ROWID;
  CREATE TEMP TABLE requests (row INTEGER, patch INTEGER, PRIMARY KEY (row, patch)) WITHOUT ROWID;
  PRAGMA temp.journal_mode = OFF;
  PRAGMA temp.cache_size = -65536;
  BEGIN;
`;

const SQL = {
  change: 'SELECT change FROM temp.changes WHERE id = ?',
  setChange: 'INSERT OR REPLACE INTO temp.changes VALUES (?, ?)',
  changes: 'SELECT id, change FROM temp.changes WHERE id > ? ORDER BY id LIMIT ?',
  notePatch:
    'INSERT INTO temp.patches (id, time) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET time = min(time, excluded.time) RETURNING number',
  patchTime: 'SELECT time FROM temp.patches WHERE number = ?',
  addLag: 'INSERT INTO temp.lags VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1',
  addRequest: 'INSERT OR IGNORE INTO temp.requests VALUES (?, ?)',
  requestCount: 'SELECT count(*) AS count FROM temp.requests WHERE row = ?',
  lagCount: 'SELECT coalesce(sum(count), 0) AS count FROM temp.lags WHERE row = ?',
  lagAt:
    'SELECT ms FROM (SELECT ms, sum(count) OVER (ORDER BY ms) AS rank FROM temp.lags WHERE row = ?) WHERE rank >= ? ORDER BY rank LIMIT 1',
} as const;

const CHANGES_A_TURN = 500;

/** As its JSON has it; texts by their numbers, `id` null: that of the operation. */
type Stored = readonly [
  id: string | null,
  final: boolean,
  epoch: number,
  attempt: number,
  reportedAt: string,
  conflicts: number,
  lagMs: number | null,
  outcome: number,
  reason: number | null,
  sourceGroup: number | null,
  group: number | null,
  patches: readonly number[],
  heldSince: string | null,
];

/** The temporary file cannot be used; the message says why. The index is a file elsewhere. */
export class CountingError extends Error {
  override readonly name = 'CountingError';
}

/** @throws CountingError of each method */
export class CountingInFile implements CountingStore {
  readonly #database: Database;
  readonly #statements: Readonly<Record<keyof typeof SQL, Statement>>;
  readonly #texts: string[] = [];
  readonly #textNumbers = new Map<string, number>();

  /** Once for each connection. */
  constructor(database: Database) {
    this.#database = ofTheCount(database);
    this.#database.exec(SCHEMA);
    this.#statements = prepareAll(this.#database, SQL);
  }

  get(id: string): CountedChange | undefined {
    const row = this.#statements.change.get(JSON.stringify(id)) as Row | undefined;
    return row === undefined ? undefined : this.#read(id, row);
  }

  /** As JSON, since not every text is one of SQLite. */
  set(id: string, change: CountedChange): void {
    const stored: Stored = [
      change.id === id ? null : change.id,
      change.final,
      change.epoch,
      change.attempt,
      change.reported_at,
      change.conflicts,
      change.lagMs,
      this.#numberOf(change.outcome),
      change.reason === null ? null : this.#numberOf(change.reason),
      change.sourceGroup === null ? null : this.#numberOf(change.sourceGroup),
      change.group === null ? null : this.#numberOf(change.group),
      change.patches,
      change.held_since ?? null,
    ];
    this.#statements.setChange.run(JSON.stringify(id), JSON.stringify(stored));
  }

  *changes(): Generator<CountedChange> {
    for (let last = ''; ;) {
      const rows = this.#statements.changes.all(last, CHANGES_A_TURN) as readonly Row[];
      for (const row of rows) yield this.#read(JSON.parse(String(row['id'])) as string, row);
      if (rows.length < CHANGES_A_TURN) return;
      last = String(rows.at(-1)?.['id']);
    }
  }

  notePatch(id: string, time: number): number {
    return Number((this.#statements.notePatch.get(JSON.stringify(id), time) as Row)['number']);
  }

  patchTime(patch: number): number {
    return Number((this.#statements.patchTime.get(patch) as Row)['time']);
  }

  tallies(): Tallies {
    this.#database.exec('DELETE FROM temp.lags; DELETE FROM temp.requests;');
    const { addLag, addRequest, requestCount, lagCount, lagAt } = this.#statements;
    const countIn = (statement: Statement, row: number): number => Number((statement.get(row) as Row)['count']);
    return {
      addLag: (row, lagMs) => void addLag.run(row, lagMs),
      addRequest: (row, patch) => void addRequest.run(row, patch),
      requestCount: (row) => countIn(requestCount, row),
      percentiles: (row, percents) => {
        const count = countIn(lagCount, row);
        return percents.map((percent) => {
          const found = lagAt.get(row, nearestRank(percent, count)) as Row | undefined;
          return found === undefined ? null : Number(found['ms']);
        });
      },
    };
  }

  #read(id: string, row: Row): CountedChange {
    const stored = JSON.parse(String(row['change'])) as Stored;
    const [ownId, final, epoch, attempt, reportedAt, conflicts, lagMs, ...rest] = stored;
    const [outcome, reason, sourceGroup, group, patches, heldSince] = rest;
    return {
      id: ownId ?? id,
      final,
      epoch,
      attempt,
      reported_at: reportedAt,
      ...(heldSince !== null && { held_since: heldSince }),
      conflicts,
      lagMs,
      outcome: this.#texts[outcome] ?? '',
      reason: this.#textOf(reason),
      sourceGroup: this.#textOf(sourceGroup),
      group: this.#textOf(group),
      patches,
    };
  }

  #numberOf(text: string): number {
    const known = this.#textNumbers.get(text);
    if (known !== undefined) return known;
    const number = this.#texts.push(text) - 1;
    this.#textNumbers.set(text, number);
    return number;
  }

  #textOf(number: number | null): string | null {
    return number === null ? null : (this.#texts[number] ?? null);
  }
}

/** It and its statements throw CountingErrors. */
const ofTheCount = (database: Database): Database => ({
  exec: (sql) => counting(() => database.exec(sql)),
  prepare: (sql) => {
    const statement = counting(() => database.prepare(sql));
    return {
      run: (...values) => counting(() => statement.run(...values)),
      get: (...values) => counting(() => statement.get(...values)),
      all: (...values) => counting(() => statement.all(...values)),
    };
  },
  close: () => database.close(),
});

function counting<T>(task: () => T): T {
  try {
    return task();
  } catch (cause) {
    throw new CountingError(errorText(cause), { cause });
  }
}
