/** Why an intent waits survives a restore: a busy group uses up no tries of a member, and ends the waits of its own. */
import { expect, test } from 'vitest';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import { expire } from '../../support/retry-records.ts';
import { aWorld, topics, until } from '../../support/world.ts';
import type { World } from '../../support/world.ts';

const HOUR_MS = 3_600_000;
const patient = {
  retry: { baseMs: 20, capMs: 100, attemptsMax: 5, slowScheduleMs: [HOUR_MS, HOUR_MS, HOUR_MS, HOUR_MS, HOUR_MS] },
  lateApplyMs: 1,
};
const unknownUser = { kind: 'status', status: 400, body: 'scim', scimType: 'invalidValue' } as const;

const pendingOf = (world: World, member: string) =>
  world.lastState('g')?.intents.find((intent) => intent.member === member);

/** What names the member was sent so often. */
const sentFor = (world: World, member: string): number =>
  world.sandbox.stats.journal.filter(({ operations }) => operations.some(({ members }) => members.includes(member)))
    .length;

/** A former owner is gone, and what it has parked waits. */
async function restarted(world: World, count: number) {
  expire(world);
  const next = await world.start({ name: `next-${count}`, pipeline: patient });
  await until(() => next.pipeline.stats().ready, 'the next owner');
  return next;
}

/** Two changes of the group, one after the other: a wait that the first one has ended would show with the second. */
async function busy(world: World, count: number): Promise<void> {
  for (const name of [`a${count}`, `b${count}`]) {
    const offset = world.change('g', { add: [name] });
    await until(() => world.outcome(offset, name) === 'applied', 'another change of the group');
  }
}

test('wait reason: an unknown user waits its own schedule, however often the service restarts while its group is busy', async () => {
  // given
  const world = await aWorld();
  world.sandbox.addRule({ match: { method: 'PATCH', member: 'unknown' }, fault: unknownUser });
  const offset = world.change('g', { add: ['unknown'] });
  let owner = await world.start({ pipeline: patient });
  await until(() => world.committed() === offset + 1n, 'parked');
  expect(pendingOf(world, 'unknown')).toMatchObject({ attempt: 1, waits: 'member' });
  // when
  for (let count = 0; count < 6; count++) {
    owner.kill();
    owner = await restarted(world, count);
    await busy(world, count);
  }
  // then
  expect(sentFor(world, 'unknown')).toBe(1);
  expect(world.outcome(offset, 'unknown')).toBe('retry_scheduled');
  expect(pendingOf(world, 'unknown')).toMatchObject({ attempt: 1 });
});

test.each([
  ['403', { kind: 'status', status: 403 }],
  ['404', { kind: 'status', status: 404 }],
] as const)(
  'wait reason: what waits for the group (%s) is due when the group answers the next owner',
  async (_, fault) => {
    // given
    const world = await aWorld();
    const rule = world.sandbox.addRule({ fault });
    const offset = world.change('g', { add: ['early'] });
    const former = await world.start({ pipeline: patient });
    await until(() => world.committed() === offset + 1n, 'parked');
    expect(pendingOf(world, 'early')).toMatchObject({ attempt: 1, waits: 'group' });
    former.kill();
    world.sandbox.removeRule(rule);
    // when
    const next = await restarted(world, 0);
    await busy(world, 0);
    // then
    await world.expectRest(next);
    expect(world.outcome(offset, 'early')).toBe('recovered');
  },
);

/** The live record as another version writes it. */
function rewrite(world: World, change: (intent: Record<string, unknown>) => object): void {
  const [record] = world
    .records(topics.retry)
    .filter(({ key }) => String(Buffer.from(key ?? [])) === 'g')
    .slice(-1);
  if (record === undefined) throw new Error('nothing is parked');
  const state = JSON.parse(String(Buffer.from(record.value ?? []))) as { pending: Record<string, unknown>[] };
  const value = JSON.stringify({ ...state, since: 'v9', pending: state.pending.map(change) });
  const headers = record.headers.map(([name, content]) =>
    name === 'rollcall-seq' ? textHeader(name, '1000') : ([name, content] as const),
  );
  world.produce({ topic: topics.retry, partition: 0, key: 'g', value, headers });
}

test.each<[string, (intent: Record<string, unknown>) => object]>([
  ['an older version, which says no reason', (intent) => ({ ...intent, waits: undefined })],
  ['a newer version, which says another one', (intent) => ({ ...intent, waits: 'target', until: { quorum: 2 } })],
])('wait reason: a live record of %s is read, and only its own time ends the wait', async (_, change) => {
  // given
  const world = await aWorld();
  const rule = world.sandbox.addRule({ fault: { kind: 'status', status: 403 } });
  const offset = world.change('g', { add: ['early'] });
  const former = await world.start({ pipeline: patient });
  await until(() => world.committed() === offset + 1n, 'parked');
  former.kill();
  rewrite(world, change);
  world.sandbox.removeRule(rule);
  // when
  await restarted(world, 0);
  await busy(world, 0);
  // then
  expect(sentFor(world, 'early')).toBe(0);
  expect(world.outcome(offset, 'early')).toBe('retry_scheduled');
  expect(pendingOf(world, 'early')).toMatchObject({ attempt: 1, waits: 'member' });
});
