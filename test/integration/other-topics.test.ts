/** Instances of one consumer group with different topics, as in a rolling update that changes SOURCE_TOPIC or RETRY_TOPIC. */
import { expect, test, vi } from 'vitest';
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import { describeNewestKafka } from '../support/broker.ts';
import { ServiceProcess, shortTimes } from '../support/service.ts';
import { atEnd, openKafkaHarness } from '../support/kafka-harness.ts';

const groups = Array.from({ length: 12 }, (_, i) => `g${i}`);
const waiting = { timeout: 60_000, interval: 200 };
const OTHERS = 'the consumer group is led by an instance that reads other topics, this one gets no partitions';

describeNewestKafka('an instance with another topic than the one that leads its group', ({ brokers }) => {
  test.each([
    { setting: 'SOURCE_TOPIC', role: 'source', policy: 'delete' },
    { setting: 'RETRY_TOPIC', role: 'retry', policy: 'compact' },
  ] as const)('reads nothing, says why, and takes over: $setting', async ({ setting, role, policy }) => {
    // given an instance at work
    const harness = await openKafkaHarness(brokers);
    for (const group of groups) harness.group(group);
    const first = harness.inside();
    await first.owns(3);
    // when one comes that reads another topic
    const topic = `${harness.name}.other`;
    const settings = { 'cleanup.policy': policy };
    await harness.tools.createTopic({ topic, partitionCount: 3, replicationFactor: 1, settings });
    const [port = 0] = await freePorts(1);
    const second = harness.process({ [setting]: topic, ADMIN_PORT: String(port) });
    await second.said(OTHERS);
    // then the first one does all of the work, and the second one says why it does none
    await harness.send(...groups.map((group) => ({ group, add: ['m'] })));
    await harness.settled();
    expect(second.partitions).toEqual([]);
    expect(second.linesOf(OTHERS)[0]).toMatchObject({ others: [harness.topics[role]] });
    const readiness = await (await fetch(`http://127.0.0.1:${port}/readyz`)).json();
    const own = { ...harness.topics, [role]: topic };
    const which = `${harness.topics[role]}, this one reads ${own.source} and ${own.retry}: nothing is read`;
    const reason = expect.stringContaining(`an instance that reads ${which}`);
    expect(readiness).toMatchObject({ ready: false, reasons: [reason] });
    // and takes over when the first one is gone
    await first.stop();
    await second.owns(3);
  });

  test('the same of ingest topic', async () => {
    const harness = await openKafkaHarness(brokers);
    const { source, deadLetter } = harness.topics;
    const one = `${harness.name}.from`;
    const other = `${harness.name}.other`;
    for (const topic of [one, other])
      await harness.tools.createTopic({ topic, partitionCount: 3, replicationFactor: 1, settings: {} });
    const [firstPort = 0, secondPort = 0] = await freePorts(2);
    const relay = (from: string, port: number): ServiceProcess => {
      const environment = { INGEST_FROM_TOPIC: from, INGEST_FROM_FORMAT: 'native', INGEST_GROUP_ID: harness.name };
      const own = { KAFKA_BROKERS: brokers.join(','), SOURCE_TOPIC: source, DEAD_LETTER_TOPIC: deadLetter };
      const service = new ServiceProcess({ ...shortTimes, ...own, ...environment, ADMIN_PORT: String(port) }, [
        'ingest',
        'topic',
      ]);
      atEnd(() => service.kill());
      return service;
    };
    const readiness = async (port: number): Promise<unknown> => (await fetch(`http://127.0.0.1:${port}/readyz`)).json();
    const isReady = async (): Promise<void> => expect(await readiness(firstPort)).toMatchObject({ ready: true });
    relay(one, firstPort);
    await vi.waitFor(isReady, waiting);
    const second = relay(other, secondPort);
    await second.said(OTHERS);
    const reason = expect.stringMatching(/led by an instance that reads .*\.from, this one .*INGEST_FROM_TOPIC/);
    expect(await readiness(secondPort)).toEqual({ ready: false, reasons: [reason] });
    await vi.waitFor(isReady, waiting);
  });
});
