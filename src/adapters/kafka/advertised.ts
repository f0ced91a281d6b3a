/**
 * Clients reach a cluster by KAFKA_BROKERS, and are sent to the addresses that its brokers advertise. kafkajs does not tell
 * one from the other, and drops why a broker cannot be connected to (kafkajs.md 1.6).
 */
import type { Broker, Cluster } from 'kafkajs';
import type { ClusterClient } from './clients.ts';
import { messageOf } from './errors.ts';

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

/** Tries each once. @throws what kafkajs throws where none of KAFKA_BROKERS answers */
export async function unreachableBrokers({ cluster }: ClusterClient): Promise<readonly UnreachableBroker[]> {
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
