import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from '../../src/pipeline/heap.ts';

test('a heap gives the smallest of what is in it, whatever went in and out', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ min: -20, max: 20 })), { size: 'medium' }), (steps) => {
      const heap = new Heap<number>((a, b) => a - b);
      const model: number[] = [];
      for (const value of steps) {
        // null takes one out.
        if (value === null) expect(heap.pop()).toBe(model.shift());
        else {
          heap.push(value);
          model.push(value);
          model.sort((a, b) => a - b);
        }
        expect([heap.peek(), heap.size]).toEqual([model[0], model.length]);
      }
      while (model.length > 0) expect(heap.pop()).toBe(model.shift());
      expect([heap.pop(), heap.peek(), heap.size]).toEqual([undefined, undefined, 0]);
    }),
  );
});
