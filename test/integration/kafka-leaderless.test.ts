/** A partition of which every replica is down: it alone cannot be written to, and its topic can still be asked about. */
import { afterEach, expect, test, vi } from 'vitest';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import type { LogTools, OutRecord } from '../../src/ports.ts';
import { describeOwnKafka, uniqueName } from '../support/broker.ts';
import { kafkaHost, plaintext } from '../support/kafka-log-harness.ts';
import { createSpread } from '../support/spread-topic.ts';
import { startWholeCluster } from '../support/whole-cluster.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function partitionsIn(tools: LogTools, topic: string, leaderless?: 'leave_out'): Promise<readonly number[]> {
  const { signal } = new AbortController();
  const found = new Set<number>();
  const options = { from: 'beginning', follow: false, signal } as const;
  for await (const { partition } of tools.read(topic, leaderless === undefined ? options : { ...options, leaderless }))
    found.add(partition);
  return [...found].toSorted((a, b) => a - b);
}

describeOwnKafka('a partition without a leader', (version) => {
  test.runIf(version === '3.9.1')(
    'fails alone, and the others of its topic and of other topics are written',
    { timeout: 400_000 },
    async () => {
      // given
      const cluster = await startWholeCluster(version);
      cleanups.push(() => cluster.stop());
      const tools = createLogTools(plaintext(cluster.brokers), kafkaHost);
      cleanups.push(() => tools.close());
      const [topic, whole] = [uniqueName('spread'), uniqueName('whole')];
      await createSpread(cluster.brokers, topic);
      await tools.createTopic({ topic: whole, partitionCount: 1, replicationFactor: 3, settings: {} });
      const record = (to: string, partition: number): OutRecord => ({
        topic: to,
        partition,
        key: 'k',
        value: 'v',
        headers: [],
      });
      const all = [record(topic, 0), record(topic, 2), record(topic, 1), record(whole, 0)];
      await vi.waitFor(async () => expect(await tools.send(all)).toEqual(all.map(() => 'written')), {
        timeout: 30_000,
      });
      // when
      await cluster.nodes[2]?.kill();
      // then, as soon as the cluster knows it
      const failed = { kind: 'failed', error: expect.objectContaining({ type: 'LEADER_NOT_AVAILABLE' }) };
      await vi.waitFor(async () => expect(await tools.send(all)).toEqual(['written', failed, 'written', 'written']), {
        timeout: 60_000,
      });
      // and `doctor` names it
      const named = { message: expect.stringContaining(`${topic}/2 has no leader. Start Kafka's node 3`) };
      // Each broker learns of it by itself.
      await vi.waitFor(async () => expect(await tools.leaderless(topic)).toEqual([expect.objectContaining(named)]), {
        timeout: 60_000,
      });
      expect(await tools.leaderless(whole)).toEqual([]);
      // and a command reads all of a topic or says what is missing, unless the others are enough
      await expect(partitionsIn(tools, topic)).rejects.toThrow(`${topic}/2 has no leader`);
      await vi.waitFor(async () => expect(await partitionsIn(tools, topic, 'leave_out')).toEqual([0, 1]), {
        timeout: 60_000,
      });
      // and a service that starts now, whose kafkajs asks about every topic, sees its topics
      const others = createLogTools(plaintext(cluster.brokers.slice(0, 2)), kafkaHost);
      cleanups.push(() => others.close());
      const seen = async () => [await others.describeTopic(topic), await others.committedOffsets('a-new-group', whole)];
      // The controller, or the coordinator of the group, may be moving from the node that is gone.
      await vi.waitFor(
        async () => expect(await seen()).toEqual([expect.objectContaining({ partitionCount: 3 }), new Map()]),
        { timeout: 60_000 },
      );
      // when
      await cluster.nodes[2]?.restart();
      // then
      await vi.waitFor(async () => expect(await tools.send(all)).toEqual(all.map(() => 'written')), {
        timeout: 60_000,
      });
    },
  );
});
