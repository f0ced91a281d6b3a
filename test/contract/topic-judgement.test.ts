// `topics check`, `run` and `ingest` judge one finding in one way.
import { findTopics, judgeTopics, topicsExitCode } from '../../src/console/kafka-tools.ts';
import { describe, expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { systemClock, systemRandom } from '../../src/adapters/system.ts';
import { IngestReadiness, topicsAreRight } from '../../src/console/ingest-setup.ts';
import { newTopics, topicFindings, type TopicRole } from '../../src/core/log/topics.ts';
import { EXIT, ExitError } from '../../src/exit-codes.ts';
import { aLog } from '../support/genesys.ts';

const names = { source: 'changes', retry: 'retry', deadLetter: 'dead', report: 'reports' };
const none = { source: null, retry: null, deadLetter: null, report: null };

/** As they are created, but for one. */
async function topicsBut(role: TopicRole, settings: Record<string, string> | null, partitionCount = 3) {
  const broker = new MemoryBroker(systemClock, systemRandom);
  for (const topic of newTopics(names, none, { partitionCount: 3, replicationFactor: 1 })) {
    if (topic.topic !== names[role]) broker.createTopic(topic);
    else if (settings !== null)
      broker.createTopic({ ...topic, partitionCount, settings: { ...topic.settings, ...settings } });
  }
  const tools = new MemoryLog(broker, { groupId: 'g', clientId: 'c', topics: names });
  return { tools, findings: topicFindings(names, await findTopics(names, tools)) };
}

const compact = { 'cleanup.policy': 'compact' };

function exitOf(work: () => void): number {
  try {
    work();
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    return error.code;
  }
}

describe.each<[string, TopicRole, Record<string, string> | null, number]>([
  ['a compacted source', 'source', compact, 3],
  ['a source that is compacted and deleted', 'source', { 'cleanup.policy': 'compact,delete' }, 3],
  ['a compacted report topic', 'report', compact, 3],
  ['a compacted dead-letter topic', 'deadLetter', compact, 3],
  ['a retry topic that is not compacted', 'retry', { 'cleanup.policy': 'delete' }, 3],
  ['a retry topic that is compacted and deleted', 'retry', { 'cleanup.policy': 'compact,delete' }, 3],
  ['a retry topic with more partitions', 'retry', {}, 4],
  ['a missing source', 'source', null, 3],
  ['a missing report topic', 'report', null, 3],
  ['a short compaction lag', 'retry', { 'min.compaction.lag.ms': '1000' }, 3],
  ['a short retention', 'source', { 'retention.ms': '3600000' }, 3],
  ['a small dead-letter topic', 'deadLetter', { 'max.message.bytes': '2000' }, 3],
])('topics check: %s', (_, role, settings, partitionCount) => {
  test('ends `run` as it fails `topics check`', async () => {
    // given
    const { findings } = await topicsBut(role, settings, partitionCount);
    const logger = aLog();
    // when, then
    const checked = topicsExitCode(findings);
    expect(exitOf(() => judgeTopics(findings, logger))).toBe(checked);
    const warned = logger.lines.filter(({ message }) => message === 'a topic is at risk');
    expect(warned).toHaveLength(findings.filter(({ severity }) => severity === 'warning').length);
  });

  test('ends `ingest` likewise where it writes to the topic', async () => {
    // given
    const { findings, tools } = await topicsBut(role, settings, partitionCount);
    const used = findings.filter(({ topic }) => topic === names.source || topic === names.deadLetter);
    const context = { clock: systemClock, random: systemRandom, stop: new AbortController().signal };
    // when
    const started = topicsAreRight(
      { topics: names, ingest: { topic: null } },
      { context, logger: aLog(), tools, readiness: new IngestReadiness() },
    );
    // then
    if (topicsExitCode(used) === EXIT.done) expect(await started).toBe(true);
    else await expect(started).rejects.toMatchObject({ code: EXIT.unavailable });
  });
});

test('topics check: `ingest` judges INGEST_TOPIC in place of the source', async () => {
  const { tools } = await topicsBut('source', {});
  const context = { clock: systemClock, random: systemRandom, stop: new AbortController().signal };
  const at = (topic: string) =>
    topicsAreRight(
      { topics: names, ingest: { topic } },
      { context, logger: aLog(), tools, readiness: new IngestReadiness() },
    );
  await expect(at('elsewhere')).rejects.toThrow(/Kafka has no topic elsewhere.\n.*rollcall topics create/);
  await expect(at('retry')).rejects.toThrow('retry is compacted');
  expect(await at('reports')).toBe(true);
});
