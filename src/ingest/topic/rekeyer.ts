/**
 * Room ingest/topic: a topic in another order or under other keys, passed on keyed by group.
 * Not here: Kafka's consumers (adapters/kafka).
 *
 * Passes a topic on: batches come in, go through the reorder window, and leave as native records keyed by group. The only
 * place with state. One send at a time; an offset is committed when everything of its record, and of all before it in its
 * partition, is acknowledged. What a crash makes repeat is repeated in the same order.
 */
import type { SourceFormat } from '../../core/change/change.ts';
import type { Clock, LogRecord, Logger, OutRecord } from '../../ports.ts';
import { warningsOf, type Warnings } from '../aggregated-warnings.ts';
import { deliverNext, nativeRecords } from '../delivery.ts';
import type { Relay, RelayBatch, RelayHandler, RelayPartition } from '../ports.ts';
import type { SendQueue } from '../send-queue.ts';
import { falseIfUnwanted, type Turn } from '../send-queue.ts';
import { Done, changesOf, decodedBy, itemsOf, supersededDeadLetter, type InputRecord, type Item } from './items.ts';
import { LastReleased, ReorderWindow } from './reorder.ts';

export interface RekeyOptions {
  /** The topic that is read. */
  readonly from: string;
  readonly topic: string;
  readonly deadLetterTopic: string;
  readonly reorderMs: number;
  /** Events in hand per partition, beyond which it is read no further. */
  readonly bufferMax: number;
  /** And bytes of the records that hold them. */
  readonly bufferBytesMax: number;
}

export interface RekeyWorld {
  readonly relay: Relay;
  readonly format: SourceFormat;
  readonly queue: SendQueue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly warnings: RekeyWarnings;
}

type RekeyWarnings = Warnings<'deadLetters' | 'superseded' | 'uncertain'>;

export const rekeyWarnings = (clock: Pick<Clock, 'schedule'>, logger: Pick<Logger, 'warn'>): RekeyWarnings =>
  warningsOf(
    {
      deadLetters: {
        message: 'what could not be read is in the dead-letter topic',
        advice: 'its headers say why',
      },
      superseded: {
        message: 'changes came after newer ones of the same members; they are in the dead-letter topic',
        advice: 'raise INGEST_REORDER_MS if that happens often',
      },
      uncertain: {
        message: 'the order of contradicting changes is unknown; they went on in the order of their arrival',
        advice: 'have the source say when its events happened, or read such groups again',
      },
    },
    clock,
    logger,
  );

/** Of one send. */
const RELEASE_MAX = 1_000;
/** (group, member) pairs whose last change is remembered, at the least. */
const REMEMBERED_MAX = 200_000;
/** After a commit that failed, or without a lease. */
const RETRY_MS = 500;

export class Rekeyer implements RelayHandler {
  readonly #options: RekeyOptions;
  readonly #world: RekeyWorld;
  readonly #window: ReorderWindow<Item>;
  readonly #last = new LastReleased(REMEMBERED_MAX);
  readonly #done = new Done();
  readonly #declined = new Set<number>();
  /** Partitions of which what was passed on in a former life has yet to be remembered: up to that offset. */
  #toRemember = new Map<number, bigint>();
  /** Grows with each assignment: what was begun under another one commits nothing. */
  #assignment = 0;
  #isOver = false;
  #work: Promise<void> | null = null;
  /** Something was read while the work was under way. */
  #hasNews = false;
  #cancelCheck = (): void => undefined;
  #fail: (error: unknown) => void = () => undefined;
  /** Rejects when the topic cannot be passed on any more. */
  readonly failure = new Promise<never>((_, reject) => {
    this.#fail = reject;
  });

  constructor(options: RekeyOptions, world: RekeyWorld) {
    this.#options = options;
    this.#world = world;
    this.#window = new ReorderWindow(options.reorderMs);
    this.failure.catch(() => undefined);
  }

  assigned(partitions: readonly RelayPartition[]): void {
    this.#reset(partitions);
    this.#world.logger.info({ topic: this.#options.from, partitions: partitions.length }, 'the topic is read');
  }

  records(batch: RelayBatch): 'taken' | 'declined' {
    const { partition, records, nextOffset, endOffset } = batch;
    if (this.#window.fill(partition, this.#options) >= 1) return this.#decline(partition);
    const { format } = this.#world;
    const preparing = records.length === 0 ? null : (format.prepare?.(records) ?? null);
    if (preparing !== null) return this.#declineUntil(partition, preparing);
    const fresh = this.#remember(batch);
    const entries = fresh.flatMap((record) => this.#itemsOf(this.#inputOf(partition, record)));
    this.#window.read(partition, entries, { isAtEnd: nextOffset >= endOffset, now: this.#now() });
    this.#goOn();
    return 'taken';
  }

  offsetOutOfRange(partition: number): void {
    this.#world.logger.error(
      { topic: this.#options.from, partition },
      'the committed offset does not exist any more: records may be lost; reading goes on at the beginning',
    );
  }

  lost(reason: string): void {
    this.#reset([]);
    this.#world.logger.info({ reason }, 'the topic is given up until the next assignment');
  }

  failed(error: Error): void {
    this.#fail(error);
  }

  /** What is being sent is acknowledged and committed; what waits in the window is left, and read again. */
  async stop(): Promise<void> {
    this.#isOver = true;
    this.#cancelCheck();
    await this.#work;
  }

  #reset(partitions: readonly RelayPartition[]): void {
    this.#assignment += 1;
    const before = partitions.filter(({ from, committed }) => from < committed);
    this.#toRemember = new Map(before.map(({ partition, committed }) => [partition, committed]));
    this.#window.assign(partitions.map(({ partition }) => partition));
    this.#last.clear();
    this.#done.clear();
    this.#declined.clear();
  }

  /**
   * Remembers what was passed on in a former life; the rest is returned. Nothing of other partitions goes on meanwhile, as
   * the window waits for a partition that has more to read.
   */
  #remember({ partition, records, nextOffset }: RelayBatch): RelayBatch['records'] {
    const until = this.#toRemember.get(partition);
    if (until === undefined) return records;
    for (const record of records.filter(({ offset }) => offset < until)) {
      const input = this.#inputOf(partition, record);
      for (const { value } of changesOf(input, decodedBy(this.#world.format, input)))
        this.#last.judge(value.event, value.occurrence);
    }
    if (nextOffset >= until) this.#toRemember.delete(partition);
    return records.filter(({ offset }) => offset >= until);
  }

  #inputOf(partition: number, record: LogRecord): InputRecord {
    return { ...record, topic: this.#options.from, partition };
  }

  #itemsOf(input: InputRecord): ReturnType<typeof itemsOf> {
    return itemsOf(input, decodedBy(this.#world.format, input), this.#options.deadLetterTopic);
  }

  #decline(partition: number): 'declined' {
    this.#declined.add(partition);
    this.#world.relay.pause(partition);
    return 'declined';
  }

  /** The batch comes again when what it needs is there. */
  #declineUntil(partition: number, ready: Promise<void>): 'declined' {
    const assignment = this.#assignment;
    this.#world.relay.pause(partition);
    void ready.then(() => {
      if (assignment === this.#assignment) this.#world.relay.resume(partition);
    });
    return 'declined';
  }

  #goOn(): void {
    if (this.#work !== null) {
      this.#hasNews = true;
      return;
    }
    if (this.#isOver) return;
    this.#hasNews = false;
    this.#cancelCheck();
    this.#work = this.#releaseAll()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#work = null;
        if (this.#hasNews) this.#goOn();
        else if (!this.#isOver) this.#scheduleCheck();
      });
  }

  async #releaseAll(): Promise<void> {
    while (!this.#isOver) {
      // Another instance may have the topic by now: its records would be overtaken.
      if (!this.#world.relay.holdsLease()) return;
      const items = this.#window.release(this.#now(), RELEASE_MAX);
      if (items.length === 0) break;
      await this.#passOn(items, this.#assignment);
      this.#resumeDeclined();
    }
    await this.#commit();
  }

  async #passOn(items: readonly Item[], assignment: number): Promise<void> {
    const records = items.flatMap((item) => this.#recordsOf(item));
    const isWritten = await this.#send(records, assignment).catch(falseIfUnwanted);
    if (!isWritten || assignment !== this.#assignment) return;
    this.#done.add(items);
    await this.#commit();
  }

  #recordsOf(item: Item): readonly OutRecord[] {
    const { topic, deadLetterTopic } = this.#options;
    const { warnings } = this.#world;
    if (item.kind === 'nothing') return [];
    if (item.kind === 'dead_letter') {
      warnings.deadLetters.count(item.code);
      return [item.deadLetter];
    }
    const judged = this.#last.judge(item.event, item.occurrence);
    const { event, superseded, uncertainCount } = judged;
    if (uncertainCount > 0) warnings.uncertain.count('changes', uncertainCount);
    if (superseded.length > 0) warnings.superseded.count('changes', superseded.length);
    const deadLetters = superseded.length === 0 ? [] : [supersededDeadLetter(deadLetterTopic, item, judged)];
    return [...deadLetters, ...nativeRecords(event === null ? [] : [event], topic)];
  }

  async #send(records: readonly OutRecord[], assignment: number): Promise<true> {
    const { from, deadLetterTopic } = this.#options;
    const { queue, clock, logger, warnings, relay } = this.#world;
    const origin = { source: `topic/${from}`, at: clock.now().wall };
    // Tried again when another instance has the topic, it would land behind what that one has written.
    const turn: Turn = () => {
      if (assignment === this.#assignment && relay.holdsLease()) return 'now';
      return assignment === this.#assignment && !this.#isOver ? 'later' : 'never';
    };
    const tooLarge = await deliverNext(records, { queue, deadLetterTopic, origin, turn, logger });
    if (tooLarge > 0) warnings.deadLetters.count('too_large', tooLarge);
    return true;
  }

  /** One that fails is tried again with the next, or after a while. */
  async #commit(): Promise<void> {
    const assignment = this.#assignment;
    const commits = this.#done.uncommitted();
    if (commits.length === 0) return;
    try {
      await this.#world.relay.commit(commits);
    } catch (error) {
      this.#world.logger.debug({ error }, 'offsets could not be committed, trying again');
      return;
    }
    if (assignment === this.#assignment) this.#done.committed(commits);
  }

  #resumeDeclined(): void {
    for (const partition of this.#declined) {
      if (this.#window.fill(partition, this.#options) > 0.5) continue;
      this.#declined.delete(partition);
      this.#world.relay.resume(partition);
    }
  }

  #scheduleCheck(): void {
    const now = this.#now();
    const at = this.#window.releasableAt(now);
    const isBehind = this.#done.uncommitted().length > 0 || (at !== null && at <= now);
    const delayMs = isBehind ? RETRY_MS : at === null ? null : at - now;
    if (delayMs === null) return;
    this.#cancelCheck = this.#world.clock.schedule(delayMs, () => this.#goOn());
  }

  #now(): number {
    return this.#world.clock.now().monotonic;
  }
}
