/** `rollcall doctor`: everything that `run` needs, tried one after the other; each finding with its mend. Changes nothing. */
import { Command } from 'commander';
import { explainKafkaError } from '../adapters/kafka/errors.ts';
import { createLogTools, type KafkaLogTools } from '../adapters/kafka/tools.ts';
import { readConfig, type Config } from '../config.ts';
import { ConfigError } from '../config/problem.ts';
import type { Part } from '../config/variable.ts';
import { tokenFailure } from '../core/outcome.ts';
import { topicFindings, type TopicFinding, type TopicNames } from '../core/topics.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { GroupApi } from '../ports.ts';
import { inspectFirstRecords } from './first-records.ts';
import { print, type Host } from './host.ts';
import { fileFindings, scimFindings, topicIdFindings, type IdMapFinding } from './id-map-findings.ts';
import { commandLog, kafkaExitCode, readText } from './kafka-tools.ts';
import { readGroup, withTarget } from './target.ts';
import { findTopics } from './topics.ts';

export type Check = 'configuration' | 'brokers' | 'topics' | 'records' | 'ids' | 'token' | 'permission' | 'limits';

export interface Finding {
  readonly check: Check;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly advice: string | null;
}

interface Judged extends Finding {
  /** What a `fail` exits with. */
  readonly exit: ExitCode;
}

export interface DoctorFlags {
  readonly json?: true;
}

export function doctorCommand(host: Host): Command {
  return new Command('doctor')
    .summary(
      'try everything that `run` needs: configuration, brokers, topics, first records, token, permission, limits',
    )
    .description('Tries what `run` needs and says how to mend what is wrong. Changes nothing.')
    .option('--json', 'one JSON object: {"findings":[{"check","status","message","advice"}]}')
    .addHelpText(
      'after',
      `\nExits 78 where the configuration or Kafka's credentials are wrong, else 69 where something fails.`,
    )
    .action(async (flags: DoctorFlags) => {
      host.finish(await examine(flags, host));
    });
}

export async function examine(flags: DoctorFlags, host: Host): Promise<ExitCode> {
  const judged = [
    ...configurationFindings(host),
    ...(await kafkaFindings(host)),
    ...(await idFileFindings(host)),
    ...(await targetFindings(host)),
  ];
  const findings = judged.map(({ check, status, message, advice }): Finding => ({ check, status, message, advice }));
  const text = flags.json === true ? `${JSON.stringify({ findings })}\n` : findings.map(findingText).join('');
  await print(host.stdout, text);
  const exits = judged.filter(({ status }) => status === 'fail').map(({ exit }) => exit);
  return exits.includes(EXIT.configuration) ? EXIT.configuration : (exits[0] ?? EXIT.done);
}

const ok = (check: Check, message: string): Judged => ({ check, status: 'ok', message, advice: null, exit: EXIT.done });
const warn = (check: Check, message: string, advice: string): Judged => ({
  ...ok(check, message),
  status: 'warn',
  advice,
});
const fail = (check: Check, exit: ExitCode, message: string, advice: string): Judged => ({
  check,
  status: 'fail',
  message,
  advice,
  exit,
});

function configurationFindings(host: Host): Judged[] {
  try {
    const { warnings } = readConfig(
      host.environment,
      ['kafka', 'topics', 'format', 'ids', 'genesys', 'pipeline', 'admin'],
      readText,
    );
    return [
      ok('configuration', 'Every variable is in order.'),
      ...warnings.map((warning) => warn('configuration', warning, 'Correct the name, or unset the variable.')),
    ];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ variable, problem, example }) =>
      fail('configuration', EXIT.configuration, `${variable} ${problem}`, `Example: ${variable}=${example}`),
    );
  }
}

/** What is wrong is told by configurationFindings; a part without fault is tried all the same. */
function configOf<P extends Part>(host: Host, parts: readonly P[]): Config<P> | null {
  try {
    return readConfig(host.environment, parts, readText);
  } catch (error) {
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

async function kafkaFindings(host: Host): Promise<Judged[]> {
  const config = configOf(host, ['kafka', 'topics']);
  if (config === null) return [];
  const tools = createLogTools(config.kafka, { clock: host.clock, log: commandLog(host, config) });
  try {
    const { brokers, clusterId } = await tools.clusterInfo();
    const addresses = brokers.map(({ address }) => address).join(', ');
    const cluster = ok('brokers', `Kafka cluster ${clusterId} answers: ${addresses}.`);
    return [
      cluster,
      ...(await findingsOfTopics(config.topics, tools)),
      ...(await recordFindings(host, tools)),
      ...(await idTopicFindings(host, tools)),
    ];
  } catch (error) {
    const { code, message, advice } = explainKafkaError(error);
    return [fail('brokers', kafkaExitCode(code), message, advice)];
  } finally {
    await tools.close();
  }
}

async function findingsOfTopics(names: TopicNames, tools: KafkaLogTools): Promise<Judged[]> {
  const findings = topicFindings(names, await findTopics(names, tools));
  if (findings.length === 0) return [ok('topics', 'All four topics are as they should be.')];
  return findings.map(judgeTopic);
}

async function recordFindings(host: Host, tools: KafkaLogTools): Promise<Judged[]> {
  const config = configOf(host, ['topics', 'format']);
  if (config === null) return [];
  try {
    const findings = await inspectFirstRecords(config, tools, host.stop);
    if (findings.length === 0)
      return [ok('records', `Nothing to say against the first records of ${config.topics.source}.`)];
    return findings.map(({ severity, message, mend }) =>
      severity === 'error' ? fail('records', EXIT.unavailable, message, mend) : warn('records', message, mend),
    );
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    return [fail('records', error.code, error.message, 'Correct it, then try again.')];
  }
}

export const GROWTH_PROCEDURE = `To add partitions to a running Rollcall without losing the order of changes:
  1. stop every writer of the source topic;
  2. let Rollcall apply what is there (rollcall_lag and rollcall_pending at 0, nothing parked: \`rollcall replay list\`);
  3. stop every instance of Rollcall;
  4. kafka-topics.sh --alter --partitions N for the source topic and for the retry topic, with the same N;
  5. start Rollcall, then the writers.`;

function judgeTopic({ severity, code, message, mend }: TopicFinding): Judged {
  const advice = code === 'partition_counts_differ' ? `${mend}\n${GROWTH_PROCEDURE}` : mend;
  return severity === 'error' ? fail('topics', EXIT.unavailable, message, advice) : warn('topics', message, advice);
}

const judgeIds = (findings: readonly IdMapFinding[], exit: ExitCode): Judged[] =>
  findings.map((finding) => ({ ...finding, check: 'ids', exit }));

async function idFileFindings(host: Host): Promise<Judged[]> {
  const config = configOf(host, ['ids']);
  if (config?.ids.source.kind !== 'file') return [];
  return judgeIds(await fileFindings(config.ids.source.path, host, config), EXIT.configuration);
}

async function idTopicFindings(host: Host, tools: KafkaLogTools): Promise<Judged[]> {
  const config = configOf(host, ['ids']);
  if (config?.ids.source.kind !== 'topic') return [];
  return judgeIds(await topicIdFindings(config.ids.source.topic, tools, { host, config }), EXIT.unavailable);
}

async function idLookUpFindings(host: Host, api: GroupApi): Promise<Judged[]> {
  const config = configOf(host, ['ids']);
  if (config?.ids.source.kind !== 'scim') return [];
  return judgeIds(await scimFindings(config.ids, api, host), EXIT.unavailable);
}

async function targetFindings(host: Host): Promise<Judged[]> {
  const config = configOf(host, ['genesys']);
  if (config === null) return [];
  return withTarget({ host, genesys: config.genesys, logger: commandLog(host, config) }, async (api) => {
    const refused = await api.renewToken();
    if (refused !== null) {
      const { code, message, advice } = tokenFailure(refused);
      return [fail('token', EXIT.unavailable, `${config.genesys.loginUrl}: ${message} (${code})`, advice)];
    }
    return [
      ok('token', `${config.genesys.loginUrl} gives a token.`),
      await permissionFinding(api, host),
      ...(await idLookUpFindings(host, api)),
      limitsFinding(config, api),
    ];
  });
}

/** Reading a group that does not exist: whoever may see groups is told so, who may not is refused. */
async function permissionFinding(api: GroupApi, host: Host): Promise<Judged> {
  const { answer, outcome } = await readGroup(api, host.random.uuid(), host);
  if (outcome.kind === 'not_found') return ok('permission', 'Groups can be read through SCIM.');
  if (outcome.kind === 'denied') {
    const message = 'The OAuth client may not use SCIM groups: directory:group:edit is missing.';
    return fail('permission', EXIT.unavailable, message, outcome.failure.advice);
  }
  if ('failure' in outcome)
    return fail('permission', EXIT.unavailable, outcome.failure.message, outcome.failure.advice);
  const status = answer.kind === 'response' ? ` (status ${answer.status})` : '';
  return fail(
    'permission',
    EXIT.unavailable,
    `A group that cannot exist was answered with \`${outcome.kind}\`${status}.`,
    'Check GENESYS_API_URL: something other than Genesys Cloud answers there.',
  );
}

function limitsFinding({ genesys }: Config<'genesys'>, api: GroupApi): Judged {
  const { rateLimitPerMinute, concurrency } = genesys;
  const rate =
    rateLimitPerMinute === null
      ? "as many requests as the target's limit headers allow"
      : `at most ${rateLimitPerMinute} requests a minute`;
  const message = `${rate}, ${concurrency} at once.`;
  if (api.gate.throttledMs() < THROTTLED_MS) return ok('limits', `Rollcall will send ${message}`);
  return warn(
    'limits',
    `The target made this check wait for ${Math.round(api.gate.throttledMs() / 1000)} s; Rollcall will send ${message}`,
    'Something else spends the limit of this OAuth client: give Rollcall a client of its own.',
  );
}

/** A permit that is free is there at once. */
const THROTTLED_MS = 1_000;

const LABELS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const;

function findingText({ check, status, message, advice }: Finding): string {
  const more = advice === null ? '' : `      ${advice.replaceAll('\n', '\n      ')}\n`;
  return `${LABELS[status]}  ${check.padEnd(13)}  ${message}\n${more}`;
}
