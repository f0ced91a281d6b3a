/** Signed tokens are verified before they are decoded, which takes a while: their batch waits, and goes on. */
import { expect, test } from 'vitest';
import { scimEvents } from '../../../src/formats/scim/events.ts';
import { withoutKeys } from '../../../src/formats/scim/token-verifier.ts';
import { aToken, SlowVerifier } from '../../support/tokens.ts';
import type { World } from '../../support/world.ts';
import { aWorld, topics } from '../../support/world.ts';

const produce = (world: World, name: string): bigint =>
  world.produce({ topic: topics.source, partition: null, key: 'g', value: aToken(name), headers: [] });

test('signed token: each is verified once, and read', async () => {
  const world = await aWorld();
  const verifier = new SlowVerifier();
  for (const name of ['a', 'b', 'a']) produce(world, name);
  const one = await world.start({ format: scimEvents(verifier) });
  await world.expectRest(one);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['a', 'b']));
  expect(verifier.asked).toEqual(['a', 'b']);
});

test('signed token: a batch that grows each time while it is waited for is read all the same', async () => {
  const world = await aWorld();
  const verifier = new SlowVerifier();
  let produced = 0;
  let isFlowing = true;
  verifier.beforeVerdict = async () => {
    if (isFlowing) produce(world, `later-${(produced += 1)}`);
    await new Promise((resolve) => setImmediate(resolve));
    isFlowing &&= produced < 1_000 && !world.sandbox.members('g').includes('first');
  };
  produce(world, 'first');
  const one = await world.start({ format: scimEvents(verifier) });
  await world.expectRest(one);
  // As many as fit into a fetch, if the first waited for the batch to stand still.
  expect(produced).toBeLessThan(100);
  expect(world.sandbox.members('g')).toHaveLength(produced + 1);
});

test('signed token: without keys each is a dead letter', async () => {
  const world = await aWorld();
  produce(world, 'a');
  const one = await world.start({ format: scimEvents(withoutKeys) });
  await world.expectRest(one);
  expect(world.kept().get('source/0/0')).toMatchObject({ outcome: 'invalid', reason: { code: 'token_no_keys' } });
});
