import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/adapters/system.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('a delay longer than Node can wait for is waited for in full', async () => {
  // given
  vi.useFakeTimers();
  const delayMs = 3 * 2 ** 31;
  let isDone = false;
  systemClock.schedule(delayMs, () => {
    isDone = true;
  });
  // when
  await vi.advanceTimersByTimeAsync(delayMs - 1);
  expect(isDone).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  // then
  expect(isDone).toBe(true);
});

test('a task that was cancelled never runs, nor while it waits on', async () => {
  vi.useFakeTimers();
  let isDone = false;
  const cancel = systemClock.schedule(3 * 2 ** 31, () => {
    isDone = true;
  });
  await vi.advanceTimersByTimeAsync(2 ** 31);
  cancel();
  expect(vi.getTimerCount()).toBe(0);
  await vi.advanceTimersByTimeAsync(2 ** 33);
  expect(isDone).toBe(false);
});
