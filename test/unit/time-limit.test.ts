import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { unlessAborted } from '../../src/time.ts';

const never = (): Promise<never> => new Promise(() => undefined);

test('the result of the work, or `aborted` where the signal comes first', async () => {
  const stop = new AbortController();
  expect(await unlessAborted(stop.signal, Promise.resolve(7))).toBe(7);
  const waiting = unlessAborted(stop.signal, never());
  stop.abort();
  expect(await waiting).toBe('aborted');
  expect(await unlessAborted(stop.signal, never())).toBe('aborted');
});

test('nothing of the work stays with the signal, however it ends', async () => {
  const { signal } = new AbortController();
  await unlessAborted(signal, Promise.resolve());
  await expect(unlessAborted(signal, Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
