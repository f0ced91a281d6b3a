/**
 * `ID_MAP=file:PATH`: a CSV or NDJSON file, reloaded when it changes. It is polled, since notifications are lost where
 * a file is replaced or mounted; a change is read once two polls see the same file, so that no half-written one is. What
 * cannot be used changes nothing, and is logged. A file is read in one go, piece by piece, and read again if it was written
 * to meanwhile.
 */
import { constants, open, stat, type FileHandle } from 'node:fs/promises';
import { idKey } from '../../core/change/change.ts';
import { rowsAbout, rowsOf, type GroupTargets, type IdRow, type IdTable } from '../../core/ids/id-table.ts';
import type { IdKind } from '../../core/ids/resolution.ts';
import type { Clock, IdMap, Logger, Resolution } from '../../ports.ts';
import { pause } from '../../time.ts';
import { logLasting } from '../lasting-lines.ts';
import { IdMapError, SharedTargetWarnings, type SharedTargets } from './tables.ts';
import { IdTableFile, type ReadTable } from './table-file.ts';

const POLL_INTERVAL_MS = 1_000;
/** After so many polls in a row that find it being written, the log says so. */
const READS_MAX = 10;

interface Dependencies {
  readonly clock: Clock;
  readonly logger: Logger;
}

export class FileIdMap implements IdMap {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #warnings: SharedTargetWarnings;
  readonly #listeners: (() => void)[] = [];
  #table: IdTable;
  #groupTargets: GroupTargets;
  /** The content that was judged last, accepted or not; null: the file was gone. */
  #judged: Stamp | null;
  /** At the last look. */
  #seen: Stamp | null;
  /** In a row that found content which was being written. */
  #unstablePolls = 0;
  #cancelPoll: () => void = () => undefined;
  #look: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** @throws IdMapError which names the line and the remedy. */
  static async open(path: string, dependencies: Dependencies): Promise<FileIdMap> {
    for (let reads = 1; ; reads += 1) {
      const { stamp, read } = await firstRead(path);
      if (read.ok) {
        dependencies.logger.info({ path, rows: read.rows }, 'the id table is loaded');
        return new FileIdMap(path, { read, stamp }, dependencies);
      }
      if (read.problem !== null) throw new IdMapError(`ID_MAP: ${path}: ${read.problem}`);
      if (reads === READS_MAX) throw new IdMapError(`ID_MAP: ${path}: ${UNSTABLE}`);
      await pause(dependencies.clock, POLL_INTERVAL_MS);
    }
  }

  private constructor(
    path: string,
    { read, stamp }: { readonly read: LoadedTable; readonly stamp: Stamp },
    { clock, logger }: Dependencies,
  ) {
    this.#path = path;
    this.#clock = clock;
    this.#logger = logger;
    this.#table = read.table;
    this.#groupTargets = read.groupTargets;
    this.#judged = stamp;
    this.#seen = stamp;
    this.#warnings = new SharedTargetWarnings({ path }, logger);
    this.#warnings.warn(this.shared);
    this.#lookLater();
  }

  /** Ids that the table names. */
  get rows(): number {
    return this.#table.user.size + this.#table.group.size;
  }

  /** Groups that share a target. */
  get shared(): SharedTargets {
    return this.#groupTargets.shared();
  }

  known(kind: IdKind, id: string): Resolution {
    const entry = this.#table[kind].get(idKey(id));
    if (entry === undefined) return { kind: 'unmapped' };
    if (kind === 'group' && this.#groupTargets.isShared(entry.id)) return { kind: 'shared' };
    return { kind: 'found', id: entry.id, isActive: entry.isActive };
  }

  rowsAbout(kind: IdKind, name: string): readonly IdRow[] {
    return rowsAbout(() => rowsOf(this.#table[kind]), name);
  }

  async lookUp(kind: IdKind, id: string): Promise<Resolution> {
    return this.known(kind, id);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelPoll();
    await this.#look;
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#cancelPoll = this.#clock.schedule(POLL_INTERVAL_MS, () => {
      this.#look = this.#lookOnce()
        .catch((error: unknown) => this.#logKept(String(error), { error }))
        .then(() => this.#lookLater());
    });
  }

  async #lookOnce(): Promise<void> {
    const stamp = await stampOf(this.#path);
    const hasRested = stamp === this.#seen;
    this.#seen = stamp;
    if (stamp === this.#judged) this.#unstablePolls = 0;
    else if (!hasRested) this.#noteUnstable();
    else if (stamp === null) {
      this.#judged = null;
      this.#logger.error({ path: this.#path, problem: 'the file is gone' }, KEPT);
    } else this.#judge(await readTable(this.#path));
  }

  /** A later poll sees when it is stable; no change of a file that never is stable is taken. */
  #noteUnstable(): void {
    this.#unstablePolls += 1;
    if (this.#unstablePolls >= READS_MAX) this.#logKept(UNSTABLE, { problem: UNSTABLE });
  }

  /** Each look may find the same. */
  #logKept(cause: string, fields: object): void {
    const line = { fields: { path: this.#path, ...fields }, message: KEPT };
    logLasting(
      { clock: this.#clock, logger: this.#logger },
      { level: 'error', cause: `${this.#path} ${cause}`, ...line },
    );
  }

  #judge({ stamp, read }: TableRead): void {
    if (!read.ok && read.problem === null) {
      this.#noteUnstable();
      return;
    }
    this.#judged = stamp;
    if (!read.ok) {
      this.#logger.error({ path: this.#path, problem: read.problem }, KEPT);
      return;
    }
    this.#table = read.table;
    this.#groupTargets = read.groupTargets;
    this.#logger.info({ path: this.#path, rows: read.rows }, 'the id table has changed and is loaded');
    this.#warnings.warn(this.shared);
    for (const listener of this.#listeners) listener();
  }
}

type LoadedTable = Extract<ReadTable, { ok: true }>;

const KEPT = 'the id table cannot be used: the one that was loaded before is kept';
const UNSTABLE = 'it is being written continuously; write another file beside it, and rename that';

async function firstRead(path: string): Promise<TableRead> {
  try {
    return await readTable(path);
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const remedy = 'write the table there, or correct ID_MAP; example: ID_MAP=file:/etc/rollcall/ids.csv';
    throw new IdMapError(`ID_MAP: ${path}: cannot be read (${why}); ${remedy}`, { cause });
  }
}

/** Tells one content of a path from another: atomic replacing changes the inode, writing the size or the time. */
export type Stamp = string;

/** More than a table of as many rows as are taken needs. */
const BYTES_MAX = 1_073_741_824;

type ReadFile = ReadTable | { readonly ok: false; readonly problem: null };

export interface TableRead {
  readonly stamp: Stamp;
  /** `problem` null: it was written to while it was read. */
  readonly read: ReadFile;
}

/** null: there is no such file. Symbolic links are followed, as those of mounted volumes have to be. */
async function stampOf(path: string): Promise<Stamp | null> {
  try {
    return stamped(await stat(path, { bigint: true }));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** @throws where it cannot be read. */
export async function readTable(path: string): Promise<TableRead> {
  // Else opening a named pipe without a writer would block forever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const before = await file.stat({ bigint: true });
    const stamp = stamped(before);
    if (!before.isFile()) return { stamp, read: { ok: false, problem: 'this is not a regular file' } };
    if (before.size > BYTES_MAX) return { stamp, read: { ok: false, problem: `it is larger than ${BYTES_MAX} bytes` } };
    const read = await readPieces(file);
    const after = stamped(await file.stat({ bigint: true }));
    return { stamp, read: after === stamp ? read : { ok: false, problem: null } };
  } finally {
    await file.close();
  }
}

async function readPieces(file: FileHandle): Promise<ReadTable> {
  const table = new IdTableFile();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const pieces: AsyncIterable<Uint8Array> = file.createReadStream({ autoClose: false });
  try {
    for await (const piece of pieces) {
      table.push(decoder.decode(piece, { stream: true }));
      if (table.isWrong) return table.end();
    }
    table.push(decoder.decode());
  } catch (error) {
    if (error instanceof TypeError) return { ok: false, problem: 'it is not UTF-8; save it as UTF-8' };
    throw error;
  }
  return table.end();
}

const stamped = (stats: Record<'dev' | 'ino' | 'size' | 'mtimeNs', bigint>): Stamp =>
  [stats.dev, stats.ino, stats.size, stats.mtimeNs].join(':');

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
