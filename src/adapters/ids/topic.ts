/**
 * `ID_MAP=topic:NAME`: a compacted table topic, read to its end before the start and followed from then on. The log can
 * be read from its beginning or its end only, so following begins at the beginning too, and passes over what was read.
 * Where following has broken off, all is read again: the topic may have been recreated, with other records at the same offsets.
 */
import { IdClaims, rowsAbout, type IdRow } from '../../core/ids/id-table.ts';
import type { IdKind } from '../../core/ids/resolution.ts';
import type { Clock, IdMap, LogTools, Logger, Resolution, TopicRecord } from '../../ports.ts';
import { logLasting } from '../lasting-lines.ts';
import { pause, unlessAborted } from '../../time.ts';
import { IdMapError, SharedTargetWarnings, type SharedTargets } from './tables.ts';
import { errorText } from '../../core/text/visible.ts';

/** Changes gather for this long before the listeners are called. */
const GATHER_MS = 100;
/** Before following again what has broken off. */
const AGAIN_MS = 5_000;
/** Partitions that are added are not read until they are noticed. */
const PARTITIONS_LOOK_MS = 10_000;
/** Beyond it bad records are only counted. */
const BAD_LOGGED_MAX = 10;

export interface TopicDependencies {
  readonly tools: Pick<LogTools, 'describeTopic' | 'read'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stop: AbortSignal;
}

/** What one reading of the topic has come to. */
interface TopicRead {
  readonly claims: IdClaims;
  /** Partition → offset of the last record that was taken. */
  readonly taken: Map<number, bigint>;
  badCount: number;
}

const nothingRead = (): TopicRead => ({ claims: new IdClaims(), taken: new Map(), badCount: 0 });

export class TopicIdMap implements IdMap {
  readonly #topic: string;
  readonly #dependencies: TopicDependencies;
  readonly #warnings: SharedTargetWarnings;
  readonly #listeners: (() => void)[] = [];
  readonly #closed = new AbortController();
  #read = nothingRead();
  #badLoggedCount = 0;
  #isCompacted = true;
  #partitionCount = 0;
  #cancelTelling: (() => void) | null = null;
  #following: Promise<void> = Promise.resolve();

  /** @throws IdMapError where there is no such topic or the reading was stopped; what the log throws, as it is. */
  static async open(topic: string, dependencies: TopicDependencies): Promise<TopicIdMap> {
    const map = new TopicIdMap(topic, dependencies);
    await map.#start();
    return map;
  }

  private constructor(topic: string, dependencies: TopicDependencies) {
    this.#topic = topic;
    this.#dependencies = dependencies;
    this.#warnings = new SharedTargetWarnings({ topic }, dependencies.logger);
  }

  /** Ids that the table names, and records that could not be read. */
  get counts(): { readonly rows: number; readonly bad: number } {
    const { claims, badCount } = this.#read;
    return { rows: claims.size, bad: badCount };
  }

  /** Groups that share a target. */
  get shared(): SharedTargets {
    return this.#read.claims.shared;
  }

  /** false: its retention will remove ids. */
  get isCompacted(): boolean {
    return this.#isCompacted;
  }

  known(kind: IdKind, id: string): Resolution {
    return this.#read.claims.resolve(kind, id);
  }

  rowsAbout(kind: IdKind, name: string): readonly IdRow[] {
    return rowsAbout(() => this.#read.claims.rows(kind), name);
  }

  async lookUp(kind: IdKind, id: string): Promise<Resolution> {
    return this.known(kind, id);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#cancelTelling?.();
    await this.#following;
  }

  async #start(): Promise<void> {
    const { tools, logger, stop } = this.#dependencies;
    const found = await tools.describeTopic(this.#topic);
    if (found === null) throw new IdMapError(`ID_MAP: there is no topic ${this.#topic}; ${CREATE}`);
    this.#partitionCount = found.partitionCount;
    this.#isCompacted = (found.settings.get('cleanup.policy') ?? '').split(',').includes('compact');
    if (!this.#isCompacted) {
      logger.warn({ topic: this.#topic }, 'the topic of ids is not compacted: its retention will remove ids');
    }
    this.#read = await this.#readAll(stop);
    if (stop.aborted) throw new IdMapError(`ID_MAP: topic ${this.#topic} was not read to its end: asked to stop`);
    logger.info({ topic: this.#topic, ...this.counts }, 'the id table is read');
    this.#warnings.warn(this.shared);
    this.#following = this.#follow();
  }

  /** To the end that it has at the start. */
  async #readAll(signal: AbortSignal): Promise<TopicRead> {
    const read = nothingRead();
    const options = { from: 'beginning', follow: false, signal } as const;
    for await (const record of this.#dependencies.tools.read(this.#topic, options)) this.#take(read, record);
    return read;
  }

  async #follow(): Promise<void> {
    const { clock, logger } = this.#dependencies;
    const { signal } = this.#closed;
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      try {
        if (!isFirst) await this.#readAgain(signal);
        await this.#followOnce(signal);
      } catch (error) {
        const cause = `${this.#topic} ${errorText(error)}`;
        const line = {
          fields: { topic: this.#topic, error },
          message: 'the topic of ids cannot be followed, trying again',
        };
        logLasting({ clock, logger }, { level: 'warn', cause, ...line });
      }
      await pauseUnlessAborted(signal, clock, AGAIN_MS);
    }
  }

  /** @throws where it names no id any more: a recreated topic is empty until it is filled. */
  async #readAgain(signal: AbortSignal): Promise<void> {
    const read = await this.#readAll(signal);
    if (signal.aborted) return;
    if (read.claims.size === 0 && this.#read.claims.size > 0) throw new Error(EMPTY);
    this.#read = read;
    this.#dependencies.logger.info({ topic: this.#topic, ...this.counts }, 'the id table is read again');
    this.#tell();
  }

  /** Until the topic has another number of partitions: a reading knows those that were there when it began. */
  async #followOnce(closed: AbortSignal): Promise<void> {
    const { tools, clock } = this.#dependencies;
    const other = new AbortController();
    const signal = AbortSignal.any([closed, other.signal]);
    const watching = this.#watchPartitions(signal, () => other.abort());
    try {
      for await (const record of tools.read(this.#topic, { from: 'beginning', follow: true, signal })) {
        if (record.offset <= (this.#read.taken.get(record.partition) ?? -1n)) continue;
        this.#take(this.#read, record);
        this.#cancelTelling ??= clock.schedule(GATHER_MS, () => this.#tell());
      }
    } finally {
      other.abort();
      await watching;
    }
  }

  async #watchPartitions(signal: AbortSignal, isOther: () => void): Promise<void> {
    const { tools, clock, logger } = this.#dependencies;
    for (;;) {
      await pauseUnlessAborted(signal, clock, PARTITIONS_LOOK_MS);
      if (signal.aborted) return;
      // Where it cannot be asked for, following says why.
      const asked = tools.describeTopic(this.#topic).catch(() => null);
      const found = await unlessAborted(signal, asked);
      if (found === 'aborted') return;
      const [before, count] = [this.#partitionCount, found?.partitionCount ?? this.#partitionCount];
      if (count === before) continue;
      this.#partitionCount = count;
      logger.warn({ topic: this.#topic, before, partitions: count, remedy: FILL_AGAIN }, OTHER_PARTITIONS);
      isOther();
    }
  }

  #take(read: TopicRead, { partition, offset, key, value }: TopicRecord): void {
    read.taken.set(partition, offset);
    const problem = read.claims.take(key, value);
    if (problem === null) return;
    read.badCount += 1;
    if (this.#badLoggedCount === BAD_LOGGED_MAX) return;
    this.#badLoggedCount += 1;
    const where = { topic: this.#topic, partition, offset: String(offset) };
    this.#dependencies.logger.warn({ ...where, problem, bad: read.badCount }, 'a record of the topic of ids is no row');
  }

  #tell(): void {
    this.#cancelTelling?.();
    this.#cancelTelling = null;
    this.#warnings.warn(this.shared);
    for (const listener of this.#listeners) listener();
  }
}

const EMPTY = 'it names no id any more, so the table that was read before is kept; fill it again';
const OTHER_PARTITIONS = 'the topic of ids has another number of partitions, and is read again';
const FILL_AGAIN =
  'rows of one key may lie in two partitions, and either may count after a restart: recreate the topic and fill it again';
const CREATE =
  'create it with cleanup.policy=compact and fill it, or correct ID_MAP; example: ID_MAP=topic:rollcall.ids';

/** Nothing is left scheduled when it is aborted. */
async function pauseUnlessAborted(signal: AbortSignal, clock: Clock, delayMs: number): Promise<void> {
  let cancel = (): void => undefined;
  const schedule: Clock['schedule'] = (untilMs, task) => {
    cancel = clock.schedule(untilMs, task);
    return cancel;
  };
  await unlessAborted(signal, pause({ schedule }, delayMs));
  cancel();
}
