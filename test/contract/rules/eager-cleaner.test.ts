import { expect, test } from 'vitest';
import { MemoryLog } from '../../../src/adapters/memory-log/memory-log.ts';
import { judgeTopics } from '../../../src/commands/run.ts';
import { findTopics } from '../../../src/commands/topics.ts';
import { COMPACTION_LAG_MIN_MS, refusesRun, topicFindings } from '../../../src/core/topics.ts';
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
  // then it is an error with its mend, of which `run` warns without refusing
  const logger = aLog();
  judgeTopics(findings, logger);
  const isWarned = logger.lines.some(({ fields }) => 'code' in fields && fields.code === 'eager_cleaner');
  expect(isWarned).toBe(codes.length > 0);
  const errors = findings.filter(({ severity }) => severity === 'error');
  expect(errors.map(({ code }) => code)).toEqual(codes);
  expect(errors.filter(refusesRun)).toEqual([]);
  expect(errors.every(({ mend }) => mend.includes(`min.compaction.lag.ms=${COMPACTION_LAG_MIN_MS}`))).toBe(true);
});
