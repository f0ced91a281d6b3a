/** Questions about topics, offsets and brokers, over kept connections; and why the brokers do not create a topic. */
import kafkajs, {
  type Admin,
  type Kafka,
  type MemberDescription,
  type PartitionMetadata,
  type SeekEntry,
} from 'kafkajs';
import type { SessionLimits } from '../../core/log/reading.ts';
import type { Bounds, Committed, TopicDescription, TopicSpecification } from '../../ports.ts';
import { pause } from '../../time.ts';
import { KeptClient } from './clients.ts';
import { KafkaFailure, chainOf, explainKafkaError, fieldsOf } from './errors.ts';
import { isLeaderless, NoLeaderError } from './leaders.ts';
import type { KafkaConnectionOptions, KafkaHost } from './options.ts';

const { MemberAssignment } = kafkajs.AssignerProtocol;

export interface ClusterInfo {
  readonly clusterId: string;
  readonly brokers: readonly { readonly nodeId: number; readonly address: string }[];
  readonly controller: number | null;
}

export interface PartitionBounds extends Bounds {
  readonly partition: number;
}

/** As its coordinator has it. */
export interface ConsumerGroup {
  /** Kafka's word: `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty`, `Dead` (there is none). */
  readonly state: string;
  readonly members: readonly GroupMember[];
}

export interface GroupMember {
  readonly memberId: string;
  readonly clientId: string;
  /** Its address, as the coordinator sees it. */
  readonly host: string;
  /** By topic; empty while the group is joined. */
  readonly partitions: ReadonlyMap<string, readonly number[]>;
}

function memberOf({ memberId, clientId, clientHost, memberAssignment }: MemberDescription): GroupMember {
  const assignment = memberAssignment.length === 0 ? null : MemberAssignment.decode(memberAssignment);
  const host = clientHost.replace(/^\//, '');
  return { memberId, clientId, host, partitions: new Map(Object.entries(assignment?.assignment ?? {})) };
}

type Offsets = readonly (SeekEntry & { readonly high: string; readonly low: string })[];

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
  readonly #open: (create: (kafka: Kafka) => Admin) => KeptClient<Admin>;
  /** Questions of this tick: when its fences are written, each partition asks the same. */
  readonly #shared = new Map<string, Promise<unknown>>();

  constructor(connection: KafkaConnectionOptions, host: KafkaHost) {
    this.#host = host;
    this.#open = (create) => new KeptClient({ connection, host, create });
    this.#kept = this.#open((kafka) => kafka.admin());
  }

  /** Connects, so that the first question about offsets of the topic does not wait for it; what fails is for that question to report. */
  prepare(topic: string): void {
    this.#askOffsets(topic, async () => undefined).catch(() => undefined);
  }

  async committed(groupId: string, topic: string, partition: number): Promise<Committed> {
    const found = await this.#share(`committed ${groupId} ${topic}`, () => this.committedIn(groupId, topic));
    const entry = found.get(partition);
    if (entry === undefined) throw new Error(`Kafka tells no committed offset of ${topic}/${partition}`);
    return entry;
  }

  /** By partition; those without a committed offset are left out. */
  async committedOffsets(groupId: string, topic: string): Promise<ReadonlyMap<number, bigint>> {
    const found = await this.committedIn(groupId, topic);
    return new Map([...found].flatMap(([partition, { offset }]) => (offset === null ? [] : [[partition, offset]])));
  }

  /** By partition. A negative offset is what kafkajs writes when it resets an offset (kafkajs.md 2.6): none. */
  async committedIn(groupId: string, topic: string): Promise<ReadonlyMap<number, Committed>> {
    const found = await this.#askOffsets(topic, (admin) => admin.fetchOffsets({ groupId, topics: [topic] }));
    const entries = (found[0]?.partitions ?? []).map(({ partition, offset, metadata }): [number, Committed] => [
      partition,
      BigInt(offset) < 0n ? { offset: null, metadata: '' } : { offset: BigInt(offset), metadata: metadata ?? '' },
    ]);
    return new Map(entries);
  }

  async bounds(topic: string, partition: number): Promise<Bounds> {
    return this.#boundsIn(await this.#share(`bounds ${topic}`, () => this.#offsetsOf(topic)), topic, partition);
  }

  /** In the order of the partitions. @throws NoLeaderError where one has none */
  async boundsOfAll(topic: string, partitions: readonly number[]): Promise<readonly PartitionBounds[]> {
    const offsets = await this.#offsetsOf(topic);
    const bounds = partitions.map(async (partition) => ({
      partition,
      ...(await this.#boundsIn(offsets, topic, partition)),
    }));
    return Promise.all(bounds);
  }

  /** By partition: of the first record since then, in epoch ms; the end of those that have none (kafkajs says so instead of -1). */
  async offsetsSince(topic: string, timestamp: number): Promise<ReadonlyMap<number, bigint>> {
    const found = await this.#askOffsets(topic, (admin) => admin.fetchTopicOffsetsByTimestamp(topic, timestamp));
    const offsets = found.map(({ partition, offset }) => [partition, BigInt(offset)] as const);
    return new Map(offsets.filter(([, offset]) => offset >= 0n));
  }

  /** By partition; those without a leader are left out. */
  async boundsWhereLed(topic: string): Promise<ReadonlyMap<number, Bounds>> {
    const found = await this.#offsetsOf(topic);
    const bounds = found.map(({ partition, low, high }): [number, Bounds] => [
      partition,
      { start: BigInt(low), end: BigInt(high) },
    ]);
    return new Map(bounds.filter(([, { end }]) => end >= 0n));
  }

  async consumerGroup(groupId: string): Promise<ConsumerGroup> {
    const { groups } = await this.#kept.ask((admin) => admin.describeGroups([groupId]));
    const { state = 'Dead', members = [] } = groups[0] ?? {};
    return { state, members: members.map(memberOf) };
  }

  /** @throws where the topic does not exist. */
  async partitions(topic: string): Promise<PartitionMetadata[]> {
    return this.#kept.ask((admin) => partitionsOf(admin, topic));
  }

  async describeTopic(topic: string): Promise<TopicDescription | null> {
    const partitions = await this.#partitionsIfThere(topic);
    if (partitions === null) return null;
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }];
    const described = await this.#kept.ask((admin) => admin.describeConfigs({ resources, includeSynonyms: false }));
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
    const created = await this.#kept.ask(async (admin) => {
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
    const { clusterId, brokers, controller } = await this.#kept.ask((admin) => admin.describeCluster());
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
      const described = await this.#kept.ask((admin) => admin.describeConfigs({ resources, includeSynonyms: false }));
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
    return this.#kept.ask(async (admin) => {
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

  /** The error is thrown outside of a question, which gives up the connection of what it throws. */
  async #boundsIn(offsets: Offsets, topic: string, partition: number): Promise<Bounds> {
    const found = offsets.find((each) => each.partition === partition);
    const [start, end] = [BigInt(found?.low ?? -1), BigInt(found?.high ?? -1)];
    if (start >= 0n && end >= 0n) return { start, end };
    const partitions = await this.partitions(topic);
    const leaderless = partitions.find(({ partitionId }) => partitionId === partition);
    throw leaderless === undefined
      ? new Error(`Kafka tells no offsets of ${topic}/${partition}`)
      : new NoLeaderError(topic, leaderless);
  }

  #offsetsOf(topic: string): Promise<Offsets> {
    return this.#askOffsets(topic, (admin) => admin.fetchTopicOffsets(topic));
  }

  #share<T>(name: string, question: () => Promise<T>): Promise<T> {
    const asked = this.#shared.get(name);
    if (asked !== undefined) return asked as Promise<T>;
    const answer = question();
    this.#shared.set(name, answer);
    process.nextTick(() => this.#shared.delete(name));
    return answer;
  }

  #askOffsets<T>(topic: string, question: (admin: Admin) => Promise<T>): Promise<T> {
    return this.#keptFor(topic).ask(question);
  }

  #keptFor(topic: string): KeptClient<Admin> {
    const kept = this.#keptForOffsets.get(topic) ?? this.#open((kafka) => readingMetadataFirst(topic, kafka.admin()));
    this.#keptForOffsets.set(topic, kept);
    return kept;
  }
}

/** An admin that has asked for no metadata knows no broker, fails to find a coordinator, and tries again after 0.1 s (kafkajs.md 1.9). */
function readingMetadataFirst(topic: string, admin: Admin): Admin {
  const connect = async (): Promise<void> => {
    await admin.connect();
    await partitionsOf(admin, topic);
  };
  return { ...admin, connect };
}

/** @throws where the topic does not exist. */
async function partitionsOf(admin: Admin, topic: string): Promise<PartitionMetadata[]> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  return topics.find(({ name }) => name === topic)?.partitions ?? [];
}

/** By what the protocol calls it. Of others (permissions, a broker that is not there) `explainKafkaError` knows more. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  [
    'INVALID_TOPIC_EXCEPTION',
    'There is a topic whose name differs from it by dots and underscores alone, which Kafka does not permit: choose another name.',
  ],
  [
    'POLICY_VIOLATION',
    'A policy of the brokers (create.topic.policy.class.name) forbids it: create it by their own tools as the policy wants it; ' +
      '`rollcall topics check` says what Rollcall needs of it.',
  ],
  [
    'INVALID_REPLICATION_FACTOR',
    'Name with --replication-factor as many replicas as the cluster admits: at most one for each of its brokers.',
  ],
  ['INVALID_PARTITIONS', 'Name with --partitions as many as the cluster admits.'],
  [
    'INVALID_CONFIG',
    'The brokers do not know one of its settings, or refuse its value: create it by their own tools; `rollcall topics check` ' +
      'says what Rollcall needs of it.',
  ],
]);

/**
 * kafkajs gathers the errors of a creation in one that names no reason, and drops the brokers' own words.
 * What to throw instead; the error itself where nothing more is known of it.
 */
export function topicRefused(topic: string, error: unknown): unknown {
  for (const { type, message } of chainOf(error).map(fieldsOf)) {
    const advice = REFUSALS.get(type);
    if (advice === undefined) continue;
    const reason = `the topic ${topic} is not created: ${message.replace(/\.$/, '')} (${type})`;
    return new KafkaFailure({ code: 'topic_refused', message: reason, advice }, { cause: error });
  }
  return error;
}
