/** `rollcall ingest poll SOURCE`: asks an identity provider for changes, and writes native records keyed by group. */
import { Argument, Command } from 'commander';
import { auth0Api, entraApi, oktaApi, scimApi, type ApiLimits } from '../adapters/idp/idp.ts';
import type { IdpWorld } from '../adapters/idp/http.ts';
import type { KafkaConnectionOptions } from '../adapters/kafka/options.ts';
import type { Config } from '../config/config.ts';
import { needsOfCursor, needsOfIngest } from '../core/log/authorization.ts';
import { IdpRefusal, IdpTrouble } from '../core/ids/idp-failure.ts';
import { COMPACTION_LAG_MIN_MS, alterTopic } from '../core/log/topics.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { auth0Source } from '../ingest/poll/auth0.ts';
import { CursorRefusal, Poller, loadCursor } from '../ingest/poll/poller.ts';
import { entraSource } from '../ingest/poll/entra.ts';
import { oktaSource } from '../ingest/poll/okta.ts';
import { scimSource } from '../ingest/poll/scim.ts';
import type { PollSource } from '../ingest/poll/source.ts';
import type { LogTools } from '../ports.ts';
import { lazily } from '../console/live-config.ts';
import type { CommandContext } from '../console/command-context.ts';
import { createPermitted, kafkaAccess } from '../console/access.ts';
import { openQueue, topicsAreRight, withIngest, type IngestDependencies } from '../console/ingest-setup.ts';

const SOURCES = ['okta', 'entra', 'auth0', 'scim'] as const;
type SourceName = (typeof SOURCES)[number];

export interface PollFlags {
  readonly once?: true;
}

export function pollCommand(context: CommandContext): Command {
  return new Command('poll')
    .summary('asks an identity provider for what is new, until SIGTERM')
    .description(
      'Asks the API of an identity provider for membership changes, and writes native records keyed by group to the source topic. How far it was read is kept in a compacted topic.',
    )
    .addArgument(new Argument('<source>', 'which identity provider').choices(SOURCES))
    .option('--once', 'end when there is nothing new (for cron); exits 69 where it does not answer')
    .addHelpText('after', help)
    .action(async (name: SourceName, flags: PollFlags) => {
      await pollSource(name, flags, context);
      context.finish(EXIT.done);
    });
}

const help = `
Sources, and what each needs (secrets also as NAME_FILE):
  okta   the System Log           INGEST_OKTA_URL INGEST_OKTA_API_TOKEN
  entra  Graph groups/delta       INGEST_ENTRA_TENANT_ID INGEST_ENTRA_CLIENT_ID INGEST_ENTRA_CLIENT_SECRET
  auth0  the Events API           INGEST_AUTH0_URL INGEST_AUTH0_CLIENT_ID INGEST_AUTH0_CLIENT_SECRET
  scim   GET /Groups, compared    INGEST_SCIM_URL INGEST_SCIM_LIST_TOKEN

The first start writes every group as a full state (INGEST_POLL_START=now: only what changes from now on). A cursor that the
identity provider does not take any more (Okta keeps 90 days, a delta token of Entra ID lives for 7), or that is deleted,
has every group written as a full state, even with INGEST_POLL_START=now. A group is written as a full state only when it was read to its last page. Groups that are gone are written as deleted; \`rollcall
run\` holds those, and every large removal, until an operator approves.

Changes are acknowledged before the cursor is written: killed at any moment it loses nothing, and may repeat. Run one
instance for each identity provider. Nothing but https, except on this machine; 429 and 5xx are waited for as the response says.
Health and metrics on ADMIN_PORT (8080), but not with --once: /healthz, /readyz, /metrics.

Example:
  $ export KAFKA_BROKERS=broker-1:9093 INGEST_OKTA_URL=https://example.okta.com
  $ export INGEST_OKTA_API_TOKEN_FILE=/run/secrets/okta
  $ rollcall ingest poll okta
  $ rollcall ingest poll okta --once      from cron`;

type Settings = Config<'kafka' | 'topics' | 'ingest' | 'poll'>;

export function pollSource(name: SourceName, flags: PollFlags, context: CommandContext): Promise<void> {
  const parts = ['kafka', 'topics', 'ingest', 'poll', 'admin', name] as const;
  // What runs once, from cron, is not probed, and may run beside another service.
  return withIngest(context, { parts, isProbed: flags.once !== true }, async (live, opened) => {
    const config = live.current;
    const { clock, random, stop, secrets } = context;
    const world = { clock, random, logger: opened.logger, stop, secrets, proxy: config.proxy };
    const limits = { timeoutMs: config.poll.timeoutMs, triesMax: flags.once === true ? ONCE_TRIES_MAX : null };
    const source = makeSource[name]({ ...config, [name]: lazily(() => live.current[name]) } as Config, limits, world);
    const needs = [
      ...needsOfIngest(config.ingest.topic ?? config.topics.source, config.topics.deadLetter),
      ...needsOfCursor(config.poll.cursorTopic),
    ];
    const dependencies = { ...opened, kafka: kafkaAccess(needs, opened.tools, config.kafka) };
    await runPoll(config, source, { flags, dependencies }).catch(failPoll);
  });
}

/** @throws ExitError for what the identity provider, or the cursor, is at fault for */
function failPoll(error: unknown): never {
  if (error instanceof IdpRefusal) throw new ExitError(EXIT.configuration, error.message, { cause: error });
  if (error instanceof IdpTrouble || error instanceof CursorRefusal)
    throw new ExitError(EXIT.unavailable, error.message, { cause: error });
  throw error;
}

const ONCE_TRIES_MAX = 5;
/** An event stream counts as read when nothing has come for so long. */
const QUIET_MS = 3_000;

type MakeSource = (config: Config, limits: ApiLimits, world: IdpWorld) => PollSource;

const makeSource: Readonly<Record<SourceName, MakeSource>> = {
  okta: ({ okta, poll }, limits, world) =>
    oktaSource({ api: oktaApi(okta, limits, world), clock: world.clock, pageSize: poll.pageSize }),
  entra: ({ entra }, limits, world) => entraSource({ api: entraApi(entra, limits, world), tenantId: entra.tenantId }),
  auth0: ({ auth0, poll }, limits, world) =>
    auth0Source({
      api: auth0Api(auth0, limits, world),
      clock: world.clock,
      pageSize: poll.pageSize,
      quietMs: QUIET_MS,
    }),
  scim: ({ scim, poll }, limits, world) => scimSource({ api: scimApi(scim, limits, world), pageSize: poll.pageSize }),
};

async function runPoll(
  config: Settings,
  source: PollSource,
  { flags, dependencies }: { readonly flags: PollFlags; readonly dependencies: IngestDependencies },
): Promise<void> {
  const { context, logger, tools } = dependencies;
  const { cursorTopic, intervalMs, start: startFrom } = config.poll;
  const topic = config.ingest.topic ?? config.topics.source;
  const { deadLetter: deadLetterTopic } = config.topics;
  if (!(await topicsAreRight(config, dependencies))) return;
  await haveCursorTopic(cursorTopic, tools, config.kafka);
  const stored = await loadCursor(tools, cursorTopic, { source, signal: context.stop });
  const queue = openQueue(dependencies);
  const mode = flags.once === true ? 'once' : 'forever';
  const options = { topic, deadLetterTopic, cursorTopic, intervalMs, startFrom, mode } as const;
  logger.info({ source: source.name, scope: source.scope, hasCursor: stored.cursor !== null }, 'the poll begins');
  try {
    const poller = new Poller(options, { source, stored, queue, clock: context.clock, logger, stop: context.stop });
    dependencies.readiness.begins(
      () => poller.stuck,
      () => queue.stuck,
    );
    await Promise.race([poller.run(), queue.failed]);
    logger.info({}, 'rollcall has stopped');
  } finally {
    queue.stop();
  }
}

/** One partition, so that the cursor stands behind what it covers. @throws ExitError where it would forget cursors */
async function haveCursorTopic(topic: string, tools: LogTools, connection: KafkaConnectionOptions): Promise<void> {
  const settings = { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': String(COMPACTION_LAG_MIN_MS) };
  const found = await tools.describeTopic(topic);
  if (found === null) {
    await createPermitted({ topic, partitionCount: 1, replicationFactor: -1, settings }, tools, connection);
    return;
  }
  if (found.settings.get('cleanup.policy') === 'compact') return;
  const remedy = alterTopic(topic, 'cleanup.policy=compact');
  throw new ExitError(EXIT.unavailable, `${topic} is not compacted: a cursor would be deleted with age.\n  ${remedy}`);
}
