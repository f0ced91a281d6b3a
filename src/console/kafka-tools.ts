/**
 * The configuration and the log tools of Kafka, opened for one command; what Kafka refuses becomes an exit code with its remedy; and
 * what commands ask of the topics: to be found, to be created, and to be fit for use.
 */
import { readFileSync, statSync } from 'node:fs';
import { explainKafkaError, type KafkaFault } from '../adapters/kafka/errors.ts';
import type { KafkaConnectionOptions } from '../adapters/kafka/options.ts';
import { createLogTools, type KafkaLogTools } from '../adapters/kafka/tools.ts';
import { logLasting } from '../adapters/lasting-lines.ts';
import { createLog, type LogOptions } from '../adapters/log.ts';
import { readConfig, type Config } from '../config/config.ts';
import { ConfigError } from '../config/problem.ts';
import type { Environment, Part } from '../config/variables.ts';
import type { Need } from '../core/log/authorization.ts';
import {
  ROLES,
  newTopics,
  refusesRun,
  type FoundTopics,
  type NewTopic,
  type TopicFinding,
  type TopicNames,
  type TopicWish,
} from '../core/log/topics.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { Clock, LogTools, Logger, TopicDescription } from '../ports.ts';
import { createPermitted, demandAccess, withRemedies } from './access.ts';
import { print, type CommandContext, unlessStopped } from './command-context.ts';
import { demandNoDevice } from './named-file.ts';

type Logging = Pick<Config<never>, 'logLevel' | 'secrets'>;

/** Of a command that ends: names that were probably meant to be others are said beside its output. @throws ConfigError */
export async function commandConfig<P extends Part>(
  context: CommandContext,
  parts: readonly P[],
  environment: Environment = context.environment,
): Promise<Config<P>> {
  const config = readConfig(environment, parts, readText);
  for (const warning of config.warnings) await print(context.stderr, `warning: ${warning}\n`);
  return config;
}

/** null: the part has a problem, which `doctor` reports of the configuration; a part without one is tried. */
export function configOf<P extends Part>(context: CommandContext, parts: readonly P[]): Config<P> | null {
  try {
    return readConfig(context.environment, parts, readText);
  } catch (error) {
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

/** A command's own log is quiet unless it is asked for: what matters is its output and its error. */
export const commandLog = (context: CommandContext, config: Logging): Logger =>
  logOf(context, config, context.environment['LOG_LEVEL'] ? config.logLevel : 'silent');

/** Of a service; its log is all that it says, doubtful values of the environment included. @throws ConfigError */
export function serviceConfig<P extends Part>(context: CommandContext, parts: readonly P[]) {
  const config = readConfig(context.environment, parts, readText);
  const logger = logOf(context, config, config.logLevel);
  for (const warning of config.warnings) logger.warn({ warning }, 'the environment has a name that is not known');
  for (const { variable, problem, example } of config.risks)
    logger.warn({ variable, problem, example }, 'a variable has a value at a risk');
  return { config, logger };
}

function logOf({ stderr, secrets }: CommandContext, config: Logging, level: LogOptions['level']): Logger {
  secrets.know(config.secrets);
  return createLog(stderr, { level, secrets });
}

/** @throws as Node does where it cannot be read, and where it is a device */
export function readText(path: string): string {
  demandNoDevice(statSync(path));
  return readFileSync(path, 'utf8');
}

/**
 * A signal ends it where it stands. @param parts beside Kafka and the topics.
 * @param needs what is named where Kafka does not permit the work.
 */
export async function withLogTools<P extends Part>(
  context: CommandContext,
  parts: readonly P[],
  work: (config: Config<'kafka' | 'topics' | P>, tools: KafkaLogTools) => Promise<void>,
  needs: (config: Config<'kafka' | 'topics'>) => readonly Need[] = () => [],
): Promise<void> {
  const config = await commandConfig<'kafka' | 'topics' | P>(context, ['kafka', 'topics', ...parts]);
  const tools = createLogTools(config.kafka, { clock: context.clock, logger: commandLog(context, config) });
  try {
    await unlessStopped(context, work(config, tools));
  } catch (error) {
    if (explainKafkaError(error).code === 'not_authorized') await demandAccess(needs(config), tools, config.kafka);
    throw kafkaExit(await tools.diagnosed(error));
  } finally {
    await tools.close();
  }
}

/** Errors that are no doing of Kafka stay what they are. */
export function kafkaExit(error: unknown): unknown {
  if (error instanceof ExitError) return error;
  const { code, message, advice } = explainKafkaError(error);
  if (code === 'unexpected') return error;
  return new ExitError(kafkaExitCode(code), `Kafka: ${message}\n  ${advice}`, { cause: error });
}

export const kafkaExitCode = (fault: KafkaFault): ExitCode =>
  configurationFaults.has(fault) ? EXIT.configuration : EXIT.unavailable;

const configurationFaults: ReadonlySet<KafkaFault> = new Set([
  'credentials_refused',
  'mechanism_refused',
  'sasl_not_expected',
  'certificate_untrusted',
  'certificate_name',
  'certificate_expired',
  'tls_mismatch',
  'not_authorized',
  'group_in_use',
  'session_refused',
]);

export type TopicTools = Pick<LogTools, 'describeTopic' | 'createTopic'>;

/** Where a topic may not be made, they say what is missing. */
export const creatingTools = (tools: TopicTools, connection: KafkaConnectionOptions): TopicTools => ({
  describeTopic: (topic) => tools.describeTopic(topic),
  createTopic: (topic) => createPermitted(topic, tools, connection),
});

/** @throws ExitError where there is no such topic, or it was asked to stop. */
export async function existingTopic(
  topic: string,
  {
    tools,
    context,
  }: { readonly tools: Pick<LogTools, 'describeTopic'>; readonly context: Pick<CommandContext, 'stop'> },
): Promise<TopicDescription> {
  const description = await unlessStopped(context, tools.describeTopic(topic));
  if (description !== null) return description;
  throw new ExitError(EXIT.unavailable, `the topic ${topic} does not exist; run \`rollcall topics create\``);
}

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
  if (refusals.length > 0)
    throw new ExitError(EXIT.unavailable, `the topics cannot be used:\n${withRemedies(refusals)}`);
}

/** What cannot be reached now is waited for. @returns why. @throws what does not pass, as it is */
export async function noteUnreachable(
  error: unknown,
  {
    clock,
    logger,
    diagnosed,
  }: { readonly clock: Clock; readonly logger: Logger; readonly diagnosed?: (error: unknown) => Promise<unknown> },
): Promise<string> {
  const { retriable, message, advice } = explainKafkaError(diagnosed === undefined ? error : await diagnosed(error));
  if (error instanceof ExitError || !retriable) throw error;
  const line = { fields: { message, advice }, message: 'Kafka cannot be reached, trying again' };
  logLasting({ clock, logger }, { level: 'warn', cause: message, ...line });
  return message;
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
