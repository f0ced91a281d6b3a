import { expect, test } from 'vitest';
import { JumpingClock } from '../../support/jumping-clock.ts';
import { aWorld, until } from '../../support/world.ts';

test('fold: the newest position wins, however long the older one waits', async () => {
  // given an add that is parked
  const world = await aWorld();
  const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({
    pipeline: { retry: { baseMs: 60_000, capMs: 60_000, attemptsMax: 5, slowScheduleMs: [] } },
  });
  await until(() => world.outcome(add, 'u') === 'retry_scheduled', 'the parking');
  // when a newer remove comes
  world.sandbox.removeRule(rule);
  const remove = world.change('g', { remove: ['u'] });
  // then it is final, and the older one is superseded by it
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual([]);
  expect(world.outcome(add, 'u')).toBe('superseded');
  expect(world.outcome(remove, 'u')).toBe('already_synced');
  expect(world.lastState('g')?.intents).toEqual([]);
});

test('fold: the newest position wins, also when the older one is read after it', async () => {
  // given an owner in doubt: one change waits because it is so, and the newer one of the same member is parked
  const sessionTimeoutMs = 60_000;
  const lateApplyMs = 600_000;
  const clock = new JumpingClock();
  const seed = { groups: [{ id: 'g', members: ['u', 'v'], version: 1 }] };
  const world = await aWorld({ clock, sessionTimeoutMs, sandbox: { seed } });
  const down = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  const retry = { baseMs: 1e9, capMs: 1e9, attemptsMax: 100, slowScheduleMs: [] };
  const doubtful = world.change('g', { add: ['w'] });
  const one = await world.start({ pipeline: { retry, lateApplyMs } });
  await until(() => world.committed() === doubtful + 1n, 'the doubt');
  const add = world.change('g', { add: ['u', 'v'] });
  await until(() => world.sandbox.stats.inFlight === 0 && one.pipeline.stats().pending === 3, 'the add');
  const remove = world.change('g', { remove: ['u'] });
  await until(() => world.hasCompletedRange(), 'the parking');
  expect(world.committed()).toBe(add);
  // when the next owner restores the newer one, and then reads the older one again
  one.kill();
  world.sandbox.removeRule(down);
  await clock.jump(sessionTimeoutMs);
  const patient = { requestTimeoutMs: 10 * lateApplyMs };
  const two = await world.start({ name: 'two', pipeline: { retry, lateApplyMs }, api: patient });
  await until(() => two.pipeline.stats().partitions[0]?.phase === 'running', 'the end of the source');
  await clock.jump(lateApplyMs);
  // then the newer one is applied, and was never called superseded
  await until(() => world.outcome(remove, 'u') !== undefined, 'the remove');
  await until(() => two.pipeline.stats().pending === 0, 'the rest');
  expect(world.sandbox.members('g')).toEqual(['v', 'w']);
  expect(world.outcome(add, 'u')).toBe('superseded');
  expect(
    world.reports().filter(({ source, outcome }) => source.offset === String(remove) && outcome === 'superseded'),
  ).toEqual([]);
});
