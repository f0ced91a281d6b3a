/** Which failures use up an attempt, and whom an open breaker asks (protocol.md 9.2, 9.3). */
import { describe, expect, test } from 'vitest';
import type { HttpAnswer } from '../../../src/core/target/refusals.ts';
import type { Fault } from '../../support/target-in-memory.ts';
import { respond, timedOut } from '../../support/target-in-memory.ts';
import type { VirtualWorld } from '../../support/virtual-world.ts';
import { aVirtualWorld } from '../../support/virtual-world.ts';
import { LookedUp } from '../../support/looked-up.ts';

const all =
  (status: number): Fault =>
  () => ({ answer: respond(status) });
const changesOf = (groups: readonly string[], status: number): Fault => {
  return ({ group, method }) => (method === 'PATCH' && groups.includes(group) ? { answer: respond(status) } : null);
};
const three = ['a', 'b', 'c'];
const isOpen = (world: VirtualWorld) => (): boolean => world.pipeline.stats().breaker !== null;
const isClosed = (world: VirtualWorld) => (): boolean => world.pipeline.stats().breaker === null;

describe('breaker: attempts', () => {
  test('all failures that opened it are given back, not only the last one of a group', async () => {
    // given one group, and a target that is down
    const world = await aVirtualWorld();
    world.target.fault = all(503);
    const offset = world.change('g', ['u']);
    await world.until(isOpen(world), { what: 'the breaker to open' });
    // when it is back
    world.target.fault = () => null;
    await world.clock.advance(35_000);
    // then no attempt is used up
    expect(world.report(offset, 'u')).toMatchObject({ outcome: 'applied', attempt: 0 });
  });

  test.each([1, 5])('of %d that are allowed some were given back, then others have done it', async (attemptsMax) => {
    // given reads that fail, and no request beside
    const world = await aVirtualWorld({ retry: { baseMs: 1_000, capMs: 2_000, attemptsMax, slowScheduleMs: [] } });
    world.target.fault = all(503);
    const offset = world.change('g', ['u']);
    for (const group of three) world.change(group, ['u']);
    await world.until(isOpen(world), { what: 'the breaker to open' });
    expect(world.target.requests.every(({ method }) => method === 'GET')).toBe(true);
    // when
    world.target.add('g', 'u');
    world.target.fault = () => null;
    await world.clock.advance(120_000);
    // then a try of it had failed
    expect(world.report(offset, 'u')).toMatchObject({ outcome: 'recovered', attempt: 0, request: null });
  });

  test('what a request did whose try was given back is not called the work of others', async () => {
    const world = await aVirtualWorld();
    // given a PATCH that lands, and a target that answers nothing from then on
    world.target.fault = ({ method, group }) => {
      if (method !== 'PATCH') return null;
      world.target.add(group, 'u');
      world.target.fault = () => ({ answer: timedOut(10) });
      return { answer: timedOut(10) };
    };
    const offset = world.change('a', ['u']);
    for (const group of ['b', 'c', 'd', 'e']) world.change(group, ['u']);
    await world.until(isOpen(world), { what: 'the breaker to open' });
    expect(world.target.members('a')).toEqual(['u']);
    // when it is back
    world.target.fault = () => null;
    await world.clock.advance(120_000);
    // then
    expect(world.report(offset, 'u')).toMatchObject({ outcome: 'recovered', attempt: 0, request: null });
  });

  test('nor what a request did whose answer was lost while the breaker was open', async () => {
    const world = await aVirtualWorld();
    // given a PATCH that lands
    world.target.fault = ({ method, group }) => {
      if (group !== 'slow') return { answer: timedOut(10) };
      if (method !== 'PATCH') return null;
      world.target.add('slow', 'u');
      return { answer: timedOut(5_000), afterMs: 5_000 };
    };
    const offset = world.change('slow', ['u']);
    await world.until(() => world.target.members('slow').includes('u'), { what: 'the PATCH' });
    for (const group of ['a', 'b', 'c', 'd', 'e']) world.change(group, ['u']);
    await world.until(isOpen(world), { what: 'the breaker to open' });
    // when it has waited for its answer, and the target is back
    await world.clock.advance(6_000);
    expect(world.pipeline.stats().breaker).not.toBeNull();
    world.target.fault = () => null;
    await world.clock.advance(120_000);
    // then
    expect(world.report(offset, 'u')).toMatchObject({ outcome: 'recovered', attempt: 0, request: null });
  });

  test('what was tried for the last time is not given up if that try has opened it', async () => {
    // given a limit below the failures that open the breaker
    const world = await aVirtualWorld({ retry: { baseMs: 1_000, capMs: 2_000, attemptsMax: 2, slowScheduleMs: [] } });
    world.target.fault = all(503);
    const offset = world.change('g', ['u']);
    await world.until(isOpen(world), { what: 'the breaker to open' });
    // when it is back, and one change fails once
    let patches = 0;
    world.target.fault = ({ method }) => (method === 'PATCH' && ++patches === 1 ? { answer: respond(503) } : null);
    // Pauses of up to 30 s follow each other, and each has its own jitter.
    await world.clock.advance(120_000);
    // then
    expect(world.report(offset, 'u')).toMatchObject({ outcome: 'recovered', attempt: 1 });
  });

  test('a failed look-up is one failure, however many groups wait for it', async () => {
    // given
    const ids = new LookedUp();
    const retry = { baseMs: 3_600_000, capMs: 3_600_000, attemptsMax: 5, slowScheduleMs: [] };
    const world = await aVirtualWorld({ retry }, ids);
    for (let i = 0; i < 5; i++) world.change(`g${i}`, ['u']);
    // when
    await world.until(() => ids.asked.length > 0, { what: 'a look-up' });
    await world.clock.advance(20);
    // then
    expect(ids.asked).toEqual(['u']);
    expect(world.openings()).toBe(0);
  });

  test('a token that is not had is one failure, however many groups wait for it', async () => {
    const world = await aVirtualWorld();
    const answer = {
      kind: 'no_token',
      loginUrl: 'https://login.example.com',
      refused: false,
      status: 503,
      retryAfterMs: null,
      code: 'x',
      message: 'x',
    } as const;
    for (let i = 0; i < 10; i++) world.change(`g${i}`, ['u']);
    world.target.fault = () => ({ answer });
    await world.until(() => world.target.requests.length === 10, { stepMs: 10, what: 'the requests' });
    world.target.fault = () => null;
    await world.clock.advance(60_000);
    expect(world.openings()).toBe(0);
    expect(world.reports().filter(({ final }) => final)).toHaveLength(10);
  });

  test('look-ups that fail open it: a look-up is the probe, and no attempt is used up', async () => {
    // given
    const ids = new LookedUp();
    const world = await aVirtualWorld({}, ids);
    const offset = world.change('g', ['u']);
    await world.until(isOpen(world), { what: 'the breaker to open' });
    // when it stays so for ten minutes
    const askedBefore = ids.asked.length;
    await world.clock.advance(600_000);
    // then it is asked for the id, seldom, and the group is not read in its place
    expect(world.target.requests).toEqual([]);
    expect(ids.asked.length - askedBefore).toBeGreaterThanOrEqual(20);
    expect(ids.asked.length - askedBefore).toBeLessThanOrEqual(26);
    expect(world.openings()).toBe(1);
    // and once it answers, the change lands
    ids.isDown = false;
    await world.clock.advance(35_000);
    expect(world.report(offset, 'u')).toMatchObject({ outcome: 'applied', attempt: 0 });
  });

  test('groups whose reads and changes fail in turn are recorded, and open it more and more seldom', async () => {
    // given
    const world = await aVirtualWorld();
    const sick = ['a', 'b', 'c', 'd', 'e', 'f'];
    const runs = new Map<string, number>();
    world.target.fault = ({ group, method }) => {
      if (!sick.includes(group)) return null;
      const run = runs.get(group) ?? 0;
      const isFailing = method === 'PATCH' || run % 2 === 0;
      if (isFailing) runs.set(group, run + 1);
      return isFailing ? { answer: timedOut(1_000) } : null;
    };
    const offsets = sick.map((group) => world.change(group, ['u']));
    // when another one changes each second, for ten minutes
    let inFirstMinute = 0;
    for (let i = 0; i < 600; i++) {
      world.change('good', [`u${i}`]);
      await world.clock.advance(1_000);
      if (i < 60) inFirstMinute = world.openings();
    }
    // then they wait 1 s, 2 s, 4 s … once it closes
    expect(inFirstMinute).toBeLessThanOrEqual(7);
    expect(world.openings()).toBeLessThanOrEqual(30);
    for (const [i, group] of sick.entries()) {
      const attempts = world
        .reports()
        .flatMap(({ id, attempt }) => (id.startsWith(`source/0/${offsets[i]}/u#`) ? attempt : []));
      expect([group, Math.max(...attempts)]).toEqual([group, expect.toSatisfy((attempt: number) => attempt >= 3)]);
      expect(attempts.length).toBeLessThanOrEqual(40);
    }
  });

  test('a success between failures gives nothing back', async () => {
    // given a group that fails while another one succeeds in between
    const world = await aVirtualWorld();
    world.target.fault = ({ group }) => (group === 'bad' ? { answer: respond(503) } : null);
    const offset = world.change('bad', ['u']);
    for (let i = 0; i < 90; i++) {
      world.change('good', [`u${i}`]);
      await world.clock.advance(500);
    }
    // then its attempts count
    expect(world.openings()).toBe(0);
    const waits = world.reports().filter(({ id }) => id.startsWith(`source/0/${offset}/u#`));
    expect(waits.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
  });
});

describe('breaker: groups that fail alone for hours, while another one changes every five minutes', () => {
  const bad = (answer: HttpAnswer): Fault => {
    return ({ group }) => (three.includes(group) ? { answer, afterMs: 10 } : null);
  };
  const afterHours = async (world: VirtualWorld, hours: number): Promise<bigint[]> => {
    const offsets: bigint[] = [];
    for (let i = 0; i < hours * 12; i++) {
      offsets.push(world.change('good', [`u${i}`]));
      await world.clock.advance(300_000);
    }
    return offsets;
  };

  test.each([
    ['three groups', three, '403', respond(403)],
    ['one group', ['a'], '401', respond(401)],
    ['three groups', three, '502', respond(502)],
    ['one group', ['a'], '503', respond(503)],
    ['two groups', ['a', 'b'], 'no answer', timedOut(1_000)],
  ])(
    '%s of %j, %s: their tries count, they are recorded, and the offset is committed',
    async (_, groups, __, answer) => {
      // given
      const world = await aVirtualWorld();
      world.target.fault = bad(answer);
      const offsets = groups.map((group) => world.change(group, ['u']));
      // when
      const healthy = await afterHours(world, 1);
      // then
      for (const offset of offsets) {
        expect(world.report(offset, 'u')).toMatchObject({ final: false, outcome: 'retry_scheduled' });
        expect(world.report(offset, 'u')?.attempt).toBeGreaterThanOrEqual(1);
      }
      expect(world.committed()).toBe(BigInt(groups.length + 12));
      // and they open it no more, and the other one lands at once
      const openings = world.openings();
      await afterHours(world, 1);
      expect(world.openings()).toBe(openings);
      for (const [i, offset] of healthy.entries()) expect(world.report(offset, `u${i}`)?.outcome).toBe('applied');
    },
  );

  test('what is refused so to the end is given up', async () => {
    const world = await aVirtualWorld();
    world.target.fault = bad(respond(403));
    const offsets = three.map((group) => world.change(group, ['u']));
    await afterHours(world, 12);
    for (const offset of offsets)
      expect(world.report(offset, 'u')).toMatchObject({ outcome: 'permanent_failure', attempt: 6 });
  });

  test('one that lands once more fails with all again', async () => {
    // given groups that fail alone, and are read before each change
    const world = await aVirtualWorld({ snapshotMembersMax: 1 });
    world.target.fault = bad(respond(502));
    for (const group of three) world.change(group, ['u']);
    await afterHours(world, 1);
    // when each of them has landed, and they fail again
    world.target.fault = () => null;
    for (const group of three) world.change(group, ['w']);
    await world.clock.advance(60_000);
    for (const group of three) expect(world.target.members(group)).toEqual(['w']);
    world.target.fault = all(502);
    const openings = world.openings();
    const offsets = three.map((group) => world.change(group, ['v']));
    await world.until(isOpen(world), { what: 'the breaker to open' });
    await world.clock.advance(60_000);
    // then it is the target as a whole
    expect(world.openings()).toBe(openings + 1);
    world.target.fault = () => null;
    await world.clock.advance(60_000);
    for (const offset of offsets) expect(world.report(offset, 'v')).toMatchObject({ outcome: 'applied', attempt: 0 });
  });

  test('while all fail it stays open, and they do not close it', async () => {
    // given
    const world = await aVirtualWorld();
    world.target.fault = bad(respond(502));
    for (const group of three) world.change(group, ['u']);
    await afterHours(world, 1);
    // when nothing can be worked with
    world.target.fault = all(502);
    const offsets = ['x', 'y', 'z'].map((group) => world.change(group, ['u']));
    await world.until(isOpen(world), { what: 'the breaker to open' });
    const openings = world.openings();
    await world.clock.advance(3_600_000);
    // then
    expect(world.openings()).toBe(openings);
    world.target.fault = () => null;
    await world.clock.advance(60_000);
    for (const offset of offsets) expect(world.report(offset, 'u')).toMatchObject({ outcome: 'applied', attempt: 0 });
  });

  test('a user whose look-up always fails, beside others of the group', async () => {
    // given
    const ids = new LookedUp();
    ids.isDown = false;
    ids.failing.add('bad');
    const world = await aVirtualWorld({}, ids);
    const offset = world.change('good', ['bad']);
    // when
    await afterHours(world, 1);
    // then
    expect(world.report(offset, 'bad')?.attempt).toBeGreaterThanOrEqual(1);
    expect(world.committed()).toBe(13n);
    const openings = world.openings();
    await afterHours(world, 1);
    expect(world.openings()).toBe(openings);
  });

  test.each([[['bad']], [['bad', 'worse']]])(
    'the look-ups of %j: their tries count, and another user of the group waits for an outage to end',
    async (failing) => {
      // given users whose look-ups alone are refused, until they are given up
      const ids = new LookedUp();
      ids.isDown = false;
      ids.status = 401;
      for (const id of failing) ids.failing.add(id);
      const world = await aVirtualWorld({}, ids);
      const given = world.change('g', failing);
      await afterHours(world, 12);
      for (const id of failing) expect(world.report(given, id)?.outcome).toBe('permanent_failure');
      // when no look-up succeeds for an hour
      ids.isDown = true;
      ids.status = 503;
      const offset = world.change('g', ['new']);
      await world.clock.advance(3_600_000);
      expect(world.report(offset, 'new')).toMatchObject({ outcome: 'retry_scheduled' });
      // then that uses up no attempt
      ids.isDown = false;
      await world.clock.advance(60_000);
      expect(world.report(offset, 'new')).toMatchObject({ outcome: 'applied', attempt: 0 });
    },
  );
});

describe('breaker: a change that is refused although its group can be read', () => {
  test.each([403, 500, 503])('%i to three groups: each try counts, and it opens nothing', async (status) => {
    // given
    const world = await aVirtualWorld({
      lateApplyMs: 1_000,
      retry: { baseMs: 1_000, capMs: 2_000, attemptsMax: 3, slowScheduleMs: [1_000, 2_000] },
    });
    world.target.fault = changesOf(three, status);
    const offsets = three.map((group) => world.change(group, ['u']));
    // when
    await world.clock.advance(30_000);
    // then
    for (const offset of offsets) {
      expect(world.report(offset, 'u')).toMatchObject({ outcome: 'permanent_failure', attempt: 3 });
    }
    expect(world.openings()).toBe(0);
  });

  test('403 because of one member of each group: the others land, the bad one waits on the slow schedule', async () => {
    // given
    const world = await aVirtualWorld();
    world.target.fault = ({ method, members }) =>
      method === 'PATCH' && members.includes('bad') ? { answer: respond(403) } : null;
    const good = Array.from({ length: 9 }, (_, i) => `u${i}`);
    const offsets = three.map((group) => world.change(group, [...good.slice(0, 4), 'bad', ...good.slice(4)]));
    // when
    await world.clock.advance(30_000);
    // then
    for (const [i, offset] of offsets.entries()) {
      expect(new Set(world.target.members(three[i] ?? ''))).toEqual(new Set(good));
      for (const member of good) expect(world.report(offset, member)?.outcome).toBe('applied');
      expect(world.report(offset, 'bad')).toMatchObject({ outcome: 'retry_scheduled', attempt: 1 });
    }
    expect(world.openings()).toBe(0);
    expect(world.target.requests.length).toBeLessThanOrEqual(45);
    // and is not tried before its time
    const before = world.target.requests.length;
    await world.clock.advance(28_000);
    expect(world.target.requests.length).toBe(before);
  });

  test('403 of the whole group: the search for a bad member is bounded', async () => {
    const world = await aVirtualWorld();
    world.target.fault = changesOf(['g'], 403);
    const members = Array.from({ length: 50 }, (_, i) => `u${i}`);
    const offset = world.change('g', members);
    await world.clock.advance(30_000);
    // 2 · log₂ 50 + 4, and one read
    expect(world.target.requests.length).toBeLessThanOrEqual(17);
    for (const member of members) expect(world.report(offset, member)).toMatchObject({ attempt: 1 });
  });

  test('403 with a snapshot from the cache: the group is read to see what it is about', async () => {
    const world = await aVirtualWorld();
    for (const group of three) world.change(group, ['first']);
    await world.clock.advance(1_000);
    world.target.fault = changesOf(three, 403);
    const before = world.target.requests.length;
    const offsets = three.map((group) => world.change(group, ['u']));
    await world.clock.advance(30_000);
    for (const offset of offsets) expect(world.report(offset, 'u')).toMatchObject({ attempt: 1 });
    expect(world.openings()).toBe(0);
    const methods = world.target.requests.slice(before).map(({ method }) => method);
    expect(methods.toSorted()).toEqual(['GET', 'GET', 'GET', 'PATCH', 'PATCH', 'PATCH']);
  });
});

test('breaker: a look-up that is on its way is waited for by a drain', async () => {
  const ids = new LookedUp();
  const world = await aVirtualWorld({}, ids);
  ids.isDown = false;
  ids.beforeAnswer = () => world.clock.wait(3_000);
  world.change('g', ['u']);
  await world.until(() => ids.asked.length > 0, { what: 'the look-up', stepMs: 10 });
  let isDrained = false;
  const drained = world.pipeline.drain().then(() => {
    isDrained = true;
  });
  await world.clock.advance(2_900);
  expect(isDrained).toBe(false);
  await world.clock.advance(200);
  await drained;
});

describe('breaker: the probe', () => {
  test('of one group after the other, and first of one that has not failed', async () => {
    // given
    const world = await aVirtualWorld({ concurrency: 3 });
    world.target.fault = all(503);
    const groups = ['a', 'b', 'c', 'd', 'e'];
    for (const group of groups) world.change(group, ['u']);
    await world.until(isOpen(world), { what: 'the breaker to open', stepMs: 10 });
    await world.clock.advance(500);
    const failed = new Set(world.target.requests.map(({ group }) => group));
    const before = world.target.requests.length;
    // when
    await world.clock.advance(600_000);
    // then
    const probed = world.target.requests.slice(before).map(({ group }) => group);
    const fresh = groups.filter((group) => !failed.has(group));
    expect(new Set(probed.slice(0, fresh.length))).toEqual(new Set(fresh));
    for (let i = fresh.length; i + 5 <= probed.length; i += 5) {
      expect(new Set(probed.slice(i, i + 5))).toEqual(new Set(groups));
    }
    expect(probed.length).toBeGreaterThan(15);
  });

  test('is a PATCH where PATCHes failed: a read that works does not close it', async () => {
    // given groups that are known, so that the next request is a PATCH; and PATCHes that get no answer
    const world = await aVirtualWorld();
    const groups = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const group of groups) world.change(group, ['first']);
    await world.clock.advance(1_000);
    world.target.fault = ({ method }) => (method === 'PATCH' ? { answer: timedOut(1_000), afterMs: 1_000 } : null);
    const offsets = groups.map((group) => world.change(group, ['u']));
    await world.until(isOpen(world), { what: 'the breaker to open' });
    // when it stays so for five minutes
    await world.clock.advance(300_000);
    // then it has stayed open
    expect(world.openings()).toBe(1);
    expect(world.target.requests.length).toBeLessThanOrEqual(60);
    // and once a PATCH works, all lands, no attempt used up by what failed while it was open
    world.target.fault = () => null;
    await world.clock.advance(60_000);
    for (const offset of offsets) expect(world.report(offset, 'u')).toMatchObject({ outcome: 'applied', attempt: 0 });
  });

  test('is waited for by a drain', async () => {
    // given a probe that is on its way
    const world = await aVirtualWorld();
    world.target.fault = all(503);
    world.change('g', ['u']);
    await world.until(isOpen(world), { what: 'the breaker to open' });
    await world.clock.advance(100);
    const before = world.target.requests.length;
    world.target.fault = () => ({ answer: respond(503), afterMs: 3_000 });
    await world.until(() => world.target.requests.length > before, { what: 'the probe' });
    // when
    let isDrained = false;
    const drained = world.pipeline.drain().then(() => {
      isDrained = true;
    });
    await world.clock.advance(2_000);
    // then
    expect(isDrained).toBe(false);
    await world.clock.advance(2_000);
    await drained;
  });

  test('that needs a new token first is waited for by a drain, too', async () => {
    const world = await aVirtualWorld();
    world.target.fault = all(401);
    world.change('g', ['u']);
    await world.until(isOpen(world), { what: 'the breaker to open', stepMs: 10 });
    world.target.renewalMs = 3_000;
    await world.until(() => world.target.tokens > 0, { what: 'the new token' });
    let isDrained = false;
    const drained = world.pipeline.drain().then(() => {
      isDrained = true;
    });
    await world.clock.advance(2_000);
    expect(isDrained).toBe(false);
    await world.clock.advance(2_000);
    await drained;
  });

  test.each([
    { title: 'that is a look-up', renewalMs: 0, answerMs: 6_000, endsMs: 6_000 },
    // Asked to drain meanwhile, it is not sent any more.
    { title: 'that is a look-up, and needs a new token first', renewalMs: 3_000, answerMs: 0, endsMs: 3_000 },
  ])('$title is waited for by a drain, too', async ({ renewalMs, answerMs, endsMs }) => {
    // given a look-up that opened the breaker, since its token was refused, and the probe that follows
    const ids = new LookedUp();
    const world = await aVirtualWorld({}, ids);
    ids.status = 401;
    world.change('g', ['u']);
    await world.until(isOpen(world), { what: 'the breaker to open', stepMs: 10 });
    world.target.renewalMs = renewalMs;
    ids.beforeAnswer = () => world.clock.wait(answerMs);
    await world.until(() => world.target.tokens > 0, { what: 'the probe', stepMs: 10 });
    // when
    let isDrained = false;
    const drained = world.pipeline.drain().then(() => {
      isDrained = true;
    });
    // then the drain ends with the probe
    await world.clock.advance(endsMs - 1_000);
    expect(isDrained).toBe(false);
    await world.clock.advance(1_000);
    await drained;
  });

  test('pauses longer each time until a request of the kind that failed has succeeded', async () => {
    // given three groups that alone cannot be read, and one that is gone: its 404 closes the breaker
    const world = await aVirtualWorld();
    world.target.fault = ({ group }) => ({ answer: respond(group.startsWith('gone') ? 404 : 403) });
    for (const group of three) world.change(group, ['u']);
    const openedAt: number[] = [];
    const closedAt: number[] = [];
    for (let i = 0; i < 4; i++) {
      await world.until(isOpen(world), { what: 'the breaker to open', stepMs: 20 });
      openedAt.push(world.clock.now().monotonic);
      world.change(`gone${i}`, ['u']);
      await world.until(isClosed(world), { what: 'the breaker to close', stepMs: 20 });
      closedAt.push(world.clock.now().monotonic);
    }
    // then
    const pauses = closedAt.map((at, i) => Math.round((at - (openedAt[i] ?? 0)) / 1_000));
    expect(pauses).toEqual([1, 2, 4, 8]);
  });

  test('that is throttled leaves it open', async () => {
    const world = await aVirtualWorld();
    world.target.fault = all(503);
    world.change('g', ['u']);
    await world.until(isOpen(world), { what: 'the breaker to open' });
    const before = world.target.requests.length;
    world.target.fault = all(429);
    await world.until(() => world.target.requests.length > before + 2, { what: 'three probes' });
    await world.clock.advance(100);
    expect(world.pipeline.stats().breaker).toMatchObject({ reason: 'target' });
  });
});
