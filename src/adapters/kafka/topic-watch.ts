/**
 * Notices that a topic was deleted and recreated under a consumer: kafkajs goes on in the new topic at the offset that
 * it had reached in the old one, and reports nothing (kafkajs.md 2.11). And why the brokers do not create a topic:
 * kafkajs gathers the errors in one that names no reason, and drops the brokers' own words.
 */
import kafkajs from 'kafkajs';
import type { Cluster, Consumer, GroupMember } from 'kafkajs';
import type { Clock } from '../../ports.ts';
import { KafkaFailure, chainOf, traitOf } from './errors.ts';
import { topicIdsFrom } from './inspection.ts';
import { isLeaderless } from './leaders.ts';
import type { KafkaHost } from './options.ts';

const lookIntervalMs = 5_000;

export class TopicWatch {
  readonly #topic: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #cluster: () => Cluster | undefined;
  #readId: string | null = null;
  #presentId: string | null = null;
  #lookedAt: number;
  #isLooking = false;

  /** @param cluster undefined while nothing is assigned. */
  constructor(topic: string, clock: Pick<Clock, 'now'>, cluster: () => Cluster | undefined) {
    this.#topic = topic;
    this.#clock = clock;
    this.#cluster = cluster;
    this.#lookedAt = clock.now().monotonic;
  }

  /** Reading begins in the topic of this id. */
  begins(id: string | null): void {
    this.#readId = this.#presentId = id;
  }

  /** The present topic is the one that is read from now on. */
  follow(): void {
    this.#readId = this.#presentId;
  }

  /** Of the topic that is read; null: not known. */
  get topicId(): string | null {
    return this.#readId;
  }

  /** The reason to join again, null where there is none. */
  fault(): string | null {
    return this.#readId === null || this.#presentId === null || this.#presentId === this.#readId
      ? null
      : `the topic ${this.#topic} was deleted and recreated`;
  }

  /** Asks from time to time. An unanswered question is no fault. */
  look(): void {
    const cluster = this.#cluster();
    const now = this.#clock.now().monotonic;
    if (cluster === undefined || this.#isLooking || now - this.#lookedAt < lookIntervalMs) return;
    this.#lookedAt = now;
    this.#isLooking = true;
    const readId = this.#readId;
    void this.#idIn(cluster)
      .then((id) => {
        if (readId === this.#readId) this.#presentId = id;
      })
      .catch(() => undefined)
      .finally(() => {
        this.#isLooking = false;
      });
  }

  /** Any leader of the topic knows it; the first partition may have none. */
  async #idIn(cluster: Cluster): Promise<string | null> {
    const led = cluster.findTopicPartitionMetadata(this.#topic).find((partition) => !isLeaderless(partition));
    const [id = null] = await topicIdsFrom(cluster, [this.#topic], led?.partitionId);
    return id;
  }
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

/** What to throw instead; the error itself where nothing more is known of it. */
export function topicRefused(topic: string, error: unknown): unknown {
  for (const { type, message } of chainOf(error).map(traitOf)) {
    const advice = REFUSALS.get(type);
    if (advice === undefined) continue;
    const reason = `the topic ${topic} is not created: ${message.replace(/\.$/, '')} (${type})`;
    return new KafkaFailure({ code: 'topic_refused', message: reason, advice }, { cause: error });
  }
  return error;
}

/*
 * Instances of one consumer group that read different topics, such as an old and a new release of which one has another
 * SOURCE_TOPIC. The instance that leads the group gives partitions of its own topics only, and only to those that read the
 * same. To the others it gives its topics without partitions: kafkajs tells them of it, which is how they can say why.
 */

export interface OwnTopics {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** What sets them. */
  readonly settings: string;
  readonly groupSetting: string;
}

/** Of one consumer: the topics of the leader that it does not read, in the present generation. */
export class OtherTopics {
  readonly #own: OwnTopics;
  #found: readonly string[] = [];

  constructor(consumer: Consumer, host: KafkaHost, own: OwnTopics) {
    this.#own = own;
    consumer.on(consumer.events.RECEIVED_UNSUBSCRIBED_TOPICS, ({ payload: { topicsNotSubscribed } }) => {
      this.#found = topicsNotSubscribed;
      const { groupId, topics } = own;
      host.logger.error({ group: groupId, topics, others: this.#found, advice: this.#advice }, OTHERS);
    });
  }

  /** A JoinGroup request is being built. */
  joining(): void {
    this.#found = [];
  }

  /** The leader reads topics that this one does not read, and gives it nothing. */
  get isExcluded(): boolean {
    return this.#found.length > 0;
  }

  /** Why this instance reads nothing, with the remedy. */
  obstacles(): readonly string[] {
    if (!this.isExcluded) return [];
    const { groupId, topics } = this.#own;
    const which = `${this.#found.join(' and ')}, this one reads ${topics.join(' and ')}`;
    return [
      `the consumer group ${groupId} is led by an instance that reads ${which}: nothing is read. ${this.#advice}`,
    ];
  }

  get #advice(): string {
    const { settings, groupSetting } = this.#own;
    return `Give all instances of the group the same ${settings}, or those with other topics another ${groupSetting}. To change the topics, stop all instances first.`;
  }
}

const OTHERS = 'the consumer group is led by an instance that reads other topics, this one gets no partitions';

/** @param topics of the leader. A subscription that cannot be read counts as the same. */
export function readsTopics({ memberMetadata }: GroupMember, topics: readonly string[]): boolean {
  const subscribed = subscribedBy(memberMetadata);
  return (
    subscribed === null || (subscribed.length === topics.length && topics.every((each) => subscribed.includes(each)))
  );
}

function subscribedBy(metadata: Buffer): readonly string[] | null {
  try {
    return kafkajs.AssignerProtocol.MemberMetadata.decode(metadata)?.topics ?? null;
  } catch {
    return null;
  }
}
