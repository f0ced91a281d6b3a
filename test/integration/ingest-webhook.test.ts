/** `rollcall ingest webhook` as a process before a real broker: killed under load, drained, and with TLS. */
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import type { LogTools } from '../../src/ports.ts';
import { describeNewestKafka, uniqueName } from '../support/broker.ts';
import { Condition } from '../support/condition.ts';
import { kafkaHost, plaintext } from '../support/kafka-log-harness.ts';
import { createKafkaSecurity } from '../support/kafka-security.ts';
import { oktaHook } from '../support/okta-hook.ts';
import { type Environment, ServiceProcess } from '../support/service.ts';

const secret = 'webhook-secret-of-okta';
const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

interface WebhookHarness {
  readonly url: string;
  readonly topic: string;
  readonly tools: LogTools;
  /** Starts the server, on the same port each time; resolves when it serves. */
  start(changes?: Environment): Promise<ServiceProcess>;
}

async function aWebhookHarness(brokers: readonly string[]): Promise<WebhookHarness> {
  const tools = createLogTools(plaintext(brokers), kafkaHost);
  endings.push(() => tools.close());
  const topic = uniqueName('ingest');
  const deadLetter = `${topic}.dead-letter`;
  for (const name of [topic, deadLetter])
    await tools.createTopic({ topic: name, partitionCount: 3, replicationFactor: 1, settings: {} });
  const [port = 0] = await freePorts(1);
  const environment = {
    KAFKA_BROKERS: brokers.join(','),
    SOURCE_TOPIC: topic,
    DEAD_LETTER_TOPIC: deadLetter,
    INGEST_PORT: String(port),
    ADMIN_PORT: '0',
    INGEST_OKTA_SECRET: secret,
  };
  const start = async (changes: Environment = {}): Promise<ServiceProcess> => {
    const service = new ServiceProcess({ ...environment, ...changes }, ['ingest', 'webhook']);
    endings.push(() => service.kill());
    await Promise.race([service.said('webhooks are taken'), service.broken]);
    return service;
  };
  return { url: `http://127.0.0.1:${port}/okta`, topic, tools, start };
}

const REPEAT_MS = 20;

/** Senders that repeat what was not acknowledged, each for a group of its own, until the test stops them. */
class Senders {
  readonly acknowledged = new Map<string, string[]>();
  readonly #condition = new Condition();
  readonly #url: string;
  #isStopped = false;
  #work: readonly Promise<void>[] = [];
  #count = 0;

  constructor(url: string) {
    this.#url = url;
  }

  start(count: number): void {
    this.#work = Array.from({ length: count }, (_, index) => this.#send(`g${index}`));
  }

  /** Resolves when so many more have been acknowledged. */
  more(count: number): Promise<void> {
    const goal = this.#count + count;
    return this.#condition.until(`${count} acknowledgements`, () => this.#count >= goal);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#work);
  }

  async #send(group: string): Promise<void> {
    const ids: string[] = [];
    this.acknowledged.set(group, ids);
    while (!this.#isStopped) {
      const id = `${group}/${ids.length}`;
      const op = ids.length % 2 === 0 ? 'add' : 'remove';
      while (!(await this.#post(oktaHook({ group, member: 'm', op, id })))) await this.#pace();
      ids.push(id);
      this.#count += 1;
      this.#condition.look();
    }
  }

  async #post(body: string): Promise<boolean> {
    try {
      const headers = { authorization: secret, 'content-type': 'application/json' };
      return (await fetch(this.#url, { method: 'POST', body, headers })).status === 200;
    } catch {
      // The server is not there, or died during the exchange.
      return false;
    }
  }

  /** Part of the load, no wait for anything: 40 senders that repeat without a pause would leave the server no processor. */
  #pace(): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve, REPEAT_MS);
    });
  }
}

/** Ids of the events of each group, in the order of the topic; what stands there several times in a row counts once. */
async function writtenIds({ tools, topic }: WebhookHarness): Promise<ReadonlyMap<string, readonly string[]>> {
  const ids = new Map<string, string[]>();
  const options = { from: 'beginning', follow: false, signal: new AbortController().signal } as const;
  for await (const { key, value } of tools.read(topic, options)) {
    const group = Buffer.from(key ?? []).toString();
    const { event_id: id, group_id: named } = JSON.parse(Buffer.from(value ?? []).toString()) as Record<string, string>;
    expect(named).toBe(group);
    const ofGroup = ids.get(group) ?? [];
    ids.set(group, ofGroup);
    if (id !== undefined && ofGroup.at(-1) !== id) ofGroup.push(id);
  }
  return ids;
}

describeNewestKafka('rollcall ingest webhook', ({ brokers }) => {
  test('killed again and again under load, it loses nothing that it has acknowledged, and keeps the order', async () => {
    const harness = await aWebhookHarness(brokers);
    const senders = new Senders(harness.url);
    let service = await harness.start();
    senders.start(40);
    for (let kill = 0; kill < 3; kill += 1) {
      await senders.more(200);
      await service.kill();
      service = await harness.start();
    }
    await senders.more(200);
    await senders.stop();
    const written = await writtenIds(harness);
    expect(written.size).toBe(40);
    for (const [group, ids] of senders.acknowledged) expect(written.get(group)).toEqual(ids);
  });

  test('asked to stop under load, it answers what is under way and exits 0', async () => {
    const harness = await aWebhookHarness(brokers);
    const senders = new Senders(harness.url);
    const service = await harness.start();
    senders.start(10);
    await senders.more(100);
    service.signal('SIGTERM');
    expect(await service.exited).toBe(0);
    const second = await harness.start();
    await senders.more(20);
    await senders.stop();
    const written = await writtenIds(harness);
    for (const [group, ids] of senders.acknowledged) expect(written.get(group)).toEqual(ids);
    expect(second.printed).not.toContain(secret);
  });

  test('without its topic it ends with 69, and says what to do', async () => {
    const harness = await aWebhookHarness(brokers);
    const service = await harness.start({ INGEST_TOPIC: uniqueName('nowhere') });
    service.broken.catch(() => undefined);
    expect(await service.exited).toBe(69);
    expect(service.text).toMatch(/Kafka has no topic nowhere-.*\n.*rollcall topics create/);
  });

  test('with a certificate it speaks TLS only', async () => {
    const security = await createKafkaSecurity();
    endings.push(() => security.remove());
    // Certificate and key stand in one file, as a keystore of Kafka has them.
    const file = join(security.folder, 'valid.pem');
    const harness = await aWebhookHarness(brokers);
    await harness.start({ INGEST_TLS_CERT_FILE: file, INGEST_TLS_KEY_FILE: file });
    const options = { method: 'POST', ca: security.caPem, headers: { authorization: secret } };
    const status = await new Promise((resolve, reject) => {
      const sending = request(harness.url.replace('http:', 'https:'), options, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sending.once('error', reject).end(oktaHook({ group: 'g', member: 'm', op: 'add', id: 'e' }));
    });
    expect(status).toBe(200);
    expect((await readFile(file, 'utf8')).includes('PRIVATE KEY')).toBe(true);
    await expect(fetch(harness.url, { method: 'POST' })).rejects.toThrow();
  });
});
