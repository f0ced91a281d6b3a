/** One instance with the proportions of production, its log and its target, all on a clock that only the test moves. */
import { expect } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { sha256, systemRandom } from '../../src/adapters/system.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import { foldReport } from '../../src/core/report/summary.ts';
import { native } from '../../src/formats/native/native.ts';
import type { PipelineOptions } from '../../src/pipeline/state/options.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { IdMap } from '../../src/ports.ts';
import type { Log } from './genesys.ts';
import { aLog, atEnd } from './genesys.ts';
import { ManualClock } from './manual-clock.ts';
import { TappedLog } from './tapped-log.ts';
import { TargetInMemory } from './target-in-memory.ts';

const topics = { source: 'source', retry: 'retry', deadLetter: 'dead-letter', report: 'reports' };

const productionOptions = {
  topics,
  owner: 'one',
  apiUrl: 'https://api.test',
  publicApiUrl: 'https://api.test',
  isShadow: false,
  concurrency: 20,
  lingerMs: 20,
  maxWaitMs: 30_000,
  membersPerPatchMax: 50,
  conflictsMax: 3,
  retry: {
    baseMs: 1_000,
    capMs: 30_000,
    attemptsMax: 5,
    slowScheduleMs: [60_000, 300_000, 1_800_000, 7_200_000, 21_600_000],
  },
  guard: { groupPercent: 100, groupFloor: 10, groupCount: 1_000_000, windowCount: 1_000_000, windowMs: 600_000 },
  lateApplyMs: 60_000,
  deadKeepMs: 86_400_000,
  deadKeepCount: 100,
  breakerFailures: 5,
  pendingIntentsMax: 200_000,
  snapshotMembersMax: 200_000,
  requestsPerPiece: 4,
  leaseMs: Infinity,
  drainTimeoutMs: 10_000,
};

export class VirtualWorld {
  readonly clock = new ManualClock();
  readonly target = new TargetInMemory(this.clock);
  readonly logger: Log = aLog();
  readonly #broker = new MemoryBroker(this.clock, systemRandom);
  readonly pipeline: Pipeline;

  constructor(options: Partial<PipelineOptions>, ids: IdMap | null) {
    for (const topic of Object.values(topics)) {
      const settings = topic === topics.retry ? { 'cleanup.policy': 'compact' } : {};
      this.#broker.createTopic({ topic, partitionCount: 1, replicationFactor: 1, settings });
    }
    const log = new TappedLog(this.#broker, {
      groupId: 'rollcall',
      clientId: 'one',
      sessionTimeoutMs: Infinity,
      heartbeatIntervalMs: 3_000,
      topics: { source: topics.source, retry: topics.retry },
    });
    const { clock, target: api, logger } = this;
    this.pipeline = new Pipeline(
      { log, api, clock, random: systemRandom, logger, sha256, ids, format: native },
      { ...productionOptions, ...options },
    );
  }

  /** One change of the group; returns its offset. */
  change(group: string, add: readonly string[]): bigint {
    const value = JSON.stringify({ group_id: group, add_members: add, remove_members: [] });
    this.#broker.append([{ topic: topics.source, partition: null, key: group, value, headers: [] }]);
    return this.#broker.topic(topics.source).partition(0).end - 1n;
  }

  reports(): readonly ReportRecord[] {
    const { records } = this.#broker.topic(topics.report).partition(0).read(0n, Number.MAX_SAFE_INTEGER);
    return records.map(({ value }) => JSON.parse(String(Buffer.from(value ?? []))));
  }

  /** The report that counts. */
  report(offset: bigint, member: string): ReportRecord | undefined {
    const kept = new Map<string, ReportRecord>();
    for (const report of this.reports()) foldReport(kept, report);
    return kept.get(`${topics.source}/0/${offset}/${member}`);
  }

  /** How often the breaker has opened. */
  openings(): number {
    return this.logger.lines.filter(({ message }) => message === 'breaker opened').length;
  }

  /** Offset of the source; null: none is committed yet. */
  committed(): bigint | null {
    return this.#broker.group('rollcall').committed(0).offset;
  }

  requestsSince(monotonicMs: number): number {
    return this.target.requests.filter(({ at }) => at >= monotonicMs).length;
  }

  /** Moves on until it is so, and at most so far. */
  async until(isSatisfied: () => boolean, { stepMs = 100, maxMs = 120_000, what = 'a condition' } = {}): Promise<void> {
    for (let passedMs = 0; !isSatisfied(); passedMs += stepMs) {
      if (passedMs >= maxMs) throw new Error(`waited ${maxMs} virtual ms in vain for ${what}`);
      await this.clock.advance(stepMs);
    }
  }
}

/** It has joined the log and is ready. */
export async function aVirtualWorld(
  options: Partial<PipelineOptions> = {},
  ids: IdMap | null = null,
): Promise<VirtualWorld> {
  const world = new VirtualWorld(options, ids);
  atEnd(async () => {
    const drained = world.pipeline.drain();
    await world.clock.advance(20_000);
    await drained;
    expect(world.target.gate.held, 'permits that are not given back').toBe(0);
  });
  const started = world.pipeline.start();
  await world.until(() => world.pipeline.stats().ready && world.pipeline.stats().partitions[0]?.phase === 'running', {
    what: 'the start',
  });
  await started;
  return world;
}
