/** A world for the pipeline: memory log, sandbox, and any number of instances of the service; all of it ends with the test. */
import { expect } from 'vitest';
import type { GenesysOptions } from '../../src/adapters/genesys/group-api.ts';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { sha256, systemClock, systemRandom } from '../../src/adapters/system.ts';
import type { SourceFormat } from '../../src/core/change/change.ts';
import { decodeCommit } from '../../src/core/log/commit-metadata.ts';
import type { RetryRecord } from '../../src/core/log/live-record.ts';
import { parseRetryRecord } from '../../src/core/log/live-record.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import type { OperatorKey } from '../../src/core/log/request-record.ts';
import { foldReport } from '../../src/core/report/summary.ts';
import { native } from '../../src/formats/native/native.ts';
import type { PipelineOptions } from '../../src/pipeline/state/options.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { Clock, GroupApi, IdMap, LogRecord, Notifier, OutRecord } from '../../src/ports.ts';
import type { Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';
import { aLog, anApi, aSandbox, atEnd } from './genesys.ts';
import type { Log } from './genesys.ts';
import { TappedLog } from './tapped-log.ts';

export const topics = { source: 'source', retry: 'retry', deadLetter: 'dead-letter', report: 'reports' };
const waitMaxMs = 45_000;

export interface WorldOptions {
  readonly partitionCount?: number;
  readonly sandbox?: SandboxOptions;
  readonly sessionTimeoutMs?: number;
  /** Limit of the broker on a record of the retry topic. */
  readonly retryRecordMaxBytes?: number;
  /** Of the broker and of every instance. */
  readonly clock?: Clock;
}

export interface InstanceOptions {
  readonly name?: string;
  readonly pipeline?: Partial<PipelineOptions>;
  readonly api?: Partial<GenesysOptions>;
  /** Instead of the sandbox. */
  readonly target?: GroupApi;
  readonly format?: SourceFormat;
  readonly ids?: IdMap;
  readonly operatorKey?: OperatorKey;
  readonly notifier?: Notifier;
}

export interface Instance {
  readonly pipeline: Pipeline;
  readonly log: TappedLog;
  readonly logger: Log;
  readonly owner: string;
  /** As kill -9: nothing of it happens any more but the requests that are on their way. */
  kill(): void;
}

/** Group `g` exists and is empty, at version 1. */
export async function aWorld(options: WorldOptions = {}): Promise<World> {
  const sandbox = await aSandbox({ seed: { groups: [{ id: 'g', members: [], version: 1 }] }, ...options.sandbox });
  return new World(sandbox, options);
}

export class World {
  readonly sandbox: Sandbox;
  readonly broker: MemoryBroker;
  readonly #clock: Clock;
  readonly #options: WorldOptions;

  constructor(sandbox: Sandbox, options: WorldOptions) {
    this.sandbox = sandbox;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.broker = new MemoryBroker(this.#clock, systemRandom);
    const shape = { partitionCount: options.partitionCount ?? 1, replicationFactor: 1 };
    const retry = {
      'cleanup.policy': 'compact',
      ...(options.retryRecordMaxBytes !== undefined && { 'max.message.bytes': String(options.retryRecordMaxBytes) }),
    };
    for (const topic of Object.values(topics)) {
      this.broker.createTopic({
        topic,
        ...shape,
        settings: topic === topics.retry ? retry : {},
      });
    }
  }

  /** One change event; returns its offset. */
  change(group: string, change: { add?: readonly string[]; remove?: readonly string[] }): bigint {
    const value = JSON.stringify({
      group_id: group,
      add_members: change.add ?? [],
      remove_members: change.remove ?? [],
    });
    return this.produce({ topic: topics.source, partition: null, key: group, value, headers: [] });
  }

  /** One full state; returns its offset. */
  state(group: string, members: readonly string[], more: object = {}): bigint {
    const value = JSON.stringify({ group_id: group, members, complete: true, ...more });
    return this.produce({ topic: topics.source, partition: null, key: group, value, headers: [] });
  }

  /** Of a topic with one partition: the offset of the record. */
  produce(record: OutRecord): bigint {
    this.broker.append([record]);
    return this.broker.topic(record.topic).partition(record.partition ?? 0).end - 1n;
  }

  async start(options: InstanceOptions = {}): Promise<Instance> {
    const { name = 'one' } = options;
    const sessionTimeoutMs = this.#options.sessionTimeoutMs ?? Infinity;
    const log = new TappedLog(this.broker, {
      groupId: 'rollcall',
      clientId: name,
      sessionTimeoutMs,
      heartbeatIntervalMs: 10,
      topics: { source: topics.source, retry: topics.retry },
    });
    const logger = aLog();
    const api =
      options.target ??
      anApi(this.sandbox, { requestTimeoutMs: 1_000, ...options.api }, { logger, clock: this.#clock });
    const owner = `${name}-${systemRandom.uuid()}`;
    const pipeline = new Pipeline(
      {
        log,
        api,
        clock: this.#clock,
        random: systemRandom,
        logger,
        sha256,
        ids: options.ids ?? null,
        format: options.format ?? native,
        ...(options.operatorKey !== undefined && { operatorKey: options.operatorKey }),
        ...(options.notifier !== undefined && { notifier: options.notifier }),
      },
      { ...quickOptions, topics, owner, publicApiUrl: 'https://api.mypurecloud.com', ...options.pipeline },
    );
    let isKilled = false;
    atEnd(async () => {
      if (!isKilled) await pipeline.drain();
    });
    await pipeline.start();
    return {
      pipeline,
      log,
      logger,
      owner,
      kill: () => {
        isKilled = true;
        log.crash();
        void api.close();
      },
    };
  }

  records(topic: string, partition = 0): readonly LogRecord[] {
    return this.broker.topic(topic).partition(partition).read(0n, Number.MAX_SAFE_INTEGER).records;
  }

  /** Every report, in the order of writing. */
  reports(): readonly ReportRecord[] {
    const partitions = Array.from({ length: this.#options.partitionCount ?? 1 }, (_, partition) => partition);
    return partitions.flatMap((partition) =>
      this.records(topics.report, partition).map(({ value }) => JSON.parse(String(Buffer.from(value ?? [])))),
    );
  }

  /** The reports that a consumer keeps, by id. */
  kept(): ReadonlyMap<string, ReportRecord> {
    const kept = new Map<string, ReportRecord>();
    for (const report of this.reports()) foldReport(kept, report);
    return kept;
  }

  /** Outcome of the report that counts for `source/0/<offset>/<member>`. */
  outcome(offset: bigint, member: string): string | undefined {
    return this.kept().get(`${topics.source}/0/${offset}/${member}`)?.outcome;
  }

  /** As `outcome`, of a record without members. */
  outcomeOfEvent(offset: bigint): string | undefined {
    return this.kept().get(`${topics.source}/0/${offset}`)?.outcome;
  }

  retry(partition = 0): readonly RetryRecord[] {
    return this.records(topics.retry, partition).map((record) => parseRetryRecord(record));
  }

  /** What the last record of the group says, by any writer. */
  lastState(group: string): Extract<RetryRecord, { kind: 'state' }> | undefined {
    return this.retry().findLast(
      (record): record is Extract<RetryRecord, { kind: 'state' }> => record.kind === 'state' && record.group === group,
    );
  }

  committed(): bigint | null {
    return this.broker.group('rollcall').committed(0).offset;
  }

  /** The last commit calls something beyond its offset complete. */
  hasCompletedRange(): boolean {
    const { offset, metadata } = this.broker.group('rollcall').committed(0);
    return offset !== null && decodeCommit(offset, metadata).ranges.length > 0;
  }

  /** Every intent final with one id each, memberships as the newest intents want, offsets committed to the end. */
  async expectRest(instance: Instance): Promise<void> {
    await within(instance.pipeline.whenAtRest(), 'rest');
    expect(this.committed()).toBe(this.broker.topic(topics.source).partition(0).end);
    const finals = this.reports().filter(({ final }) => final);
    expect(new Set(finals.map(({ id }) => id)).size).toBe(finals.length);
  }
}

/** As in production, but impatient. */
export const quickOptions = {
  isShadow: false,
  concurrency: 5,
  lingerMs: 1,
  maxWaitMs: 30_000,
  membersPerPatchMax: 50,
  conflictsMax: 3,
  retry: { baseMs: 20, capMs: 100, attemptsMax: 5, slowScheduleMs: [20, 40] },
  guard: { groupPercent: 100, groupFloor: 10, groupCount: 1_000_000, windowCount: 1_000_000, windowMs: 600_000 },
  lateApplyMs: 300,
  deadKeepMs: 86_400_000,
  deadKeepCount: 100,
  breakerFailures: 5,
  pendingIntentsMax: 200_000,
  snapshotMembersMax: 200_000,
  requestsPerPiece: 4,
  leaseMs: Infinity,
  drainTimeoutMs: 2_000,
};

/** Waits for a condition, which something under way makes true. */
export async function until(condition: () => boolean, what = 'a condition'): Promise<void> {
  const deadline = performance.now() + waitMaxMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise<void>((resolve) => setTimeout(resolve, 2));
  }
}

export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), waitMaxMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
