/** `rollcall ingest topic`: a topic that is not keyed by group → native records that are. A signal drains it. */
import { Command } from 'commander';
import { KafkaRelay } from '../adapters/kafka/relay.ts';
import { createLogTools, type KafkaLogTools } from '../adapters/kafka/tools.ts';
import type { Config } from '../config/config.ts';
import { needsOfIngest, needsOfRelay } from '../core/log/authorization.ts';
import type { SourceFormat } from '../core/change/change.ts';
import { EXIT } from '../exit-codes.ts';
import { Rekeyer, rekeyWarnings } from '../ingest/topic/rekeyer.ts';
import { demandAccess, kafkaAccess, type KafkaAccess } from '../console/access.ts';
import { lazily, liveKafka, type Live } from '../console/live-config.ts';
import { stopped, type CommandContext } from '../console/command-context.ts';
import { openFormat } from '../console/source-format.ts';
import { openQueue, topicsAreRight, withIngest, type IngestDependencies } from '../console/ingest-setup.ts';

export function topicCommand(context: CommandContext): Command {
  return new Command('topic')
    .summary('re-keys a topic that is not keyed by group, until SIGTERM')
    .description(
      'Reads a topic of any format, puts the events of its partitions into the order in which they happened as far as it is known, and writes native records keyed by group to the source topic.',
    )
    .addHelpText('after', help)
    .action(async () => {
      await rekeyTopic(context);
      context.finish(EXIT.done);
    });
}

const help = `
Where it is needed: a record without a key, or with another one than the group, may lie in any partition, so that two
changes of one group overtake each other. Entra audit logs over the Kafka endpoint of Event Hubs and the Kafka plug-ins
of Keycloak write such records.

The order of what it writes:
  · within a partition of INGEST_FROM_TOPIC the order of arrival
  · across partitions the order in which the events happened (or else, were recorded). An event waits until every other
    partition has been read past its time, or has had nothing more to read for INGEST_REORDER_MS
  · a change that is older than what has gone on already for the same member of the same group is not written, if both
    say when they happened: it goes to the dead-letter topic (superseded), and the log counts it. Where the order is
    unknown, the order of arrival stands, and the log counts that too

Offsets are committed when everything of a record is acknowledged: killed at any moment it loses nothing, and may repeat.
One instance reads the topic; others with the same INGEST_GROUP_ID stand by and take over.
Health and metrics on ADMIN_PORT (8080): /healthz, /readyz, /metrics.

Example (Event Hubs, which is a cluster of its own: the namespace is the broker):
  $ export KAFKA_BROKERS=broker-1:9093 INGEST_FROM_BROKERS=example.servicebus.windows.net:9093
  $ export INGEST_FROM_SASL_MECHANISM=plain INGEST_FROM_SASL_USERNAME='$ConnectionString'
  $ export INGEST_FROM_SASL_PASSWORD_FILE=/run/secrets/event-hubs
  $ export INGEST_FROM_TOPIC=insights-logs-auditlogs INGEST_FROM_FORMAT=entra
  $ rollcall ingest topic`;

type Settings = Config<(typeof PARTS)[number]>;

const PARTS = ['kafka', 'topics', 'format', 'ingest', 'rekey', 'admin'] as const;

export const rekeyTopic = (context: CommandContext): Promise<void> =>
  withIngest(context, { parts: PARTS, isProbed: true }, async (live, opened) => {
    const { clock } = context;
    const { format, rekey, ...config } = live.current;
    const source = await openFormat(format, { clock, logger: opened.logger }, rekey.format);
    const settings = { ...config, format, kafka: liveKafka(live), rekey: liveRekey(live) };
    await passOn(settings, source, { ...opened, kafka: relayAccess(settings, opened) });
  });

/** In both clusters, where what is read lies in another one. */
function relayAccess(
  { kafka, rekey, ingest, topics }: Settings,
  { context, logger, tools }: Omit<Relaying, 'readiness'>,
): KafkaAccess {
  const writing = kafkaAccess(needsOfIngest(ingest.topic ?? topics.source, topics.deadLetter), tools, kafka);
  const connection = { ...kafka, ...rekey.connection };
  return {
    diagnosed: writing.diagnosed,
    demand: async () => {
      await writing.demand();
      const from = createLogTools(connection, { clock: context.clock, logger });
      try {
        await demandAccess(needsOfRelay(rekey.from, rekey.groupId), from, connection);
      } finally {
        await from.close();
      }
    },
  };
}

interface Relaying extends Omit<IngestDependencies, 'tools'> {
  readonly tools: KafkaLogTools;
}

/** With the other cluster's credentials as they are at each authentication. */
function liveRekey(live: Live<'rekey'>): Settings['rekey'] {
  const { rekey } = live.current;
  const { connection } = rekey;
  const sasl = connection?.sasl ?? null;
  if (connection === null || sasl === null) return rekey;
  return { ...rekey, connection: { ...connection, sasl: lazily(() => live.current.rekey.connection?.sasl ?? sasl) } };
}

/** Of each partition, in the reorder window: far more than what a window of seconds holds. */
const BUFFER_BYTES_MAX = 32 * 1_048_576;

async function passOn(config: Settings, format: SourceFormat, dependencies: IngestDependencies): Promise<void> {
  const { context, logger } = dependencies;
  const { from, groupId, lateMs, reorderMs, bufferMax } = config.rekey;
  const topic = config.ingest.topic ?? config.topics.source;
  const { deadLetter: deadLetterTopic } = config.topics;
  const reading = { ...config.kafka, ...config.rekey.connection };
  const kafkaHost = { clock: context.clock, logger };
  if (!(await topicsAreRight(config, dependencies))) return;
  // Whether `from` is there shows when it is joined: what describes topics may not be permitted in another cluster.
  logger.info({ from, topic, group: groupId, brokers: reading.brokers }, 'the topic is joined');
  const relay = new KafkaRelay({ ...reading, groupId, topic: from, lookBackMs: lateMs }, kafkaHost);
  const warnings = rekeyWarnings(context.clock, logger);
  const queue = openQueue(dependencies);
  const options = { from, topic, deadLetterTopic, reorderMs, bufferMax, bufferBytesMax: BUFFER_BYTES_MAX };
  const rekeyer = new Rekeyer(options, { relay, format, queue, clock: context.clock, logger, warnings });
  try {
    relay.join(rekeyer);
    dependencies.readiness.begins(
      // Also one that stands by is a member.
      () => (relay.holdsLease() ? null : 'no member of the consumer group, or the last heartbeat is too old'),
      () => queue.stuck,
      () => relay.obstacles()[0] ?? null,
    );
    await Promise.race([stopped(context.stop), queue.failed, rekeyer.failure]);
    logger.info({}, 'asked to stop: draining');
    await rekeyer.stop();
    logger.info({}, 'rollcall has stopped');
  } finally {
    queue.stop();
    await rekeyer.stop();
    await relay.leave();
    warnings.close();
  }
}
