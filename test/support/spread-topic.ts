/** A topic of three partitions without replicas, each on a node of its own: one that dies takes its partition with it. */
import kafkajs from 'kafkajs';

/** Partition p lies on node p + 1 alone. */
export async function createSpread(
  brokers: readonly string[],
  topic: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const client = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  const replicaAssignment = [0, 1, 2].map((partition) => ({ partition, replicas: [partition + 1] }));
  const configEntries = Object.entries({ 'min.insync.replicas': '1', ...settings }).map(([name, value]) => ({
    name,
    value,
  }));
  await client.connect();
  await client.createTopics({ waitForLeaders: false, topics: [{ topic, replicaAssignment, configEntries }] });
  await client.disconnect();
}
