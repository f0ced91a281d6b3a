import { expect, test } from 'vitest';
import { Signal } from '../../src/pipeline/pipeline.ts';

/** Whether it resolves though no other event occurs. */
const isOver = (waiting: Promise<void>): Promise<boolean> =>
  Promise.race([waiting.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))]);

test('a signal that was set before is not forgotten, several count once', async () => {
  const signal = new Signal();
  signal.set();
  signal.set();
  expect(signal.isSet).toBe(true);
  expect(await isOver(signal.wait())).toBe(true);
  expect(signal.isSet).toBe(false);
  expect(await isOver(signal.wait())).toBe(false);
});

test('a signal wakes everybody who waits, and is taken by that', async () => {
  const signal = new Signal();
  const waiting = [signal.wait(), signal.wait()];
  signal.set();
  expect(await Promise.all(waiting.map(isOver))).toEqual([true, true]);
  expect(signal.isSet).toBe(false);
  const later = signal.wait();
  expect(await isOver(later)).toBe(false);
  signal.set();
  expect(await isOver(later)).toBe(true);
});
