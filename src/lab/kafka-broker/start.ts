/**
 * Room lab/kafka-broker: real brokers as child processes.
 * Not here: a client of Kafka (adapters/kafka).
 *
 * Runs real Apache Kafka brokers as child processes, for the demo and the tests. No client library is involved: a broker
 * serves once it says so and accepts connections, or once the probe that was passed in succeeds.
 */
import { once } from 'node:events';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../../ports.ts';
import { pause, within, type Timer } from '../../time.ts';
import { KafkaSetupError, fetchKafka, type KafkaVersion } from './fetch.ts';
import { Guard, JavaProcess, freePorts } from './java-process.ts';
import {
  log4j2Properties,
  log4jProperties,
  scramArguments,
  serverProperties,
  type NodeConfiguration,
  type NodePorts,
  type SaslSsl,
} from './server-properties.ts';

export type Broker = Omit<BrokerNode, 'start'>;

export interface Cluster {
  readonly brokers: readonly string[];
  readonly nodes: readonly Broker[];
  stop(): Promise<void>;
}

/** What a broker needs from the machine it runs on. */
export interface BrokerHost {
  readonly cacheDirectory: string;
  readonly logger: Pick<Logger, 'info'>;
  readonly timer: Timer;
}

export interface ClusterOptions {
  readonly version: KafkaVersion;
  /** Added to the broker's configuration, or replacing it. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Plaintext where absent. */
  readonly security?: SaslSsl;
  readonly probe?: (brokers: readonly string[]) => Promise<void>;
  /** Quick start by default; a benchmark wants [], both compilers. */
  readonly jvmFlags?: readonly string[];
}

export interface BrokerOptions extends ClusterOptions {
  /** For clients; a free one where absent. */
  readonly port?: number;
}

const startAttemptsMax = 3;

/** @throws KafkaSetupError */
export async function startBroker(options: BrokerOptions, host: BrokerHost): Promise<Broker> {
  const lib = await fetchKafka(options.version, host);
  const [node] = await startNodes(1, { startLimitMs: 60_000, ...options, lib }, host);
  if (node === undefined) throw new Error('a cluster of one has one node');
  return node;
}

/** All nodes are brokers and controllers; replication factor 3 and min.insync.replicas 2 with three of them. */
export async function startCluster(nodeCount: number, options: ClusterOptions, host: BrokerHost): Promise<Cluster> {
  const lib = await fetchKafka(options.version, host);
  const nodes = await startNodes(nodeCount, { startLimitMs: 120_000, ...options, lib }, host);
  return {
    brokers: nodes.flatMap((node) => node.brokers),
    nodes,
    // A clean end takes the last nodes long, since they have no quorum left to tell, and none of their data stays.
    stop: async () => {
      await Promise.all(nodes.map((node) => node.discard()));
    },
  };
}

type FetchedOptions = BrokerOptions & { readonly lib: string; readonly startLimitMs: number };

async function startNodes(count: number, options: FetchedOptions, host: BrokerHost): Promise<readonly BrokerNode[]> {
  for (let attempt = 1; ; attempt += 1) {
    const ports = await pickPorts(count, options);
    const nodes = await Promise.all(ports.map((_, i) => createNode(i + 1, ports, options, host)));
    try {
      await Promise.all(nodes.map((node) => node.start()));
      return nodes;
    } catch (error) {
      await Promise.all(nodes.map((node) => node.discard()));
      const taken = error instanceof KafkaSetupError && error.fault === 'port_taken' && options.port === undefined;
      if (!taken || attempt === startAttemptsMax) throw error;
    }
  }
}

async function pickPorts(count: number, { port: clientPort, security }: FetchedOptions): Promise<readonly NodePorts[]> {
  const chosen = Object.values(security?.others ?? {}).map(({ port }) => port);
  const free = await freePorts(3 * count, clientPort === undefined ? chosen : [...chosen, clientPort]);
  return Array.from({ length: count }, (_, i) => ({
    client: clientPort ?? free[3 * i] ?? 0,
    controller: free[3 * i + 1] ?? 0,
    internal: free[3 * i + 2] ?? 0,
  }));
}

async function createNode(
  nodeId: number,
  ports: readonly NodePorts[],
  options: FetchedOptions,
  host: BrokerHost,
): Promise<BrokerNode> {
  const directory = await mkdtemp(join(tmpdir(), 'rollcall-kafka-'));
  return new BrokerNode({
    nodeId,
    ports,
    lib: options.lib,
    directory,
    dataDirectory: join(directory, 'data'),
    security: options.security,
    properties: options.properties ?? {},
    // Half the start is compilation: the quick compiler alone saves a third of it.
    jvmFlags: options.jvmFlags ?? ['-XX:TieredStopAtLevel=1'],
    startLimitMs: options.startLimitMs,
    timer: host.timer,
    probe: options.probe,
  });
}

/** Any value of 22 characters of base64url will do; all nodes of a cluster share it. */
const clusterId = 'AAAAAAAAQACAAAAAAAAAAA';
const probePauseMs = 100;
const restartAttemptsMax = 3;
const restartPauseMs = 500;
const stopLimitMs = 10_000;

export interface BrokerNodeOptions extends NodeConfiguration {
  readonly lib: string;
  /** Temporary: deleted at `stop`, and after this process's death. */
  readonly directory: string;
  readonly jvmFlags: readonly string[];
  readonly startLimitMs: number;
  readonly timer: Timer;
  /** Rejects while the broker cannot serve yet. */
  readonly probe: ((brokers: readonly string[]) => Promise<void>) | undefined;
}

/** One broker that can be stopped, killed, frozen and started again on the same ports and data. */
export class BrokerNode {
  readonly brokers: readonly string[];
  readonly #options: BrokerNodeOptions;
  readonly #guard: Guard;
  #java: JavaProcess | undefined;
  #stopped = false;

  constructor(options: BrokerNodeOptions) {
    this.#options = options;
    this.brokers = [`127.0.0.1:${options.ports[options.nodeId - 1]?.client}`];
    this.#guard = new Guard(options.directory);
  }

  /** Of the last process, which may be dead by now. */
  get pid(): number {
    if (this.#java === undefined) throw new Error('the broker was never started');
    return this.#java.pid;
  }

  get alive(): boolean {
    return this.#java?.alive ?? false;
  }

  /** Resolves when the broker serves. */
  async start(): Promise<void> {
    if (this.#stopped) throw new Error('the broker is stopped for good');
    await this.#writeFiles();
    await this.#format();
    const java = await this.#launch([...this.#options.jvmFlags, ...this.#loggingFlags(), 'kafka.Kafka'], []);
    const outcome = await within(
      this.#options.timer,
      this.#options.startLimitMs,
      Promise.race([this.#serving(java), java.exited.then(() => 'exited' as const)]),
    );
    if (outcome === 'serving') return;
    await java.kill();
    throw startFailure(outcome, java.tail());
  }

  /** For good: SIGTERM, after a limit SIGKILL; a temporary folder is deleted. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.terminate();
    await this.#dispose();
  }

  /** As `stop`, with SIGKILL from the start. */
  async discard(): Promise<void> {
    this.#stopped = true;
    await this.kill();
    await this.#dispose();
  }

  /** A clean shutdown that keeps the data, for a `restart` later. */
  async terminate(): Promise<void> {
    await this.#java?.terminate(this.#options.timer, stopLimitMs);
  }

  /** kill -9; keeps the data, for a `restart` later. */
  async kill(): Promise<void> {
    await this.#java?.kill();
  }

  /** Ends the broker cleanly if it still runs, then starts it on the same ports and data. */
  async restart(): Promise<void> {
    await this.terminate();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.start();
      } catch (error) {
        // While the broker was down, an outgoing connection of anybody may have been given its port.
        const taken = error instanceof KafkaSetupError && error.fault === 'port_taken';
        if (!taken || attempt === restartAttemptsMax) throw error;
      }
      await pause(this.#options.timer, restartPauseMs);
    }
  }

  /** The process stands still, its connections stay open: a broker that hangs. */
  freeze(): void {
    this.#java?.send('SIGSTOP');
  }

  thaw(): void {
    this.#java?.send('SIGCONT');
  }

  async #dispose(): Promise<void> {
    this.#guard.release();
    await rm(this.#options.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  async #writeFiles(): Promise<void> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true });
    // Passwords are among the properties.
    await writeFile(join(directory, 'server.properties'), serverProperties(this.#options), { mode: 0o600 });
    await writeFile(join(directory, 'log4j.properties'), log4jProperties);
    await writeFile(join(directory, 'log4j2.properties'), log4j2Properties);
  }

  async #format(): Promise<void> {
    const formatted = await access(join(this.#options.dataDirectory, 'meta.properties')).then(
      () => true,
      () => false,
    );
    if (formatted) return;
    const args = ['-t', clusterId, ...scramArguments(this.#options.security), '-c'];
    // A short run is over before the second compiler would pay.
    const java = await this.#launch(['-XX:TieredStopAtLevel=1', 'kafka.tools.StorageTool', 'format'], args);
    const exit = await java.exited;
    if (exit.code !== 0) throw startFailure('exited', java.tail());
  }

  /** Flags and main class, then what stands between the class and the name of the properties file. */
  async #launch(head: readonly string[], middle: readonly string[]): Promise<JavaProcess> {
    const heap = ['-Xms256m', '-Xmx256m', '-XX:+UseSerialGC', '-cp', join(this.#options.lib, '*')];
    const java = await JavaProcess.launch([...heap, ...head, ...middle, 'server.properties'], this.#options.directory);
    // A stop may have come between format and start, or while the process was being made.
    if (this.#stopped) await java.kill();
    this.#java = java;
    this.#guard.watch(java.pid);
    void java.exited.then(() => {
      if (this.#java === java) this.#guard.watch(undefined);
    });
    return java;
  }

  #loggingFlags(): readonly string[] {
    return ['-Dlog4j.configuration=file:log4j.properties', '-Dlog4j2.configurationFile=file:log4j2.properties'];
  }

  async #serving(java: JavaProcess): Promise<'serving' | 'exited'> {
    await java.printed('Kafka Server started');
    const probe = this.#options.probe ?? acceptsConnections;
    while (java.alive) {
      const served = await probe(this.brokers).then(
        () => true,
        () => false,
      );
      if (served) return 'serving';
      await pause(this.#options.timer, probePauseMs);
    }
    return 'exited';
  }
}

async function acceptsConnections(brokers: readonly string[]): Promise<void> {
  for (const broker of brokers) {
    const { hostname, port } = new URL(`kafka://${broker}`);
    const socket = connect(Number(port), hostname);
    try {
      await once(socket, 'connect');
    } finally {
      socket.destroy();
    }
  }
}

function startFailure(outcome: 'exited' | 'timed_out', tail: readonly string[]): KafkaSetupError {
  const log = tail.filter((line) => !/^\s+at /.test(line)).join('\n');
  if (log.includes('UnsupportedClassVersionError')) {
    const message = 'This Kafka needs Java 17 or later, and the `java` on the PATH is older. Install a newer one.';
    return new KafkaSetupError('java_too_old', message);
  }
  if (/Address already in use|BindException/.test(log)) {
    return new KafkaSetupError('port_taken', `A port of the Kafka broker is taken by another program.\n${log}`);
  }
  const what = outcome === 'exited' ? 'ended before it served' : 'did not serve in time';
  return new KafkaSetupError('start_failed', `The Kafka broker ${what}. The end of its log:\n${log}`);
}
