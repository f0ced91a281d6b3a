/** A batch that cannot be read is never passed over in silence, and stops nothing but what depends on it. */
import { expect, test } from 'vitest';
import { readiness } from '../../../src/admin/readiness.ts';
import { header } from '../../../src/core/log/wire-intent.ts';
import { expire } from '../../support/retry-records.ts';
import type { Instance, World } from '../../support/world.ts';
import { aWorld, topics, until } from '../../support/world.ts';

const codes = ['batch_too_large', 'batch_unreadable'] as const;

const unreadable = (world: World, topic: string, code: (typeof codes)[number], key = 'g'): bigint => {
  const headers = [['test-unreadable', Buffer.from(code)]] as const;
  return world.produce({ topic, partition: 0, key, value: 'bad', headers });
};

test.each(codes)(
  'unreadable batch: of the source (%s) it becomes one dead letter, and reading goes on behind it',
  async (code) => {
    const world = await aWorld();
    const before = world.change('g', { add: ['before'] });
    const bad = unreadable(world, topics.source, code);
    const behind = world.change('g', { add: ['behind'] });
    const one = await world.start();
    await world.expectRest(one);
    expect(world.outcome(before, 'before')).toBe('applied');
    expect(world.outcome(behind, 'behind')).toBe('applied');
    expect(world.outcomeOfEvent(bad)).toBe('invalid');
    const report = world.kept().get(`${topics.source}/0/${bad}`);
    expect(report?.reason).toMatchObject({ code, message: expect.stringContaining(`The batch up to ${bad} is bad`) });
    const letters = world.records(topics.deadLetter);
    expect(
      letters.map(({ headers }) =>
        ['reason', 'error-code', 'original-topic', 'original-partition', 'original-offset'].map((name) =>
          header(headers, `rollcall-${name}`),
        ),
      ),
    ).toEqual([['invalid', code, topics.source, '0', String(bad)]]);
  },
);

test('unreadable batch: the next owner does not read it again, and is not irritated by how it looks then', async () => {
  const world = await aWorld();
  world.change('g', { add: ['before'] });
  unreadable(world, topics.source, 'batch_too_large');
  const one = await world.start();
  await world.expectRest(one);
  one.kill();
  expire(world);
  const two = await world.start({ name: 'two' });
  const behind = world.change('g', { add: ['behind'] });
  await world.expectRest(two);
  expect(world.outcome(behind, 'behind')).toBe('applied');
  expect(world.records(topics.deadLetter)).toHaveLength(1);
});

async function expectRefusal(instance: Instance): Promise<void> {
  await until(() => instance.pipeline.stats().partitions[0]?.phase === 'refused', 'the refusal');
  const { ready, reasons } = readiness(instance.pipeline.stats());
  expect(ready).toBe(false);
  expect(reasons.join()).toMatch(/partition 0 is refused: the retry topic: The batch up to \d+ is bad\. Stop all/);
  expect(reasons.join()).not.toContain('source topic was recreated');
}

test.each(codes)(
  'unreadable batch: of the retry topic (%s) it refuses the partition: a live record may be in it',
  async (code) => {
    const world = await aWorld();
    unreadable(world, topics.retry, code);
    const offset = world.change('g', { add: ['m'] });
    const one = await world.start();
    await expectRefusal(one);
    expect(world.outcome(offset, 'm')).toBeUndefined();
    expect(world.sandbox.members('g')).toEqual([]);
    expect(world.committed()).toBeNull();
  },
);

test('unreadable batch: so it does while the partition is owned: its restore would fail', async () => {
  const world = await aWorld();
  world.change('g', { add: ['m'] });
  const one = await world.start();
  await world.expectRest(one);
  unreadable(world, topics.retry, 'batch_unreadable', 'other');
  await expectRefusal(one);
  const late = world.change('g', { remove: ['m'] });
  expect(world.outcome(late, 'm')).toBeUndefined();
  one.kill();
  expire(world);
  await expectRefusal(await world.start({ name: 'two' }));
});
