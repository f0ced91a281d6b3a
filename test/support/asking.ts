/** `rollcall explain` over the memory log: by the topics and by an index, which have to say the same. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Instance } from '../../src/adapters/admin-client.ts';
import { explainGroup, questionIn, type ExplainFlags } from '../../src/commands/explain.ts';
import type { IndexReading } from '../../src/console/indexing.ts';
import { GroupRecords } from '../../src/console/group-records.ts';
import type { Sources } from '../../src/console/group-topics.ts';
import type { UnreadableBatch } from '../../src/core/log/reading.ts';
import { pauseValue, requestKey } from '../../src/core/log/request-record.ts';
import { textHeader } from '../../src/core/log/wire-intent.ts';
import { native } from '../../src/formats/native/native.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { ExitCode } from '../../src/exit-codes.ts';
import type { IdMap, LogTools, ReadOptions, TopicRecord } from '../../src/ports.ts';
import { boundsIn, topicIdIn, withAnIndex } from './an-index.ts';
import { timestampsIn } from './timestamps-in.ts';
import { aContext, type TestContext } from './command-context.ts';
import { atEnd } from './genesys.ts';
import { QuickWorld, type QuickOptions } from './quick-world.ts';
import { askedAt, servedPipeline } from './served-pipeline.ts';
import { topics } from './world.ts';

/** It is gone at the end of the test. */
export function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rollcall-index-'));
  atEnd(async () => rmSync(folder, { recursive: true }));
  return folder;
}

/** What it says of member `u` of group `g`. */
export class Asking {
  readonly world: QuickWorld;
  /** Offsets of the oldest records that are left, by topic. */
  readonly starts = new Map<string, bigint>();
  /** Of the index. */
  readonly folder = aFolder();
  /** Called with each record that a command reads; with what it throws the reading ends. */
  onRead: (topic: string, record: TopicRecord) => void = () => undefined;
  /** A record that stands for a batch that cannot be unpacked. */
  unreadable: (topic: string, record: TopicRecord) => UnreadableBatch | undefined = () => undefined;
  /** Of the last question. */
  exitCode: ExitCode | null = null;
  readonly #openIds: () => IdMap | null;
  #tools: LogTools | null = null;
  #urls: readonly string[] = [];

  /** @param ids a function: the service and each command open their own */
  constructor(options: QuickOptions = {}, ids: QuickOptions['ids'] | null = null) {
    this.world = new QuickWorld({ ...options, ...(ids !== null && { ids }) });
    this.#openIds = () => (typeof ids === 'function' ? ids(this.world) : ids);
  }

  async start(): Promise<Pipeline> {
    const { pipeline, log } = await this.world.start();
    this.#tools = log;
    this.#urls = [await servedPipeline(pipeline)];
    return pipeline;
  }

  /** The instance that is asked is of another service. */
  async instanceIsOf(other: Partial<Instance['service']>, pipeline: Pipeline): Promise<void> {
    this.#urls = [await servedPipeline(pipeline, other)];
  }

  instanceIsGone(): void {
    this.#urls = ['http://127.0.0.1:1'];
  }

  /** The same by the topics and by an index, which is kept from one question to the next. */
  async text(flags: Partial<ExplainFlags> | 'all members' = {}): Promise<string> {
    const byTopics = await this.byTopics(flags);
    // Of topics that are as they were.
    if (this.starts.size === 0) expect(await this.byIndex(flags)).toBe(byTopics);
    return byTopics;
  }

  async byTopics(flags: Partial<ExplainFlags> | 'all members' = {}): Promise<string> {
    const sources = this.#sources();
    return this.#ask(flags, { ...sources, records: GroupRecords.ofTopics(sources) });
  }

  /** Brought up to date first. */
  async byIndex(flags: Partial<ExplainFlags> | 'all members' = {}, reading?: IndexReading): Promise<string> {
    const sources = this.#sources();
    const indexed = { ...sources, broker: this.world.broker, ...(reading !== undefined && { reading }) };
    return withAnIndex(this.folder, indexed, (index) =>
      this.#ask(flags, { ...sources, records: GroupRecords.ofIndex(index, sources) }),
    );
  }

  #sources() {
    const tools = this.#tools;
    if (tools === null) throw new Error('nothing has started');
    return {
      tools: { ...toolsOf(tools), read: (topic: string, options: ReadOptions) => this.#read(tools, topic, options) },
      topics,
      format: native,
      committed: async () => new Map([[0, this.world.committed() ?? 0n]]),
      starts: async (topic: string) =>
        new Map([[0, this.starts.get(topic) ?? this.world.broker.topic(topic).partition(0).start]]),
      bounds: boundsIn(this.world.broker),
      timestampsAt: timestampsIn(this.world.broker),
      topicId: topicIdIn(this.world.broker),
      instances: this.#urls.map(askedAt),
      api: this.world.target,
      ids: this.#openIds(),
      context: aContext({ clock: this.world.clock }),
    };
  }

  async *#read(tools: LogTools, topic: string, options: ReadOptions): AsyncGenerator<TopicRecord> {
    for await (const record of tools.read(topic, options)) {
      this.onRead(topic, record);
      const unreadable = this.unreadable(topic, record);
      yield unreadable === undefined ? record : { ...record, key: null, value: null, unreadable };
    }
  }

  async #ask(
    flags: Partial<ExplainFlags> | 'all members',
    sources: Sources & { readonly context: TestContext },
  ): Promise<string> {
    this.exitCode = await explainGroup(
      questionIn(flags === 'all members' ? { group: 'g' } : { group: 'g', member: 'u', ...flags }, sources.context),
      sources,
    );
    return sources.context.out();
  }

  async sentence(flags: Partial<ExplainFlags> = {}): Promise<string> {
    return (await this.text(flags)).trimEnd().split('\n').at(-1) ?? '';
  }
}

const toolsOf = (tools: LogTools): LogTools => ({
  describeTopic: (topic) => tools.describeTopic(topic),
  createTopic: (topic) => tools.createTopic(topic),
  read: (topic, how) => tools.read(topic, how),
  send: (records) => tools.send(records),
  close: () => tools.close(),
});

/** With events that are read, and what follows from them in a second each. */
export async function started(...events: readonly object[]): Promise<Asking> {
  const asking = new Asking();
  await asking.start();
  for (const event of events) await produced(asking, event);
  return asking;
}

export async function produced(asking: Asking, event: object): Promise<void> {
  asking.world.produce(event);
  await asking.world.clock.advance(1_000);
}

/** By an operator. @param group null: everything */
export async function paused(asking: Asking, group: string | null): Promise<void> {
  const wanted = { kind: 'pause', group, author: 'jane', reason: 'INC-7' } as const;
  const headers = [textHeader('rollcall-type', 'pause')];
  asking.world.broker.append([
    { topic: 'retry', partition: 0, key: requestKey('p'), value: pauseValue(wanted), headers },
  ]);
  await asking.world.clock.advance(5_000);
}
