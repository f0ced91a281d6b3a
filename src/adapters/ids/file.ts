/**
 * `ID_MAP=file:PATH`: a CSV or NDJSON file, loaded anew when it changes. It is looked at again and again, since
 * notifications are lost where a file is replaced or mounted; a change is taken once it has rested for one look, so that
 * half a file is not. What cannot be used changes nothing, and is logged.
 */
import { idKey } from '../../core/id-key.ts';
import type { GroupTargets, IdTable } from '../../core/id-table.ts';
import type { ReadTable } from '../../core/id-table-file.ts';
import type { IdKind } from '../../core/resolution.ts';
import type { Clock, IdMap, Logger, Resolution } from '../../ports.ts';
import { logLasting } from '../lasting-lines.ts';
import { pause } from '../time-limit.ts';
import { IdMapError } from './options.ts';
import { readTable, stampOf, type Stamp, type TableRead } from './read-table.ts';
import { type SharedTargets, SharedTargetWarnings } from './shared-targets.ts';

const LOOK_EVERY_MS = 1_000;
/** Beyond so many in a row that find it being written, that is said. */
const READS_MAX = 10;

interface Surroundings {
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
  /** The content that was judged last, for good or ill; null: the file was gone. */
  #judged: Stamp | null;
  /** At the last look. */
  #seen: Stamp | null;
  /** In a row that found content which was being written. */
  #restlessLooks = 0;
  #cancelLook: () => void = () => undefined;
  #look: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** @throws IdMapError which names the line and the mend. */
  static async open(path: string, surroundings: Surroundings): Promise<FileIdMap> {
    for (let reads = 1; ; reads += 1) {
      const { stamp, read } = await firstRead(path);
      if (read.ok) {
        surroundings.logger.info({ path, rows: read.rows }, 'the id table is loaded');
        return new FileIdMap(path, { read, stamp }, surroundings);
      }
      if (read.problem !== null) throw new IdMapError(`ID_MAP: ${path}: ${read.problem}`);
      if (reads === READS_MAX) throw new IdMapError(`ID_MAP: ${path}: ${RESTLESS}`);
      await pause(surroundings.clock, LOOK_EVERY_MS);
    }
  }

  private constructor(
    path: string,
    { read, stamp }: { readonly read: LoadedTable; readonly stamp: Stamp },
    { clock, logger }: Surroundings,
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

  async lookUp(kind: IdKind, id: string): Promise<Resolution> {
    return this.known(kind, id);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelLook();
    await this.#look;
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#cancelLook = this.#clock.schedule(LOOK_EVERY_MS, () => {
      this.#look = this.#lookOnce()
        .catch((error: unknown) => this.#logKept(String(error), { error }))
        .then(() => this.#lookLater());
    });
  }

  async #lookOnce(): Promise<void> {
    const stamp = await stampOf(this.#path);
    const hasRested = stamp === this.#seen;
    this.#seen = stamp;
    if (stamp === this.#judged) this.#restlessLooks = 0;
    else if (!hasRested) this.#noteRestless();
    else if (stamp === null) {
      this.#judged = null;
      this.#logger.error({ path: this.#path, problem: 'the file is gone' }, KEPT);
    } else this.#judge(await readTable(this.#path));
  }

  /** Its next looks will see when it rests; where it never does, no change of it is ever taken. */
  #noteRestless(): void {
    this.#restlessLooks += 1;
    if (this.#restlessLooks >= READS_MAX) this.#logKept(RESTLESS, { problem: RESTLESS });
  }

  /** Each look may find the same. */
  #logKept(cause: string, fields: object): void {
    const line = { fields: { path: this.#path, ...fields }, message: KEPT };
    logLasting({ clock: this.#clock, log: this.#logger }, { level: 'error', cause: `${this.#path} ${cause}`, ...line });
  }

  #judge({ stamp, read }: TableRead): void {
    if (!read.ok && read.problem === null) {
      this.#noteRestless();
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
const RESTLESS = 'it is written to all the time; write another file beside it, and rename that';

async function firstRead(path: string): Promise<TableRead> {
  try {
    return await readTable(path);
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const mend = 'write the table there, or correct ID_MAP; example: ID_MAP=file:/etc/rollcall/ids.csv';
    throw new IdMapError(`ID_MAP: ${path}: cannot be read (${why}); ${mend}`, { cause });
  }
}
