/** `rollcall topics create|check`: core/log/topics.ts decides, this file asks the brokers and tells. */
import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { print, printJson, type CommandContext, wholeNumber } from '../console/command-context.ts';
import { createTopics, creatingTools, findTopics, topicsExitCode, withLogTools } from '../console/kafka-tools.ts';
import { lookingAt, type Need } from '../core/log/authorization.ts';
import { ROLES, topicFindings, type NewTopic, type TopicFinding } from '../core/log/topics.ts';

interface CheckFlags {
  readonly json?: true;
}

interface CreateFlags extends CheckFlags {
  readonly partitions: number;
  readonly replicationFactor?: number;
}

export function topicsCommand(context: CommandContext): Command {
  const create = new Command('create')
    .summary('create the topics that are missing; those that are there stay as they are')
    .option('--partitions <number>', 'of the source topic, where it does not exist yet', wholeNumber(1, 10_000), 6)
    .option('--replication-factor <number>', "of each new topic (default: the brokers')", wholeNumber(1, 100))
    .option('--json', 'one JSON object: {"created":[…],"findings":[…]}')
    .action(async (flags: CreateFlags) => {
      const wish = { partitionCount: flags.partitions, replicationFactor: flags.replicationFactor ?? -1 };
      const work: Work = async ({ topics, kafka }, tools) => {
        const created = await createTopics(topics, creatingTools(tools, kafka), wish);
        await printResult(context, flags, {
          created,
          findings: topicFindings(topics, await findTopics(topics, tools)),
        });
      };
      await withLogTools(context, [], work, needsOf);
    });
  const check = new Command('check')
    .summary('say what is wrong with the topics, each finding with its remedy')
    .option('--json', 'one JSON object: {"findings":[…]}')
    .action(async (flags: CheckFlags) => {
      const work: Work = async ({ topics }, tools) => {
        await printResult(context, flags, { findings: topicFindings(topics, await findTopics(topics, tools)) });
      };
      await withLogTools(context, [], work, needsOf);
    });
  return new Command('topics')
    .summary('create and check the topics')
    .description('The source, retry, dead-letter and report topic: create what is missing, check what is there.')
    .addCommand(create)
    .addCommand(check)
    .addHelpText('after', '\nExits 69 where a finding is an error, 0 where there are only warnings.');
}

type Work = Parameters<typeof withLogTools<never>>[2];
const needsOf = ({ topics }: Config<'topics'>): readonly Need[] => ROLES.map((role) => lookingAt(topics[role]));

const findingLines = ({ severity, message, remedy }: TopicFinding): string =>
  `${severity === 'error' ? 'FAIL' : 'warn'}  ${message}\n      ${remedy.replaceAll('\n', '\n      ')}\n`;

interface TopicsResult {
  readonly created?: readonly NewTopic[];
  readonly findings: readonly TopicFinding[];
}

async function printResult(context: CommandContext, flags: CheckFlags, result: TopicsResult): Promise<void> {
  context.finish(topicsExitCode(result.findings));
  await (flags.json === true ? printJson(context.stdout, result) : print(context.stdout, resultText(result)));
}

function resultText({ created = [], findings }: TopicsResult): string {
  const news = created.map(({ topic, partitionCount }) => `created ${topic} (${partitionCount} partitions)\n`);
  const rest = findings.length === 0 ? ['ok    nothing to say against the topics\n'] : findings.map(findingLines);
  return [...news, ...rest].join('');
}
