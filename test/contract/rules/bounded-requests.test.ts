/** However a target answers, a change costs no more requests than its retry schedule allows (protocol.md 7.9, 9.1). */
import { expect, test } from 'vitest';
import { ScimIdMap } from '../../../src/adapters/ids/scim.ts';
import type { HttpAnswer } from '../../../src/core/target/refusals.ts';
import { requestsMax } from '../../../src/core/target/retry.ts';
import type { IdMap } from '../../../src/ports.ts';
import { answer, groupAnswer, type QuickTarget, QuickWorld } from '../../support/quick-world.ts';

const HOURS = 3_600_000;

/** Five tries, each with all requests of a run; beside them one request at a time, as often as probes and last looks come. */
const allowed = (durationMs: number): number => 5 * requestsMax(1, 3) + (2 * durationMs) / 30_000;

const stranger = (): HttpAnswer => groupAnswer('another', 7, ['x']);

/** 200 without effect to a PATCH, and 500 to the read after it. */
function answersInTurn(target: QuickTarget): void {
  let isPatched = false;
  target.onPatch = () => {
    isPatched = true;
    return target.shown('g');
  };
  target.onGet = () => {
    const isAfterPatch = isPatched;
    isPatched = false;
    return isAfterPatch ? answer(500) : null;
  };
}

type Oddity = readonly [name: string, make: (target: QuickTarget) => void];

const oddities: readonly Oddity[] = [
  ['304 to every GET', (target) => (target.onGet = () => answer(304))],
  ['304 to everything', (target) => (target.onGet = target.onPatch = () => answer(304))],
  [
    '304 to every PATCH',
    (target) => {
      target.onPatch = () => answer(304);
    },
  ],
  [
    'an older version at each GET',
    (target) => {
      let version = 1_000_000;
      target.onGet = () => groupAnswer('g', version--, []);
    },
  ],
  [
    'another version at each GET, and 412 to each PATCH',
    (target) => {
      let version = 1;
      target.onGet = () => groupAnswer('g', version++, []);
      target.onPatch = () => answer(412);
    },
  ],
  ['the body of another group', (target) => (target.onGet = target.onPatch = stranger)],
  ['the body of another group to every PATCH', (target) => (target.onPatch = stranger)],
  ['412 for the version that it shows', (target) => (target.onPatch = () => answer(412))],
  ['409 without a body', (target) => (target.onPatch = () => answer(409))],
  ['409 uniqueness', (target) => (target.onPatch = () => answer(409, { body: { scimType: 'uniqueness' } }))],
  ['400 noTarget', (target) => (target.onPatch = () => answer(400, { body: { scimType: 'noTarget' } }))],
  ['400 tooMany', (target) => (target.onPatch = () => answer(400, { body: { scimType: 'tooMany' } }))],
  ['413', (target) => (target.onPatch = () => answer(413))],
  ['404 to a PATCH of a group that it shows', (target) => (target.onPatch = () => answer(404))],
  ['403 to a PATCH of a group that it shows', (target) => (target.onPatch = () => answer(403))],
  ['422', (target) => (target.onPatch = () => answer(422))],
  ['200 that never shows the change', (target) => (target.onPatch = () => target.shown('g'))],
  ['200 that never shows the change, and a read that fails after it', (target) => answersInTurn(target)],
  ['200 without a body and without effect', (target) => (target.onPatch = () => answer(200))],
  ['204 with a new version and without effect', (target) => (target.onPatch = () => answer(204, { etag: '"9"' }))],
  ['empty bodies to everything', (target) => (target.onGet = target.onPatch = () => answer(200))],
  ['202', (target) => (target.onPatch = () => answer(202))],
  ['301', (target) => (target.onGet = () => answer(301))],
  ['500 to every PATCH', (target) => (target.onPatch = () => answer(500))],
  ['500 to everything', (target) => (target.onGet = target.onPatch = () => answer(500))],
];

test.each(oddities)('bounded requests: %s does not keep a change asking', async (_, make) => {
  const world = new QuickWorld();
  make(world.target);
  world.target.requestsMax = 2 * allowed(HOURS);
  world.produce({ add_members: ['u'] });
  await world.start();
  await world.clock.advance(HOURS);
  expect(world.target.requestCount).toBeLessThanOrEqual(allowed(HOURS));
});

test('bounded requests: a 304 to a GET without a condition is a bad answer: it counts as a try, and backs off', async () => {
  // given a target that answers so, in time for all tries but the last
  const world = new QuickWorld({ pipeline: { breakerFailures: 1_000 } });
  world.target.onGet = ({ ifNoneMatch }) => (ifNoneMatch === null ? answer(304) : null);
  world.produce({ add_members: ['u'] });
  await world.start();
  // then each request is one try
  const { requestCount } = world.target;
  const tries = Array.from({ length: requestCount }, (_, i) => i + 1);
  expect(world.reports()).toMatchObject(
    tries.map((attempt) => ({ outcome: 'retry_scheduled', attempt, reason: { code: 'http_304', status: 304 } })),
  );
  // when the target is itself again
  world.target.onGet = () => null;
  await world.clock.advance(120_000);
  expect(world.reports().at(-1)).toMatchObject({ final: true, outcome: 'recovered' });
});

test('bounded requests: a change that is accepted without effect ends so, although some reads fail', async () => {
  // given a target that accepts each PATCH without effect, and cannot be read right afterwards
  const world = new QuickWorld();
  answersInTurn(world.target);
  world.produce({ add_members: ['u'] });
  await world.start();
  await world.clock.advance(HOURS);
  // A GET and a PATCH, and looks after 1, 2, 4, 8 s … at the most.
  expect(world.target.requestCount).toBeLessThanOrEqual(9);
  expect(world.reports()).toMatchObject([{ final: true, outcome: 'failed', reason: { code: 'not_effective' } }]);
});

test('bounded requests: a last look without a sure answer is repeated at the longest pause, and the change is not given up', async () => {
  // given a change that was tried for the last time
  const retry = { baseMs: 1_000, capMs: 30_000, attemptsMax: 2, slowScheduleMs: [] };
  const world = new QuickWorld({ pipeline: { retry, breakerFailures: 1_000 } });
  const { target } = world;
  target.onPatch = () => answer(500);
  world.produce({ add_members: ['u'] });
  await world.start();
  await world.clock.advance(10_000);
  expect(world.reports()).toMatchObject([{ outcome: 'retry_scheduled', attempt: 1 }]);
  // when its group cannot be read
  target.onGet = () => answer(500);
  const before = target.requestCount;
  await world.clock.advance(10 * 30_000);
  // then
  expect(target.requestCount - before).toBeLessThanOrEqual(11);
  expect(target.requestCount - before).toBeGreaterThanOrEqual(9);
  expect(world.reports()).toHaveLength(1);
  target.onGet = () => null;
  await world.clock.advance(60_000);
  expect(world.reports()).toMatchObject([{}, { outcome: 'permanent_failure', attempt: 2 }]);
});

test('bounded requests: a change of its group that lands gives one that waits for its last look no further try', async () => {
  // given a change that was tried for the last time, and a group that cannot be read then
  const retry = { baseMs: 1_000, capMs: 300_000, attemptsMax: 2, slowScheduleMs: [] };
  const world = new QuickWorld({ pipeline: { retry, breakerFailures: 1_000 } });
  const { target } = world;
  let tries = 0;
  target.onPatch = ({ body }) => {
    if (!JSON.stringify(body).includes('"u"')) return null;
    tries += 1;
    if (tries === 2) target.onGet = () => answer(500);
    return answer(500);
  };
  world.produce({ add_members: ['u'] });
  await world.start();
  // Past the doubt that the second one leaves behind.
  await world.clock.advance(60_000);
  expect(tries).toBe(2);
  // when another change of the group lands
  target.onGet = () => null;
  world.produce({ add_members: ['v'] });
  await world.clock.advance(10_000);
  expect([...target.group('g').members]).toEqual(['v']);
  // then
  await world.clock.advance(600_000);
  expect(tries).toBe(2);
  expect(world.reports().at(-1)).toMatchObject({ member: 'u', outcome: 'permanent_failure', attempt: 2 });
});

test('bounded requests: a run in which no answer brings it on ends as a try that failed, and says so', async () => {
  // given two members of whom each read shows the other one only, and a removal that finds neither
  const world = new QuickWorld();
  const { target } = world;
  let version = 1;
  target.onGet = () => groupAnswer('g', version, [version++ % 2 === 0 ? 'u' : 'v']);
  target.onPatch = () => answer(400, { body: { scimType: 'noTarget' } });
  world.produce({ remove_members: ['u', 'v'] });
  await world.start();
  const budget = requestsMax(2, 3);
  for (let round = 0; round < 20 && world.reports().length === 0; round += 1) await world.clock.settle();
  // A step may take a PATCH and a read.
  expect([budget, budget + 1]).toContain(target.requestCount);
  const reason = { code: 'no_progress', status: null };
  expect(world.reports()).toMatchObject(
    ['u', 'v'].map((member) => ({ member, outcome: 'retry_scheduled', attempt: 1, reason })),
  );
  // and the next tries too, the last of which gets no more than a look
  await world.clock.advance(HOURS);
  expect(world.reports().slice(-2)).toMatchObject([{ final: true }, { final: true }]);
  expect(target.requestCount).toBeLessThanOrEqual(5 * (budget + 1) + (2 * HOURS) / 30_000);
});

test('bounded requests: a look-up that is answered with something else is asked again on the schedule only', async () => {
  for (const odd of [answer(304), groupAnswer('g', 1, [])]) {
    let lookUpCount = 0;
    const ids: IdMap = {
      known: () => null,
      lookUp: async () => {
        lookUpCount += 1;
        if (lookUpCount > 1_000) return new Promise(() => undefined);
        return { kind: 'unanswered', answer: odd };
      },
      onChange: () => undefined,
      close: async () => undefined,
    };
    const world = new QuickWorld({ ids });
    world.produce({ add_members: ['u'] });
    await world.start();
    await world.clock.advance(HOURS);
    expect(lookUpCount).toBeLessThan(200);
  }
});

test('bounded requests: a list of users that shows the same page for ever is not read for ever', async () => {
  const world = new QuickWorld();
  const page = Array.from({ length: 25 }, (_, i) => ({ id: `u${i}`, userName: `u${i}`, active: false }));
  world.target.onSearch = ({ filter }) =>
    answer(200, {
      // Neither a filter of two conditions nor one by name is understood.
      body: filter.startsWith('active')
        ? { totalResults: 1_000_000, Resources: page }
        : { totalResults: 0, Resources: [] },
    });
  const { target: api, clock, logger } = world;
  const ids = new ScimIdMap({ userAttribute: 'userName', groupAttribute: 'id' }, { api, clock, logger });
  const found = await ids.lookUp('user', 'unknown', () => true);
  expect(found).toEqual({ kind: 'missing' });
  expect(world.target.requestCount).toBeLessThan(10);
});
