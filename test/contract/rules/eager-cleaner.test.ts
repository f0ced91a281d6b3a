import { findTopics, judgeTopics, topicsExitCode } from '../../../src/console/kafka-tools.ts';
import { expect, test } from 'vitest';
import { MemoryLog } from '../../../src/adapters/memory-log/memory-log.ts';
import { COMPACTION_LAG_MIN_MS, refusesRun, topicFindings } from '../../../src/core/log/topics.ts';
import { EXIT } from '../../../src/exit-codes.ts';
import { aLog } from '../../support/genesys.ts';
import { aWorld, topics } from '../../support/world.ts';

test.each([
  ['0', ['eager_cleaner']],
  ['86399999', ['eager_cleaner']],
  [String(COMPACTION_LAG_MIN_MS), []],
])('eager-cleaner: min.compaction.lag.ms=%s is found: %j', async (lagMs, codes) => {
  // given a retry topic with this lag
  const { broker } = await aWorld();
  broker.deleteTopic(topics.retry);
  const settings = { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': lagMs };
  broker.createTopic({ topic: topics.retry, partitionCount: 1, replicationFactor: 1, settings });
  const log = new MemoryLog(broker, { groupId: 'none', clientId: 'command', topics });
  // when the topics are looked at
  const findings = topicFindings(topics, await findTopics(topics, log)).filter(({ topic }) => topic === topics.retry);
  // then it is a warning with its remedy, for `topics check` and for `run`
  const logger = aLog();
  judgeTopics(findings, logger);
  const isWarned = logger.lines.some(({ fields }) => 'code' in fields && fields.code === 'eager_cleaner');
  expect(isWarned).toBe(codes.length > 0);
  const warnings = findings.filter(({ code }) => code === 'eager_cleaner');
  expect(warnings.map(({ code }) => code)).toEqual(codes);
  expect(findings.filter(refusesRun)).toEqual([]);
  expect(topicsExitCode(findings)).toBe(EXIT.done);
  expect(warnings.every(({ remedy }) => remedy.includes(`min.compaction.lag.ms=${COMPACTION_LAG_MIN_MS}`))).toBe(true);
});
