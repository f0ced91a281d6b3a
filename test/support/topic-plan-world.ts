/** Worlds in which `plan --from-topic` and `--replay` are compared with what the service then sends. */
import { setMaxListeners } from 'node:events';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { sha256 } from '../../src/adapters/system.ts';
import { pipelineOptions } from '../../src/config/config.ts';
import { wake } from '../../src/console/replays.ts';
import { rewindTo } from '../../src/console/rewind.ts';
import { PlanTotals } from '../../src/console/plan-totals.ts';
import { plansOf, ReadTimes, type PlannedGroup } from '../../src/console/planning.ts';
import { findWaiting, type WaitingFilter } from '../../src/console/retry-topic.ts';
import { readTopics, type TopicSources } from '../../src/console/read-topics.ts';
import type { TopicWish } from '../../src/console/topic-changes.ts';
import { planTopics, type PlanTopicFlags, type PlanTopicSources } from '../../src/commands/plan.ts';
import { newTopics } from '../../src/core/log/topics.ts';
import { native } from '../../src/formats/native/native.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { Commit, Random } from '../../src/ports.ts';
import { aContext } from './command-context.ts';
import { aLog } from './genesys.ts';
import { ManualClock } from './manual-clock.ts';
import { configOf, idMapOf, type PlanMade, type PlanTarget, type PlanWorld } from './plan-world.ts';

export const TOPICS = { source: 'source', retry: 'retry', deadLetter: 'dead-letter', report: 'reports' };
const GROUP = 'rollcall';
const HOUR_MS = 3_600_000;

/** Starts at a seed; no cryptography. */
function drawn(seed: number): Random {
  let [state, uuids] = [seed >>> 0, 0];
  return {
    next: () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    },
    uuid: () => `00000000-0000-4000-8000-${String((uuids += 1)).padStart(12, '0')}`,
  };
}

export class TopicPlanWorld {
  readonly clock = new ManualClock();
  readonly target: PlanTarget;
  readonly broker: MemoryBroker;
  readonly #world: PlanWorld;
  readonly #random: Random;

  constructor(world: PlanWorld, target: PlanTarget, seed: number) {
    this.#world = world;
    this.target = target;
    this.#random = drawn(seed);
    this.broker = new MemoryBroker(this.clock, this.#random);
    const none = { source: null, retry: null, deadLetter: null, report: null };
    for (const topic of newTopics(TOPICS, none, { partitionCount: 2, replicationFactor: 1 }))
      this.broker.createTopic(topic);
  }

  append(lines: readonly object[]): void {
    for (const line of lines) {
      const key = 'group_id' in line ? String(line.group_id) : null;
      this.broker.append([{ topic: TOPICS.source, partition: null, key, value: JSON.stringify(line), headers: [] }]);
    }
  }

  async start(): Promise<Pipeline> {
    const log = new MemoryLog(this.broker, {
      groupId: GROUP,
      clientId: 'one',
      heartbeatIntervalMs: 900_000,
      topics: TOPICS,
    });
    const { clock } = this;
    const config = configOf(this.#world);
    const options = pipelineOptions({ ...config, topics: TOPICS, kafka: null }, `one-${this.#random.uuid()}`);
    const ports = { log, clock, random: this.#random, sha256, logger: aLog(), api: this.target };
    const pipeline = new Pipeline({ ...ports, ids: idMapOf(this.#world), format: native }, options);
    await pipeline.start();
    return pipeline;
  }

  /** Nothing more is written for a while; what waits for its time goes on waiting. */
  async quiet(): Promise<void> {
    for (let [rounds, end] = [0, -1n]; rounds < 5; rounds += 1) {
      await this.clock.advance(100);
      if (this.#written() === end) continue;
      [rounds, end] = [0, this.#written()];
    }
  }

  /** All that waits for its time has had it. */
  async waitForTries(): Promise<void> {
    await this.quiet();
    await this.clock.advance(3 * HOUR_MS);
    await this.quiet();
  }

  async stop(pipeline: Pipeline): Promise<void> {
    const drained = pipeline.drain();
    await this.clock.advance(60_000);
    await drained;
  }

  /** A full state was stopped between its two looks at a group that does not show all members. */
  async isBetweenLooks(): Promise<boolean> {
    return (await findWaiting(this.retry(), {})).some(({ intent }) => intent.whole?.isPartly === true);
  }

  /** What the guard counts has left its window. */
  async endWindow(): Promise<void> {
    await this.clock.advance(20 * 60_000);
  }

  async plan(wish: TopicWish): Promise<PlanMade> {
    const context = aContext({ clock: this.clock });
    setMaxListeners(100, context.stop);
    const totals = new PlanTotals('topic');
    const changes = await readTopics(wish, this.sources(), { totals, context });
    const groups: PlannedGroup[] = [];
    const tries = { which: wish.replay === null ? 'all' : 'now', now: this.clock.now().wall } as const;
    const [config, ids] = [configOf(this.#world), idMapOf(this.#world)];
    for await (const group of plansOf(
      { changes, config, api: this.target, ids, reads: new ReadTimes(), tries },
      context,
    )) {
      totals.take(group.plan);
      groups.push(group);
    }
    return { groups, totals };
  }

  /** The command. */
  async print(flags: PlanTopicFlags, more: Partial<PlanTopicSources> = {}, context = aContext({ clock: this.clock })) {
    const [config, ids] = [configOf(this.#world), idMapOf(this.#world)];
    const sources = { ...this.sources(), config, api: this.target, ids, ...more };
    const code = await planTopics(flags, sources, context);
    return { code, out: context.out(), err: context.err() };
  }

  /** As `rollcall pause`, `held` and the like. */
  retry() {
    const context = aContext({ clock: this.clock });
    return { topic: TOPICS.retry, tools: this.#tools(), context };
  }

  /** As `replay now --yes`. */
  async replay(filter: WaitingFilter): Promise<void> {
    const retry = { ...this.retry(), flags: {} };
    const found = (await findWaiting(retry, filter)).filter(({ state }) => state !== 'held');
    if (found.length === 0) return;
    const waking = wake(retry, found);
    await this.quiet();
    await waking;
  }

  /** As another version would write it. */
  rewriteLiveRecord(group: string, changed: (value: string) => string): void {
    for (const partition of [0, 1]) {
      const { records } = this.broker.topic(TOPICS.retry).partition(partition).read(0n, Number.MAX_SAFE_INTEGER);
      const last = records.findLast(({ key }) => Buffer.from(key ?? []).toString() === group);
      if (last === undefined) continue;
      const value = changed(Buffer.from(last.value ?? []).toString());
      this.broker.append([{ topic: TOPICS.retry, partition, key: group, value, headers: last.headers }]);
    }
  }

  /** As `rewind --yes`. */
  async rewind(to: number): Promise<void> {
    const group = this.broker.group(GROUP);
    const members = async () => ({ state: 'Empty', members: [] });
    const commit = async (commits: readonly Commit[]): Promise<void> => group.commitWithoutMembers(commits);
    const sources = { ...this.sources(), topic: TOPICS.source, members, commit };
    await rewindTo(
      { to, by: { author: 'jane', reason: null, at: 0 }, isJson: false },
      sources,
      aContext({ clock: this.clock }),
    );
  }

  sources(): TopicSources {
    const group = this.broker.group(GROUP);
    const source = this.broker.topic(TOPICS.source);
    const numbers = [0, 1];
    return {
      tools: this.#tools(),
      topics: TOPICS,
      format: native,
      ids: null,
      consumerGroup: GROUP,
      pendingMax: 200_000,
      committed: async () => new Map(numbers.map((number) => [number, group.committed(number)])),
      bounds: async (topic, partitions) =>
        new Map(
          partitions.map((number) => {
            const { start, end } = this.broker.topic(topic).partition(number);
            return [number, { start, end }];
          }),
        ),
      offsetsSince: async (since) =>
        new Map(
          numbers.map((number) => {
            const { records } = source.partition(number).read(0n, Number.MAX_SAFE_INTEGER);
            const first = records.find(({ timestamp }) => timestamp >= since);
            return [number, first?.offset ?? source.partition(number).end];
          }),
        ),
    };
  }

  #tools(): MemoryLog {
    return new MemoryLog(this.broker, { groupId: 'command', clientId: 'command', topics: TOPICS });
  }

  #written(): bigint {
    return [0, 1].reduce(
      (sum, number) =>
        sum +
        this.broker.topic(TOPICS.report).partition(number).end +
        this.broker.topic(TOPICS.retry).partition(number).end,
      0n,
    );
  }
}
