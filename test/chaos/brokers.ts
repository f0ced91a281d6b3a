/** The brokers of one run, and what is done to them. Questions that only this needs are asked with kafkajs itself. */
import kafkajs, { type Admin } from 'kafkajs';
import type { KafkaVersion } from '../../src/lab/kafka-broker/fetch.ts';
import { startBroker, startCluster, type Broker } from '../../src/lab/kafka-broker/start.ts';
import { testHost } from '../support/kafka-on-hand.ts';
import type { SeededRandom } from '../support/random.ts';
import type { Kafka } from './scale.ts';
import { comesTrue, rest } from './waiting.ts';

const CLUSTER_VERSION: KafkaVersion = '4.2.0';
const ELECTION_LIMIT_MS = 30_000;
const REFUSAL_MS = 6_000;

/** The preferred leader leads again soon after it has changed, or has come back. */
const clusterProperties = {
  'leader.imbalance.check.interval.seconds': '3',
  'leader.imbalance.per.broker.percentage': '0',
};

export async function startBrokers(kafka: Kafka, random: SeededRandom): Promise<Brokers> {
  if (kafka !== 'cluster') {
    const broker = await startBroker({ version: kafka }, testHost);
    return new Brokers([broker], () => broker.discard(), random);
  }
  const cluster = await startCluster(3, { version: CLUSTER_VERSION, properties: clusterProperties }, testHost);
  return new Brokers(cluster.nodes, () => cluster.stop(), random);
}

export class Brokers {
  readonly addresses: readonly string[];
  readonly replicationFactor: number;
  readonly #nodes: readonly Broker[];
  readonly #stop: () => Promise<void>;
  readonly #random: SeededRandom;

  constructor(nodes: readonly Broker[], stop: () => Promise<void>, random: SeededRandom) {
    this.addresses = nodes.flatMap(({ brokers }) => brokers);
    this.replicationFactor = nodes.length;
    this.#nodes = nodes;
    this.#stop = stop;
    this.#random = random;
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  /** One broker ends, and is there again a little later. */
  async restartOne(how: 'terminate' | 'kill'): Promise<void> {
    const node = this.#random.pick(this.#nodes);
    await node[how]();
    await rest(this.#random.between(0, 2_000));
    await node.restart();
  }

  /** Every partition of the topics gets another preferred leader, and is led by it. @returns how many leaders moved. */
  async moveLeaders(topics: readonly string[]): Promise<number> {
    return this.#ask(async (admin) => {
      const before = await leadersOf(admin, topics);
      const assignments = (await admin.fetchTopicMetadata({ topics: [...topics] })).topics.map(
        ({ name, partitions }) => ({
          topic: name,
          partitionAssignment: partitions.map(({ partitionId, replicas }) => ({
            partition: partitionId,
            replicas: [...replicas.slice(1), ...replicas.slice(0, 1)],
          })),
        }),
      );
      await admin.alterPartitionReassignments({ topics: assignments });
      let moved = 0;
      await comesTrue(ELECTION_LIMIT_MS, async () => {
        const now = await leadersOf(admin, topics);
        moved = [...before].filter(([partition, leader]) => now.get(partition) !== leader).length;
        return moved >= before.size / 2;
      });
      return moved;
    });
  }

  /** The topic wants all replicas in sync while one broker is away, so that what is sent to it is refused. */
  async refuseWrites(topic: string, settings: Readonly<Record<string, string>>): Promise<void> {
    await this.#configure(topic, { ...settings, 'min.insync.replicas': String(this.#nodes.length) });
    const node = this.#random.pick(this.#nodes);
    await node.terminate();
    await rest(REFUSAL_MS);
    await node.restart();
    await this.#configure(topic, settings);
  }

  async #configure(name: string, settings: Readonly<Record<string, string>>): Promise<void> {
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name, configEntries }];
    await this.#ask((admin) => admin.alterConfigs({ validateOnly: false, resources }));
  }

  async #ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    const { logLevel, Kafka } = kafkajs;
    const admin = new Kafka({ brokers: [...this.addresses], logLevel: logLevel.NOTHING }).admin({
      retry: { retries: 10 },
    });
    await admin.connect();
    try {
      return await question(admin);
    } finally {
      await admin.disconnect();
    }
  }
}

async function leadersOf(admin: Admin, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] });
  return new Map(
    found.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionId, leader }): [string, number] => [`${name}/${partitionId}`, leader]),
    ),
  );
}
