/**
 * Streams through the real pipeline, adapter and memory log: hostile records of both topics among good ones, and a target
 * that answers as it likes for a while. Every source record is accounted for, the good ones land, and rest is reached, by
 * one owner and by the next.
 */
import { createGroupApi } from '../../src/adapters/genesys/group-api.ts';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { sha256 } from '../../src/adapters/system.ts';
import { parseRetryRecord, type WireRecord } from '../../src/core/log/live-record.ts';
import { header, textHeader } from '../../src/core/log/wire-intent.ts';
import { ReportRecord } from '../../src/core/report/report.ts';
import { requestKey } from '../../src/core/log/request-record.ts';
import { foldReport, type Operations } from '../../src/core/report/summary.ts';
import { native } from '../../src/formats/native/native.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { LogRecord, Random } from '../../src/ports.ts';
import { connectionsTo, type Asked, type Reply } from './connections.ts';
import { aReply, quiet } from './exchanges.ts';
import { HastyClock } from './hasty-clock.ts';
import { demand, NotAccounted, shown, type Kind } from './kind.ts';
import { wholeDecision } from '../support/decisions.ts';
import type { SeededRandom } from '../support/random.ts';
import { json } from './mutate.ts';
import { aRetryRecord } from './retry-records.ts';
import { groupOf, ScimTarget } from './scim-target.ts';
import { aSourceRecord, type HostileRecord } from './source-records.ts';
import { accountOf } from './stream-account.ts';
import { apiOptions, MESSAGE_BYTES_MAX, pipelineOptions, topics } from './stream-options.ts';

const SECONDS_MAX = 20;

class Stream {
  readonly broker: MemoryBroker;
  readonly target = new ScimTarget();
  /** What the good groups hold in the end. */
  readonly wanted = new Map<string, Set<string>>();
  readonly #accounts: string[] = [];
  readonly #clock = new HastyClock();
  readonly #random: SeededRandom;
  readonly #randomPort: Random;
  #hostileAnswersLeft: number;
  #fault: Error | null = null;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#hostileAnswersLeft = random.below(60);
    this.#randomPort = {
      next: () => random.next(),
      uuid: () =>
        random
          .bytes(16)
          .toString('hex')
          .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    };
    this.broker = new MemoryBroker(this.#clock, this.#randomPort);
    for (const topic of Object.values(topics)) {
      const settings = {
        'cleanup.policy': topic === topics.retry ? 'compact' : 'delete',
        // As `rollcall topics create` makes it (protocol.md 3.4).
        'max.message.bytes': String(MESSAGE_BYTES_MAX + (topic === topics.deadLetter ? 65_536 : 0)),
      };
      this.broker.createTopic({ topic, partitionCount: 1, replicationFactor: 1, settings });
    }
  }

  stop(): void {
    this.#clock.stop();
  }

  async run(count: number): Promise<readonly string[]> {
    const early = this.#random.below(count);
    for (let i = 0; i < early; i++) this.#produceOne();
    const one = this.#start('one');
    await one.start();
    for (let i = early; i < count; i++) {
      this.#produceOne();
      if (this.#random.oneIn(10)) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await this.#reachRest(one);
    this.#account();
    this.#hostileAnswersLeft = 0;
    const next = this.#start('next');
    await next.start();
    await this.#reachRest(next);
    return this.#accounts;
  }

  #produceOne(): void {
    if (this.#random.oneIn(4)) return this.#random.oneIn(5) ? this.#produceGoodState() : this.#produceGood();
    if (this.#random.oneIn(20)) return this.#produceDecision();
    if (this.#random.oneIn(3)) return this.#produceRetry();
    this.#produce(topics.source, aSourceRecord(this.#random));
  }

  #produceGood(): void {
    const random = this.#random;
    const group = `good-${random.below(4)}`;
    const [member, isAdded] = [`m${random.below(6)}`, random.oneIn(2)];
    const members = this.wanted.get(group) ?? new Set<string>();
    this.wanted.set(group, members);
    if (isAdded) members.add(member);
    else members.delete(member);
    const value = json({
      group_id: group,
      add_members: isAdded ? [member] : [],
      remove_members: isAdded ? [] : [member],
    });
    this.#produce(topics.source, { key: Buffer.from(group), value, headers: [] });
  }

  /** Of so few members that the guard lets it pass; an empty one would be held. */
  #produceGoodState(): void {
    const random = this.#random;
    const group = `good-${random.below(4)}`;
    const members = Array.from({ length: 1 + random.below(5) }, () => `m${random.below(6)}`);
    this.wanted.set(group, new Set(members));
    const value = json({ group_id: group, members, complete: true });
    this.#produce(topics.source, { key: Buffer.from(group), value, headers: [] });
  }

  /** An operator decides about what the newest live record says is held, if anything is. */
  #produceDecision(): void {
    const kind = this.#random.pick(['approve', 'reject']);
    const texts = this.#records(topics.retry).map(({ value }) => Buffer.from(value ?? []).toString());
    const digest = texts.flatMap((text) => /"digest":"([0-9a-f]{64})"/.exec(text)?.[1] ?? []).at(-1) ?? 'd'.repeat(64);
    this.#produce(topics.retry, {
      key: Buffer.from(requestKey(this.#randomPort.uuid())),
      value: Buffer.from(wholeDecision(digest, 'operator')),
      headers: [textHeader('rollcall-type', kind)],
    });
    this.#accounts.push(`retry record: ${kind}`);
  }

  /** A live record of another source stops its partition on purpose (protocol.md 4.9), and one that lies well is no garbage. */
  #produceRetry(): void {
    const record = aRetryRecord(this.#random);
    const read = parseRetryRecord(record);
    const isOfElsewhere =
      read.kind === 'state' &&
      (read.group !== 'parked' ||
        read.intents.some(
          ({ source }) =>
            source.topic !== topics.source ||
            source.partition !== 0 ||
            source.offset > 3n ||
            source.timestamp !== this.#stampOf(source.offset),
        ));
    if (record.key === null || isOfElsewhere) this.#accounts.push('retry record: left out');
    else if (!this.#produce(topics.retry, record)) return;
    else this.#accounts.push(`retry record: ${read.kind === 'unreadable' ? read.problem : read.kind}`);
  }

  /** undefined: there is no such record yet. */
  #stampOf(offset: bigint): number | undefined {
    return this.#records(topics.source).find((record) => record.offset === offset)?.timestamp;
  }

  #produce(topic: string, record: HostileRecord | WireRecord): boolean {
    const [outcome] = this.broker.append([{ topic, partition: 0, ...record }]);
    if (outcome === 'too_large') this.#accounts.push('refused by the broker as too large');
    return outcome === 'written';
  }

  #start(name: string): Pipeline {
    const clock = this.#clock;
    const log = new MemoryLog(this.broker, {
      groupId: 'rollcall',
      clientId: name,
      topics,
      heartbeatIntervalMs: 600_000,
    });
    const logger = { ...quiet, error: (fields: object, message: string) => this.#noteError(fields, message) };
    const connect = () => connectionsTo((asked) => this.#respond(asked));
    const api = createGroupApi(apiOptions, { isShadow: false, clock, logger: quiet, connect });
    return new Pipeline(
      { log, api, clock, random: this.#randomPort, logger, sha256, ids: null, format: native },
      { ...pipelineOptions, topics, owner: `${name}-${this.#randomPort.uuid()}`, publicApiUrl: apiOptions.apiUrl },
    );
  }

  #noteError(fields: object, message: string): void {
    if (/refused|cannot go on/.test(message)) this.#fault ??= new Error(`${message}: ${shown(fields)}`);
  }

  #respond(asked: Asked): Reply {
    const isHostile =
      asked.method !== 'POST' && !groupOf(asked.path).startsWith('good-') && this.#hostileAnswersLeft > 0;
    if (!isHostile) return { kind: 'answer', answer: this.target.respond(asked) };
    this.#hostileAnswersLeft -= 1;
    return aReply(this.#random);
  }

  async #reachRest(pipeline: Pipeline): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no rest: ${shown(pipeline.stats())}`)), SECONDS_MAX * 1_000);
    });
    await Promise.race([pipeline.whenAtRest(), late]).finally(() => clearTimeout(timer));
    if (this.#fault !== null) throw this.#fault;
    demand(pipeline.stats().partitions[0]?.phase === 'running', 'the partition is owned');
    const { offset } = this.broker.group('rollcall').committed(0);
    demand(offset === this.broker.topic(topics.source).partition(0).end, 'everything is committed');
    for (const [group, members] of this.wanted) {
      const [is, shall] = [this.target.members(group), [...members].toSorted()];
      demand(is.join() === shall.join(), `${group} holds ${is.join()} and should hold ${shall.join()}`);
    }
    this.#demandReadable();
    await pipeline.drain();
  }

  /** Of every group the last record is one that an owner can read. */
  #demandReadable(): void {
    const last = new Map(this.#records(topics.retry).map((record) => [String(record.key), record]));
    for (const record of last.values()) {
      const read = parseRetryRecord(record);
      demand(read.kind !== 'unreadable' || read.group === null, `the last record is ours: ${shown(record)}`);
    }
  }

  #records(topic: string): readonly LogRecord[] {
    return this.broker.topic(topic).partition(0).read(0n, Number.MAX_SAFE_INTEGER).records;
  }

  #account(): void {
    const reports: Operations = new Map();
    for (const { value } of this.#records(topics.report)) {
      const text = Buffer.from(value ?? []).toString();
      foldReport(reports, ReportRecord.parse(JSON.parse(text)));
    }
    const invalid = this.#records(topics.deadLetter).filter(
      ({ headers }) => header(headers, 'rollcall-reason') === 'invalid',
    );
    const letters = new Map(invalid.map((letter) => [header(letter.headers, 'rollcall-original-offset'), letter]));
    for (const record of this.#records(topics.source)) this.#accounts.push(accountOf(record, reports, letters));
  }
}

export const streams: Kind = {
  name: 'streams',
  share: 30,
  batch: 300,
  attempt: async (random, count) => {
    const stream = new Stream(random);
    try {
      return await stream.run(count);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new NotAccounted(message, `a stream of ${count} records`, { cause: error });
    } finally {
      stream.stop();
    }
  },
};
