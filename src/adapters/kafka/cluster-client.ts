/**
 * kafkajs's cluster without a consumer group: it hands it to an assigner, so a consumer that never runs serves to get one
 * (kafkajs.md 6.1). Nothing of it is left in the brokers, and no right on groups is needed.
 */
import type { Cluster, Kafka } from 'kafkajs';
import { retry } from './connection.ts';

export interface ClusterClient {
  readonly cluster: Cluster;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

export function clusterClient(kafka: Kafka): ClusterClient {
  const handed: Cluster[] = [];
  const consumer = kafka.consumer({
    groupId: 'rollcall-reader-that-never-joins',
    allowAutoTopicCreation: false,
    retry,
    partitionAssigners: [
      ({ cluster }) => {
        handed.push(cluster);
        const refuse = (): never => {
          throw new Error('a reader must not join a group');
        };
        return { name: 'none', version: 0, protocol: refuse, assign: refuse };
      },
    ],
  });
  const [cluster] = handed;
  if (cluster === undefined) throw new Error('kafkajs has made no assigner');
  return { cluster, connect: () => consumer.connect(), disconnect: () => consumer.disconnect() };
}
