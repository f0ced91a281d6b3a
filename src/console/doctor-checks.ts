/**
 * What `rollcall doctor` says of each thing that it tries: of the brokers (the cluster, what they permit, the topics, the first
 * records), and of the id map, whose table is read, or whose target is asked, as `run` will do.
 */
import { FileIdMap } from '../adapters/ids/file.ts';
import { IdMapError, firstShared, type SharedTargets } from '../adapters/ids/tables.ts';
import { TopicIdMap } from '../adapters/ids/topic.ts';
import { explainKafkaError } from '../adapters/kafka/errors.ts';
import {
  AdvertisedAddressError,
  createLogTools,
  type KafkaLogTools,
  type UnreachableBroker,
  unreachableText,
} from '../adapters/kafka/tools.ts';
import type { Config } from '../config/config.ts';
import {
  equals,
  hidesAttribute,
  readScimList,
  searchFor,
  type LookUpAttribute,
  type ScimList,
  type Search,
} from '../core/ids/look-up.ts';
import { sessionFinding } from '../core/log/reading.ts';
import {
  ROLES,
  alterTopic,
  refusesRun,
  topicFindings,
  type TopicFinding,
  type TopicNames,
} from '../core/log/topics.ts';
import { classify } from '../core/target/outcome.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import { refusesStart } from '../formats/first-records/first-records.ts';
import type { GroupApi, LogTools } from '../ports.ts';
import { accessFindings, needsOfService } from './access.ts';
import type { CommandContext } from './command-context.ts';
import { commandLog, configOf, findTopics, kafkaExitCode } from './kafka-tools.ts';
import { inspectFirstRecords } from './source-format.ts';

export type Check =
  | 'configuration'
  | 'brokers'
  | 'access'
  | 'topics'
  | 'records'
  | 'ids'
  | 'token'
  | 'permission'
  | 'limits';

export interface Finding {
  readonly check: Check;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly advice: string | null;
}

export interface Judged extends Finding {
  /** What a `fail` exits with. */
  readonly exit: ExitCode;
}

export const ok = (check: Check, message: string): Judged => ({
  check,
  status: 'ok',
  message,
  advice: null,
  exit: EXIT.done,
});
export const warn = (check: Check, message: string, advice: string): Judged => ({
  ...ok(check, message),
  status: 'warn',
  advice,
});
export const fail = (check: Check, exit: ExitCode, message: string, advice: string): Judged => ({
  check,
  status: 'fail',
  message,
  advice,
  exit,
});

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
  const [ids, drift] = [configOf(context, ['ids'])?.ids ?? null, configOf(context, ['drift'])?.drift ?? null];
  const needs = needsOfService(config, { ids, drift });
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
    const source = await tools.describeTopic(config.topics.source);
    if (source === null) return [];
    const findings = await inspectFirstRecords(config, source, { tools, signal: context.stop, committed });
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

async function idTopicFindings(context: CommandContext, tools: KafkaLogTools): Promise<readonly Judged[]> {
  const config = configOf(context, ['ids']);
  if (config?.ids.source.kind !== 'topic') return [];
  return topicIdFindings(config.ids.source.topic, tools, { context, config });
}

const IDS = 'ids';

/** `file`: the table is read. */
export async function fileFindings(context: CommandContext): Promise<readonly Judged[]> {
  const config = configOf(context, ['ids']);
  if (config?.ids.source.kind !== 'file') return [];
  const { path } = config.ids.source;
  try {
    const map = await FileIdMap.open(path, { clock: context.clock, logger: commandLog(context, config) });
    await map.close();
    return [ok(IDS, `ID_MAP: ${path} names ${map.rows} ids.`), ...sharedTargets(map.shared)];
  } catch (error) {
    return [notOpened(error)];
  }
}

/** `topic`: the topic is described, and read to its end. @throws what Kafka throws. */
export async function topicIdFindings(
  topic: string,
  tools: LogTools,
  { context, config }: { readonly context: CommandContext; readonly config: Config<'ids'> },
): Promise<readonly Judged[]> {
  const dependencies = { tools, clock: context.clock, logger: commandLog(context, config), stop: context.stop };
  try {
    const map = await TopicIdMap.open(topic, dependencies);
    await map.close();
    return [...topicState(topic, map), ...badRecords(topic, map), ...sharedTargets(map.shared)];
  } catch (error) {
    return [notOpened(error)];
  }
}

function topicState(topic: string, { isCompacted, counts }: TopicIdMap): readonly Judged[] {
  const compacted = isCompacted
    ? []
    : [
        warn(
          IDS,
          `ID_MAP: topic ${topic} is not compacted: its retention will remove ids.`,
          alterTopic(topic, 'cleanup.policy=compact'),
        ),
      ];
  if (counts.rows > 0) return [ok(IDS, `ID_MAP: topic ${topic} names ${counts.rows} ids.`), ...compacted];
  return [
    warn(IDS, `ID_MAP: topic ${topic} names no id.`, 'Fill it: every change waits until its ids are there.'),
    ...compacted,
  ];
}

const badRecords = (topic: string, { counts }: TopicIdMap): readonly Judged[] =>
  counts.bad === 0
    ? []
    : [
        warn(
          IDS,
          `ID_MAP: ${counts.bad} records of topic ${topic} are no rows.`,
          'A value is {"type":"user"|"group","source_id","genesys_id","active"}; LOG_LEVEL=warn names the records.',
        ),
      ];

const sharedTargets = (shared: SharedTargets): readonly Judged[] =>
  firstShared(shared).map(({ target, sourceIds }) =>
    warn(
      IDS,
      `ID_MAP: the groups ${sourceIds.map((id) => JSON.stringify(id)).join(', ')} have the same genesys_id ${JSON.stringify(target)}.`,
      'Keep one row for this genesys_id: the changes of all these groups wait (group_ambiguous).',
    ),
  );

/** `scim`: a value that no user can have is looked up. */
export async function scimFindings(context: CommandContext, api: GroupApi): Promise<readonly Judged[]> {
  const ids = configOf(context, ['ids'])?.ids;
  if (ids?.source.kind !== 'scim') return [];
  const { userAttribute, groupAttribute } = ids;
  const attributes: readonly LookUpAttribute[] =
    groupAttribute === 'id' ? [userAttribute] : [userAttribute, groupAttribute];
  const findings: Judged[] = [];
  for (const attribute of attributes) findings.push(await lookUpFinding(attribute, api, context));
  if (findings.every(({ status }) => status === 'ok'))
    findings.push(...(await visibility(userAttribute, api, context)));
  return findings;
}

async function lookUpFinding(attribute: LookUpAttribute, api: GroupApi, context: CommandContext): Promise<Judged> {
  const search = searchFor({ attribute, value: context.random.uuid() });
  const asked = await searchOnce(search, api, context);
  if ('failure' in asked) {
    const advice = `Choose another attribute for ID_MAP, or solve this. ${asked.failure.advice}`;
    return fail(
      IDS,
      EXIT.unavailable,
      `ID_MAP: ${search.resource} cannot be looked up by ${attribute}: ${asked.failure.message}`,
      advice,
    );
  }
  if (asked.list.resources.length === 0) return ok(IDS, `ID_MAP: ${search.resource} are looked up by ${attribute}.`);
  return fail(
    IDS,
    EXIT.unavailable,
    `ID_MAP: the target ignores the filter by ${attribute}: it lists ${search.resource} for a value that no user has.`,
    'Choose another attribute, or a table (ID_MAP=file:PATH).',
  );
}

/** An externalId belongs to the client that provisioned the user, so another client may not see it. */
async function visibility(
  attribute: LookUpAttribute,
  api: GroupApi,
  context: CommandContext,
): Promise<readonly Judged[]> {
  const search = { ...searchFor({ attribute, value: '' }), filter: equals('active', true) };
  const asked = await searchOnce(search, api, context);
  if ('failure' in asked || !hidesAttribute(asked.list, attribute)) return [];
  return [
    warn(
      IDS,
      `ID_MAP: none of the first ${asked.list.resources.length} users shows an ${attribute} to this OAuth client.`,
      'Use the OAuth client that provisions the users, or ID_MAP_USER_ATTRIBUTE=userName.',
    ),
  ];
}

type SearchedOnce =
  | { readonly list: ScimList }
  | { readonly failure: { readonly message: string; readonly advice: string } };

async function searchOnce(search: Search, api: GroupApi, context: CommandContext): Promise<SearchedOnce> {
  await api.gate.take();
  const answer = await api.search({ ...search, mayStart: () => !context.stop.aborted });
  const list = answer.kind === 'response' && answer.status === 200 ? readScimList(answer.body) : null;
  if (list !== null) return { list };
  const outcome = classify(answer, 'GET');
  if ('failure' in outcome) return { failure: outcome.failure };
  return { failure: { message: `it was answered with \`${outcome.kind}\`.`, advice: 'Check GENESYS_API_URL.' } };
}

function notOpened(error: unknown): Judged {
  if (!(error instanceof IdMapError)) throw error;
  return fail(IDS, EXIT.configuration, error.message, 'Correct the table; `rollcall doctor` tries it again.');
}
