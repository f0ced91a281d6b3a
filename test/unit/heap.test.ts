import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from '../../src/pipeline/state/heap.ts';

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('push' as const), key: fc.nat(12), priority: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), key: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pop' as const) }) },
);

test('a heap gives the key of the lowest priority, whatever was entered, moved and taken out', () => {
  fc.assert(
    fc.property(fc.array(step, { size: 'medium' }), (steps) => {
      const heap = new Heap<number>();
      const model = new Map<number, number>();
      const lowest = (): number => Math.min(...model.values());
      for (const each of steps) {
        if (each.kind === 'push') {
          heap.push(each.key, each.priority);
          model.set(each.key, each.priority);
        } else if (each.kind === 'delete') {
          heap.delete(each.key);
          model.delete(each.key);
        } else {
          const expected = model.size === 0 ? undefined : lowest();
          const key = heap.pop();
          expect(key === undefined ? undefined : model.get(key)).toBe(expected);
          if (key !== undefined) model.delete(key);
        }
        expect([heap.size, heap.peek()?.priority]).toEqual([model.size, model.size === 0 ? undefined : lowest()]);
      }
      for (let key = 0; key <= 12; key++) {
        expect([heap.has(key), heap.priorityOf(key)]).toEqual([model.has(key), model.get(key)]);
      }
    }),
  );
});

test('a key whose priority changes again and again is in the heap once', () => {
  const heap = new Heap<string>();
  for (let i = 0; i < 1_000; i++) heap.push('a', i);
  expect([heap.size, heap.pop(), heap.pop()]).toEqual([1, 'a', undefined]);
});

test('keys of one priority come out in the order in which they were entered', () => {
  const heap = new Heap<number>();
  for (let key = 0; key < 100; key += 1) heap.push(key, key % 3);
  const popped = Array.from({ length: 100 }, () => heap.pop() ?? -1);
  expect(popped).toEqual(
    [0, 1, 2].flatMap((rest) => popped.filter((key) => key % 3 === rest).toSorted((a, b) => a - b)),
  );
});
