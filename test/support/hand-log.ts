/** A log that the test is: it says when the group is joined, when heartbeats are sent, and what is read, written and committed. */
import { expect } from 'vitest';
import { sha256, systemRandom } from '../../src/adapters/system.ts';
import { parseRetryRecord, renderFence, type RetryRecord } from '../../src/core/log/live-record.ts';
import type { Stamp } from '../../src/core/log/ownership.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import { type Ahead, stampOf } from '../../src/core/log/commit-metadata.ts';
import { foldReport } from '../../src/core/report/summary.ts';
import { native } from '../../src/formats/native/native.ts';
import type { PipelineOptions } from '../../src/pipeline/state/options.ts';
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

/** Two partitions of source and retry topic; what is written is read when the test says so. */
class HandLog implements ChangeLog {
  /** In the order of the calls: sends by their topics, `commit 0:3`, `seek source/0 1`, `leave` … */
  readonly calls: string[] = [];
  /** Awaited before each send; with what it throws the send rejects, and nothing is written. */
  beforeSend: (records: readonly OutRecord[]) => Promise<void> = async () => undefined;
  handler: ChangeLogHandler | null = null;
  readonly #topics = new Map<string, LogRecord[]>();
  /** Awaited before each commit; with what it throws the commit rejects. */
  beforeCommit: () => Promise<void> = async () => undefined;
  /** Records of a batch. */
  batchMax = Number.POSITIVE_INFINITY;
  readonly #read = new Map<string, number>();
  readonly #committed = new Map<number, Committed>();

  async lookAhead(from: ReadonlyMap<number, bigint>): Promise<ReadonlyMap<number, Ahead>> {
    const aheadOf = (partition: number, offset: bigint): Ahead => {
      const records = this.of(topics.source, partition);
      const first = records[Number(offset)];
      return { end: BigInt(records.length), first: first === undefined ? null : stampOf(first) };
    };
    return new Map([...from].map(([partition, offset]) => [partition, aheadOf(partition, offset)]));
  }

  async committed(partition: number): Promise<Committed> {
    return this.#committed.get(partition) ?? { offset: null, metadata: '' };
  }

  of(topic: string, partition = 0): LogRecord[] {
    const name = `${topic}/${partition}`;
    const records = this.#topics.get(name) ?? [];
    this.#topics.set(name, records);
    return records;
  }

  append(topic: string, { key, value, headers }: Written, partition = 0): void {
    const bytes = (content: Uint8Array | string | null) => (content === null ? null : Buffer.from(content));
    const records = this.of(topic, partition);
    records.push({
      offset: BigInt(records.length),
      key: bytes(key),
      value: bytes(value),
      headers,
      timestamp: 1,
    });
  }

  /** The next batch of the partition. */
  deliver(topic: InputTopic, partition = 0): void {
    const name = `${topic}/${partition}`;
    const from = this.#read.get(name) ?? 0;
    // A seek within the call says where it goes on.
    this.#read.set(name, Math.min(from + this.batchMax, this.of(topic, partition).length));
    if (this.redeliver(topic, from, partition) === 'declined') this.#read.set(name, from);
  }

  /** From that offset on, as a fetch that was under way before a seek. */
  redeliver(topic: InputTopic, from: number, partition = 0): ReturnType<ChangeLogHandler['records']> {
    const all = this.of(topic, partition);
    const records = all.slice(from, from + this.batchMax);
    const nextOffset = BigInt(from + records.length);
    const batch: Batch = { topic, partition, records, nextOffset, endOffset: BigInt(all.length) };
    return this.handler?.records(batch) ?? 'declined';
  }

  async join(handler: ChangeLogHandler): Promise<void> {
    this.handler = handler;
  }

  async send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    this.calls.push(`send ${[...new Set(records.map(({ topic }) => topic))].join(' ')}`);
    await this.beforeSend(records);
    for (const record of records) this.append(record.topic, record, record.partition ?? 0);
    return records.map(() => 'written');
  }

  async partitionCount(): Promise<number> {
    return 1;
  }

  async commit(commits: readonly Commit[]): Promise<void> {
    this.calls.push(`commit ${commits.map(({ partition, offset }) => `${partition}:${offset}`).join(' ')}`);
    await this.beforeCommit();
    for (const commit of commits) this.#committed.set(commit.partition, commit);
  }

  async bounds(topic: InputTopic, partition: number): Promise<{ readonly start: bigint; readonly end: bigint }> {
    return { start: 0n, end: BigInt(this.of(topic, partition).length) };
  }

  async inspect(): ReturnType<ChangeLog['inspect']> {
    return { topicId: null, retryTopicId: null, first: null };
  }

  seek(topic: InputTopic, partition: number, offset: bigint): void {
    this.calls.push(`seek ${topic}/${partition} ${offset}`);
    this.#read.set(`${topic}/${partition}`, Number(offset));
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

/** An owner of partitions of such a log; the first one is meant where none is named. */
export class HandWorld {
  readonly clock = new ManualClock();
  readonly log = new HandLog();
  readonly target = new TargetInMemory(this.clock);
  readonly pipeline: Pipeline;

  constructor(options: Partial<PipelineOptions> = {}, ids: IdMap | null = null) {
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

  /** Of group `g`, or of the group that the partition has. */
  change(add: readonly string[], partition = 0): void {
    const group = partition === 0 ? 'g' : `g${partition}`;
    const value = JSON.stringify({ group_id: group, add_members: add, remove_members: [] });
    this.log.append('source', { key: group, value, headers: [] }, partition);
  }

  /** A fence, as another owner writes it. */
  fence(stamp: Omit<Stamp, 'seq'>): void {
    this.log.append('retry', { value: stamp.owner, ...renderFence({ ...stamp, seq: 0 }, stamp.owner) });
  }

  /** Joins, and is a member under the generation from its first heartbeat on. */
  async join(generation: number, partitions: readonly number[] = [0]): Promise<void> {
    this.handler.joining();
    this.assign(partitions);
    await this.beat(generation);
  }

  assign(partitions: readonly number[] = [0]): void {
    this.handler.assigned({ memberId: 'm', partitions, partitionCount: 2 });
  }

  async beat(generation: number, sentAt = this.clock.now()): Promise<void> {
    this.handler.heartbeat({ generation, sentAt });
    await this.clock.settle();
  }

  /** The own fence is read, and everything up to it; then the source. */
  async read(): Promise<void> {
    for (const topic of ['retry', 'source'] as const) {
      for (const partition of [0, 1]) this.log.deliver(topic, partition);
      await this.clock.settle();
    }
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
