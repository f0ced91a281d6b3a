/** LogTools on Kafka: what commands need besides the pipeline's work. No consumer group is involved. */
import type { Broker, Cluster } from 'kafkajs';
import type { Permitted, Resource } from '../../core/log/authorization.ts';
import type { SessionLimits } from '../../core/log/reading.ts';
import type {
  Bounds,
  Commit,
  Committed,
  LogTools,
  OutRecord,
  ReadOptions,
  SendOutcome,
  TopicRecord,
} from '../../ports.ts';
import { KafkaAdmin, type ClusterInfo, type ConsumerGroup, type PartitionBounds } from './admin.ts';
import { aheadIn, topicIdsFrom } from './direct-fetch.ts';
import { permittedOperations } from './newer-requests.ts';
import { KeptClient, clusterClient, type ClusterClient } from './clients.ts';
import { chainOf, explainKafkaError, fieldsOf, isOfCoordinator, messageOf, type KafkaFault } from './errors.ts';
import type { NoLeaderError } from './leaders.ts';
import type { KafkaConnectionOptions, KafkaHost } from './options.ts';
import { patiently } from './patiently.ts';
import { TopicReader } from './reader.ts';
import { Sender } from './sender.ts';

export interface KafkaLogTools extends LogTools {
  /** For `doctor`; it fails for every reason for which a log would, see explainKafkaError. */
  clusterInfo(): Promise<ClusterInfo>;
  /** By partition, of a consumer group that this client need not be in. */
  committedOffsets(groupId: string, topic: string): Promise<ReadonlyMap<number, bigint>>;
  /** In the order of the partitions. @throws NoLeaderError where one has none */
  boundsOfAll(topic: string, partitions: readonly number[]): Promise<readonly PartitionBounds[]>;
  /** By partition; those without a leader are left out. */
  boundsWhereLed(topic: string): Promise<ReadonlyMap<number, Bounds>>;
  /** By partition: the timestamp, epoch ms, of the first record from there on; those that have none, or cannot be read now, are left out. */
  timestampsAt(topic: string, from: ReadonlyMap<number, bigint>): Promise<ReadonlyMap<number, number>>;
  /** As Kafka's own tools print it; null: the broker does not tell. A topic that is made again has another. */
  topicId(topic: string): Promise<string | null>;
  consumerGroup(groupId: string): Promise<ConsumerGroup>;
  /** By partition, with their metadata. */
  committedIn(groupId: string, topic: string): Promise<ReadonlyMap<number, Committed>>;
  /** By partition: of the first record since then, in epoch ms; the end of those that have none. */
  offsetsSince(topic: string, timestamp: number): Promise<ReadonlyMap<number, bigint>>;
  /** @throws GroupInUseError where the group has members: the brokers refuse all of it then */
  commitWithoutMembers(groupId: string, topic: string, commits: readonly Commit[]): Promise<void>;
  /** For `doctor`; null: the broker does not say, or not to this user. */
  sessionLimits(nodeId: number): Promise<SessionLimits | null>;
  /** For `doctor`: those that the cluster names and that cannot be connected to. */
  unreachableBrokers(): Promise<readonly UnreachableBroker[]>;
  /** For `doctor`; nothing where the topic is missing. */
  leaderless(topic: string): Promise<readonly NoLeaderError[]>;
  /** The error, or what stands behind it where kafkajs does not tell. */
  diagnosed(error: unknown): Promise<unknown>;
  /** In the order of the resources. */
  permitted(resources: readonly Resource[]): Promise<readonly Permitted[]>;
}

export function createLogTools(connection: KafkaConnectionOptions, host: KafkaHost): KafkaLogTools {
  return new Tools(connection, host);
}

/** Of a commit by none of the group's members. */
const NO_MEMBERSHIP = { groupGenerationId: -1, memberId: '' };
/** What the brokers answer to it while the group has members (kafkajs.md 5.4). */
const IN_USE: ReadonlySet<string> = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS']);

export class GroupInUseError extends Error {
  override readonly name = 'GroupInUseError';

  constructor(groupId: string, options?: ErrorOptions) {
    super(`the consumer group ${groupId} has members`, options);
  }
}

/**
 * Of one question: no try begins later than that after the first. A try may take longer: where no broker has a coordinator, kafkajs itself
 * asks each of them for about 2 s. `status` asks two questions and waits 10 s in all, so its error says why where the first one fails by then.
 */
const COORDINATOR_LIMIT_MS = 7_000;

/** What may come of an address that the cluster names. */
const unclear: ReadonlySet<KafkaFault> = new Set(['refused', 'unknown_host', 'timeout', 'closed', 'unavailable']);

class Tools extends KafkaAdmin implements KafkaLogTools {
  readonly #connection: KafkaConnectionOptions;
  readonly #host: KafkaHost;
  readonly #sender: Sender;
  readonly #cluster: KeptClient<ClusterClient>;

  constructor(connection: KafkaConnectionOptions, host: KafkaHost) {
    super(connection, host);
    this.#connection = connection;
    this.#host = host;
    this.#cluster = new KeptClient({ connection, host, create: clusterClient });
    this.#sender = new Sender({ connection, host, partitionsOf: (topic) => this.partitions(topic) });
  }

  permitted(resources: readonly Resource[]): Promise<readonly Permitted[]> {
    return this.#cluster.ask(({ cluster }) => permittedOperations(cluster, resources));
  }

  async timestampsAt(topic: string, from: ReadonlyMap<number, bigint>): Promise<ReadonlyMap<number, number>> {
    const bounds = await this.boundsWhereLed(topic);
    const ahead = await this.#cluster.ask(async ({ cluster }) => {
      await cluster.addTargetTopic(topic);
      return aheadIn(cluster, topic, { from, bounds });
    });
    return new Map(
      [...ahead].flatMap(([partition, { first }]) => (first === null ? [] : [[partition, first.timestamp]])),
    );
  }

  topicId(topic: string): Promise<string | null> {
    return this.#cluster.ask(async ({ cluster }) => {
      await cluster.addTargetTopic(topic);
      const [id = null] = await topicIdsFrom(cluster, [topic]);
      return id;
    });
  }

  override committedIn(groupId: string, topic: string): Promise<ReadonlyMap<number, Committed>> {
    return this.#askCoordinator(() => super.committedIn(groupId, topic));
  }

  override consumerGroup(groupId: string): Promise<ConsumerGroup> {
    return this.#askCoordinator(() => super.consumerGroup(groupId));
  }

  async commitWithoutMembers(groupId: string, topic: string, commits: readonly Commit[]): Promise<void> {
    const partitions = commits.map(({ partition, offset, metadata }) => ({
      partition,
      offset: String(offset),
      metadata,
    }));
    const request = { groupId, ...NO_MEMBERSHIP, topics: [{ topic, partitions }] };
    try {
      await this.#askCoordinator(() =>
        this.#cluster.ask(async ({ cluster }) => {
          const coordinator = await cluster.findGroupCoordinator({ groupId });
          await coordinator.offsetCommit(request);
        }),
      );
    } catch (error) {
      throw chainOf(error).some((each) => IN_USE.has(fieldsOf(each).type))
        ? new GroupInUseError(groupId, { cause: error })
        : error;
    }
  }

  /** A broker that has just started loads its groups first, and kafkajs does not wait for it (kafkajs.md 1.10). After `close` none is tried. */
  #askCoordinator<T>(question: () => Promise<T>): Promise<T> {
    const { clock } = this.#host;
    return patiently(question, { clock, limitMs: COORDINATOR_LIMIT_MS, mayPass: isOfCoordinator });
  }

  unreachableBrokers(): Promise<readonly UnreachableBroker[]> {
    return this.#cluster.ask(unreachableBrokers);
  }

  async diagnosed(failure: unknown): Promise<unknown> {
    if (!unclear.has(explainKafkaError(failure).code)) return failure;
    const found = await this.unreachableBrokers().catch(() => []);
    const advertised = found.filter(({ address }) => !this.#connection.brokers.includes(address));
    return advertised.length === 0 ? failure : new AdvertisedAddressError(advertised, { cause: failure });
  }

  read(topic: string, options: ReadOptions): AsyncIterable<TopicRecord> {
    return new TopicReader(topic, this.#connection, this.#host).read(options);
  }

  send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]> {
    return this.#sender.send(records);
  }

  override async close(): Promise<void> {
    await Promise.all([this.#sender.close(), super.close(), this.#cluster.close()]);
  }
}

/** A broker that the cluster names, and that cannot be connected to from here. */
export interface UnreachableBroker {
  readonly nodeId: number;
  readonly address: string;
  readonly error: unknown;
}

/** What kafkajs has of a cluster, and does not show. */
type OpenCluster = Cluster & {
  readonly brokerPool: {
    readonly brokers: Readonly<Record<string, Broker>>;
    readonly metadata: {
      readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
    };
  };
};

/**
 * Clients reach a cluster by KAFKA_BROKERS, and are sent to the addresses that its brokers advertise. kafkajs does not tell
 * one from the other, and drops why a broker cannot be connected to (kafkajs.md 1.6), so each is tried once.
 * @throws what kafkajs throws where none of KAFKA_BROKERS answers
 */
async function unreachableBrokers({ cluster }: ClusterClient): Promise<readonly UnreachableBroker[]> {
  await cluster.refreshMetadata();
  const { brokerPool } = cluster as OpenCluster;
  const tried = brokerPool.metadata.brokers.map(async ({ nodeId, host, port }) => {
    try {
      await brokerPool.brokers[nodeId]?.connect();
      return [];
    } catch (error) {
      return [{ nodeId, address: `${host}:${port}`, error }];
    }
  });
  return (await Promise.all(tried)).flat();
}

export class AdvertisedAddressError extends Error {
  override readonly name = 'AdvertisedAddressError';

  constructor(brokers: readonly UnreachableBroker[], options?: ErrorOptions) {
    super(brokers.map(unreachableText).join('; '), options);
  }
}

export const unreachableText = ({ nodeId, address, error }: UnreachableBroker): string =>
  `broker ${nodeId} advertises ${address}, which cannot be reached from here: ${messageOf(error)}`;
