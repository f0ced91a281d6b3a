/** A record that holds several events: event i has the position offset.i (protocol.md 3.1), each is accounted for by itself. */
import { expect, test } from 'vitest';
import type { Decoded, SourceEvent, SourceFormat } from '../../../src/core/change/change.ts';
import { delta, hint, invalid, skip } from '../../../src/formats/reading/reading.ts';
import { expire, failing, stubborn } from '../../support/retry-records.ts';
import type { World } from '../../support/world.ts';
import { aWorld, topics, until } from '../../support/world.ts';

/** Reads a list of events as they are. */
const list: SourceFormat = {
  name: 'list',
  decode: ({ value }) => JSON.parse(String(Buffer.from(value ?? []))).map((event: SourceEvent) => event) as Decoded,
};

const produce = (world: World, events: readonly SourceEvent[]): bigint =>
  world.produce({ topic: topics.source, partition: null, key: null, value: JSON.stringify(events), headers: [] });

const outcomes = (world: World) => Object.fromEntries([...world.kept()].map(([id, { outcome }]) => [id, outcome]));

test('several events: each has its own position and report; within a record the later event wins', async () => {
  const world = await aWorld();
  produce(world, [
    delta({ group: 'g', add: ['a', 'b'] }),
    skip('not_successful'),
    delta({ group: 'g', remove: ['a'] }),
    invalid('member_type', 'a device'),
    hint('no_detail', 'which members is not said', 'g'),
    delta({ group: 'g' }),
  ]);
  const one = await world.start({ format: list });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['b']);
  expect(outcomes(world)).toEqual({
    'source/0/0.0/a': 'superseded',
    'source/0/0.0/b': 'applied',
    'source/0/0.2/a': 'already_synced',
    'source/0/0.3': 'invalid',
    'source/0/0.4': 'invalid',
    'source/0/0.5': 'no_changes',
  });
  expect(world.kept().get('source/0/0.0/a')?.superseded_by).toBe('source/0/0.2/a');
  expect(world.records(topics.deadLetter)).toHaveLength(2);
  expect(one.pipeline.stats().skipped).toEqual({ not_successful: 1 });
});

test('several events: the dead letters of a record with very many bad events do not multiply its bytes', async () => {
  const world = await aWorld();
  const bad = Array.from({ length: 300 }, (_, i) => invalid('schema', `event ${i} is none${' '.repeat(100)}`));
  produce(world, bad);
  await world.expectRest(await world.start({ format: list }));
  const letters = world.records(topics.deadLetter);
  const sizes = letters.map(({ value }) => value?.length ?? 0);
  expect(letters).toHaveLength(300);
  expect(sizes[0]).toBe(JSON.stringify(bad).length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(1_200_000);
  expect(sizes.at(-1)).toBe(0);
  expect(letters.at(-1)?.headers.map(([name]) => name)).toContain('rollcall-truncated');
});

test('several events: the record is committed only when each is final or parked, and what is parked survives a crash', async () => {
  const world = await aWorld();
  const heal = failing(world);
  const one = await world.start({ format: list, pipeline: stubborn });
  produce(world, [
    delta({ group: 'g', add: ['a'] }),
    delta({ group: 'g', remove: ['b'] }),
    delta({ group: 'g', add: ['b'] }),
  ]);
  await until(() => world.committed() === 1n, 'the commit');
  expect(
    world.lastState('g')?.intents.map(({ member, source }) => `${member} ${source.offset}.${source.index}`),
  ).toEqual(expect.arrayContaining(['a 0.0', 'b 0.2']));
  one.kill();
  heal();
  expire(world);
  const two = await world.start({ name: 'two', format: list });
  await world.expectRest(two);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['a', 'b']));
});

test('several events: a batch waits until its format is ready for it', async () => {
  const world = await aWorld();
  let isReady = false;
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  const format: SourceFormat = { ...list, prepare: () => (isReady ? null : promise) };
  produce(world, [delta({ group: 'g', add: ['a'] })]);
  const one = await world.start({ format });
  await until(() => one.pipeline.stats().ready, 'the restore');
  expect(world.reports()).toEqual([]);
  isReady = true;
  resolve();
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['a']);
});
