/**
 * Instances of one consumer group that read different topics, such as an old and a new release of which one has another
 * SOURCE_TOPIC. The instance that leads the group gives partitions of its own topics only, and only to those that read the
 * same. To the others it gives its topics without partitions: kafkajs tells them of it, which is how they can say why.
 */
import type { Consumer, GroupMember } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { KafkaHost } from './options.ts';

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
      host.log.error({ group: groupId, topics, others: this.#found, advice: this.#advice }, OTHERS);
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
