/** `rollcall topics create|check`: core/topics.ts decides, this file asks the brokers and tells. */
import { Command } from 'commander';
import type { KafkaConnectionOptions } from '../adapters/kafka/options.ts';
import { lookingAt, type Need } from '../core/authorization.ts';
import {
  newTopics,
  refusesRun,
  ROLES,
  topicFindings,
  type FoundTopics,
  type NewTopic,
  type TopicFinding,
  type TopicNames,
  type TopicWish,
} from '../core/topics.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { LogTools, Logger } from '../ports.ts';
import { createPermitted } from './access.ts';
import { wholeNumber } from './arguments.ts';
import { print, printJson, type Host } from './host.ts';
import { withLogTools } from './kafka-tools.ts';

interface CheckFlags {
  readonly json?: true;
}

interface CreateFlags extends CheckFlags {
  readonly partitions: number;
  readonly replicationFactor?: number;
}

export function topicsCommand(host: Host): Command {
  const create = new Command('create')
    .summary('create the topics that are missing; those that are there stay as they are')
    .option('--partitions <number>', 'of the source topic, where it is not there yet', wholeNumber(1, 10_000), 6)
    .option('--replication-factor <number>', "of each new topic (default: the brokers')", wholeNumber(1, 100))
    .option('--json', 'one JSON object: {"created":[…],"findings":[…]}')
    .action(async (flags: CreateFlags) => {
      const wish = { partitionCount: flags.partitions, replicationFactor: flags.replicationFactor ?? -1 };
      const work: Work = async ({ topics, kafka }, tools) => {
        const created = await createTopics(topics, creatingTools(tools, kafka), wish);
        await tell(host, flags, { created, findings: topicFindings(topics, await findTopics(topics, tools)) });
      };
      await withLogTools(host, [], work, needsOf);
    });
  const check = new Command('check')
    .summary('say what is wrong with the topics, each finding with its mend')
    .option('--json', 'one JSON object: {"findings":[…]}')
    .action(async (flags: CheckFlags) => {
      const work: Work = async ({ topics }, tools) => {
        await tell(host, flags, { findings: topicFindings(topics, await findTopics(topics, tools)) });
      };
      await withLogTools(host, [], work, needsOf);
    });
  return new Command('topics')
    .summary('create and check the topics')
    .description('The source, retry, dead-letter and report topic: create what is missing, check what is there.')
    .addCommand(create)
    .addCommand(check)
    .addHelpText('after', '\nExits 69 where a finding is an error, 0 where there are only warnings.');
}

type Work = Parameters<typeof withLogTools<never>>[2];
type TopicTools = Pick<LogTools, 'describeTopic' | 'createTopic'>;

/** Where a topic may not be made, they say what is missing. */
export const creatingTools = (tools: TopicTools, connection: KafkaConnectionOptions): TopicTools => ({
  describeTopic: (topic) => tools.describeTopic(topic),
  createTopic: (topic) => createPermitted(topic, tools, connection),
});

const needsOf = (names: TopicNames): readonly Need[] => ROLES.map((role) => lookingAt(names[role]));

export async function findTopics(names: TopicNames, tools: Pick<LogTools, 'describeTopic'>): Promise<FoundTopics> {
  const found = await Promise.all(ROLES.map(async (role) => [role, await tools.describeTopic(names[role])] as const));
  return Object.fromEntries(found) as FoundTopics;
}

/** Of a command that uses the topics: logs what is at risk. @throws ExitError for what `topics check` calls an error */
export function judgeTopics(findings: readonly TopicFinding[], logger: Logger): void {
  for (const finding of findings) {
    const { code, topic, message, mend } = finding;
    if (!refusesRun(finding)) logger.warn({ code, topic, message, mend }, 'a topic is at risk');
  }
  const refusals = findings.filter(refusesRun);
  if (refusals.length === 0) return;
  const lines = refusals.map(({ message, mend }) => `${message}\n  ${mend.replaceAll('\n', '\n  ')}`);
  throw new ExitError(EXIT.unavailable, `the topics cannot be used:\n${lines.join('\n')}`);
}

/** Returns those that were created; somebody else may have been quicker. */
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

export const findingLines = ({ severity, message, mend }: TopicFinding): string =>
  `${severity === 'error' ? 'FAIL' : 'warn'}  ${message}\n      ${mend.replaceAll('\n', '\n      ')}\n`;

interface Told {
  readonly created?: readonly NewTopic[];
  readonly findings: readonly TopicFinding[];
}

async function tell(host: Host, flags: CheckFlags, told: Told): Promise<void> {
  host.finish(topicsExitCode(told.findings));
  await (flags.json === true ? printJson(host.stdout, told) : print(host.stdout, toldText(told)));
}

function toldText({ created = [], findings }: Told): string {
  const news = created.map(({ topic, partitionCount }) => `created ${topic} (${partitionCount} partitions)\n`);
  const rest = findings.length === 0 ? ['ok    nothing to say against the topics\n'] : findings.map(findingLines);
  return [...news, ...rest].join('');
}
