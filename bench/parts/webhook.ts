/**
 * `rollcall ingest webhook` before a real broker: how long a sender waits for its acknowledgement at 500 requests a second,
 * and how many acknowledged changes are missing after a kill -9 under that load. Every time is taken from the moment at
 * which the request was due, so that a server that stalls cannot hide it by slowing the senders down.
 */
import { commandLog, createTopics, readText } from '../../src/console/kafka-tools.ts';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { kafkaCacheDirectory } from '../../src/lab/kafka-broker/fetch.ts';
import { Guard, freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import { startBroker } from '../../src/lab/kafka-broker/start.ts';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { pause, within } from '../../src/time.ts';
import { readConfig } from '../../src/config/config.ts';
import type { LogTools } from '../../src/ports.ts';
import { single, type Figure } from '../figure.ts';
import type { Part } from '../part.ts';
import { buildProgram } from '../world/program.ts';
import { context } from '../world/service.ts';

const PER_SECOND = 500;
const WARM_UP_SECONDS = 5;
const SECONDS = 20;
const KILL_AFTER_SECONDS = 5;
const GROUPS = 50;
const BOUND_P99_MS = 50;
const SECRET = 'bench-secret';

/** @throws KafkaSetupError where there is no Kafka. */
export const webhook: Part = { name: 'webhook', isQuick: false, measure: measureWebhook };

async function measureWebhook(): Promise<readonly Figure[]> {
  const logger = { info: (_: object, message: string) => void process.stderr.write(`${message}\n`) };
  const cacheDirectory = kafkaCacheDirectory(process.env);
  // Both compilers, as in production: with the quick start's single one the broker answers late.
  const broker = await startBroker(
    { version: '4.2.0', jvmFlags: [] },
    { cacheDirectory, logger, timer: context.clock },
  );
  const environment = { KAFKA_BROKERS: broker.brokers.join(',') };
  const config = readConfig(environment, ['kafka', 'topics'], readText);
  const tools = createLogTools(config.kafka, { clock: context.clock, logger: commandLog(context, config) });
  try {
    await createTopics(config.topics, tools, { partitionCount: 6, replicationFactor: -1 });
    return await measureServer(environment, tools, config.topics.source);
  } finally {
    await tools.close();
    await broker.stop();
  }
}

async function measureServer(
  environment: Readonly<Record<string, string>>,
  tools: LogTools,
  topic: string,
): Promise<readonly Figure[]> {
  const server = await WebhookProcess.start(environment);
  const load = new Load(server.url);
  try {
    await load.run(WARM_UP_SECONDS);
    load.waitsMs.length = 0;
    await load.run(SECONDS);
    const waits = load.waitsMs.toSorted((a, b) => a - b);
    const dying = load.run(KILL_AFTER_SECONDS + 1);
    await pause(context.clock, KILL_AFTER_SECONDS * 1_000);
    await server.kill();
    await dying;
    const written = await idsOf(tools, topic);
    const lost = load.acknowledged.filter((id) => !written.has(id)).length;
    return [
      wait('p99', quantile(waits, 0.99), BOUND_P99_MS),
      wait('median', quantile(waits, 0.5)),
      wait('the longest', quantile(waits, 1)),
      single('webhook: acknowledged in that time', waits.length / SECONDS, { unit: 'requests/s' }),
      single(`webhook: lost of ${load.acknowledged.length} acknowledged, at kill -9`, lost, { atMost: 0 }),
    ];
  } finally {
    load.close();
    await server.kill();
  }
}

const wait = (what: string, ms: number, atMost: number | null = null): Figure =>
  single(`webhook at ${PER_SECOND} requests/s: wait for the acknowledgement, ${what}`, ms, {
    unit: 'ms',
    digits: 1,
    atMost,
  });

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;

async function idsOf(tools: LogTools, topic: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  const options = { from: 'beginning', follow: false, signal: new AbortController().signal } as const;
  for await (const { value } of tools.read(topic, options)) {
    const { event_id: id } = JSON.parse(Buffer.from(value ?? []).toString()) as { event_id: string };
    ids.add(id);
  }
  return ids;
}

/** Sends at a fixed rate, independent of the results of earlier requests. */
class Load {
  readonly acknowledged: string[] = [];
  readonly waitsMs: number[] = [];
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 200 });
  #sent = 0;

  constructor(url: string) {
    this.#url = url;
  }

  async run(seconds: number): Promise<void> {
    const { clock } = context;
    const startedAt = clock.now().monotonic;
    const answers: Promise<void>[] = [];
    for (let index = 0; index < seconds * PER_SECOND; index += 1) {
      const dueAt = startedAt + (index * 1_000) / PER_SECOND;
      const leftMs = dueAt - clock.now().monotonic;
      if (leftMs > 0) await pause(clock, leftMs);
      answers.push(this.#send(dueAt));
    }
    await Promise.all(answers);
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(dueAt: number): Promise<void> {
    this.#sent += 1;
    const id = `event-${this.#sent}`;
    const headers = { authorization: SECRET, 'content-type': 'application/json' };
    return new Promise((resolve) => {
      const sending = request(this.#url, { method: 'POST', agent: this.#agent, headers }, (response) => {
        response.resume().once('end', () => {
          if (response.statusCode === 200) {
            this.acknowledged.push(id);
            this.waitsMs.push(context.clock.now().monotonic - dueAt);
          }
          resolve();
        });
        response.once('error', () => resolve());
      });
      sending.once('error', () => resolve());
      sending.end(eventHook(id, `group-${this.#sent % GROUPS}`));
    });
  }
}

/** Okta's, one event each: the sender with the shortest patience. */
function eventHook(id: string, group: string): string {
  const target = [
    { id: context.random.uuid(), type: 'User', alternateId: 'jane.doe@example.com', displayName: 'Jane Doe' },
    { id: group, type: 'UserGroup', alternateId: 'unknown', displayName: 'Sales' },
  ];
  const event = {
    uuid: id,
    published: '2026-01-31T12:00:00.000Z',
    eventType: 'group.user_membership.add',
    displayMessage: 'Add user to group membership',
    actor: { id: '00u1', type: 'User', alternateId: 'admin@example.com', displayName: 'Admin' },
    outcome: { result: 'SUCCESS', reason: null },
    target,
  };
  return JSON.stringify({ eventType: 'com.okta.event_hook', eventId: id, data: { events: [event] } });
}

const START_LIMIT_MS = 20_000;
const LOOK_MS = 100;

class WebhookProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #guard = new Guard(undefined);

  static async start(environment: Readonly<Record<string, string>>): Promise<WebhookProcess> {
    const program = await buildProgram();
    const [port = 0] = await freePorts(1);
    const server = new WebhookProcess(program, port, environment);
    const served = await within(context.clock, START_LIMIT_MS, server.#served());
    if (served !== 'timed_out') return server;
    await server.kill();
    throw new Error('`rollcall ingest webhook` does not serve');
  }

  /** Use `start`. */
  constructor(program: string, port: number, environment: Readonly<Record<string, string>>) {
    const own = { INGEST_PORT: String(port), INGEST_OKTA_SECRET: SECRET, LOG_LEVEL: 'warn' };
    this.url = `http://127.0.0.1:${port}/okta`;
    this.#child = spawn(process.execPath, [program, 'ingest', 'webhook'], {
      env: { ...environment, ADMIN_PORT: '0', ...own, PATH: process.env['PATH'] },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#guard.watch(this.#child.pid);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const closed = once(this.#child, 'close');
      this.#child.kill('SIGKILL');
      await closed;
    }
    this.#guard.release();
  }

  async #served(): Promise<void> {
    const health = new URL('/healthz', this.url);
    while (this.#child.exitCode === null) {
      const isServed = await fetch(health).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isServed) return;
      await pause(context.clock, LOOK_MS);
    }
    throw new Error('`rollcall ingest webhook` has ended');
  }
}
