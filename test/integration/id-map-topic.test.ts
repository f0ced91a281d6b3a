/** A topic of ids on real brokers: read before the start over every partition, and followed. */
import { Kafka, logLevel } from 'kafkajs';
import { expect, test, vi } from 'vitest';
import { TopicIdMap } from '../../src/adapters/ids/topic.ts';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import type { LogTools } from '../../src/ports.ts';
import { describeKafka, uniqueName } from '../support/broker.ts';
import { aLog, atEnd } from '../support/genesys.ts';
import { found } from '../support/id-map-suite.ts';
import { keyed } from '../support/id-table-topic.ts';
import { kafkaHost, plaintext } from '../support/kafka-log-harness.ts';

const row = (index: number) => ({ type: 'user', source_id: `00u${index}`, genesys_id: `user-${index}` }) as const;
const ROWS = 5_000;
const MISSED = 'the topic of ids cannot be followed, trying again';

async function open(topic: string, tools: LogTools, logger = aLog()): Promise<TopicIdMap> {
  const { clock } = kafkaHost;
  const map = await TopicIdMap.open(topic, { tools, clock, logger, stop: new AbortController().signal });
  atEnd(() => map.close());
  return map;
}

describeKafka('a topic of ids', ({ brokers }) => {
  async function given(): Promise<{ topic: string; tools: LogTools }> {
    const tools = createLogTools(plaintext(brokers), kafkaHost);
    atEnd(() => tools.close());
    const topic = uniqueName('ids');
    const settings = { 'cleanup.policy': 'compact' };
    await tools.createTopic({ topic, partitionCount: 3, replicationFactor: 1, settings });
    const rows = Array.from({ length: ROWS }, (_, index) => keyed(`k${index}`, row(index), topic));
    await tools.send([...rows, keyed('k1', { ...row(1), genesys_id: 'user-other' }, topic), keyed('k2', null, topic)]);
    return { topic, tools };
  }

  test('is read to its end before the start', async () => {
    const { topic, tools } = await given();
    const map = await open(topic, tools);
    expect(map.counts).toEqual({ rows: ROWS - 1, bad: 0 });
    expect(['00u0', '00u1', '00u2', `00u${ROWS - 1}`].map((id) => map.known('user', id))).toEqual([
      found('user-0'),
      found('user-other'),
      { kind: 'unmapped' },
      found(`user-${ROWS - 1}`),
    ]);
  });

  test('is followed: what is written, changed and taken back later counts, and nothing older comes back', async () => {
    const { topic, tools } = await given();
    const map = await open(topic, tools);
    const seen = new Set<string>();
    const changed = new Promise<void>((resolve) =>
      map.onChange(() => {
        seen.add(JSON.stringify(map.known('user', '00u1')));
        if (map.known('user', 'new')?.kind === 'found' && map.known('user', '00u3')?.kind === 'unmapped') resolve();
      }),
    );
    await tools.send([
      keyed('new', { type: 'user', source_id: 'new', genesys_id: 'user-new' }, topic),
      keyed('k3', null, topic),
    ]);
    await changed;
    expect([...seen]).toEqual([JSON.stringify(found('user-other'))]);
  });

  test.each([
    { name: 'after it was missed', isMissed: true },
    { name: 'before the next look', isMissed: false },
  ])('counts as it is after it was deleted and recreated $name', async ({ isMissed }) => {
    // given a topic that is followed
    const { topic, tools } = await given();
    const logger = aLog();
    const map = await open(topic, tools, logger);
    // when another of its name has other rows, at the offsets that were read and beyond
    const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    atEnd(() => admin.disconnect());
    await admin.deleteTopics({ topics: [topic] });
    const messages = () => logger.lines.map(({ message }) => message);
    if (isMissed) await vi.waitFor(() => expect(messages()).toContain(MISSED), { timeout: 30_000, interval: 100 });
    const settings = { 'cleanup.policy': 'compact' };
    const made = () => tools.createTopic({ topic, partitionCount: 3, replicationFactor: 1, settings });
    await vi.waitFor(async () => expect(await made()).toBe('created'), { timeout: 10_000 });
    const rows = Array.from({ length: 2 * ROWS }, (_, index) => keyed(`k${index}`, row(index + 1), topic));
    await tools.send(rows);
    // then
    const known = () => ['00u0', '00u1', '00u2', `00u${2 * ROWS}`].map((id) => map.known('user', id));
    const expected = [{ kind: 'unmapped' }, found('user-1'), found('user-2'), found(`user-${2 * ROWS}`)];
    await vi.waitFor(() => expect(known()).toEqual(expected), { timeout: 30_000, interval: 100 });
    expect(map.counts).toEqual({ rows: 2 * ROWS, bad: 0 });
  });

  test('has left nothing behind once it is closed, even while it follows', async () => {
    const { topic, tools } = await given();
    const map = await open(topic, tools);
    await map.close();
    await tools.close();
  });
});
