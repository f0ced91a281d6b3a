import { expect, test } from 'vitest';
import { aWorld, until } from '../../support/world.ts';

test('breaker: a group that the target always fails at does not hold up the others', async () => {
  // given one pending group, at which the target fails until the breaker opens
  const groups = ['bad', 'good'].map((id) => ({ id, members: [], version: 1 }));
  const world = await aWorld({ sandbox: { seed: { groups } } });
  const rule = world.sandbox.addRule({ match: { group: 'bad' }, fault: { kind: 'status', status: 503 } });
  const bad = world.change('bad', { add: ['u'] });
  const one = await world.start({
    pipeline: { retry: { baseMs: 20, capMs: 100, attemptsMax: 1_000, slowScheduleMs: [] } },
  });
  await until(() => one.pipeline.stats().breaker?.reason === 'target', 'the breaker to open');
  // when another group has a change
  const good = world.change('good', { add: ['u'] });
  // then it lands, although the first one still fails
  await until(() => world.outcome(good, 'u') === 'applied', 'the other group');
  expect(world.outcome(bad, 'u')).toBe('retry_scheduled');
  // and when the target has recovered, so does the first
  world.sandbox.removeRule(rule);
  await world.expectRest(one);
  expect(world.sandbox.members('bad')).toEqual(['u']);
});
