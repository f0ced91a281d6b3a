import { expect, test } from 'vitest';
import { replayNow } from '../../../src/commands/replay.ts';
import type { ReportRecord } from '../../../src/core/report/report.ts';
import type { ReplayVerdict } from '../../../src/core/log/request-record.ts';
import { parseAnswer, requestKey } from '../../../src/core/log/request-record.ts';
import { foldReport } from '../../../src/core/report/summary.ts';
import type { Intent } from '../../../src/core/change/change.ts';
import { MemoryLog } from '../../../src/adapters/memory-log/memory-log.ts';
import { EXIT } from '../../../src/exit-codes.ts';
import { aContext } from '../../support/command-context.ts';
import type { IntentFacts } from '../../support/retry-records.ts';
import { anIntent, aRequest, expire, failing, stubborn } from '../../support/retry-records.ts';
import { answer, QuickWorld } from '../../support/quick-world.ts';
import type { Instance, World } from '../../support/world.ts';
import { aWorld, topics, until, within } from '../../support/world.ts';

const once = { retry: { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [] } };

/** What the tombstone of the request says, in the order of the intents. */
function verdicts(world: World, uuid: string): readonly ReplayVerdict[] {
  const answers = world.records(topics.retry).filter(({ key }) => String(Buffer.from(key ?? [])) === requestKey(uuid));
  return answers.flatMap(({ value, headers }) => {
    const answer = parseAnswer(value, headers);
    return answer?.kind === 'replay' ? answer.verdicts.map(({ verdict }) => verdict) : [];
  });
}

async function replay(world: World, uuid: string, intents: readonly IntentFacts[]): Promise<readonly ReplayVerdict[]> {
  world.produce(aRequest(uuid, intents.map(anIntent)));
  await until(() => verdicts(world, uuid).length > 0, 'the answer');
  return verdicts(world, uuid);
}

/** An add of `u` that was given up, its mark written and its offset committed. */
async function aDeadAdd(world: World): Promise<{ one: Instance; add: bigint; repair: () => void }> {
  const repair = failing(world);
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: once });
  await world.expectRest(one);
  expect(world.outcome(add, 'u')).toBe('permanent_failure');
  expect(world.lastState('g')?.intents).toMatchObject([{ dead: { reason: 'attempts_exhausted' } }]);
  return { one, add, repair };
}

test('grave: a replay of a dead change does nothing to a newer one that is done', async () => {
  // given a dead remove, and a newer add that is done
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members: ['u'], version: 1 }] } } });
  const repair = failing(world);
  const remove = world.change('g', { remove: ['u'] });
  const one = await world.start({ pipeline: once });
  await world.expectRest(one);
  const add = world.change('g', { add: ['u'] });
  await world.expectRest(one);
  repair();
  // when the dead letter comes back with its data
  const answer = await replay(world, 'r', [{ offset: remove, op: 'remove' }]);
  // then it is refused, and has no effect
  await world.expectRest(one);
  expect(answer).toEqual(['gone']);
  expect(world.sandbox.members('g')).toEqual(['u']);
  expect(world.outcome(add, 'u')).toBe('already_synced');
  expect(world.outcome(remove, 'u')).toBe('permanent_failure');
});

test('grave: nor to a newer one that waits', async () => {
  // given a dead add, and a newer one that is dead as well
  const world = await aWorld();
  const { one, add } = await aDeadAdd(world);
  const newer = world.change('g', { add: ['u'] });
  const isMark = ({ source, dead }: Intent): boolean => source.offset === newer && dead !== null;
  await until(() => world.lastState('g')?.intents.some(isMark) === true, 'the newer mark');
  // when the older one is asked for
  const before = world.reports().length;
  expect(await replay(world, 'r', [{ offset: add, op: 'remove' }])).toEqual(['superseded']);
  // then nothing happens
  await world.expectRest(one);
  expect(world.reports()).toHaveLength(before);
});

test('grave: a dead change that is still there is woken where it is, and its report replaced', async () => {
  // given a dead add
  const world = await aWorld();
  const { one, add, repair } = await aDeadAdd(world);
  repair();
  // when it is asked for, with data that are wrong
  expect(await replay(world, 'r', [{ offset: add, op: 'remove' }])).toEqual(['woken']);
  // then it is applied as it was
  await until(() => world.outcome(add, 'u') !== 'permanent_failure', 'the new report');
  expect(world.outcome(add, 'u')).toBe('applied');
  expect(world.sandbox.members('g')).toEqual(['u']);
  await until(() => world.lastState('g')?.intents.length === 0, 'the tombstone');
  expect(one.pipeline.stats().dead).toBe(0);
});

test('grave: a parked change is tried at once, what was dropped or never was is gone', async () => {
  // given an add that is parked for a day
  const world = await aWorld();
  const day = 86_400_000;
  const repair = failing(world);
  const add = world.change('g', { add: ['u'] });
  const one = await world.start({
    pipeline: { retry: { baseMs: day, capMs: day, attemptsMax: 5, slowScheduleMs: [] } },
  });
  await until(() => world.committed() === 1n, 'the parking');
  repair();
  // when its replay is requested, with an unknown one and one of an offset that it has passed
  const answer = await replay(world, 'r', [
    { offset: add, op: 'add' },
    { offset: add, op: 'add', member: 'nobody' },
    { offset: add + 5n, op: 'add' },
    { offset: add, op: 'add', topic: 'other' },
  ]);
  // then each has its verdict
  expect(answer).toEqual(['woken', 'gone', 'gone', 'gone']);
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['u']);
});

test('grave: a woken change that waits again is found by the next owner', async () => {
  // given a dead add that was woken, and fails again and again
  const world = await aWorld();
  const { one, add, repair } = await aDeadAdd(world);
  one.kill();
  expire(world);
  const next = await world.start({ name: 'next', pipeline: stubborn });
  expect(await replay(world, 'r', [{ offset: add, op: 'add' }])).toEqual(['woken']);
  await until(() => (world.lastState('g')?.intents[0]?.attempt ?? 0) > 0, 'the parking');
  // when its owner is gone
  next.kill();
  repair();
  expire(world);
  const last = await world.start({ name: 'last' });
  // then the next one applies it
  await until(() => world.outcome(add, 'u') === 'recovered', 'the end');
  await until(() => world.lastState('g')?.intents.length === 0, 'the tombstone');
  expect(last.pipeline.stats()).toMatchObject({ dead: 0, pending: 0 });
});

test('grave: what is woken while its mark is on the way is not taken for reported', async () => {
  // given two adds that are given up, and one of them woken before the mark is acknowledged
  const world = await aWorld();
  const repair = failing(world);
  const add = world.change('g', { add: ['u', 'v'] });
  const retry = world.broker.topic(topics.retry);
  const stop = retry.onAppend(() => {
    if ((world.lastState('g')?.intents ?? []).filter(({ dead }) => dead !== null).length < 2) return;
    stop();
    repair();
    world.produce(aRequest('r', [anIntent({ offset: add, op: 'add' })]));
  });
  const pauseAt = world.sandbox.pauseAt(({ method, status }) => method === 'PATCH' && status === null && isRepaired());
  const isRepaired = (): boolean => world.outcome(add, 'v') === 'permanent_failure';
  const one = await world.start({ pipeline: once, api: { requestTimeoutMs: 10_000 } });
  await pauseAt.arrived;
  // when it lands while earlier reports are on their way, and its group is written for another reason
  const held: (() => void)[] = [];
  one.log.beforeSend = (records) =>
    records.some(({ topic }) => topic === topics.report)
      ? new Promise((resolve) => held.push(resolve))
      : Promise.resolve();
  world.change('behind', { add: [] });
  await until(() => held.length === 1, 'earlier reports');
  pauseAt.release();
  await until(() => world.sandbox.members('g').length === 1 && one.pipeline.stats().inFlight === 0, 'the add');
  world.produce(aRequest('s', [anIntent({ offset: add, op: 'add', member: 'v' })]));
  await until(() => world.sandbox.members('g').length === 2 && one.pipeline.stats().inFlight === 0, 'the other add');
  held[0]?.();
  // then it stays in the live record until its report is written
  await until(() => held.length === 2, 'its report');
  expect(world.lastState('g')?.intents.map(({ member }) => member)).toContain('u');
  one.log.beforeSend = async () => undefined;
  held[1]?.();
  await until(() => world.outcome(add, 'u') === 'applied', 'the new report');
});

test('grave: what comes of a replay counts for a reader of the reports, also where the wall clock was set back', async () => {
  // given a dead change
  const world = new QuickWorld({ pipeline: once });
  world.target.onPatch = () => answer(500);
  world.produce({ add_members: ['u'] });
  await world.start();
  await world.clock.advance(60_000);
  const kept = new Map<string, ReportRecord>();
  for (const report of world.reports()) foldReport(kept, report);
  expect([...kept.values()]).toMatchObject([{ outcome: 'permanent_failure' }]);
  // when it is woken an hour before its end, by the wall clock, and lands
  world.clock.jumpWall(-3_600_000);
  world.target.onPatch = () => null;
  world.broker.append([aRequest('r', [anIntent({ offset: 0n, op: 'add' })])]);
  await world.clock.advance(60_000);
  expect([...world.target.group('g').members]).toEqual(['u']);
  // then
  for (const report of world.reports()) foldReport(kept, report);
  expect([...kept.values()]).toMatchObject([{ outcome: 'applied' }]);
});

test('request-key: a request leaves the state of its group alone, whatever the cleaner does', async () => {
  // given a dead add, and a request for it while no instance runs
  const world = await aWorld();
  const { one, add, repair } = await aDeadAdd(world);
  one.kill();
  expire(world);
  const options = { groupId: 'none', clientId: 'command', topics: { source: topics.source, retry: topics.retry } };
  const tools = new MemoryLog(world.broker, options);
  const context = aContext();
  const asked = replayNow({ flags: { group: ['g'], yes: true }, topic: topics.retry, tools, context });
  await until(() => world.retry().at(-1)?.kind === 'request', 'the request');
  // when everything is cleaned, and the next owner comes
  world.broker.compact(topics.retry, { forced: true });
  repair();
  await world.start({ name: 'next' });
  // then it wakes the add
  expect(await within(asked, 'the answer')).toBe(EXIT.done);
  expect(context.out()).toContain('woken');
  await until(() => world.outcome(add, 'u') === 'applied', 'the add');
});
