import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GroupQueue, type Readiness } from '../../src/pipeline/state/group-queue.ts';

interface Group {
  readonly id: string;
}

const MAX_WAIT_MS = 100;

function queueOf(...pushes: readonly (readonly [id: string, of: Readiness['class'], since: number, now: number])[]) {
  const queue = new GroupQueue<Group>();
  const groups = new Map<string, Group>();
  const push = (...[id, of, since, now]: (typeof pushes)[number]): void => {
    const group = groups.get(id) ?? { id };
    groups.set(id, group);
    queue.makeReady(group, { class: of, since, now });
  };
  for (const each of pushes) push(...each);
  const pop = (now: number): string | undefined => queue.takeReady({ now, maxWaitMs: MAX_WAIT_MS })?.id;
  return { queue, groups, push, pop };
}

describe('the queue of ready groups', () => {
  test('gives groups with a removal first, then by age', () => {
    const { pop } = queueOf(['a', 'add', 1, 9], ['b', 'remove', 5, 9], ['c', 'add', 0, 9], ['d', 'remove', 4, 9]);
    expect([pop(10), pop(10), pop(10), pop(10), pop(10)]).toEqual(['d', 'b', 'c', 'a', undefined]);
  });

  test('lets no grant wait longer than so behind revocations', () => {
    const { pop } = queueOf(['grant', 'add', 0, 0], ['r1', 'remove', 0, 0], ['r2', 'remove', 1, 0]);
    expect([pop(100), pop(101), pop(101)]).toEqual(['r1', 'grant', 'r2']);
  });

  test('lets no grant wait longer than so behind an older grant that became ready later', () => {
    const { pop } = queueOf(['young', 'add', 50, 50], ['old', 'add', 0, 140], ['r', 'remove', 0, 140]);
    expect([pop(151), pop(151), pop(151)]).toEqual(['young', 'r', 'old']);
  });

  test('moves a group up when a removal becomes due, and never down', () => {
    const { push, pop, queue } = queueOf(['a', 'add', 0, 0], ['b', 'remove', 5, 0]);
    push('a', 'remove', 1, 1);
    push('a', 'add', 0, 2);
    push('b', 'add', 0, 2);
    expect([pop(3), pop(3), pop(3)]).toEqual(['a', 'b', undefined]);
    expect(queue.readyCount).toBe(0);
  });

  test('forgets the age that a group had when it was ready before', () => {
    const { push, pop } = queueOf(['a', 'add', 0, 0]);
    push('a', 'remove', 0, 1);
    expect(pop(2)).toBe('a');
    push('b', 'add', 10, 300);
    push('a', 'add', 20, 300);
    push('r', 'remove', 30, 300);
    expect([pop(301), pop(301), pop(301), pop(301)]).toEqual(['r', 'b', 'a', undefined]);
  });

  test('passes over a group that was taken out', () => {
    const { groups, queue, pop } = queueOf(['a', 'add', 0, 0], ['b', 'remove', 0, 0]);
    for (const group of groups.values()) queue.withdraw(group);
    expect(queue.readyCount).toBe(0);
    expect(pop(500)).toBeUndefined();
  });

  test('gives every group that is ready exactly once', () => {
    const step = fc.record({
      id: fc.option(fc.constantFrom('a', 'b', 'c', 'd')),
      of: fc.constantFrom('add' as const, 'remove' as const),
      since: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(step, { size: 'medium' }), (steps) => {
        const { push, pop, queue } = queueOf();
        const ready = new Map<string, Readiness['class']>();
        for (const [i, { id, of, since }] of steps.entries()) {
          const now = 10 * i;
          if (id === null) {
            const popped = pop(now);
            expect(popped === undefined).toBe(ready.size === 0);
            if (popped !== undefined) expect(ready.delete(popped)).toBe(true);
          } else {
            push(id, of, since, now);
            if (of === 'remove' || !ready.has(id)) ready.set(id, of);
          }
          expect(queue.readyCount).toBe(ready.size);
        }
      }),
    );
  });
});
