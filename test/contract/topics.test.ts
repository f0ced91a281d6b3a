// `rollcall topics` over the memory log.
import { findTopics, createTopics, topicsExitCode } from '../../src/console/kafka-tools.ts';
import { expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { systemClock, systemRandom } from '../../src/adapters/system.ts';
import { topicFindings } from '../../src/core/log/topics.ts';
import { EXIT } from '../../src/exit-codes.ts';

const names = { source: 'source', retry: 'retry', deadLetter: 'dead', report: 'reports' };
const wish = { partitionCount: 3, replicationFactor: 1 };

test('topics: what `topics create` makes, `topics check` has nothing but the single replica against', async () => {
  const log = new MemoryLog(new MemoryBroker(systemClock, systemRandom), {
    groupId: 'g',
    clientId: 'c',
    topics: { source: 'source', retry: 'retry' },
  });
  expect(topicsExitCode(topicFindings(names, await findTopics(names, log)))).toBe(EXIT.unavailable);

  const created = await createTopics(names, log, wish);
  expect(created.map(({ topic }) => topic)).toEqual(['source', 'retry', 'dead', 'reports']);
  expect(await createTopics(names, log, wish)).toEqual([]);

  const findings = topicFindings(names, await findTopics(names, log));
  expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(['not_replicated']));
  expect(topicsExitCode(findings)).toBe(EXIT.done);
});
