import { expect, test } from 'vitest';
import { aWorld, until } from '../../support/world.ts';

test('fold: a newer change wins that comes while the refusal of an older one is looked into', async () => {
  // given an add that is answered 404, and the read that tells why
  const world = await aWorld();
  const fault = { kind: 'status', status: 404 } as const;
  world.sandbox.addRule({ match: { method: 'PATCH', times: 1 }, fault });
  const add = world.change('g', { add: ['u'] });
  const isRefused = (): boolean => world.sandbox.stats.requests['PATCH']?.['404'] === 1;
  const hold = world.sandbox.pauseAt(({ method }) => method === 'GET' && isRefused());
  const one = await world.start();
  await hold.arrived;
  // when a newer remove comes meanwhile
  const remove = world.change('g', { remove: ['u'] });
  await until(() => world.outcome(add, 'u') === 'superseded', 'the newer one');
  hold.release();
  // then the older one does not come back
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual([]);
  expect(world.outcome(add, 'u')).toBe('superseded');
  expect(world.outcome(remove, 'u')).toBe('already_synced');
});
