/** A topic of ids in this process, and records for it. */
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { systemClock, systemRandom } from '../../src/adapters/system.ts';
import type { LogTools, OutRecord } from '../../src/ports.ts';
import type { IdRow } from './id-map-suite.ts';
import { atEnd } from './genesys.ts';

export const TOPIC = 'rollcall.ids';

export const keyed = (key: string | null, value: IdRow | string | null, topic = TOPIC): OutRecord => ({
  topic,
  partition: null,
  key,
  value: value === null || typeof value === 'string' ? value : JSON.stringify(value),
  headers: [],
});

export async function aTableTopic(
  settings: Readonly<Record<string, string>> = { 'cleanup.policy': 'compact' },
): Promise<LogTools> {
  const broker = new MemoryBroker(systemClock, systemRandom);
  const topics = { source: 'source', retry: 'retry' };
  const log = new MemoryLog(broker, { groupId: 'ids', clientId: 'ids', topics });
  await log.createTopic({ topic: TOPIC, partitionCount: 3, replicationFactor: 1, settings });
  atEnd(() => log.close());
  return log;
}
