/** The removal guard (protocol.md 11): holds removals, never adds; what is held is durable and bound to its exact set. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { sha256 } from '../../../src/adapters/system.ts';
import { heldDigest } from '../../../src/core/group/guard.ts';
import { type OperatorAnswer, requestKey } from '../../../src/core/log/request-record.ts';
import { wholeDecision } from '../../support/decisions.ts';
import { requests } from '../../support/group-requests.ts';
import { answerTo, ask, expire, request } from '../../support/retry-records.ts';
import type { Instance, World } from '../../support/world.ts';
import { aWorld, topics, until } from '../../support/world.ts';

const guard = { groupPercent: 30, groupFloor: 10, groupCount: 500, windowCount: 5_000, windowMs: 600_000 };
const some = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `m${from + i}`);

const groupOf = (count: number): Promise<World> =>
  aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: some(count), version: 1 }] } } });

const start = (world: World, name = 'one', limits: Partial<typeof guard> = {}): Promise<Instance> =>
  world.start({ name, pipeline: { guard: { ...guard, ...limits } } });

const digestOf = (world: World): string | null => heldDigest('g', world.lastState('g')?.intents ?? [], sha256);

const decide = (world: World, kind: 'approve' | 'reject', digest: string, uuid: string) =>
  ask(world, { uuid, kind, value: wholeDecision(digest, 'jane') });

/** As kill -9, noticed by the coordinator. */
function crash(world: World, instance: Instance): void {
  instance.kill();
  expire(world);
}

test('guard: a share of 30 % passes, one more is held; adds of the group land all the same', async () => {
  const world = await groupOf(10);
  const one = await start(world);
  world.change('g', { remove: some(3) });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(some(7, 3));
  const other = await groupOf(10);
  const two = await start(other);
  other.change('g', { remove: some(4), add: ['new'] });
  await other.expectRest(two);
  expect(new Set(other.sandbox.members('g'))).toEqual(new Set([...some(10), 'new']));
  expect(other.outcome(0n, 'm0')).toBe('held');
  expect(other.kept().get('source/0/0/m0')).toMatchObject({
    id: 'source/0/0/m0#held',
    final: false,
    reason: { code: 'group_percent' },
  });
  expect(two.pipeline.stats()).toMatchObject({ held: 4, pending: 4 });
});

test('guard: it counts what is left after folding', async () => {
  const world = await groupOf(10);
  world.change('g', { remove: some(6) });
  world.change('g', { add: some(4) });
  const one = await start(world);
  await world.expectRest(one);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set([...some(4), ...some(4, 6)]));
});

test('guard: more than the count of one group, and more than the count of the window', async () => {
  const world = await groupOf(100);
  const one = await start(world, 'one', { groupPercent: 100, groupCount: 10, windowCount: 15 });
  world.change('g', { remove: some(11) });
  await world.expectRest(one);
  expect(world.kept().get('source/0/0/m0')).toMatchObject({ outcome: 'held', reason: { code: 'group_count' } });
  world.change('g', { remove: some(10, 20) });
  await world.expectRest(one);
  expect(world.outcome(1n, 'm20')).toBe('applied');
  world.change('g', { remove: some(6, 40) });
  await world.expectRest(one);
  expect(world.kept().get('source/0/2/m40')).toMatchObject({ outcome: 'held', reason: { code: 'window_count' } });
});

test('guard: a deleted group and an empty full state are held however small the group', async () => {
  for (const more of [{ deleted: true }, {}]) {
    const world = await groupOf(1);
    const one = await start(world);
    world.state('g', [], more);
    await world.expectRest(one);
    expect(world.sandbox.members('g')).toEqual(['m0']);
    const code = 'deleted' in more ? 'group_deleted' : 'empty_state';
    expect(world.kept().get('source/0/0/m0')).toMatchObject({ outcome: 'held', op: 'remove', reason: { code } });
    expect(requests(world.sandbox, 'PATCH')).toEqual([]);
  }
});

test('guard: an approval releases exactly that set, and stands in the report with its author', async () => {
  const world = await groupOf(10);
  const one = await start(world);
  world.state('g', some(5));
  await world.expectRest(one);
  const digest = digestOf(world) ?? '';
  expect(await decide(world, 'approve', digest, 'a')).toMatchObject({ verdict: 'approved', count: 5 });
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(some(5));
  expect(world.kept().get('source/0/0/m9')).toMatchObject({
    outcome: 'applied',
    final: true,
    approval: { digest, author: 'jane' },
  });
  expect(await decide(world, 'approve', digest, 'b')).toMatchObject({ verdict: 'gone', count: 0 });
});

test('guard: a newer change of the set makes another digest, and the old approval releases nothing', async () => {
  const world = await groupOf(10);
  const one = await start(world);
  world.change('g', { remove: some(5) });
  await world.expectRest(one);
  const digest = digestOf(world) ?? '';
  world.change('g', { add: ['m0'] });
  await until(() => world.outcome(0n, 'm0') === 'superseded', 'the newer change');
  await world.expectRest(one);
  expect(await decide(world, 'approve', digest, 'a')).toMatchObject({ verdict: 'gone' });
  expect(world.sandbox.members('g')).toEqual(some(10));
  const newer = digestOf(world) ?? '';
  expect(newer).not.toBe(digest);
  expect(await decide(world, 'approve', newer, 'b')).toMatchObject({ verdict: 'approved', count: 4 });
  await world.expectRest(one);
  expect(new Set(world.sandbox.members('g'))).toEqual(new Set(['m0', ...some(5, 5)]));
});

test('guard: what is refused stays, as a dead letter with its reason', async () => {
  const world = await groupOf(10);
  const one = await start(world);
  world.change('g', { remove: some(5) });
  await world.expectRest(one);
  await decide(world, 'reject', digestOf(world) ?? '', 'a');
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(some(10));
  expect(world.kept().get('source/0/0/m0')).toMatchObject({ outcome: 'failed', reason: { code: 'refused' } });
  const letters = world.records(topics.deadLetter);
  expect(letters).toHaveLength(5);
  const reasons = letters.flatMap(({ headers }) =>
    headers.filter(([name]) => name === 'rollcall-reason').map(([, value]) => String(Buffer.from(value))),
  );
  expect(new Set(reasons)).toEqual(new Set(['refused']));
});

test('guard: a hold, and an approval that was not carried out yet, survive a crash', async () => {
  const world = await groupOf(10);
  const one = await start(world);
  world.change('g', { remove: some(5) });
  await world.expectRest(one);
  const digest = digestOf(world) ?? '';
  expect(world.committed()).toBe(1n);
  crash(world, one);
  const two = await start(world, 'two');
  await until(() => two.pipeline.stats().held === 5, 'the restored hold');
  // Reported again: the former owner may have died before it could report.
  const holdReports = () => world.reports().filter(({ id }) => id === 'source/0/0/m0#held');
  await until(() => holdReports().length === 2, 'the report of the restored hold');
  expect(holdReports()[1]).toMatchObject({ final: false, reason: { code: 'group_percent' } });
  const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  await decide(world, 'approve', digest, 'a');
  crash(world, two);
  world.sandbox.removeRule(rule);
  const three = await start(world, 'three');
  await world.expectRest(three);
  expect(world.sandbox.members('g')).toEqual(some(5, 5));
  expect(world.kept().get('source/0/0/m0')).toMatchObject({ final: true, approval: { digest, author: 'jane' } });
});

test('guard: a newer full state is judged again', async () => {
  const world = await groupOf(10);
  const one = await start(world);
  world.state('g', []);
  await world.expectRest(one);
  world.state('g', some(8));
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(some(8));
  expect(world.outcome(0n, 'm9')).toBe('superseded');
  expect(world.outcome(1n, 'm9')).toBe('applied');
});

test('guard: however much is held, what else is pending has its room', async () => {
  const groups = [
    { id: 'g', members: some(8), version: 1 },
    { id: 'h', members: [], version: 1 },
  ];
  const world = await aWorld({ sandbox: { seed: { groups } } });
  const one = await world.start({ pipeline: { guard, pendingIntentsMax: 2 } });
  world.state('g', []);
  await until(() => one.pipeline.stats().held === 8, 'the hold');
  world.change('h', { add: ['new'] });
  await until(() => world.sandbox.members('h').includes('new'), 'what is pending beside it');
});

test('guard: where the live record has no room for all that is held, the digest of what is in it is what counts', async () => {
  const world = await aWorld({
    sandbox: { seed: { groups: [{ id: 'g', members: Array.from({ length: 100 }, () => randomUUID()), version: 1 }] } },
    retryRecordMaxBytes: 2_000,
  });
  const one = await start(world);
  world.state('g', []);
  await until(() => (world.lastState('g')?.intents.length ?? 0) > 0, 'as much as there is room for');
  expect(one.pipeline.stats().held).toBe(100);
  // It grows until it is full: a request that comes in between looks again.
  let answer: OperatorAnswer = { kind: 'reject', digest: '', verdict: 'gone', count: 0 };
  for (let i = 0; answer.kind === 'reject' && answer.verdict === 'gone' && i < 20; i += 1)
    answer = await decide(world, 'reject', digestOf(world) ?? '', `asked-${i}`);
  expect(answer).toMatchObject({ verdict: 'rejected' });
  expect(answer).toHaveProperty(
    'count',
    expect.toSatisfy((count: number) => count > 0 && count < 100),
  );
});

test('guard: a refusal is answered once a crash would not forget it', async () => {
  // given a hold, and final reports that cannot be written
  const world = await groupOf(10);
  const one = await start(world);
  world.change('g', { remove: some(5) });
  await world.expectRest(one);
  let refused = 0;
  one.log.beforeSend = async (records) => {
    if (!records.some(({ topic, value }) => topic === topics.report && JSON.parse(String(value)).final)) return;
    refused += 1;
    throw new Error('no leader');
  };
  // when an operator refuses
  const asked = { uuid: 'a', kind: 'reject', value: wholeDecision(digestOf(world) ?? '', 'jane') } as const;
  request(world, asked);
  await until(() => refused >= 2, 'another round');
  // then the answer waits, and the next owner gives it
  expect(answerTo(world, asked)).toBeUndefined();
  crash(world, one);
  const two = await start(world, 'two');
  await until(() => answerTo(world, asked) !== undefined, 'the answer');
  expect(answerTo(world, asked)).toMatchObject({ verdict: 'rejected', count: 5 });
  expect(world.lastState('g')?.intents.map(({ dead }) => dead?.reason)).toEqual(some(5).map(() => 'refused'));
  await world.expectRest(two);
});

test('guard: a removal whose answer was lost counts in the window', async () => {
  const world = await groupOf(20);
  const lost = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'resetAfterApply' } });
  const one = await start(world, 'one', { windowCount: 3 });
  world.change('g', { remove: some(3) });
  await until(() => world.sandbox.members('g').length === 17, 'the removals');
  world.sandbox.removeRule(lost);
  await world.expectRest(one);
  expect(world.outcome(0n, 'm0')).toBe('recovered');
  world.change('g', { remove: some(1, 3) });
  await world.expectRest(one);
  expect(world.outcome(1n, 'm3')).toBe('held');
});

test.each(['approve', 'reject'] as const)(
  'guard: the next owner answers as the one that died before its answer: %s',
  async (kind) => {
    const world = await groupOf(10);
    const one = await start(world);
    world.change('g', { remove: some(5) });
    await world.expectRest(one);
    let isAnswering = false;
    one.log.beforeSend = async (records) => {
      if (!records.some(({ key, value }) => value === null && key === requestKey('a'))) return;
      isAnswering = true;
      await new Promise(() => undefined);
    };
    const asked = { uuid: 'a', kind, value: wholeDecision(digestOf(world) ?? '', 'jane') };
    request(world, asked);
    await until(() => isAnswering, 'the answer that gets lost');
    crash(world, one);
    const two = await start(world, 'two');
    await until(() => answerTo(world, asked) !== undefined, 'the answer');
    const verdict = kind === 'approve' ? 'approved' : 'rejected';
    expect(answerTo(world, asked)).toMatchObject({ verdict, count: 5 });
    await world.expectRest(two);
    expect(world.sandbox.members('g')).toHaveLength(kind === 'approve' ? 5 : 10);
  },
);

test('guard: no hold is reported that the next owner may not know', async () => {
  const world = await groupOf(3);
  const one = await start(world);
  let tried = 0;
  one.log.beforeSend = async (records) => {
    if (!records.some(({ topic, key }) => topic === topics.retry && key === 'g')) return;
    tried += 1;
    throw new Error('no leader');
  };
  world.state('g', []);
  await until(() => tried > 1, 'the live record that cannot be written');
  expect(world.reports()).toEqual([]);
  crash(world, one);
  world.state('g', some(3));
  const two = await start(world, 'two');
  await world.expectRest(two);
  expect([...world.kept().values()].map(({ outcome }) => outcome)).not.toContain('held');
});
