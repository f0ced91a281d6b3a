/** The memory log in real time, with a session that is short enough to wait for. */
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { systemClock, systemRandom } from '../../src/adapters/system.ts';
import type { ChangeLog } from '../../src/ports.ts';
import type { ChangeLogHarness, LogUnderTest } from './change-log/driver.ts';

const sessionTimeoutMs = 600;
const heartbeatIntervalMs = 20;

export const memoryLogHarness: ChangeLogHarness = {
  canCompact: true,
  open: async (partitionCount) => openMemoryLog(partitionCount),
};

function openMemoryLog(partitionCount: number): LogUnderTest {
  const broker = new MemoryBroker(systemClock, systemRandom);
  const topics = { source: 'source', retry: 'retry' };
  const shape = { partitionCount, replicationFactor: 1 };
  broker.createTopic({ topic: 'source', ...shape, settings: {} });
  broker.createTopic({ topic: 'retry', ...shape, settings: { 'cleanup.policy': 'compact' } });
  broker.createTopic({ topic: 'output', ...shape, settings: {} });
  const logs: MemoryLog[] = [];
  const make = (clientId: string): MemoryLog => {
    const log = new MemoryLog(broker, { groupId: 'group', clientId, topics, sessionTimeoutMs, heartbeatIntervalMs });
    logs.push(log);
    return log;
  };
  const own = (log: ChangeLog): MemoryLog => logs.find((one) => one === log) ?? make('unknown');
  return {
    sourceTopic: 'source',
    retryTopic: 'retry',
    outputTopic: 'output',
    tools: make('tools'),
    instance: async () => make('instance'),
    kill: async (log) => own(log).crash(),
    evict: async (log) => {
      const before = broker.group('group').memberIds;
      own(log).freeze();
      const isDropped = (): boolean =>
        broker.group('group').memberIds.some((id) => !before.includes(id)) ||
        broker.group('group').memberIds.length < before.length;
      while (!isDropped()) await new Promise<void>((resolve) => setImmediate(resolve));
      own(log).thaw();
    },
    recreateSource: async () => broker.recreateTopic('source'),
    compactRetry: async () => {
      broker.compact('retry', { forced: true });
      broker.compact('retry', { forced: true });
    },
    stop: async () => {
      for (const log of logs) await log.leave();
    },
  };
}
