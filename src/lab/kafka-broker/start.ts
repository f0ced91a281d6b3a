/**
 * Room lab/kafka-broker: real brokers as child processes.
 * Not here: a client of Kafka (adapters/kafka).
 *
 * Runs real Apache Kafka brokers as child processes, for the demo and the tests. No client library is involved: a broker
 * serves once it says so and accepts connections, or once the probe that was passed in succeeds.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Logger } from '../../ports.ts';
import type { Timer } from '../../time.ts';
import type { BrokerNodeOptions } from './broker-node.ts';
import { BrokerNode } from './broker-node.ts';
import type { KafkaVersion } from './fetch.ts';
import { KafkaSetupError, fetchKafka } from './fetch.ts';
import { freePorts } from './java-process.ts';
import type { NodePorts, SaslSsl } from './server-properties.ts';

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
  /** Kept at `stop`; a temporary one is used and deleted where none is given. */
  readonly dataDirectory?: string;
  /** Added to the broker's configuration, or replacing it. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Plaintext where absent. */
  readonly security?: SaslSsl;
  readonly probe?: (brokers: readonly string[]) => Promise<void>;
  /** Quick start by default; a benchmark wants [], both compilers. */
  readonly jvmFlags?: readonly string[];
  readonly startLimitMs?: number;
  readonly stopLimitMs?: number;
}

export interface BrokerOptions extends ClusterOptions {
  /** For clients; a free one where absent. */
  readonly port?: number;
}

const startAttemptsMax = 3;

/** @throws KafkaSetupError */
export async function startBroker(options: BrokerOptions, host: BrokerHost): Promise<Broker> {
  const lib = await fetchKafka(options.version, host);
  const [node] = await startNodes(1, { ...options, lib }, host);
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
    // A clean end takes the last nodes long, since they have no quorum left to tell; only data that stays is worth it.
    stop: async () => {
      await Promise.all(nodes.map((node) => (options.dataDirectory === undefined ? node.discard() : node.stop())));
    },
  };
}

type FetchedOptions = BrokerOptions & { readonly lib: string };

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
  const given = options.dataDirectory;
  const directory =
    given === undefined ? await mkdtemp(join(tmpdir(), 'rollcall-kafka-')) : resolve(given, `node-${nodeId}`);
  const node: BrokerNodeOptions = {
    nodeId,
    ports,
    lib: options.lib,
    directory,
    ownsDirectory: given === undefined,
    dataDirectory: join(directory, 'data'),
    security: options.security,
    properties: options.properties ?? {},
    // Half the start is compilation: the quick compiler alone saves a third of it.
    jvmFlags: options.jvmFlags ?? ['-XX:TieredStopAtLevel=1'],
    startLimitMs: options.startLimitMs ?? 60_000,
    stopLimitMs: options.stopLimitMs ?? 10_000,
    timer: host.timer,
    probe: options.probe,
  };
  return new BrokerNode(node);
}
