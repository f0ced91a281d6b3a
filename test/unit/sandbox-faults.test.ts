import { describe, expect, test } from 'vitest';
import { FaultRules, type FaultRule } from '../../src/lab/sandbox/faults.ts';
import { RateLimits } from '../../src/lab/sandbox/access.ts';
import { parseSeed, seedUsers, seededRandom } from '../../src/lab/sandbox/seed.ts';

const aRequest = { method: 'PATCH', endpoint: 'group', group: 'g', members: new Set(['m']) };

function firing(match: FaultRule['match'], requests: number, randomSeed = 1): readonly number[] {
  const rules = new FaultRules(seededRandom(randomSeed));
  rules.add({ match, fault: { kind: 'hang' } });
  const verdicts = Array.from({ length: requests }, () => rules.judge(aRequest).fate !== null);
  return verdicts.flatMap((fired, index) => (fired ? [index + 1] : []));
}

describe('fault rules', () => {
  test('fire at the nth, at every kth, and so often at most', () => {
    expect(firing({ nth: 3 }, 6)).toEqual([3]);
    expect(firing({ every: 2, times: 2 }, 8)).toEqual([2, 4]);
    expect(firing({ times: 1 }, 3)).toEqual([1]);
  });

  test('look at method, group, endpoint and member', () => {
    expect(firing({ method: 'get' }, 1)).toEqual([]);
    expect(firing({ method: 'patch', group: 'g', member: 'm' }, 1)).toEqual([1]);
    expect(firing({ group: 'h' }, 1)).toEqual([]);
    expect(firing({ member: 'n' }, 1)).toEqual([]);
    expect(firing({ endpoint: 'token' }, 1)).toEqual([]);
  });

  test('with a probability the same seed draws the same requests, another seed others', () => {
    const drawn = firing({ probability: 0.2 }, 1000, 7);
    expect(drawn).toEqual(firing({ probability: 0.2 }, 1000, 7));
    expect(drawn).not.toEqual(firing({ probability: 0.2 }, 1000, 8));
    expect(drawn.length).toBeGreaterThan(150);
    expect(drawn.length).toBeLessThan(250);
  });

  test('of two fates the first rule wins, and latency and a foreign writer come on top', () => {
    const rules = new FaultRules(seededRandom(1));
    for (const kind of ['garbage', 'hang', 'foreignWriter'] as const) rules.add({ fault: { kind } });
    rules.add({ fault: { kind: 'latency', latencyMs: 5 } });
    const { fate, faults } = rules.judge(aRequest);
    expect(fate?.kind).toBe('garbage');
    expect(faults.map((fault) => fault.kind)).toEqual(['garbage', 'foreignWriter', 'latency']);
    expect(rules.counts().map((count) => count.fired)).toEqual([1, 0, 1, 1]);
  });

  test('refuse what makes no sense', () => {
    const rules = new FaultRules(seededRandom(1));
    expect(() => rules.add({ match: { probability: 2 }, fault: { kind: 'hang' } })).toThrow();
  });
});

describe('limits', () => {
  test('a refused request does not count, and the window opens again', () => {
    const limits = new RateLimits({ allowed: 1, windowSeconds: 60, enforced: true });
    expect(limits.countRequest('t', 0)).toEqual({ refused: false, count: 1, allowed: 1, resetSeconds: 60 });
    expect(limits.countRequest('t', 59_500)).toEqual({ refused: true, count: 1, allowed: 1, resetSeconds: 1 });
    expect(limits.countRequest('t', 60_000).refused).toBe(false);
  });
});

describe('a seed', () => {
  const listed = { source: 'seed.json', anybody: false };

  test('counts users where it does not list them', () => {
    expect(seedUsers(parseSeed({ userCount: 2 }, listed))).toEqual([{ id: 'user-1' }, { id: 'user-2' }]);
  });

  test.each([
    ['a member that is no user', { groups: [{ id: 'g', members: ['x'] }] }, /seed\.json: member "x" of group "g"/],
    ['a group twice', { groups: [{ id: 'g' }, { id: 'g' }] }, /group "g" is listed twice/],
    ['a user twice', { users: [{ id: 'u' }, { id: 'u' }] }, /user "u" is listed twice/],
    ['both forms of users', { users: [], userCount: 1 }, /either users or userCount/],
    ['a field that is not known', { group: [] }, /group/],
  ])('with %s is refused', (_, seed, message) => {
    expect(() => parseSeed(seed, listed)).toThrow(message);
  });
});
