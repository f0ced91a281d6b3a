/** `rollcall ingest webhook`: identity providers push, Kafka acknowledges, they are answered. A signal drains it. */
import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { needsOfIngest } from '../core/log/authorization.ts';
import { EXIT } from '../exit-codes.ts';
import { Intake, formatOfKind, webhookWarnings } from '../ingest/webhook/intake.ts';
import { sendersOf } from '../ingest/webhook/senders.ts';
import { startWebhook, type WebhookServer, type WebhookSources } from '../ingest/webhook/server.ts';
import { kafkaAccess } from '../console/access.ts';
import { openVerifier } from '../console/source-format.ts';
import { cannotListen, lazily, type LiveConfig } from '../console/live-config.ts';
import { stopped, type CommandContext } from '../console/command-context.ts';
import { openQueue, topicsAreRight, withIngest, type IngestDependencies } from '../console/ingest-setup.ts';

export function webhookCommand(context: CommandContext): Command {
  return new Command('webhook')
    .summary('a server that identity providers push their events to, until SIGTERM')
    .description(
      'Takes the webhooks of identity providers, and writes native records keyed by group to the source topic. A sender hears 2xx only when Kafka has acknowledged all that it sent.',
    )
    .addHelpText('after', help)
    .action(async () => {
      await serveWebhook(context);
      context.finish(EXIT.done);
    });
}

const help = `
One path for each kind of sender; there is a path only where its secret is set (or NAME_FILE, a file with it):
  /okta      INGEST_OKTA_SECRET         event hook; the value of its Authorization header
  /auth0     INGEST_AUTH0_TOKEN         event stream to a webhook with authorization "bearer"
  /keycloak  INGEST_KEYCLOAK_SECRET     webhook signed in X-Keycloak-Signature (hex HMAC-SHA256 of the body)
  /entra     INGEST_ENTRA_CLIENT_STATE  Graph change notifications; the clientState of the subscription
  /scim      INGEST_SCIM_TOKEN          SCIM events by push (RFC 8935) with "Authorization: Bearer …"; signed ones are
                                        verified with INGEST_SCIM_KEYS_FILE (JWKS), INGEST_SCIM_ISSUER, …_AUDIENCE
  /healthz                              200 while the process answers, for load balancers of this port
Health and metrics on ADMIN_PORT (8080): /healthz, /readyz, /metrics.

Example:
  $ export KAFKA_BROKERS=broker-1:9093 INGEST_HOST=0.0.0.0 INGEST_OKTA_SECRET_FILE=/run/secrets/okta
  $ export INGEST_TLS_CERT_FILE=/etc/rollcall/tls.crt INGEST_TLS_KEY_FILE=/etc/rollcall/tls.key
  $ rollcall ingest webhook
  $ curl -H "Authorization: $(cat /run/secrets/okta)" -H 'content-type: application/json' \\
         -d @event-hook.json https://rollcall.example.com:8443/okta

Answers: 2xx all is in Kafka · 400 not readable · 401 secret missing or wrong · 413 body too large · 503 Kafka has not
acknowledged within INGEST_ANSWER_WITHIN_MS, or too much is waiting: the sender is to repeat it. What is repeated is written
once, as long as the process lives and the event has an id; else it is written again, which changes nothing unless the
same member was changed in between. Events that cannot be read, and notifications that only say that something has changed
(Entra), go to the dead-letter topic with the reason; for the latter run \`rollcall ingest poll\` beside it.
Run one instance for each identity provider: only then the order of arrival is the order in Kafka.`;

type Webhook = Config<(typeof PARTS)[number]>;

const PARTS = ['kafka', 'topics', 'ingest', 'webhook', 'admin'] as const;

export const serveWebhook = (context: CommandContext): Promise<void> =>
  withIngest(context, { parts: PARTS, isProbed: true }, async (live, opened) => {
    const { topics, ingest: written, kafka } = live.current;
    const needs = needsOfIngest(written.topic ?? topics.source, topics.deadLetter);
    await ingest(live, { ...opened, kafka: kafkaAccess(needs, opened.tools, kafka) });
  });

async function ingest(live: LiveConfig<(typeof PARTS)[number]>, dependencies: IngestDependencies): Promise<void> {
  const { context, logger, readiness } = dependencies;
  const config = live.current;
  const { clock, stop } = context;
  const topic = config.ingest.topic ?? config.topics.source;
  const { deadLetter: deadLetterTopic } = config.topics;
  const queue = openQueue(dependencies, config.webhook.waitingMax);
  const warnings = webhookWarnings(clock, logger);
  const intake = new Intake({ topic, deadLetterTopic, queue, clock, warnings });
  const { scimTokens } = config.webhook;
  const keys = scimTokens && { ...scimTokens, file: scimTokens.keysFile };
  const senders = sendersOf(
    lazily(() => live.current.webhook.secrets),
    formatOfKind(await openVerifier('INGEST_SCIM_KEYS_FILE', keys, { clock, logger })),
  );
  const server = await listen(config, { senders, intake, warnings, clock, logger });
  live.onChange(({ webhook: { tls } }) => {
    if (tls !== null) server.replaceCertificate(tls);
  });
  try {
    const paths = senders.map(({ kind }) => `/${kind.name}`);
    logger.info({ url: server.url, paths, topic }, 'webhooks are taken');
    // Senders are answered 503 meanwhile: some of them never repeat what they could not deliver to anybody.
    const checked = topicsAreRight(config, dependencies).then(() => readiness.begins(() => queue.stuck));
    await Promise.race([stopped(stop), queue.failed, checked.then(() => stopped(stop))]);
    logger.info({}, 'asked to stop: draining');
    await server.drain();
    logger.info({}, 'rollcall has stopped');
  } finally {
    queue.stop();
    await server.drain();
    warnings.close();
  }
}

async function listen({ webhook }: Webhook, sources: WebhookSources): Promise<WebhookServer> {
  try {
    return await startWebhook(webhook, sources);
  } catch (cause) {
    throw cannotListen(
      'webhook',
      'set INGEST_HOST and INGEST_PORT to what is free, and INGEST_TLS_* to a certificate and its key in PEM',
      cause,
    );
  }
}
