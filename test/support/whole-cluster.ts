/** Three brokers that know each other: on a loaded machine a node that has just started may be fenced once more. */
import { expect, vi } from 'vitest';
import type { KafkaVersion } from '../../src/lab/kafka-broker/fetch.ts';
import { type Cluster, startCluster } from '../../src/lab/kafka-broker/start.ts';
import { KafkaAdmin } from '../../src/adapters/kafka/admin.ts';
import { testHost } from './broker.ts';
import { kafkaHost, plaintext } from './kafka-log-harness.ts';

const NODES = 3;

export async function startWholeCluster(version: KafkaVersion): Promise<Cluster> {
  const cluster = await startCluster(NODES, { version }, testHost);
  try {
    await Promise.all(cluster.nodes.map(({ brokers }) => knowsAll(brokers)));
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

async function knowsAll(brokers: readonly string[]): Promise<void> {
  const admin = new KafkaAdmin(plaintext(brokers), kafkaHost);
  try {
    await vi.waitFor(
      async () => {
        const known = await admin.clusterInfo();
        expect(known.brokers).toHaveLength(NODES);
        expect(known.controller).toBeGreaterThan(0);
      },
      { timeout: 60_000, interval: 200 },
    );
  } finally {
    await admin.close();
  }
}
