/** What a consumer group has committed of a topic, as an operator sees and sets it; the group must be empty. */
import kafkajs from 'kafkajs';

export interface GroupTopic {
  readonly brokers: readonly string[];
  readonly groupId: string;
  readonly topic: string;
}

type Commits = readonly { readonly partition: number; readonly offset: string; readonly metadata: string | null }[];

export async function withAdmin<T>(brokers: readonly string[], work: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
  const admin = clientOf(brokers).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

export async function commitsOf({ brokers, groupId, topic }: GroupTopic): Promise<Commits> {
  const found = await withAdmin(brokers, (admin) => admin.fetchOffsets({ groupId, topics: [topic] }));
  return found.flatMap(({ partitions }) => partitions).filter(({ offset }) => Number(offset) >= 0);
}

/** The broker forgets what is committed of a deleted topic; a late commit, or a mirror of the group, brings it back. */
export async function commitAgain({ brokers, groupId, topic }: GroupTopic, commits: Commits): Promise<void> {
  const consumer = clientOf(brokers).consumer({ groupId });
  const isMember = new Promise<void>((resolve) => void consumer.on('consumer.group_join', () => resolve()));
  await consumer.connect();
  await consumer.subscribe({ topic });
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: async () => undefined });
  await isMember;
  await consumer.commitOffsets(commits.map((commit) => ({ ...commit, topic })));
  await consumer.disconnect();
}

/** As `kafka-consumer-groups.sh --reset-offsets --to-earliest --execute`. */
export const resetOffsets = ({ brokers, groupId, topic }: GroupTopic): Promise<void> =>
  withAdmin(brokers, (admin) => admin.resetOffsets({ groupId, topic, earliest: true }));

const clientOf = (brokers: readonly string[]): kafkajs.Kafka =>
  new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
