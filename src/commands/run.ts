/**
 * Room commands: one file for each command: its flags, its help, and configuration → adapters → pipeline.
 * Not here: what several commands share (console).
 *
 * `rollcall run`: the service. Configuration → adapters → pipeline → admin server; a signal drains it.
 */
import { findTopics, judgeTopics, kafkaExit, noteUnreachable, serviceConfig } from '../console/kafka-tools.ts';
import { Command } from 'commander';
import { createGroupApi } from '../adapters/genesys/group-api.ts';
import { connectThrough } from '../adapters/genesys/http-client.ts';
import { KafkaChangeLog } from '../adapters/kafka/change-log.ts';
import { explainKafkaError } from '../adapters/kafka/errors.ts';
import { createLogTools, type KafkaLogTools } from '../adapters/kafka/tools.ts';
import { logLasting } from '../adapters/lasting-lines.ts';
import { sha256 } from '../adapters/system.ts';
import { operatorKey } from '../adapters/private-file.ts';
import { WebhookNotifier } from '../adapters/webhook-notifier.ts';
import { pause, unlessAborted } from '../time.ts';
import { withObstacles } from '../admin/readiness.ts';
import { pipelineOptions, type Config } from '../config/config.ts';
import { refusesRun, topicFindings, type FoundTopic, type TopicFinding } from '../core/log/topics.ts';
import type { OperatorKey } from '../core/log/request-record.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { refusesStart } from '../formats/first-records/first-records.ts';
import type { RecordFinding } from '../formats/first-records/record-finding.ts';
import { Pipeline } from '../pipeline/pipeline.ts';
import type { PipelineStats } from '../pipeline/stats.ts';
import type { ChangeLog, GroupApi, Logger } from '../ports.ts';
import { AccessWatch, demandAccess, needsOfService, withRemedies } from '../console/access.ts';
import { LiveConfig, lazily, liveKafka, liveReceiver, serveAdmin, type Live } from '../console/live-config.ts';
import { stopped, type CommandContext } from '../console/command-context.ts';
import { watchDrift, withDrift, type RunningDriftWatch } from '../console/drift-running.ts';
import { inspectFirstRecords, openSourceTopicFormat } from '../console/source-format.ts';
import { openIdMap, type OpenIdMap } from '../console/id-map.ts';

export function runCommand(context: CommandContext): Command {
  return new Command('run')
    .summary('the service: from Kafka to Genesys Cloud, until SIGTERM')
    .description(
      'Runs until SIGTERM or SIGINT, which let requests in flight finish and commit what is done; a second signal ends it at once. Logs are JSON lines on standard error.',
    )
    .addHelpText('after', examples)
    .action(async () => {
      await runService(context);
      context.finish(EXIT.done);
    });
}

const examples = `
Example:
  $ export KAFKA_BROKERS=broker-1:9093 GENESYS_DOMAIN=mypurecloud.de
  $ export GENESYS_CLIENT_ID=… GENESYS_CLIENT_SECRET_FILE=/run/secrets/genesys
  $ rollcall topics create && rollcall doctor && rollcall run
  $ rollcall topics create --shadow && rollcall run --shadow        # changes no group; rollcall report --shadow says what it would do

Health on ADMIN_PORT (8080): /healthz, /readyz, /metrics. Exits 69 where a topic is missing or has the wrong shape, 78
where the configuration is wrong or Kafka refuses the credentials; a target that is down ends nothing.`;

type Service = Config<(typeof PARTS)[number]>;

const PARTS = [
  'kafka',
  'topics',
  'format',
  'ids',
  'genesys',
  'pipeline',
  'operator',
  'notify',
  'drift',
  'admin',
] as const;

export async function runService(context: CommandContext): Promise<void> {
  const { config, logger } = serviceConfig(context, PARTS);
  const { clock, random } = context;
  let stats: () => PipelineStats | null = () => null;
  let running: Pick<Pipeline, 'pendingOf' | 'status'> | null = null;
  let access: AccessWatch | null = null;
  let drift: RunningDriftWatch | null = null;
  const live = new LiveConfig(config, PARTS, { context, logger });
  const sources = {
    stats: () => withDrift(access?.judge(stats()) ?? null, drift),
    explain: (group: string, member: string | null) => running?.pendingOf(group, member) ?? null,
    status: (...asked: Parameters<Pipeline['status']>) => running?.status(...asked) ?? null,
  };
  const admin = await serveAdmin(live, sources, { context, logger });
  const api = createGroupApi(
    lazily(() => live.current.genesys),
    {
      clock,
      logger,
      random,
      secrets: context.secrets,
      connect: connectThrough(config.proxy),
      isShadow: config.isShadow,
    },
  );
  if (config.isShadow) logger.info(shadowNames(config), 'shadow: nothing is sent that changes a group');
  const receiver = liveReceiver(live);
  const notifier = receiver === null ? null : new WebhookNotifier(receiver, { clock, logger, proxy: config.proxy });
  let opened: OpenIdMap | null = null;
  try {
    if (!(await kafkaIsRight(config, { context, logger }))) return;
    const format = await openSourceTopicFormat(config.format, { clock, logger });
    access = AccessWatch.open(needsOfService(config, config), liveKafka(live), { clock, logger });
    opened = await openIds(config, api, { context, logger });
    if (opened === null) return;
    api.prepare();
    const log = new KafkaChangeLog({ ...liveKafka(live), topics: config.topics }, { clock, logger });
    const options = pipelineOptions(config, `${config.kafka.clientId}-${random.uuid()}`);
    const { ids } = opened;
    const signing = signingOf(live);
    const notifying = notifier === null ? {} : { notifier };
    const ports = { log, api, ids, clock, random, sha256, logger, format, ...signing, ...notifying };
    const pipeline = new Pipeline(ports, options);
    stats = () => withObstacles(pipeline.stats(), log.obstacles());
    running = pipeline;
    drift = watchDrift(pipeline, { live, api, ids, format }, { context, logger });
    await supervise(pipeline, log, { context, logger });
  } catch (error) {
    throw kafkaExit(error);
  } finally {
    live.close();
    const compared = drift?.close();
    await access?.close();
    await opened?.close();
    await notifier?.close();
    await api.close();
    await compared;
    await admin?.close();
  }
}

const shadowNames = ({ kafka, topics }: Service) => ({ group: kafka.groupId, ...topics });

/** With the key as it is at each request. */
function signingOf(live: Live<'operator'>): { readonly operatorKey?: OperatorKey } {
  const { key } = live.current.operator;
  return key === null ? {} : { operatorKey: operatorKey(() => live.current.operator.key ?? key) };
}

/** Waits for brokers that cannot be reached; null: asked to stop meanwhile. */
async function openIds(config: Service, api: GroupApi, { context, logger }: Dependencies): Promise<OpenIdMap | null> {
  while (!context.stop.aborted) {
    try {
      return await openIdMap(config, { context, api, logger });
    } catch (error) {
      if (context.stop.aborted) return null;
      if (!(error instanceof ExitError) || error.code !== EXIT.unavailable) throw error;
      const line = { fields: { message: error.message }, message: 'the id map cannot be read, trying again' };
      logLasting({ clock: context.clock, logger }, { level: 'warn', cause: error.message, ...line });
      await unlessAborted(context.stop, pause(context.clock, RETRY_MS));
    }
  }
  return null;
}

interface Dependencies {
  readonly context: CommandContext;
  readonly logger: Logger;
}

async function supervise(pipeline: Pipeline, log: ChangeLog, { context, logger }: Dependencies): Promise<void> {
  const asked = stopped(context.stop).then(() => 'stop' as const);
  const started = await Promise.race([asked, pipeline.start()]);
  if (started !== 'stop') logger.info({}, 'rollcall runs');
  const end = started ?? (await Promise.race([asked, pipeline.ended]));
  if (end === 'stop') logger.info({}, 'asked to stop: draining');
  await pipeline.drain();
  if (end instanceof Error) {
    // A pipeline that has failed has not left the consumer group; others take over without delay only if we leave.
    await log.leave();
    throw end;
  }
  logger.info({}, 'rollcall has stopped');
}

const RETRY_MS = 1_000;

/** Waits for brokers that cannot be reached; false: asked to stop meanwhile. @throws ExitError for what keeps `run` from working */
async function kafkaIsRight(config: Service, { context, logger }: Dependencies): Promise<boolean> {
  const tools = createLogTools(config.kafka, { clock: context.clock, logger });
  try {
    while (!context.stop.aborted) {
      const found = await inspect(config, tools, { context, logger });
      if (found !== null) {
        judgeTopics(found.topics, logger);
        judgeRecords(found.records, logger);
        return true;
      }
      await unlessAborted(context.stop, pause(context.clock, RETRY_MS));
    }
    return false;
  } finally {
    await tools.close();
  }
}

interface Found {
  readonly topics: readonly TopicFinding[];
  readonly records: readonly RecordFinding[];
}

/** null: the brokers cannot be reached now. */
async function inspect(config: Service, tools: KafkaLogTools, around: Dependencies): Promise<Found | null> {
  const { logger } = around;
  try {
    const finding = findTopics(config.topics, tools);
    // A missing permission is reported first.
    finding.catch(() => undefined);
    await demandAccess(needsOfService(config, config), tools, config.kafka);
    const found = await finding;
    const topics = topicFindings(config.topics, found);
    if (found.source === null || topics.some(refusesRun)) return { topics, records: [] };
    return { topics, records: await firstRecords(config, found.source, { ...around, tools }) };
  } catch (error) {
    await noteUnreachable(error, { clock: around.context.clock, logger, diagnosed: (each) => tools.diagnosed(each) });
    return null;
  }
}

/** Records that cannot be fetched here are left to the consumer, which reports them or passes over them. */
async function firstRecords(
  config: Service,
  source: FoundTopic,
  { tools, context, logger }: Dependencies & { readonly tools: KafkaLogTools },
): Promise<readonly RecordFinding[]> {
  const committed = (topic: string) => tools.committedOffsets(config.kafka.groupId, topic);
  try {
    return await inspectFirstRecords(config, source, { tools, signal: context.stop, committed });
  } catch (error) {
    const { retriable, message, advice } = explainKafkaError(error);
    if (error instanceof ExitError || retriable) throw error;
    logger.warn({ message, advice }, 'the first records of the source cannot be checked');
    return [];
  }
}

/** Warns of what is at risk. @throws ExitError for what `doctor` calls a failure */
function judgeRecords(findings: readonly RecordFinding[], logger: Logger): void {
  for (const finding of findings) {
    const { code, message, remedy } = finding;
    if (!refusesStart(finding)) logger.warn({ code, message, remedy }, 'the source records are at risk');
  }
  const refusals = findings.filter(refusesStart);
  if (refusals.length > 0)
    throw new ExitError(EXIT.configuration, `the source records cannot be read:\n${withRemedies(refusals)}`);
}
