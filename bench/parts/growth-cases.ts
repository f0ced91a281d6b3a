/** What may grow faster than its input: each case is a history of `n` elements, run on the pipeline in one process. */
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { pause } from '../../src/time.ts';
import { sha256, systemClock, systemRandom } from '../../src/adapters/system.ts';
import { heldDigest } from '../../src/core/group/guard.ts';
import { parseRetryRecord } from '../../src/core/log/live-record.ts';
import { textHeader } from '../../src/core/log/wire-intent.ts';
import { decisionValue, requestKey } from '../../src/core/log/request-record.ts';
import { native } from '../../src/formats/native/native.ts';
import type { PipelineOptions } from '../../src/pipeline/state/options.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { OutRecord, SendOutcome } from '../../src/ports.ts';
import { QuickTarget } from '../../test/support/quick-target.ts';

const topics = { source: 'source', retry: 'retry', deadLetter: 'dead-letter', report: 'reports' };

/** Nothing is given up, and the guard holds only what is deleted. */
const options: Omit<PipelineOptions, 'owner'> = {
  topics,
  publicApiUrl: 'https://api.example',
  isShadow: false,
  concurrency: 20,
  lingerMs: 1,
  maxWaitMs: 30_000,
  membersPerPatchMax: 50,
  conflictsMax: 3,
  retry: { baseMs: 20, capMs: 100, attemptsMax: 5, slowScheduleMs: Array.from({ length: 5 }, () => 6 * 3_600_000) },
  guard: { groupPercent: 100, groupFloor: 10, groupCount: 1e9, windowCount: 1e9, windowMs: 600_000 },
  lateApplyMs: 1,
  deadKeepMs: 86_400_000,
  deadKeepCount: 10_000,
  breakerFailures: 1e9,
  pendingIntentsMax: 1_000_000,
  snapshotMembersMax: 200_000,
  requestsPerPiece: 4,
  leaseMs: Number.POSITIVE_INFINITY,
  drainTimeoutMs: 2_000,
};

/** Holds reports back until `open`. */
class HeldLog extends MemoryLog {
  #gate: Promise<void> = Promise.resolve();
  open: () => void = () => undefined;

  holdReports(): void {
    this.#gate = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  override async send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    if (records.some(({ topic }) => topic === topics.report)) await this.#gate;
    return super.send(records);
  }
}

interface SourceEvent {
  readonly group_id: string;
  readonly add_members?: readonly string[];
  readonly remove_members?: readonly string[];
  readonly members?: readonly string[];
  readonly complete?: true;
  readonly deleted?: true;
}

export class GrowthWorld {
  readonly broker = new MemoryBroker(systemClock, systemRandom);
  readonly target = new QuickTarget();
  /** What a case has prepared to send. */
  taken: readonly OutRecord[] = [];
  #started: { readonly pipeline: Pipeline; readonly log: HeldLog } | null = null;

  constructor() {
    this.target.isBrief = true;
    const settings = { 'max.message.bytes': '100000000' };
    for (const topic of Object.values(topics)) {
      const more = topic === topics.retry ? { 'cleanup.policy': 'compact' } : {};
      this.broker.createTopic({ topic, partitionCount: 1, replicationFactor: 1, settings: { ...settings, ...more } });
    }
  }

  get pipeline(): Pipeline {
    if (this.#started === null) throw new Error('not started');
    return this.#started.pipeline;
  }

  get log(): HeldLog {
    if (this.#started === null) throw new Error('not started');
    return this.#started.log;
  }

  produce(events: readonly SourceEvent[]): void {
    this.broker.append(
      events.map((event) => ({
        topic: topics.source,
        partition: null,
        key: event.group_id,
        headers: [],
        value: JSON.stringify(event),
      })),
    );
  }

  async start(): Promise<void> {
    const log = new HeldLog(this.broker, {
      groupId: 'rollcall',
      clientId: 'one',
      heartbeatIntervalMs: 10,
      topics: { source: topics.source, retry: topics.retry },
    });
    const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    const ports = { log, api: this.target, clock: systemClock, random: systemRandom, logger, sha256, ids: null };
    const pipeline = new Pipeline({ ...ports, format: native }, { ...options, owner: systemRandom.uuid() });
    this.#started = { pipeline, log };
    await pipeline.start();
  }

  async until(isReached: () => boolean): Promise<void> {
    while (!isReached()) await pause(systemClock, 50);
  }

  /** An operator approves everything that is held. */
  approvals(): readonly OutRecord[] {
    const held = new Map<string, string>();
    for (const record of this.#retryRecords()) {
      const parsed = parseRetryRecord(record);
      const digest = parsed.kind === 'state' ? heldDigest(parsed.group, parsed.intents, sha256) : null;
      if (parsed.kind === 'state' && digest !== null) held.set(parsed.group, digest);
    }
    return [...held.values()].map((digest) => ({
      topic: topics.retry,
      partition: 0,
      key: requestKey(systemRandom.uuid()),
      value: decisionValue({ digest, author: 'operator', reason: null, part: null }),
      headers: [textHeader('rollcall-type', 'approve')],
    }));
  }

  retryBytes(): number {
    return this.#retryRecords().reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
  }

  #retryRecords() {
    return this.broker.topic(topics.retry).partition(0).read(0n, Number.MAX_SAFE_INTEGER).records;
  }
}

export interface Case {
  readonly name: string;
  readonly sizes: readonly number[];
  /** Before the time is taken. */
  prepare(world: GrowthWorld, n: number): Promise<void>;
  /** What is measured. */
  run(world: GrowthWorld, n: number): Promise<void>;
}

const APPENDED_AT_ONCE = 500;

const users = (n: number): string[] => Array.from({ length: n }, (_, i) => `user-${i}`);

const toggle = (i: number): SourceEvent => ({
  group_id: 'g',
  add_members: i % 2 === 1 ? ['u'] : [],
  remove_members: i % 2 === 1 ? [] : ['u'],
});

async function toRest(world: GrowthWorld): Promise<void> {
  await world.start();
  await world.pipeline.whenAtRest();
}

export const CASES: readonly Case[] = [
  {
    name: 'events of 1,000 groups',
    sizes: [10_000, 100_000, 1_000_000],
    prepare: async (world, n) =>
      world.produce(Array.from({ length: n }, (_, i) => ({ group_id: `g${i % 1_000}`, add_members: [`u${i % 997}`] }))),
    run: toRest,
  },
  {
    name: 'toggles of one member',
    sizes: [1_000, 10_000, 100_000],
    prepare: async (world, n) => world.produce(Array.from({ length: n }, (_, i) => toggle(i))),
    run: toRest,
  },
  {
    name: 'toggles of one member, reports acknowledged late',
    // The intake waits where more reports are being written.
    sizes: [90, 900, 9_000],
    prepare: async (world, n) => {
      await world.start();
      world.log.holdReports();
      world.produce(Array.from({ length: n }, (_, i) => toggle(i)));
      await world.until(() => world.pipeline.stats().partitions[0]?.lag === 0 && world.pipeline.stats().pending <= 1);
    },
    run: async (world) => {
      world.log.open();
      await world.pipeline.whenAtRest();
    },
  },
  {
    name: 'approvals of held groups',
    sizes: [100, 1_000, 10_000],
    prepare: async (world, n) => {
      for (let i = 0; i < n; i += 1) world.target.seed(`g${i}`, ['u']);
      world.produce(Array.from({ length: n }, (_, i) => ({ group_id: `g${i}`, complete: true, deleted: true })));
      await toRest(world);
      world.taken = world.approvals();
    },
    run: async (world, n) => {
      // As requests arrive, a few at a time.
      for (let i = 0; i < n; i += APPENDED_AT_ONCE) {
        world.broker.append(world.taken.slice(i, i + APPENDED_AT_ONCE));
        await pause(systemClock, 0);
      }
      await world.until(() => world.pipeline.stats().held === 0 && world.pipeline.stats().pending === 0);
      await world.pipeline.whenAtRest();
    },
  },
  {
    name: 'members of one delta',
    sizes: [100, 1_000, 10_000, 100_000],
    prepare: async (world, n) => world.produce([{ group_id: 'g', add_members: users(n) }]),
    run: toRest,
  },
  {
    name: 'members of one full state',
    sizes: [100, 1_000, 10_000, 100_000],
    prepare: async (world, n) => {
      // Half of them are there, and as many others; of a multiple of 100 the answer would be doubtful.
      world.target.seed(
        'g',
        Array.from({ length: n + 1 }, (_, i) => `user-${i + n / 2}`),
      );
      world.produce([{ group_id: 'g', members: users(n), complete: true }]);
    },
    run: toRest,
  },
  {
    name: 'groups touched once',
    sizes: [100, 1_000, 10_000, 100_000],
    prepare: async (world, n) =>
      world.produce(Array.from({ length: n }, (_, i) => ({ group_id: `g${i}`, add_members: ['u'] }))),
    run: toRest,
  },
  {
    name: 'groups parked, handed over and restored',
    sizes: [100, 1_000, 10_000],
    prepare: async (world, n) => {
      world.produce(Array.from({ length: n }, (_, i) => ({ group_id: `g${i}`, add_members: ['unknown'] })));
      await world.start();
      await world.until(() => world.pipeline.stats().parked === n);
    },
    run: async (world, n) => {
      world.log.rejoin('measured');
      await world.until(() => world.pipeline.stats().parked === 0);
      await world.until(() => world.pipeline.stats().parked === n);
    },
  },
];
