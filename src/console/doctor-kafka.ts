/** The part of `rollcall doctor` that asks the brokers: the cluster, the topics, the first records, an id map in a topic. */
import { findTopics } from './topics.ts';
import { explainKafkaError } from '../adapters/kafka/errors.ts';
import {
  AdvertisedAddressError,
  createLogTools,
  type KafkaLogTools,
  type UnreachableBroker,
  unreachableText,
} from '../adapters/kafka/tools.ts';
import type { Config } from '../config/config.ts';
import { needsOfRun } from '../core/log/authorization.ts';
import { sessionFinding } from '../core/log/reading.ts';
import { ROLES, refusesRun, topicFindings, type TopicFinding, type TopicNames } from '../core/log/topics.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { refusesStart } from '../formats/first-records/first-records.ts';
import { accessFindings } from './access.ts';
import { configOf, fail, judgeIds, ok, type Judged, warn } from './doctor-finding.ts';
import { topicIdFindings } from './doctor-id-map.ts';
import type { CommandContext } from './command-context.ts';
import { commandLog, kafkaExitCode } from './kafka-tools.ts';
import { inspectFirstRecords } from './source-format.ts';

export async function kafkaFindings(context: CommandContext): Promise<Judged[]> {
  const config = configOf(context, ['kafka', 'topics']);
  if (config === null) return [];
  const tools = createLogTools(config.kafka, { clock: context.clock, logger: commandLog(context, config) });
  try {
    const unreachable = await tools.unreachableBrokers();
    if (unreachable.length > 0) return unreachable.map((broker) => judgeBroker(broker, config.kafka.brokers));
    const { brokers, clusterId } = await tools.clusterInfo();
    const addresses = brokers.map(({ address }) => address).join(', ');
    const cluster = ok('brokers', `Kafka cluster ${clusterId} answers: ${addresses}.`);
    const session = await sessionFindings(config, brokers[0]?.nodeId ?? 0, tools);
    const access = await findingsOfAccess(context, config, tools);
    const isPermitted = access.every(({ status }) => status !== 'fail');
    const rest = [
      () => findingsOfTopics(config.topics, tools),
      () => recordFindings(context, tools),
      () => idTopicFindings(context, tools),
    ];
    const looked: Judged[] = [];
    for (const look of rest) looked.push(...(await (isPermitted ? look() : unlessRefused(look))));
    return [cluster, ...session, ...access, ...looked];
  } catch (error) {
    const { code, message, advice } = explainKafkaError(error);
    return [fail('brokers', kafkaExitCode(code), message, advice)];
  } finally {
    await tools.close();
  }
}

function judgeBroker(broker: UnreachableBroker, configured: readonly string[]): Judged {
  const isAdvertised = !configured.includes(broker.address);
  const cause = isAdvertised ? new AdvertisedAddressError([broker], { cause: broker.error }) : broker.error;
  const { advice } = explainKafkaError(cause);
  const { code } = explainKafkaError(broker.error);
  return fail('brokers', kafkaExitCode(code), `${unreachableText(broker)}.`, advice);
}

/** What is not permitted was named already. */
async function unlessRefused(look: () => Promise<readonly Judged[]>): Promise<readonly Judged[]> {
  try {
    return await look();
  } catch (error) {
    if (explainKafkaError(error).code === 'not_authorized') return [];
    throw error;
  }
}

async function findingsOfAccess(
  context: CommandContext,
  config: Config<'kafka' | 'topics'>,
  tools: KafkaLogTools,
): Promise<Judged[]> {
  const ids = configOf(context, ['ids'])?.ids.source;
  const idTopic = ids?.kind === 'topic' ? ids.topic : null;
  const needs = needsOfRun(config.topics, config.kafka.groupId, idTopic);
  const found = await accessFindings(needs, tools, config.kafka);
  if (found === null)
    return [
      warn(
        'access',
        'The brokers do not say what they permit this user.',
        'Compare it with the table under "Least privilege" in docs/reference.md.',
      ),
    ];
  if (found.length === 0) return [ok('access', 'Kafka permits all that `run` needs of its topics and its group.')];
  return found.map(({ message, remedy }) => fail('access', EXIT.configuration, message, remedy));
}

async function sessionFindings({ kafka }: Config<'kafka'>, nodeId: number, tools: KafkaLogTools): Promise<Judged[]> {
  const found = sessionFinding(kafka.sessionTimeoutMs, await tools.sessionLimits(nodeId));
  return found === null ? [] : [fail('brokers', EXIT.configuration, found.message, found.advice)];
}

async function findingsOfTopics(names: TopicNames, tools: KafkaLogTools): Promise<Judged[]> {
  const findings = topicFindings(names, await findTopics(names, tools)).map(judgeTopic);
  const leaderless = (await Promise.all(ROLES.map((role) => tools.leaderless(names[role])))).flat();
  findings.push(...leaderless.map(({ message, remedy }) => fail('topics', EXIT.unavailable, message, remedy)));
  return findings.length === 0 ? [ok('topics', 'All four topics are as they should be.')] : findings;
}

async function recordFindings(context: CommandContext, tools: KafkaLogTools): Promise<Judged[]> {
  const config = configOf(context, ['kafka', 'topics', 'format']);
  if (config === null) return [];
  const committed = (topic: string) => tools.committedOffsets(config.kafka.groupId, topic);
  try {
    // That the topic is missing has been said of the topics.
    if ((await tools.describeTopic(config.topics.source)) === null) return [];
    const findings = await inspectFirstRecords(config, tools, context.stop, committed);
    if (findings.length === 0)
      return [ok('records', `Nothing to say against the first records of ${config.topics.source}.`)];
    return findings.map((finding) =>
      refusesStart(finding)
        ? fail('records', EXIT.configuration, finding.message, finding.remedy)
        : warn('records', finding.message, finding.remedy),
    );
  } catch (error) {
    if (!(error instanceof ExitError)) throw error;
    return [fail('records', error.code, error.message, 'Correct it, then try again.')];
  }
}

const GROWTH_PROCEDURE = `To add partitions to a running Rollcall without losing the order of changes:
  1. stop every writer of the source topic;
  2. let Rollcall apply what is there (rollcall_lag and rollcall_pending at 0, nothing parked: \`rollcall replay list\`,
     nothing held: \`rollcall held list\`);
  3. stop every instance of Rollcall;
  4. kafka-topics.sh --bootstrap-server $KAFKA_BROKERS --alter --topic T --partitions N, for the source topic and for the retry
     topic, with the same N;
  5. start Rollcall, then the writers.`;

function judgeTopic(finding: TopicFinding): Judged {
  const { code, message, remedy } = finding;
  const advice = code === 'partition_counts_differ' ? `${remedy}\n${GROWTH_PROCEDURE}` : remedy;
  return refusesRun(finding) ? fail('topics', EXIT.unavailable, message, advice) : warn('topics', message, advice);
}

async function idTopicFindings(context: CommandContext, tools: KafkaLogTools): Promise<Judged[]> {
  const config = configOf(context, ['ids']);
  if (config?.ids.source.kind !== 'topic') return [];
  return judgeIds(await topicIdFindings(config.ids.source.topic, tools, { context, config }), EXIT.configuration);
}
