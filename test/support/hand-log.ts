/** A log that the test is: it says when the group is joined, when heartbeats are sent, and what is read, written and committed. */
import { expect } from 'vitest';
import { sha256, systemRandom } from '../../src/adapters/system.ts';
import { parseRetryRecord, renderFence, type RetryRecord } from '../../src/core/live-record.ts';
import type { Stamp } from '../../src/core/ownership.ts';
import type { ReportRecord } from '../../src/core/report.ts';
import { foldReport } from '../../src/core/summary.ts';
import { native } from '../../src/formats/native.ts';
import type { PipelineOptions } from '../../src/pipeline/options.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import type {
  Batch,
  ChangeLog,
  ChangeLogHandler,
  Commit,
  Committed,
  IdMap,
  InputTopic,
  LogRecord,
  OutRecord,
  SendOutcome,
} from '../../src/ports.ts';
import { aLog, atEnd } from './genesys.ts';
import { ManualClock } from './manual-clock.ts';
import { TargetInMemory } from './target-in-memory.ts';
import { quickOptions, topics } from './world.ts';

type Written = Omit<OutRecord, 'topic' | 'partition'>;

/** One partition; what is written to the retry topic is read when the test says so. */
export class HandLog implements ChangeLog {
  /** In the order of the calls: sends by their topics, `commit 3`, `seek source 1`, `leave` … */
  readonly calls: string[] = [];
  /** Awaited before each send; with what it throws the send rejects, and nothing is written. */
  beforeSend: (records: readonly OutRecord[]) => Promise<void> = async () => undefined;
  handler: ChangeLogHandler | null = null;
  readonly #topics = new Map<string, LogRecord[]>();
  readonly #read = { source: 0, retry: 0 };
  #committed: Committed = { offset: null, metadata: '' };

  get committed(): () => Promise<Committed> {
    return async () => this.#committed;
  }

  of(topic: string): LogRecord[] {
    const records = this.#topics.get(topic) ?? [];
    this.#topics.set(topic, records);
    return records;
  }

  append(topic: string, { key, value, headers }: Written): void {
    const bytes = (content: Uint8Array | string | null) => (content === null ? null : Buffer.from(content));
    const offset = BigInt(this.of(topic).length);
    this.of(topic).push({ offset, key: bytes(key), value: bytes(value), headers, timestamp: 1 });
  }

  /** What of the topic has not been read yet, in one batch. */
  deliver(topic: InputTopic): ReturnType<ChangeLogHandler['records']> {
    const from = this.#read[topic];
    // A seek within the call says where it goes on.
    this.#read[topic] = this.of(topic).length;
    const answer = this.redeliver(topic, from);
    if (answer === 'declined') this.#read[topic] = from;
    return answer;
  }

  /** From that offset on, as a fetch that was under way before a seek. */
  redeliver(topic: InputTopic, from: number): ReturnType<ChangeLogHandler['records']> {
    const end = BigInt(this.of(topic).length);
    const batch: Batch = { topic, partition: 0, records: this.of(topic).slice(from), nextOffset: end, endOffset: end };
    return this.handler?.records(batch) ?? 'declined';
  }

  async join(handler: ChangeLogHandler): Promise<void> {
    this.handler = handler;
  }

  async send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    this.calls.push(`send ${[...new Set(records.map(({ topic }) => topic))].join(' ')}`);
    await this.beforeSend(records);
    for (const record of records) this.append(record.topic, record);
    return records.map(() => 'written');
  }

  async partitionOf(): Promise<number> {
    return 0;
  }

  async commit([commit]: readonly Commit[]): Promise<void> {
    if (commit === undefined) return;
    this.calls.push(`commit ${commit.offset}`);
    this.#committed = commit;
  }

  async bounds(topic: InputTopic): Promise<{ readonly start: bigint; readonly end: bigint }> {
    return { start: 0n, end: BigInt(this.of(topic).length) };
  }

  async inspect(): ReturnType<ChangeLog['inspect']> {
    return { topicId: null, retryTopicId: null, first: null };
  }

  seek(topic: InputTopic, _: number, offset: bigint): void {
    this.calls.push(`seek ${topic} ${offset}`);
    this.#read[topic] = Number(offset);
  }

  pause(): void {}

  resume(): void {}

  rejoin(reason: string): void {
    this.calls.push(`rejoin ${reason}`);
  }

  async leave(): Promise<void> {
    this.calls.push('leave');
  }
}

/** An owner of partition 0 of such a log. */
export class HandWorld {
  readonly clock = new ManualClock();
  readonly log = new HandLog();
  readonly target = new TargetInMemory(this.clock);
  readonly pipeline: Pipeline;

  constructor(options: Partial<PipelineOptions>, ids: IdMap | null) {
    const { clock, log, target: api } = this;
    const ports = { log, api, clock, random: systemRandom, logger: aLog(), sha256, ids, format: native };
    const usual = { ...quickOptions, topics, owner: 'one', publicApiUrl: 'https://api.test' };
    this.pipeline = new Pipeline(ports, { ...usual, ...options });
    atEnd(async () => {
      void this.pipeline.drain();
      await clock.advance(60_000);
      expect(api.gate.held, 'permits that are not given back').toBe(0);
    });
  }

  get handler(): ChangeLogHandler {
    if (this.log.handler === null) throw new Error('the pipeline has not joined');
    return this.log.handler;
  }

  change(add: readonly string[], remove: readonly string[] = []): void {
    const value = JSON.stringify({ group_id: 'g', add_members: add, remove_members: remove });
    this.log.append('source', { key: 'g', value, headers: [] });
  }

  /** A fence, as another owner writes it. */
  fence(stamp: Omit<Stamp, 'seq'>): void {
    this.log.append('retry', { value: stamp.owner, ...renderFence({ ...stamp, seq: 0 }, stamp.owner) });
  }

  /** Joins, and is a member under the generation from its first heartbeat on. */
  async join(generation: number, memberId = 'm'): Promise<void> {
    this.handler.joining();
    this.handler.assigned({ memberId, partitions: [0], partitionCount: 1 });
    await this.beat(generation);
  }

  async beat(generation: number, sentAt = this.clock.now()): Promise<void> {
    this.handler.heartbeat({ generation, sentAt });
    await this.clock.settle();
  }

  /** The own fence is read, and everything up to it; then the source. */
  async read(): Promise<void> {
    this.log.deliver('retry');
    await this.clock.settle();
    this.log.deliver('source');
    await this.clock.settle();
  }

  /** What is there is read, and what has come of it once the time is over. */
  async pass(durationMs: number): Promise<void> {
    await this.read();
    await this.clock.advance(durationMs);
    await this.read();
  }

  retry(): readonly RetryRecord[] {
    return this.log.of('retry').map((record) => parseRetryRecord(record));
  }

  outcome(offset: number, member: string): string | undefined {
    const kept = new Map<string, ReportRecord>();
    for (const { value } of this.log.of('reports'))
      foldReport(kept, JSON.parse(Buffer.from(value ?? []).toString()) as ReportRecord);
    return kept.get(`source/0/${offset}/${member}`)?.outcome;
  }
}

/** It owns the partition under generation 1, and has read what is there. */
export async function aHandWorld(options: Partial<PipelineOptions> = {}, ids: IdMap | null = null): Promise<HandWorld> {
  const world = new HandWorld(options, ids);
  await world.pipeline.start();
  await world.join(1);
  await world.read();
  return world;
}
