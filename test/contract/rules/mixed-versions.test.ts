/** During an upgrade an instance meets live records of a newer version: what it does not know it neither loses nor carries out. */
import { expect, test } from 'vitest';
import { parseRetryRecord, stateValue } from '../../../src/core/log/live-record.ts';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import { requestKey } from '../../../src/core/log/request-record.ts';
import { decide, digestOf, partDecision, wholeDecision } from '../../support/decisions.ts';
import { QuickWorld } from '../../support/quick-world.ts';
import { anIntent } from '../../support/retry-records.ts';

const stamp = ['owner', 'epoch', 'seq'].map((name) =>
  textHeader(`rollcall-${name}`, name === 'owner' ? 'newer-1' : '0'),
);
const foreign = {
  op: 'move',
  member: 'm',
  to: 'another',
  topic: 'source',
  partition: 0,
  offset: '0',
  why: { of: 'v2' },
};

/** A live record of group `g` as a newer version may have written it, and the source record that all of it came from. */
function aWorldWith(changed: (entry: object) => readonly object[]): QuickWorld {
  const world = new QuickWorld();
  world.target.group('g').members.add('u');
  world.produce({ add_members: ['v'] });
  const timestamp = world.records('source')[0]?.timestamp ?? 0;
  const { pending } = JSON.parse(
    stateValue('g', [anIntent({ offset: 0n, op: 'remove', member: 'u', attempt: 1 })]),
  ) as {
    pending: object[];
  };
  const value = JSON.stringify({ v: 1, group: 'g', pending: changed({ ...pending[0], timestamp }), more: [] });
  world.broker.append([
    { topic: 'retry', partition: 0, key: 'g', value, headers: [...stamp, textHeader('rollcall-new', 'x')] },
  ]);
  return world;
}

const lastValue = (world: QuickWorld): unknown =>
  JSON.parse(
    Buffer.from(
      world.records('retry').findLast(({ key }) => Buffer.from(key ?? []).toString() === 'g')?.value ?? [],
    ).toString() || 'null',
  );

test('mixed versions: an entry that only the newer version can apply stays in the record word for word; all else is applied', async () => {
  const world = aWorldWith((entry) => [{ ...entry, waits: 'moon', since: 1 }, foreign]);
  const { pipeline, kill } = await world.start();
  await world.clock.advance(120_000);
  expect(world.target.group('g').members).toEqual(new Set(['v']));
  expect(lastValue(world)).toEqual({ v: 1, group: 'g', pending: [foreign] });
  expect(world.logger.lines.map(({ message }) => message)).toContainEqual(expect.stringContaining('newer version'));
  expect(pipeline.stats().ready).toBe(true);
  // and the next owner keeps it, too
  kill();
  world.produce({ add_members: ['w'] });
  await world.start();
  await world.clock.advance(120_000);
  expect(world.target.group('g').members).toEqual(new Set(['v', 'w']));
  expect(lastValue(world)).toEqual({ v: 1, group: 'g', pending: [foreign] });
});

test('mixed versions: what a newer version holds for a reason of its own stays held', async () => {
  const world = aWorldWith((entry) => [{ ...entry, held: { by: 'four_eyes', since: 1, digest: 'new form' } }]);
  const { pipeline } = await world.start();
  await world.clock.advance(120_000);
  expect(world.target.group('g').members).toEqual(new Set(['u', 'v']));
  expect(pipeline.stats()).toMatchObject({ held: 1, pending: 1 });
  // until an operator approves it
  world.produce({ add_members: ['w'], remove_members: ['v'] });
  await world.clock.advance(10_000);
  world.approve('jane');
  await world.clock.advance(10_000);
  expect(world.target.group('g').members).toEqual(new Set(['w']));
});

test('mixed versions: what a newer version calls dead stays dead', async () => {
  const world = aWorldWith((entry) => [{ ...entry, dead: { at: world0(), reason: 'expired' } }]);
  const { pipeline } = await world.start();
  await world.clock.advance(120_000);
  expect(world.target.group('g').members).toEqual(new Set(['u', 'v']));
  expect(pipeline.stats()).toMatchObject({ dead: 1, pending: 0 });
});

/** The wall clock of a world at its start. */
const world0 = (): number => new QuickWorld().clock.now().wall;

test('mixed versions: a request of a newer version is left to an owner that knows it', async () => {
  const world = new QuickWorld();
  const key = requestKey('00000000-0000-0000-0000-000000000001');
  const headers = [textHeader('rollcall-type', 'postpone')];
  world.broker.append([{ topic: 'retry', partition: 0, key, value: '{"v":1}', headers }]);
  await world.start();
  await world.clock.advance(60_000);
  const answers = world.records('retry').filter((record) => parseRetryRecord(record).kind === 'request');
  expect(answers).toEqual([]);
});

const guarded = { held: { by: 'group_count', since: 1 } };
/** The removal of `aWorldWith`, as it is held. */
const theHeld = [
  { ...anIntent({ offset: 0n, op: 'remove', member: 'u' }), guard: { kind: 'held', by: 'group_count', since: 1 } },
] as const;

test('mixed versions: a refusal that an older version has carried out has the same answer again, whole or as a part', async () => {
  const world = aWorldWith((entry) => [
    { ...entry, ...guarded, attempt: 0, dead: { at: world0(), reason: 'refused' } },
  ]);
  await world.start();
  expect(await decide(world, 'reject', wholeDecision(digestOf(theHeld)))).toBe('rejected 1');
  expect(await decide(world, 'reject', partDecision(theHeld))).toBe('rejected 1');
  expect(await decide(world, 'approve', partDecision(theHeld))).toBe('gone 0');
});

test('mixed versions: what a newer version says in another way of a decision makes no record unreadable', async () => {
  const reason = { text: 'in two languages' };
  const decision = { digest: 'd'.repeat(64), author: 'jane', reason };
  const world = aWorldWith((entry) => [
    { ...entry, approval: { ...decision, at: 1, seconded_by: 'joe' } },
    {
      ...entry,
      ...guarded,
      member: 'w',
      dead: { at: world0(), reason: 'refused', refusal: decision },
    },
  ]);
  const { pipeline } = await world.start();
  await world.clock.advance(120_000);
  expect(world.target.group('g').members).toEqual(new Set(['v']));
  const approved = world.reports().find(({ member, final }) => member === 'u' && final);
  expect(approved?.approval).toEqual({ digest: decision.digest, author: 'jane', reason: null, at: expect.any(String) });
  expect(pipeline.stats()).toMatchObject({ dead: 1, pending: 0 });
});

test('mixed versions: an older owner finds nothing under the digest of a part, and a newer one needs none', async () => {
  const world = aWorldWith((entry) => ['u', 'w'].map((member) => ({ ...entry, ...guarded, attempt: 0, member })));
  await world.start();
  // As the older one reads it: it knows neither part nor reason.
  const { v, digest, author } = JSON.parse(partDecision(theHeld, 'she left')) as Record<string, unknown>;
  expect(await decide(world, 'approve', JSON.stringify({ v, digest, author }))).toBe('gone 0');
  expect(world.target.group('g').members).toEqual(new Set(['u', 'v']));
  expect(await decide(world, 'approve', partDecision(theHeld, 'she left'))).toBe('approved 1');
  await world.clock.advance(60_000);
  expect(world.target.group('g').members).toEqual(new Set(['v']));
});
