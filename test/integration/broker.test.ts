import type { Admin } from 'kafkajs';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { afterEach, expect, inject, test, vi } from 'vitest';
import { startBroker, type Broker } from '../../src/lab/kafka-broker/start.ts';
import { assertWritten, describeKafka, describeOwnKafka, testHost, uniqueName } from '../support/broker.ts';
import { startWholeCluster } from '../support/whole-cluster.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

describeKafka('a shared broker', ({ brokers }) => {
  test('hands out what it was given', async () => {
    // given
    const topic = uniqueName('shared');
    await createTopic({ brokers }, topic);
    // when
    await produce({ brokers }, topic, ['a', 'b', 'c']);
    // then
    expect(await consume({ brokers }, topic, 3)).toEqual(['a', 'b', 'c']);
  });

  test('knows the topic that an admin made', async () => {
    const topic = uniqueName('shared');
    await createTopic({ brokers }, topic);
    const admin = await adminOf({ brokers });
    expect(await admin.listTopics()).toContain(topic);
  });
});

/** What does not depend on the version is tried on one: each start takes seconds. */
const oneVersion = inject('kafka').startable.at(-1);

describeOwnKafka('a broker of one test', (version) => {
  const testOnce = test.runIf(version === oneVersion);

  testOnce('keeps its data through a clean restart and through kill -9', async () => {
    // given
    const broker = await startBroker({ version }, testHost);
    cleanups.push(() => broker.stop());
    const { brokers } = broker;
    await createTopic({ brokers }, 'kept');
    await produce({ brokers }, 'kept', ['before']);
    // when it is restarted cleanly
    const firstPid = broker.pid;
    await broker.restart();
    await produce({ brokers }, 'kept', ['between']);
    // and killed right after an acknowledgement
    await broker.kill();
    expect(broker.alive).toBe(false);
    await expect(adminOf({ brokers })).rejects.toThrow(/ECONNREFUSED/);
    await broker.restart();
    // then
    expect(broker.pid).not.toBe(firstPid);
    expect(broker.brokers).toEqual(brokers);
    expect(await consume({ brokers }, 'kept', 2)).toEqual(['before', 'between']);
  });

  testOnce('answers nothing while frozen, and goes on when thawed', async () => {
    // given
    const broker = await startBroker({ version }, testHost);
    cleanups.push(() => broker.stop());
    await createTopic(broker, 'frozen');
    const admin = await adminOf(broker);
    await admin.listTopics();
    // when
    broker.freeze();
    // What its threads had in hand when the signal came is still answered. How kafkajs puts the end depends on the moment.
    const isAnswered = (): Promise<boolean> =>
      admin.listTopics().then(
        () => true,
        () => false,
      );
    while (await isAnswered()) continue;
    broker.thaw();
    // then
    await produce(broker, 'frozen', ['after']);
    expect(await consume(broker, 'frozen', 1)).toEqual(['after']);
  });

  test('is named as the culprit when its port is taken', async () => {
    const broker = await startBroker({ version }, testHost);
    cleanups.push(() => broker.stop());
    const port = Number(broker.brokers[0]?.split(':')[1]);
    await expect(startBroker({ version, port }, testHost)).rejects.toMatchObject({ fault: 'port_taken' });
  });

  // The controller may be the one that is killed; then another one is elected before the topic has a leader again.
  testOnce('three nodes replicate to each other and go on without one', async () => {
    // given
    const cluster = await startWholeCluster(version);
    cleanups.push(() => cluster.stop());
    await createTopic(cluster, 'replicated');
    await produce(cluster, 'replicated', ['with three']);
    // when
    await cluster.nodes[0]?.kill();
    await produce(cluster, 'replicated', ['with two']);
    // then
    expect(await consume(cluster, 'replicated', 2)).toEqual(['with three', 'with two']);
  });
});

type Client = Pick<Broker, 'brokers'>;

function kafka({ brokers }: Client, requestTimeout: number): Kafka {
  return new Kafka({
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout,
    retry: { retries: 5, initialRetryTime: 100, maxRetryTime: 1_000 },
  });
}

async function adminOf(client: Client): Promise<Admin> {
  const admin = kafka(client, 2_000).admin({ retry: { retries: 0 } });
  cleanups.push(() => admin.disconnect());
  await admin.connect();
  return admin;
}

async function createTopic(client: Client, topic: string): Promise<void> {
  const admin = await adminOf(client);
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: false });
}

async function produce(client: Client, topic: string, values: readonly string[]): Promise<void> {
  const producer = kafka(client, 30_000).producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: { retries: 20, initialRetryTime: 100, maxRetryTime: 1_000 },
  });
  await producer.connect();
  try {
    // A topic that was just made, or whose leader has just died, has no leader for a moment.
    await vi.waitFor(
      async () => assertWritten(await producer.send({ topic, acks: -1, messages: values.map((value) => ({ value })) })),
      { timeout: 60_000 },
    );
  } finally {
    await producer.disconnect();
  }
}

async function consume(client: Client, topic: string, count: number): Promise<readonly string[]> {
  const consumer = kafka(client, 30_000).consumer({ groupId: uniqueName('reader'), maxWaitTimeInMs: 100 });
  const values: string[] = [];
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      const eachMessage = async ({ message }: { message: { value: Buffer | null } }): Promise<void> => {
        values.push(String(message.value));
        if (values.length === count) resolve();
      };
      consumer.run({ eachMessage }).catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
  return values;
}
