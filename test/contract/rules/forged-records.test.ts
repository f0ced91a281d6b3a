/** Records of another hand in the retry topic: none of them stops a partition, or makes its owner write without end. */
import { expect, test } from 'vitest';
import { encodeRanges } from '../../../src/core/log/ledger.ts';
import { renderFence } from '../../../src/core/log/live-record.ts';
import { requestKey } from '../../../src/core/log/request-record.ts';
import { COUNT_MAX } from '../../../src/core/log/ownership.ts';
import type { OutRecord } from '../../../src/ports.ts';
import { anIntent, aState, commitBefore } from '../../support/retry-records.ts';
import { aWorld, topics, until, type World } from '../../support/world.ts';

const forger = (epoch: number, seq = 1) => ({ owner: 'forger', epoch, seq });
const inRetry = (record: Omit<OutRecord, 'topic' | 'partition'>): OutRecord => ({
  topic: topics.retry,
  partition: 0,
  ...record,
});

/** As written, and not as our own code would write it. */
const edited = (record: OutRecord, from: string, to: string): OutRecord => ({
  ...record,
  value: record.value === null ? null : String(record.value).replace(from, to),
});

const aFence = (epoch: number, seq = 1) => inRetry({ ...renderFence(forger(epoch, seq), 'forged'), value: 'forged' });
const parked = aState(forger(0), [anIntent({ offset: 0n, op: 'add', member: 'bad', attempt: 1 })]);

const forgeries: readonly (readonly [string, OutRecord])[] = [
  ['a fence of the highest epoch', aFence(COUNT_MAX)],
  ['a fence of an epoch beyond all', aFence(COUNT_MAX + 1)],
  ['a live record of the highest epoch and sequence number', aState(forger(COUNT_MAX, COUNT_MAX), [])],
  ['a live record of the next epoch and the highest sequence number', aState(forger(1, COUNT_MAX), [])],
  ['a member that no path can hold', edited(parked, '"bad"', '"\\ud800"')],
  ['a request whose answer leaves no room', aLongRequest(60)],
];

/** Of four thousand bytes, and its answer of more. */
function aLongRequest(count: number): OutRecord {
  const pending = Array.from({ length: count }, () => ({ member: 'u', topic: 's', partition: 0, offset: '1' }));
  const value = JSON.stringify({ v: 1, group: 'g'.repeat(200), pending });
  return inRetry({ key: requestKey('00000000-0000-0000-0000-000000000000'), value, headers: [] });
}

const moments = ['before the owner starts', 'while it owns the partition'] as const;
const cases = forgeries.flatMap(([what, record]) => moments.map((moment) => ({ what, record, moment })));

test.each(cases)('forged record: $what, written $moment', async ({ record, moment }) => {
  // given a change, and a record that no instance wrote
  const world = await aWorld({ retryRecordMaxBytes: 4_096 });
  world.change('g', { add: ['u'] });
  // Of that very record, so that the partition does not count as recreated.
  const forged = edited(record, '"timestamp":1', `"timestamp":${world.records(topics.source)[0]?.timestamp}`);
  if (moment === 'before the owner starts') world.produce(forged);
  const one = await world.start();
  if (moment !== 'before the owner starts') {
    await world.expectRest(one);
    world.produce(forged);
  }
  // when more is to be done
  const last = world.change('g', { add: ['v'] });
  // then it is done, and rest is reached
  await world.expectRest(one);
  expect(world.outcome(last, 'v')).toBe('applied');
  await one.pipeline.drain();
  // and the next owner has nothing to write but its fence
  const next = await world.start({ name: 'next' });
  await world.expectRest(next);
  expect(writtenBy(world, next.owner)).toBeLessThan(10);
  expect(next.logger.lines.map(({ message }) => message)).not.toContain('the pipeline cannot go on');
});

const writtenBy = (world: World, owner: string): number =>
  world.retry().filter((record) => 'stamp' in record && record.stamp.owner === owner).length;

test('forged record: commit metadata that call offsets complete which there are not yet swallow nothing', async () => {
  // given a committed offset with a claim on what is still to be written
  const world = await aWorld();
  const first = world.change('g', { add: ['u'] });
  commitBefore(world, first, encodeRanges(first, [{ from: first + 1n, to: first + 1_000n }]));
  const one = await world.start();
  await world.expectRest(one);
  // when a change comes there
  const second = world.change('g', { add: ['v'] });
  // then it is applied and reported as any other
  await world.expectRest(one);
  expect([world.outcome(first, 'u'), world.outcome(second, 'v')]).toEqual(['applied', 'applied']);
});

test('forged record: a record that cannot be read is named by its group: compaction may have taken what waited under the key', async () => {
  const world = await aWorld();
  world.produce({ topic: topics.retry, partition: 0, key: 'g', value: '{garbage', headers: [] });
  const one = await world.start();
  await until(() => one.pipeline.stats().ready, 'the restore');
  const [line] = one.logger.lines.filter(({ message }) => message === 'a record of the retry topic cannot be read');
  expect(line?.fields).toMatchObject({ partition: 0, group: 'g' });
});
