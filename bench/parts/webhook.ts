/**
 * `rollcall ingest webhook` before a real broker: how long a sender waits for its acknowledgement at 500 requests a second,
 * and how many acknowledged changes are missing after a kill -9 under that load. Every time is taken from the moment at
 * which the request was due, so that a server that stalls cannot hide it by slowing the senders down.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { Guard, freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import { pause, within } from '../../src/time.ts';
import type { LogTools } from '../../src/ports.ts';
import { single, type Figure } from '../figure.ts';
import type { Bench, Part } from '../part.ts';
import { percentile } from '../world/percentile.ts';
import { buildProgram } from '../world/program.ts';
import { context } from '../world/service.ts';

const PER_SECOND = 500;
const WARM_UP_SECONDS = 5;
const SECONDS = 20;
const KILL_AFTER_SECONDS = 5;
const GROUPS = 50;
const BOUND_P99_MS = 50;
const SECRET = 'secret-of-the-benchmark';

/** @throws KafkaSetupError where there is no Kafka. */
export const webhook: Part = { name: 'webhook', isQuick: false, measure: measureWebhook };

async function measureWebhook(bench: Bench): Promise<readonly Figure[]> {
  const kafka = await bench.kafka();
  const environment = await kafka.newTopics(6);
  return measureServer(environment, kafka.tools, environment.SOURCE_TOPIC);
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
    const waits = [...load.waitsMs];
    const loadAtKill = load.run(KILL_AFTER_SECONDS + 1);
    await pause(context.clock, KILL_AFTER_SECONDS * 1_000);
    await server.kill();
    await loadAtKill;
    const written = await idsOf(tools, topic);
    const lost = load.acknowledged.filter((id) => !written.has(id)).length;
    return [
      wait('p99', percentile(waits, 99), BOUND_P99_MS),
      wait('median', percentile(waits, 50)),
      wait('the longest', percentile(waits, 100)),
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

/** Okta's, one event each: the sender with the shortest timeout. */
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
