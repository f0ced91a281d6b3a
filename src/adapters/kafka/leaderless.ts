/**
 * Partitions without a leader, as they are where every replica is down. kafkajs 2.2.4 takes one of them for a failure of the
 * whole question, so that no partition of any topic asked about can be written to; here they are told like the others.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import type { PartitionMetadata } from 'kafkajs';
import { LEADER_NOT_AVAILABLE } from './produce-results.ts';

interface Metadata {
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number;
    readonly partitionMetadata: readonly PartitionMetadata[];
  }[];
}

interface Response {
  parse(data: Metadata): Promise<Metadata>;
}

const load = createRequire(import.meta.url);
const VERSIONS = [0, 1, 2, 3, 4, 5, 6];

const wanted = new AsyncLocalStorage<true>();
let isInstalled = false;

/** @param ask the metadata that it reads name partitions without a leader too; a consumer asks without it, and waits for one. */
export function tellLeaderless<T>(ask: () => Promise<T>): Promise<T> {
  install();
  return wanted.run(true, ask);
}

export const isLeaderless = ({ leader }: PartitionMetadata): boolean => leader < 0;

/** For the whole process. */
function install(): void {
  if (isInstalled) return;
  isInstalled = true;
  for (const version of VERSIONS) {
    const response = load(`kafkajs/src/protocol/requests/metadata/v${version}/response`) as Response;
    const { parse } = response;
    response.parse = async (data) => {
      if (wanted.getStore() === true) await parse(withLeadersOnly(data));
      else await parse(data);
      return data;
    };
  }
}

/** Any other error stays one. */
const withLeadersOnly = (data: Metadata): Metadata => ({
  ...data,
  topicMetadata: data.topicMetadata.map((topic) => ({
    ...topic,
    partitionMetadata: topic.partitionMetadata.filter((one) => one.partitionErrorCode !== LEADER_NOT_AVAILABLE),
  })),
});
