/** The ChangeLog on real brokers, with a session that is short enough to wait for. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Cluster } from 'kafkajs';
import kafkajs from 'kafkajs';
import { KafkaChangeLog } from '../../src/adapters/kafka/change-log.ts';
import type { KafkaConnectionOptions, KafkaHost, KafkaLogOptions } from '../../src/adapters/kafka/options.ts';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { systemClock } from '../../src/adapters/system.ts';
import type { ChangeLog, ChangeLogHandler, Logger, LogTools } from '../../src/ports.ts';
import { uniqueName } from './broker.ts';
import type { ChangeLogHarness, LogUnderTest } from './change-log/driver.ts';

/** Everything but kafkajs's own complaints, which come with each planned failure. */
const testLog: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
export const kafkaHost: KafkaHost = { clock: systemClock, logger: testLog };

export function plaintext(brokers: readonly string[], clientId = 'rollcall'): KafkaConnectionOptions {
  return { brokers, clientId, ssl: null, sasl: null };
}

/** Source and retry of one test, made with so many partitions, and the options of a member of its group. */
export async function openTopics(
  tools: LogTools,
  connection: KafkaConnectionOptions,
  partitionCount: number,
): Promise<KafkaLogOptions> {
  const name = uniqueName('log');
  const topics = { source: `${name}.source`, retry: `${name}.retry` };
  const shape = { partitionCount, replicationFactor: 1 };
  await tools.createTopic({ topic: topics.source, ...shape, settings: {} });
  await tools.createTopic({ topic: topics.retry, ...shape, settings: { 'cleanup.policy': 'compact' } });
  const times = { sessionTimeoutMs: 3_000, heartbeatIntervalMs: 200, rebalanceTimeoutMs: 6_000 };
  return { ...connection, groupId: name, topics, ...times };
}

/** Compaction is not among the cases: here the cleaner needs another record, which moves the end. */
export function kafkaLogHarness(brokers: readonly string[]): ChangeLogHarness {
  return { canCompact: false, open: (partitionCount) => openKafkaLog(brokers, partitionCount) };
}

async function openKafkaLog(brokers: readonly string[], partitionCount: number): Promise<LogUnderTest> {
  const connection = plaintext(brokers);
  const tools = createLogTools(connection, kafkaHost);
  const options = await openTopics(tools, connection, partitionCount);
  const outputTopic = `${options.groupId}.output`;
  await tools.createTopic({ topic: outputTopic, partitionCount, replicationFactor: 1, settings: {} });
  const logs = new Map<ChangeLog, MortalLog>();
  return {
    sourceTopic: options.topics.source,
    retryTopic: options.topics.retry,
    outputTopic,
    tools,
    instance: async () => {
      const log = new MortalLog(options);
      logs.set(log.log, log);
      return log.log;
    },
    kill: async (log) => logs.get(log)?.kill(),
    evict: async (log) => evict(brokers, options.groupId, logs.get(log)?.memberId ?? ''),
    recreateSource: () => recreateTopic(brokers, options.topics.source, partitionCount),
    stop: async () => {
      await Promise.all([...logs.keys()].map((log) => log.leave()));
      await tools.close();
    },
  };
}

/** Deletes the topic and creates it again. */
export async function recreateTopic(brokers: readonly string[], topic: string, partitionCount: number): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
  const tools = createLogTools(plaintext(brokers), kafkaHost);
  while ((await tools.createTopic({ topic, partitionCount, replicationFactor: 1, settings: {} })) === 'exists');
  await tools.close();
}

/** Whose doing a new socket is. */
const origin = new AsyncLocalStorage<MortalLog>();
subscribe('net.client.socket', (message) => origin.getStore()?.opened((message as { socket: Socket }).socket));

/** Can be cut off from the broker without a goodbye, as by kill -9. */
class MortalLog {
  readonly log: ChangeLog;
  memberId = '';
  readonly #sockets = new Set<Socket>();
  #isDead = false;

  constructor(options: KafkaLogOptions) {
    const log = new KafkaChangeLog(options, kafkaHost);
    const join = (handler: ChangeLogHandler): Promise<void> => origin.run(this, () => log.join(this.#mortal(handler)));
    this.log = new Proxy(log, {
      get: (target, name) => {
        if (name === 'join') return join;
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  opened(socket: Socket): void {
    this.#sockets.add(socket);
    if (this.#isDead) socket.destroy(new Error('killed'));
  }

  kill(): void {
    this.#isDead = true;
    for (const socket of this.#sockets) socket.destroy(new Error('killed'));
  }

  #mortal(handler: ChangeLogHandler): ChangeLogHandler {
    return {
      joining: () => this.#isDead || handler.joining(),
      assigned: (assignment) => {
        this.memberId = assignment.memberId;
        if (!this.#isDead) handler.assigned(assignment);
      },
      heartbeat: (heartbeat) => this.#isDead || handler.heartbeat(heartbeat),
      records: (batch) => (this.#isDead ? 'taken' : handler.records(batch)),
      offsetOutOfRange: (topic, partition) => this.#isDead || handler.offsetOutOfRange(topic, partition),
      lost: (reason) => this.#isDead || handler.lost(reason),
      failed: (error) => this.#isDead || handler.failed(error),
    };
  }
}

/** The coordinator lets any client remove a member. */
async function evict(brokers: readonly string[], groupId: string, memberId: string): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  let cluster: Cluster | undefined;
  const consumer = kafka.consumer({
    groupId,
    partitionAssigners: [
      (config) => {
        cluster = config.cluster;
        return {
          name: 'none',
          version: 0,
          protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }),
          assign: async () => [],
        };
      },
    ],
  });
  await consumer.connect();
  const coordinator = await cluster?.findGroupCoordinator({ groupId });
  await (coordinator as { leaveGroup?: (request: object) => Promise<void> } | undefined)?.leaveGroup?.({
    groupId,
    memberId,
  });
  await consumer.disconnect();
}
