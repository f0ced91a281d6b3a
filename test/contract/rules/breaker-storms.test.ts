/** What a target that fails at some groups, or at all, costs in requests, and when the other groups get on (protocol.md 9.3). */
import { expect, test } from 'vitest';
import type { HttpAnswer } from '../../../src/core/target/refusals.ts';
import type { Fault } from '../../support/target-in-memory.ts';
import { respond, timedOut } from '../../support/target-in-memory.ts';
import type { VirtualWorld } from '../../support/virtual-world.ts';
import { aVirtualWorld } from '../../support/virtual-world.ts';

const named = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const isBad = (group: string): boolean => group.startsWith('bad');
const badly = (answer: HttpAnswer, afterMs = 10): ReturnType<Fault> => ({ answer, afterMs });

interface Storm {
  readonly badCount: number;
  readonly fault: Fault;
  /** In 30 s, beside what the healthy groups need. */
  readonly requestsMax: number;
}

const storms: Readonly<Record<string, Storm>> = {
  'two groups time out': {
    badCount: 2,
    fault: ({ group }) => (isBad(group) ? badly(timedOut(3_000), 3_000) : null),
    requestsMax: 15,
  },
  'three groups time out': {
    badCount: 3,
    fault: ({ group }) => (isBad(group) ? badly(timedOut(3_000), 3_000) : null),
    requestsMax: 20,
  },
  'three groups answer 503': {
    badCount: 3,
    fault: ({ group }) => (isBad(group) ? badly(respond(503)) : null),
    requestsMax: 25,
  },
  'ten groups answer 503': {
    badCount: 10,
    fault: ({ group }) => (isBad(group) ? badly(respond(503)) : null),
    requestsMax: 50,
  },
  'three groups are forbidden': {
    badCount: 3,
    fault: ({ group }) => (isBad(group) ? badly(respond(403)) : null),
    requestsMax: 20,
  },
  'ten groups are forbidden': {
    badCount: 10,
    fault: ({ group }) => (isBad(group) ? badly(respond(403)) : null),
    requestsMax: 50,
  },
  'changes of three groups are forbidden': {
    badCount: 3,
    fault: ({ group, method }) => (isBad(group) && method === 'PATCH' ? badly(respond(403)) : null),
    requestsMax: 6,
  },
  'changes of three groups answer 500': {
    badCount: 3,
    fault: ({ group, method }) => (isBad(group) && method === 'PATCH' ? badly(respond(500)) : null),
    requestsMax: 30,
  },
  'changes of ten groups time out': {
    badCount: 10,
    fault: ({ group, method }) => (isBad(group) && method === 'PATCH' ? badly(timedOut(3_000), 3_000) : null),
    requestsMax: 60,
  },
  'changes of one group answer 401': {
    badCount: 1,
    fault: ({ group, method }) => (isBad(group) && method === 'PATCH' ? badly(respond(401)) : null),
    requestsMax: 25,
  },
};

const started = async (badCount: number, fault: Fault): Promise<{ world: VirtualWorld; startedAt: number }> => {
  const world = await aVirtualWorld();
  world.target.fault = fault;
  const startedAt = world.clock.now().monotonic;
  for (const group of named('bad', badCount)) world.change(group, ['u']);
  return { world, startedAt };
};

test.each(Object.entries(storms))(
  'breaker: %s: ten other groups land, and the requests are bounded',
  async (_, { badCount, fault, requestsMax }) => {
    // given groups that the target fails at, and nothing else to do until the breaker is open, if it opens
    const { world, startedAt } = await started(badCount, fault);
    await world.clock.advance(9_000);
    // when ten other groups have changes
    const healthy = named('good', 10).map((group) => ({ group, offset: world.change(group, ['u']) }));
    await world.clock.advance(21_000);
    // then these land
    for (const { offset } of healthy) expect(world.report(offset, 'u')?.outcome).toBe('applied');
    // and what fails takes a small part of the budget (300 a minute)
    const needed = world.target.requests.filter(({ group }) => !isBad(group)).length;
    expect(needed).toBeLessThanOrEqual(25);
    expect(world.requestsSince(startedAt) - needed).toBeLessThanOrEqual(requestsMax);
  },
  60_000,
);

test.each(Object.entries(storms))(
  'breaker: %s: groups that change every second go on landing, and the requests are bounded',
  async (_, { badCount, fault, requestsMax }) => {
    // given
    const { world, startedAt } = await started(badCount, fault);
    // when another group changes each second for 30 s
    const offsets: bigint[] = [];
    for (let second = 0; second < 30; second++) {
      offsets.push(world.change(`good${second % 10}`, [`u${second}`]));
      await world.clock.advance(1_000);
    }
    // then
    const needed = world.target.requests.filter(({ group }) => !isBad(group)).length;
    expect(needed).toBeLessThanOrEqual(70);
    expect(world.requestsSince(startedAt) - needed).toBeLessThanOrEqual(2 * requestsMax);
    await world.clock.advance(35_000);
    for (const [second, offset] of offsets.entries())
      expect(world.report(offset, `u${second}`)?.outcome, `second ${second}`).toBe('applied');
  },
  60_000,
);

test('breaker: a target that is down is asked a few times only, and no attempt is used up', async () => {
  // given
  const { world, startedAt } = await started(100, () => badly(respond(503)));
  // when it is down for ten minutes
  await world.clock.advance(30_000);
  // then
  expect(world.requestsSince(startedAt)).toBeLessThanOrEqual(30);
  await world.clock.advance(570_000);
  expect(world.requestsSince(startedAt)).toBeLessThanOrEqual(60);
  // and once it is back, all lands
  world.target.fault = () => null;
  await world.clock.advance(60_000);
  const finals = world.reports().filter(({ final }) => final);
  expect(finals.map(({ outcome }) => outcome)).toEqual(Array(100).fill('applied'));
  expect(finals.every(({ attempt }) => attempt === 0)).toBe(true);
}, 60_000);
