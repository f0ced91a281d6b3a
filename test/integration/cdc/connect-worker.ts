/** A worker of Kafka Connect with Debezium, which can be killed and started again: what it knows is in Kafka. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { freePorts } from '../../../src/lab/kafka-broker/java-process.ts';
import { fetchConnect, fetchDebezium } from './artifacts.ts';
import { ServerProcess } from './server-process.ts';

export type ConnectorConfig = Readonly<Record<string, string>>;

const LOG4J = `appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{HH:mm:ss,SSS} %p %c{1} %m%n
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
logger.started.name=org.apache.kafka.connect.runtime.distributed.DistributedHerder
logger.started.level=INFO
logger.metadata.name=org.apache.kafka.clients.NetworkClient
logger.metadata.level=ERROR
`;

interface Status {
  readonly connector: { readonly state: string };
  readonly tasks: readonly { readonly state: string; readonly trace?: string }[];
}

export class ConnectWorker {
  kills = 0;
  readonly #folder: string;
  readonly #lib: string;
  readonly #url: string;
  #server: ServerProcess | null = null;

  private constructor(folder: string, lib: string, port: number) {
    this.#folder = folder;
    this.#lib = lib;
    this.#url = `http://127.0.0.1:${port}`;
  }

  static async start(brokers: readonly string[]): Promise<ConnectWorker> {
    const [lib, plugins] = [await fetchConnect(), await fetchDebezium()];
    const folder = await mkdtemp(join(tmpdir(), 'rollcall-connect-'));
    const [port = 0] = await freePorts(1);
    const json = 'org.apache.kafka.connect.json.JsonConverter';
    const properties = {
      'bootstrap.servers': brokers.join(','),
      'group.id': 'connect',
      'key.converter': json,
      'value.converter': json,
      ...Object.fromEntries(
        ['config', 'offset', 'status'].flatMap((name) => [
          [`${name}.storage.topic`, `connect.${name}`],
          [`${name}.storage.replication.factor`, '1'],
        ]),
      ),
      'offset.storage.partitions': '1',
      'status.storage.partitions': '1',
      'offset.flush.interval.ms': '2000',
      // A worker that was killed is back within seconds.
      'session.timeout.ms': '3000',
      'heartbeat.interval.ms': '1000',
      'scheduled.rebalance.max.delay.ms': '0',
      listeners: `http://127.0.0.1:${port}`,
      'plugin.path': plugins,
    };
    const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
    await writeFile(join(folder, 'worker.properties'), lines.join(''));
    await writeFile(join(folder, 'log4j2.properties'), LOG4J);
    const worker = new ConnectWorker(folder, lib, port);
    await worker.restart();
    return worker;
  }

  async restart(): Promise<void> {
    const flags = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
    const main = 'org.apache.kafka.connect.cli.ConnectDistributed';
    const logging = '-Dlog4j2.configurationFile=file:log4j2.properties';
    const server = new ServerProcess({
      name: 'Kafka Connect',
      command: 'java',
      parameters: [...flags, logging, '-cp', join(this.#lib, '*'), main, 'worker.properties'],
      folder: this.#folder,
    });
    this.#server = server;
    await server.said('Finished starting connectors and tasks');
  }

  /** kill -9 */
  async kill(): Promise<void> {
    this.kills += 1;
    await this.#server?.kill();
  }

  async stop(): Promise<void> {
    await this.#server?.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  tail(): string {
    return this.#server?.tail() ?? '';
  }

  /** Creates the connector, or changes it, and waits until its task runs. */
  async put(name: string, config: ConnectorConfig): Promise<void> {
    await this.#ask('PUT', `/connectors/${name}/config`, config);
    await this.running(name);
  }

  async running(name: string): Promise<void> {
    const look = async (): Promise<void> => {
      const { connector, tasks } = (await this.#ask('GET', `/connectors/${name}/status`)) as Status;
      const trace = tasks.find(({ state }) => state === 'FAILED')?.trace;
      if (trace !== undefined) throw new Error(`a task of ${name} failed: ${trace}`);
      if (connector.state !== 'RUNNING' || tasks.length === 0) throw new Error(`${name} is ${connector.state}`);
      if (tasks.some(({ state }) => state !== 'RUNNING')) throw new Error(`a task of ${name} does not run yet`);
    };
    await vi.waitFor(look, { timeout: 60_000, interval: 200 });
  }

  /** Whether the task of the connector has died. */
  async failure(name: string): Promise<string | null> {
    const { tasks } = (await this.#ask('GET', `/connectors/${name}/status`)) as Status;
    return tasks.find(({ state }) => state === 'FAILED')?.trace ?? null;
  }

  /** With its offsets. */
  async remove(name: string): Promise<void> {
    await this.#ask('PUT', `/connectors/${name}/stop`);
    await vi.waitFor(() => this.#ask('DELETE', `/connectors/${name}/offsets`), { timeout: 30_000, interval: 200 });
    await this.#ask('DELETE', `/connectors/${name}`);
  }

  /** Asks again while the worker joins its group. @throws for any other answer than 2xx. */
  async #ask(method: string, path: string, body?: object): Promise<unknown> {
    const attempt = async (): Promise<unknown> => {
      const response = await fetch(`${this.#url}${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.ok) return text === '' ? null : JSON.parse(text);
      if (response.status !== 409 && response.status < 500)
        return new Error(`${method} ${path}: ${response.status} ${text}`);
      throw new Error(`${method} ${path}: ${response.status} ${text}`);
    };
    const answer = await vi.waitFor(attempt, { timeout: 60_000, interval: 200 });
    if (answer instanceof Error) throw answer;
    return answer;
  }
}
