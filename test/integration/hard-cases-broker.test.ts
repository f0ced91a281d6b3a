/** Brokers that go away under load, and records that went away with time. */
import kafkajs from 'kafkajs';
import { expect, inject, test } from 'vitest';
import { startBroker } from '../../src/lab/kafka-broker/start.ts';
import { describeKafka, describeOwnKafka, testHost } from '../support/broker.ts';
import { manyChanges } from '../support/changes.ts';
import { atEnd, openKafkaHarness } from '../support/kafka-harness.ts';

const groups = Array.from({ length: 20 }, (_, i) => `g${i}`);
const [newest] = inject('kafka').startable;

describeOwnKafka('a broker', (version) => {
  test.runIf(version === newest)('that dies under load and comes back loses nothing and reorders nothing', async () => {
    // given
    const broker = await startBroker({ version }, testHost);
    atEnd(() => broker.stop());
    const harness = await openKafkaHarness(broker.brokers, { latencyMs: { min: 5, max: 60 } });
    for (const group of groups) harness.group(group, ['m0', 'm1', 'm2']);
    const changes = manyChanges(groups, { count: 900, members: 12 });
    const service = harness.inside();
    await service.owns(3);
    // when it is killed while requests are in flight,
    const inFlight = harness.sandbox.pauseAt(({ method }) => method === 'PATCH');
    await harness.send(...changes.slice(0, 450));
    await harness.unbroken(inFlight.arrivals(3));
    await broker.kill();
    inFlight.release();
    const lostBefore = service.linesOf('partition lost').length;
    await service.said('partition lost', { count: lostBefore + 1 });
    await broker.restart();
    // and stopped and started in good order
    await harness.send(...changes.slice(450));
    await broker.restart();
    // then
    await harness.settled();
  });
});

describeKafka('a service that stood still for too long', ({ brokers }) => {
  test('says that changes may be lost, and goes on with those that are there', async () => {
    // given a service that has committed, and records that came after it had stopped
    const harness = await openKafkaHarness(brokers);
    harness.group('g');
    const before = harness.inside();
    await harness.send({ group: 'g', add: ['early'] });
    await harness.settled();
    await before.stop();
    await harness.send({ group: 'g', add: ['gone'] });
    await harness.send({ group: 'g', add: ['there'] });
    // when retention has passed the first of them
    await forget(brokers, harness.topics.source, { keep: 1 });
    const after = harness.inside();
    // then
    await after.said(
      'retention has passed the committed offset, changes may be lost: raise retention.ms of the source topic',
    );
    await harness.until('the last change', () => harness.outcomesOf('g', 'there').length > 0);
    expect(harness.sandbox.members('g').toSorted()).toEqual(['early', 'there']);
    await harness.committedToTheEnd();
  });
});

/** As retention does, but at once: of each partition only the last records stay. */
async function forget(brokers: readonly string[], topic: string, { keep }: { keep: number }): Promise<void> {
  const admin = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  const partitions = ends.map(({ partition, high }) => ({
    partition,
    offset: String(Math.max(0, Number(high) - keep)),
  }));
  await admin.deleteTopicRecords({ topic, partitions });
  await admin.disconnect();
}
