/** A source topic that is deleted and recreated on a real broker: nothing is skipped in silence, and the remedy works. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createTopics } from '../../src/console/kafka-tools.ts';
import { expect, test } from 'vitest';
import { describeKafka, describeNewestKafka } from '../support/broker.ts';
import { commitAgain, commitsOf, type GroupTopic, resetOffsets, withAdmin } from '../support/group-offsets.ts';
import { recreateTopic } from '../support/kafka-log-harness.ts';
import { program } from '../support/program.ts';
import type { ServiceInside } from '../support/service.ts';
import { openKafkaHarness, type KafkaHarness } from '../support/kafka-harness.ts';

const PARTITIONS = 3;
const refused = 'partition refused: the source topic was recreated, truncated or renamed';

async function grow(harness: KafkaHarness, name: string, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await harness.send({ group: 'g', add: [`${name}${i}`] });
}

/** Eight changes of one group are applied and committed. */
async function committedHarness(
  brokers: readonly string[],
): Promise<{ harness: KafkaHarness; service: ServiceInside }> {
  const harness = await openKafkaHarness(brokers);
  harness.group('g');
  const service = harness.inside();
  await grow(harness, 'old', 8);
  await harness.settled();
  return { harness, service };
}

/** What it prints. Rejects where it does not exit 0. */
const execFileText = async (args: readonly string[], environment: NodeJS.ProcessEnv): Promise<string> => {
  const { PATH = '', HOME = '' } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, [...args], { env: { PATH, HOME, ...environment } });
  return stdout;
};

const offsetsOf = ({ name, topics }: KafkaHarness, brokers: readonly string[]): GroupTopic => ({
  brokers,
  groupId: name,
  topic: topics.source,
});

const newMembers = (harness: KafkaHarness): readonly string[] =>
  harness.sandbox.members('g').filter((member) => member.startsWith('new'));

describeKafka('a source topic', ({ brokers }) => {
  test('that was recreated while the service was away is refused, until its offsets are reset', async () => {
    // given a source that is another one, and longer than what was committed
    const { harness, service } = await committedHarness(brokers);
    await service.stop();
    const commits = await commitsOf(offsetsOf(harness, brokers));
    await recreateTopic(brokers, harness.topics.source, PARTITIONS);
    await grow(harness, 'new', 12);
    await commitAgain(offsetsOf(harness, brokers), commits);
    // when
    const second = harness.inside();
    await second.said(refused);
    // then it says what it found, where, and what to do
    const [line] = second.linesOf(refused);
    expect(line).toMatchObject({ topic: harness.topics.source });
    expect(line?.['problem']).toMatch(
      /^the topic was deleted and recreated: .*topic id [\w-]{22} .*offset 7, timestamp \d{4}-.*Z, leader epoch 0.*now it is [\w-]{22}$/,
    );
    expect(line?.['remedy']).toContain(
      `kafka-consumer-groups.sh --bootstrap-server $KAFKA_BROKERS --group \${KAFKA_GROUP_ID:-rollcall} --topic ${harness.topics.source}:${String(line?.['partition'])} --reset-offsets --to-earliest --execute`,
    );
    expect(newMembers(harness)).toEqual([]);
    await second.stop();
    // and when an operator does it
    await resetOffsets(offsetsOf(harness, brokers));
    const retry = `${harness.topics.retry}-2`;
    await createTopics({ ...harness.topics, retry }, harness.tools, {
      partitionCount: PARTITIONS,
      replicationFactor: 1,
    });
    const third = harness.inside({ RETRY_TOPIC: retry });
    await harness.committedToTheEnd();
    expect(newMembers(harness)).toHaveLength(12);
    expect(third.linesOf(refused)).toEqual([]);
  });

  test('that was recreated with its commits deleted, as the broker does, is read from its beginning', async () => {
    const { harness, service } = await committedHarness(brokers);
    await service.stop();
    await recreateTopic(brokers, harness.topics.source, PARTITIONS);
    await grow(harness, 'new', 12);
    const second = harness.inside();
    await harness.committedToTheEnd();
    expect(newMembers(harness)).toHaveLength(12);
    expect(second.linesOf(refused)).toEqual([]);
  });

  test('that was recreated has reports of the former one, which count as older than its own records', async () => {
    // given a member who was added at an offset beyond that of the removal
    const { harness, service } = await committedHarness(brokers);
    await service.stop();
    await recreateTopic(brokers, harness.topics.source, PARTITIONS);
    await harness.send({ group: 'g', remove: ['old7'] });
    harness.inside();
    await harness.committedToTheEnd();
    expect(harness.sandbox.members('g')).not.toContain('old7');
    const compare = () => execFileText([...program, 'diff', '--group', 'g', '--rate', '100000'], harness.environment());
    // then
    expect(await compare()).toMatch(/^1 group compared, 0 differ; 0 pending, 0 foreign; /m);
    // and when the present topic has as many records
    for (let i = 0; i < 8; i += 1) await harness.send({ group: 'g', add: ['new'] });
    await harness.committedToTheEnd();
    expect(await compare()).toMatch(/^1 group compared, 0 differ; 0 pending, 0 foreign; /m);
  });

  test('that is recreated under a running service is refused, or read from its beginning', async () => {
    const { harness, service } = await committedHarness(brokers);
    await recreateTopic(brokers, harness.topics.source, PARTITIONS);
    const changes = Array.from({ length: 12 }, (_, i) => ({ group: 'g', add: [`new${i}`] }));
    await harness.send(...changes);
    // The topic may be noticed before it has grown.
    const isRead = harness.until('all changes', () => newMembers(harness).length === changes.length);
    await Promise.race([service.said(refused), isRead]);
    const [line] = service.linesOf(refused);
    if (line !== undefined) expect(line['problem']).toMatch(/recreated/);
    isRead.catch(() => undefined);
  });

  test('that is the same is read on, also where retention has taken what was read', async () => {
    const { harness, service } = await committedHarness(brokers);
    await service.stop();
    // when nothing has happened
    const second = harness.inside();
    await second.owns(PARTITIONS);
    await second.stop();
    // and when all that was read is gone
    await withAdmin(brokers, async (admin) => {
      const ends = await admin.fetchTopicOffsets(harness.topics.source);
      const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
      await admin.deleteTopicRecords({ topic: harness.topics.source, partitions });
    });
    const third = harness.inside();
    await third.owns(PARTITIONS);
    await grow(harness, 'new', 3);
    await harness.committedToTheEnd();
    expect(newMembers(harness)).toHaveLength(3);
    for (const each of [service, second, third]) expect(each.linesOf(refused)).toEqual([]);
  });
});

describeNewestKafka('a source topic', ({ brokers }) => {
  test('that was recreated is refused again where changes of the old one wait, until there is a new retry topic', async () => {
    // given a change that waits
    const harness = await openKafkaHarness(brokers);
    const service = harness.inside();
    await harness.send({ group: 'missing', add: ['u'] });
    await harness.reported('retry_scheduled');
    await harness.committedToTheEnd();
    await service.stop();
    // when the source is recreated, and only its offsets are reset
    await recreateTopic(brokers, harness.topics.source, PARTITIONS);
    harness.group('missing');
    await harness.send({ group: 'missing', add: ['v'] });
    await resetOffsets(offsetsOf(harness, brokers));
    const second = harness.inside();
    await second.said(refused);
    expect(second.linesOf(refused)[0]).toMatchObject({
      problem: expect.stringContaining('the live records are of another record at offset 0'),
      remedy: expect.stringMatching(/new RETRY_TOPIC and a new KAFKA_GROUP_ID.*rollcall topics create/),
    });
    await second.stop();
    // then the other remedy works
    const retry = `${harness.topics.retry}-2`;
    await createTopics({ ...harness.topics, retry }, harness.tools, {
      partitionCount: PARTITIONS,
      replicationFactor: 1,
    });
    const third = harness.inside({ RETRY_TOPIC: retry, KAFKA_GROUP_ID: `${harness.name}-2` });
    await harness.until('the change', () => harness.sandbox.members('missing').includes('v'));
    expect(harness.sandbox.members('missing')).toEqual(['v']);
    expect(third.linesOf(refused)).toEqual([]);
  });
});
