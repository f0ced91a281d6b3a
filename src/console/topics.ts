import type { KafkaConnectionOptions } from '../adapters/kafka/options.ts';
import { ROLES } from '../core/log/topics.ts';
import { refusesRun } from '../core/log/topics.ts';
import type { FoundTopics } from '../core/log/topics.ts';
import type { TopicFinding } from '../core/log/topics.ts';
import type { TopicNames } from '../core/log/topics.ts';
import { EXIT } from '../exit-codes.ts';
import { ExitError } from '../exit-codes.ts';
import type { LogTools } from '../ports.ts';
import type { Logger } from '../ports.ts';
import { createPermitted } from './access.ts';

export type TopicTools = Pick<LogTools, 'describeTopic' | 'createTopic'>;

/** Where a topic may not be made, they say what is missing. */
export const creatingTools = (tools: TopicTools, connection: KafkaConnectionOptions): TopicTools => ({
  describeTopic: (topic) => tools.describeTopic(topic),
  createTopic: (topic) => createPermitted(topic, tools, connection),
});

export async function findTopics(names: TopicNames, tools: Pick<LogTools, 'describeTopic'>): Promise<FoundTopics> {
  const found = await Promise.all(ROLES.map(async (role) => [role, await tools.describeTopic(names[role])] as const));
  return Object.fromEntries(found) as FoundTopics;
}

/** Of a command that uses the topics: logs what is at risk. @throws ExitError for what `topics check` calls an error */
export function judgeTopics(findings: readonly TopicFinding[], logger: Logger): void {
  for (const finding of findings) {
    const { code, topic, message, remedy } = finding;
    if (!refusesRun(finding)) logger.warn({ code, topic, message, remedy }, 'a topic is at risk');
  }
  const refusals = findings.filter(refusesRun);
  if (refusals.length === 0) return;
  const lines = refusals.map(({ message, remedy }) => `${message}\n  ${remedy.replaceAll('\n', '\n  ')}`);
  throw new ExitError(EXIT.unavailable, `the topics cannot be used:\n${lines.join('\n')}`);
}
