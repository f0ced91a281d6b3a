/** What commands ask of the topics: to be found, to be created, and to be fit for use. */
import type { KafkaConnectionOptions } from '../adapters/kafka/options.ts';
import {
  newTopics,
  refusesRun,
  ROLES,
  type FoundTopics,
  type NewTopic,
  type TopicFinding,
  type TopicNames,
  type TopicWish,
} from '../core/log/topics.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { Logger, LogTools } from '../ports.ts';
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

/** Returns those that were created; another process may have been quicker. */
export async function createTopics(
  names: TopicNames,
  tools: TopicTools,
  wish: TopicWish,
): Promise<readonly NewTopic[]> {
  const created: NewTopic[] = [];
  for (const topic of newTopics(names, await findTopics(names, tools), wish)) {
    if ((await tools.createTopic(topic)) === 'created') created.push(topic);
  }
  return created;
}

/** 69 if a finding is an error. */
export const topicsExitCode = (findings: readonly TopicFinding[]): ExitCode =>
  findings.some(refusesRun) ? EXIT.unavailable : EXIT.done;
