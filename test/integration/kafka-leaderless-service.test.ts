/** A service whose source and retry topic lose a partition: it alone stands still, and is named. */
import { expect, test, vi } from 'vitest';
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { partitionOfKey } from '../../src/core/log/reading.ts';
import type { TopicNames } from '../../src/core/log/topics.ts';
import type { LogTools } from '../../src/ports.ts';
import { describeOwnKafka, uniqueName } from '../support/broker.ts';
import { kafkaHost, plaintext } from '../support/kafka-log-harness.ts';
import { ServiceProcess, shortTimes } from '../support/service.ts';
import { createSpread } from '../support/spread-topic.ts';
import { atEnd, openKafkaHarness, type KafkaHarness } from '../support/kafka-harness.ts';
import { startWholeCluster } from '../support/whole-cluster.ts';

/** A loaded machine is slow, and members come and go. */
const times = { KAFKA_SESSION_TIMEOUT_MS: '10000', KAFKA_REBALANCE_TIMEOUT_MS: '20000' };
const patience = { timeout: 60_000, interval: 100 };

/** Of each partition one. */
const groups = [0, 1, 2].map((wanted) => {
  const names = Array.from({ length: 50 }, (_, i) => `g${i}`);
  return names.find((name) => partitionOfKey(Buffer.from(name), 3) === wanted) ?? '';
});

describeOwnKafka('a service with a partition that has no leader', (version) => {
  for (const without of ['source', 'retry'] as const) {
    test.runIf(version === '3.9.1')(
      `goes on with the others, names it, and reads it again when it has one (${without} topic)`,
      { timeout: 400_000 },
      async () => {
        // given
        const cluster = await startWholeCluster(version);
        atEnd(() => cluster.stop());
        const harness = await openKafkaHarness(cluster.brokers, {}, (names, tools) =>
          createAll(names, tools, { brokers: cluster.brokers, without }),
        );
        for (const group of groups) harness.group(group);
        const [port = 0, laterPort = 0] = await freePorts(2);
        const service = harness.inside({ ...times, ADMIN_PORT: String(port) });
        await service.owns(3);
        await harness.send(...groups.map((group) => ({ group, add: ['first'] })));
        await harness.settled();
        // when
        await cluster.nodes[2]?.kill();
        // then
        await applied(harness, groups.slice(0, 2), 'without');
        const named = expect.stringMatching(
          new RegExp(`${harness.topics[without]}/2 .*LEADER_NOT_AVAILABLE.*Start .*node 3`),
        );
        const shown = { ready: false, reasons: expect.arrayContaining([named]) };
        await vi.waitFor(async () => expect(await ready(port)).toMatchObject(shown), patience);
        const logged = { topic: harness.topics[without], partition: 2, error: 'LEADER_NOT_AVAILABLE' };
        await service.said('a partition has no leader, nothing of it is read until it has one', { fields: logged });
        // when a service starts meanwhile, and the first one leaves
        const later = harness.inside({ ...times, ADMIN_PORT: String(laterPort) });
        await later.said('rollcall runs');
        await service.stop();
        // then it does the same
        await applied(harness, groups.slice(0, 2), 'later');
        await vi.waitFor(async () => expect(await ready(laterPort)).toMatchObject(shown), patience);
        // when
        await cluster.nodes[2]?.restart();
        // then
        await applied(harness, groups, 'after');
        await vi.waitFor(async () => expect(await ready(laterPort)).toMatchObject({ ready: true }), patience);
        expect(later.linesOf('the consumer cannot go on and is built again')).toEqual([]);
        await harness.settled();
      },
    );
  }
});

describeOwnKafka('`ingest topic` with a partition that has no leader', (version) => {
  test.runIf(version === '3.9.1')(
    'passes nothing on that it may precede, names it, and goes on when it has one',
    { timeout: 400_000 },
    async () => {
      // given
      const cluster = await startWholeCluster(version);
      atEnd(() => cluster.stop());
      const tools = createLogTools(plaintext(cluster.brokers), kafkaHost);
      atEnd(() => tools.close());
      const [from, source, deadLetter, group] = ['from', 'source', 'dead-letter', 'group'].map(uniqueName);
      if (from === undefined || source === undefined || deadLetter === undefined) throw new Error('no names');
      await createSpread(cluster.brokers, from);
      for (const topic of [source, deadLetter])
        await tools.createTopic({ topic, partitionCount: 1, replicationFactor: 3, settings: {} });
      const value = JSON.stringify({ group_id: 'g', add_members: ['m'] });
      const records = [0, 1, 2].map((partition) => ({ topic: from, partition, key: null, value, headers: [] }));
      const written = records.map(() => 'written');
      await vi.waitFor(async () => expect(await tools.send(records)).toEqual(written), patience);
      await cluster.nodes[2]?.kill();
      await vi.waitFor(async () => expect(await tools.leaderless(from)).toHaveLength(1), patience);
      // when
      const [port = 0] = await freePorts(1);
      const environment = {
        ...shortTimes,
        ...times,
        KAFKA_BROKERS: cluster.brokers.join(','),
        SOURCE_TOPIC: source,
        DEAD_LETTER_TOPIC: deadLetter,
        INGEST_FROM_TOPIC: from,
        INGEST_FROM_FORMAT: 'native',
        INGEST_GROUP_ID: group ?? '',
        ADMIN_PORT: String(port),
      };
      const service = new ServiceProcess(environment, ['ingest', 'topic']);
      atEnd(() => service.kill());
      // then
      const reasons = [expect.stringMatching(new RegExp(`${from}/2 .*LEADER_NOT_AVAILABLE.*Start .*node 3`))];
      await vi.waitFor(async () => expect(await ready(port)).toEqual({ ready: false, reasons }), patience);
      expect(await countOf(source, tools)).toBe(0);
      // when
      await cluster.nodes[2]?.restart();
      // then
      await vi.waitFor(async () => expect(await countOf(source, tools)).toBe(3), patience);
      await vi.waitFor(async () => expect(await ready(port)).toEqual({ ready: true, reasons: [] }), patience);
      service.signal('SIGTERM');
      expect(await service.exited).toBe(0);
    },
  );
});

async function countOf(topic: string, tools: LogTools): Promise<number> {
  let count = 0;
  const { signal } = new AbortController();
  for await (const { value } of tools.read(topic, { from: 'beginning', follow: false, signal }))
    count += value === null ? 0 : 1;
  return count;
}

interface Spread {
  readonly brokers: readonly string[];
  readonly without: 'source' | 'retry';
}

/** Of one topic each partition has one replica; of the others, three. */
async function createAll(names: TopicNames, tools: LogTools, { brokers, without }: Spread): Promise<void> {
  const shape = { partitionCount: 3, replicationFactor: 3 };
  const compacted = { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': '86400000' };
  for (const role of ['source', 'retry', 'report', 'deadLetter'] as const) {
    const settings = role === 'retry' ? compacted : {};
    if (role === without) await createSpread(brokers, names[role], settings);
    else await tools.createTopic({ topic: names[role], ...shape, settings });
  }
}

/** Written as soon as the partitions can be written to. */
async function applied(harness: KafkaHarness, to: readonly string[], member: string): Promise<void> {
  const changes = to.map((group) => ({ group, add: [member] }));
  await vi.waitFor(async () => expect(await harness.send(...changes)).toEqual(changes.map(() => 'written')), patience);
  await harness.until(`${member} applied`, () =>
    to.every((group) => harness.outcomesOf(group, member).some((outcome) => /applied|already/.test(outcome))),
  );
}

async function ready(port: number): Promise<unknown> {
  return (await fetch(`http://127.0.0.1:${port}/readyz`)).json();
}
