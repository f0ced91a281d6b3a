/** Questions about topics, offsets and brokers, over kept connections. */
import type { Admin, PartitionMetadata } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { SessionLimits } from '../../core/log/reading.ts';
import type { Bounds, Committed, TopicDescription, TopicSpecification } from '../../ports.ts';
import { pause } from '../../time.ts';
import { boundsIn, partitionsOf } from './reader.ts';
import { explainKafkaError } from './errors.ts';
import { KeptClient } from './clients.ts';
import { isLeaderless, NoLeaderError } from './leaders.ts';
import type { KafkaConnectionOptions, KafkaHost } from './options.ts';
import { topicRefused } from './topic-watch.ts';

export interface ClusterInfo {
  readonly clusterId: string;
  readonly brokers: readonly { readonly nodeId: number; readonly address: string }[];
  readonly controller: number | null;
}

const servingPolls = 100;
const servingPollPauseMs = 100;

export class KafkaAdmin {
  readonly #host: KafkaHost;
  readonly #kept: KeptClient<Admin>;
  /**
   * By topic: kafkajs 2.2.4 refreshes, before most of what an admin does, the metadata of all topics whose offsets it was
   * ever asked for, and fails where the broker asked knows one of them no longer, or not yet (kafkajs.md 1.5).
   */
  readonly #keptForOffsets = new Map<string, KeptClient<Admin>>();
  readonly #open: () => KeptClient<Admin>;

  constructor(connection: KafkaConnectionOptions, host: KafkaHost) {
    this.#host = host;
    this.#open = () => new KeptClient({ connection, host, create: (kafka) => kafka.admin() });
    this.#kept = this.#open();
  }

  /** A negative offset is what kafkajs writes when it jumps (kafkajs.md 2.6): none. */
  async committed(groupId: string, topic: string, partition: number): Promise<Committed> {
    const found = await this.#committedIn(groupId, topic);
    const entry = found[0]?.partitions.find((each) => each.partition === partition);
    if (entry === undefined) throw new Error(`Kafka tells no committed offset of ${topic}/${partition}`);
    const offset = BigInt(entry.offset);
    return offset < 0n ? { offset: null, metadata: '' } : { offset, metadata: entry.metadata ?? '' };
  }

  /** By partition; those without a committed offset are left out. */
  async committedOffsets(groupId: string, topic: string): Promise<ReadonlyMap<number, bigint>> {
    const found = await this.#committedIn(groupId, topic);
    const offsets = found.flatMap(({ partitions }) =>
      partitions.map(({ partition, offset }) => [partition, BigInt(offset)] as const),
    );
    return new Map(offsets.filter(([, offset]) => offset >= 0n));
  }

  async bounds(topic: string, partition: number): Promise<Bounds> {
    const offsets = await this.#offsetsOf(topic);
    return boundsIn(offsets, { topic, partition }, this.#kept);
  }

  /** By partition: the offset after its last record; those without a leader are left out. */
  async ends(topic: string): Promise<ReadonlyMap<number, bigint>> {
    const found = await this.#offsetsOf(topic);
    const ends = found.map(({ partition, high }) => [partition, BigInt(high)] as const);
    return new Map(ends.filter(([, end]) => end >= 0n));
  }

  /** @throws where the topic does not exist. */
  async partitions(topic: string): Promise<PartitionMetadata[]> {
    return this.#ask((admin) => partitionsOf(admin, topic));
  }

  async describeTopic(topic: string): Promise<TopicDescription | null> {
    const partitions = await this.#partitionsIfThere(topic);
    if (partitions === null) return null;
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }];
    const described = await this.#ask((admin) => admin.describeConfigs({ resources, includeSynonyms: false }));
    const entries = described.resources.flatMap(({ configEntries }) => configEntries);
    return {
      partitionCount: partitions.length,
      replicationFactor: Math.max(0, ...partitions.map(({ replicas }) => replicas.length)),
      settings: new Map(entries.map(({ configName, configValue }) => [configName, configValue])),
    };
  }

  /** Empty where there is no such topic. */
  async leaderless(topic: string): Promise<readonly NoLeaderError[]> {
    const partitions = (await this.#partitionsIfThere(topic)) ?? [];
    return partitions.filter(isLeaderless).map((partition) => new NoLeaderError(topic, partition));
  }

  /** Resolves when the leader of every partition serves; kafkajs's own waiting may throw although it was made (kafkajs.md 1.4). */
  async createTopic(specification: TopicSpecification): Promise<'created' | 'exists'> {
    const { topic, partitionCount, replicationFactor, settings } = specification;
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
    const topics = [{ topic, numPartitions: partitionCount, replicationFactor, configEntries }];
    const created = await this.#ask(async (admin) => {
      try {
        return await admin.createTopics({ topics, waitForLeaders: false });
      } catch (error) {
        throw topicRefused(topic, error);
      }
    });
    for (let poll = 0; poll < servingPolls; poll += 1) {
      if (await this.#isServed(topic)) return created ? 'created' : 'exists';
      await pause(this.#host.clock, servingPollPauseMs);
    }
    throw new Error(`${topic} was created, but its partitions are not served yet`);
  }

  async clusterInfo(): Promise<ClusterInfo> {
    const { clusterId, brokers, controller } = await this.#ask((admin) => admin.describeCluster());
    return {
      clusterId,
      brokers: brokers.map(({ nodeId, host, port }) => ({ nodeId, address: `${host}:${port}` })),
      controller,
    };
  }

  /** As a broker of the cluster has them; null: it does not say, or not to us. */
  async sessionLimits(nodeId: number): Promise<SessionLimits | null> {
    const configNames = ['group.min.session.timeout.ms', 'group.max.session.timeout.ms'];
    const resources = [{ type: kafkajs.ConfigResourceTypes.BROKER, name: String(nodeId), configNames }];
    try {
      const described = await this.#ask((admin) => admin.describeConfigs({ resources, includeSynonyms: false }));
      const entries = described.resources.flatMap((resource) => resource.configEntries);
      const [minMs, maxMs] = configNames.map((name) =>
        Number(entries.find(({ configName }) => configName === name)?.configValue ?? NaN),
      );
      return minMs === undefined || maxMs === undefined || !(minMs <= maxMs) ? null : { minMs, maxMs };
    } catch (error) {
      if (explainKafkaError(error).code === 'not_authorized') return null;
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#kept, ...this.#keptForOffsets.values()].map((kept) => kept.close()));
  }

  /**
   * null: there is no such topic (any more, or in the eyes of the broker asked: not yet). That is an answer: caught within
   * the question, so that the connection which others share at the moment is not thrown away.
   */
  #partitionsIfThere(topic: string): Promise<PartitionMetadata[] | null> {
    return this.#ask(async (admin) => {
      try {
        return await partitionsOf(admin, topic);
      } catch (error) {
        if (explainKafkaError(error).code === 'topic_missing') return null;
        throw error;
      }
    });
  }

  /** Metadata may name a leader that does not know of it yet, so the leaders themselves are asked. */
  async #isServed(topic: string): Promise<boolean> {
    try {
      const found = await this.#offsetsOf(topic);
      return found.length > 0 && found.every(({ high }) => BigInt(high) >= 0n);
    } catch (error) {
      const { code, retriable } = explainKafkaError(error);
      if (retriable || code === 'topic_missing') return false;
      throw error;
    }
  }

  #committedIn(groupId: string, topic: string): ReturnType<Admin['fetchOffsets']> {
    return this.#askOffsets(topic, (admin) => admin.fetchOffsets({ groupId, topics: [topic] }));
  }

  #offsetsOf(topic: string): ReturnType<Admin['fetchTopicOffsets']> {
    return this.#askOffsets(topic, (admin) => admin.fetchTopicOffsets(topic));
  }

  #askOffsets<T>(topic: string, question: (admin: Admin) => Promise<T>): Promise<T> {
    const kept = this.#keptForOffsets.get(topic) ?? this.#open();
    this.#keptForOffsets.set(topic, kept);
    return kept.ask(question);
  }

  #ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    return this.#kept.ask(question);
  }
}
