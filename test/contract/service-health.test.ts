/** Every command that does not end by itself answers probes and scrapes, from before the brokers are reached on. */
import { test, vi } from 'vitest';
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import type { CommandContext } from '../../src/console/command-context.ts';
import { pollSource } from '../../src/commands/ingest-poll.ts';
import { rekeyTopic } from '../../src/commands/ingest-topic.ts';
import { serveWebhook } from '../../src/commands/ingest-webhook.ts';
import { runService } from '../../src/commands/run.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { aContext } from '../support/command-context.ts';

const token = 'a-token-of-the-metrics';
const secret = 'a-secret-of-the-senders';

const services = [
  ['run', runService],
  ['ingest webhook', serveWebhook],
  ['ingest topic', rekeyTopic],
  ['ingest poll', (context: CommandContext) => pollSource('okta', {}, context)],
] as const;

/** Of brokers that are not there. */
async function environmentOf(changes: Record<string, string> = {}): Promise<Record<string, string>> {
  const [adminPort, ingestPort, broker] = await freePorts(3);
  return {
    KAFKA_BROKERS: `127.0.0.1:${broker}`,
    GENESYS_CLIENT_ID: 'id',
    GENESYS_CLIENT_SECRET: 'secret',
    INGEST_PORT: String(ingestPort),
    INGEST_OKTA_SECRET: secret,
    INGEST_FROM_TOPIC: 'from',
    INGEST_OKTA_URL: 'https://example.okta.com',
    INGEST_OKTA_API_TOKEN: 'api-token',
    ADMIN_PORT: String(adminPort),
    ...changes,
  };
}

/** Side by side: a client of Kafka takes seconds to give up brokers that are away. */
test.concurrent.for(services)(
  'probes: %s answers probes without the token, and /metrics with it',
  { timeout: 60_000 },
  async ([, serve], { expect, onTestFinished }) => {
    // given a service whose brokers are away
    const environment = await environmentOf({ ADMIN_HOST: '0.0.0.0', ADMIN_TOKEN: token });
    const context = aContext({ environment });
    const served = serve(context);
    onTestFinished(async () => {
      context.ask();
      await served;
    });
    const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`http://127.0.0.1:${environment['ADMIN_PORT']}${path}`, { headers });
    await vi.waitFor(async () => expect((await get('/healthz')).status).toBe(200), { timeout: 20_000, interval: 50 });
    // then
    const ready = await get('/readyz');
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ ready: false, reasons: [expect.any(String)] });
    expect((await get('/metrics')).status).toBe(401);
    const metrics = await get('/metrics', { authorization: `Bearer ${token}` });
    const text = await metrics.text();
    expect(metrics.status).toBe(200);
    for (const line of [/^rollcall_ready 0$/m, /^rollcall_build_info\{version="\d/m, /^process_cpu_seconds_total /m])
      expect(text).toMatch(line);
    expect(text).not.toMatch(/^rollcall_lag/m);
  },
);

test.for(services)(
  'probes: %s that others could scrape without a token does not start',
  async ([, serve], { expect }) => {
    const environment = await environmentOf({ ADMIN_HOST: '0.0.0.0' });
    const problem = /^ADMIN_TOKEN is missing, though ADMIN_HOST .*ADMIN_HOST=127\.0\.0\.1.*; example: ADMIN_TOKEN=/;
    await expect(serve(aContext({ environment }))).rejects.toThrow(problem);
  },
);

test.concurrent(
  'probes: ingest topic says in /readyz that the brokers stay away',
  { timeout: 60_000 },
  async ({ expect, onTestFinished }) => {
    const environment = await environmentOf();
    const context = aContext({ environment });
    const served = rekeyTopic(context);
    onTestFinished(async () => {
      context.ask();
      await served;
    });
    const reasons = async (): Promise<unknown> =>
      ((await (await fetch(`http://127.0.0.1:${environment['ADMIN_PORT']}/readyz`)).json()) as { reasons: unknown })
        .reasons;
    await vi.waitFor(
      async () => expect(await reasons()).toEqual([expect.stringMatching(/^Kafka cannot be reached: /)]),
      {
        timeout: 40_000,
        interval: 100,
      },
    );
  },
);

test.for(services.slice(1))(
  'shadow: %s, which writes to the topic that others read, refuses to work',
  async ([, serve], { expect }) => {
    const environment = await environmentOf({ SHADOW: 'true' });
    await expect(serve(aContext({ environment }))).rejects.toMatchObject({
      code: EXIT.usage,
      message: expect.stringContaining(
        'this command writes to the source topic, which others read; leave out --shadow',
      ),
    });
  },
);
