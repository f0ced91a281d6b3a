/** Waiting with a limit, on a clock or a signal that is passed in. */
import type { Clock } from './ports.ts';

export type Timer = Pick<Clock, 'schedule'>;

/** The result of the work, or `timed_out` after the limit; the work itself is not stopped. */
export async function within<T>(timer: Timer, limitMs: number, work: Promise<T>): Promise<T | 'timed_out'> {
  let cancel = (): void => undefined;
  const limit = new Promise<'timed_out'>((resolve) => {
    cancel = timer.schedule(limitMs, () => resolve('timed_out'));
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    cancel();
  }
}

export function pause(timer: Timer, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    timer.schedule(delayMs, resolve);
  });
}

/** Ends at the signal, too. */
export async function pauseUnlessAborted(timer: Timer, delayMs: number, signal: AbortSignal): Promise<void> {
  let cancel = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    cancel = timer.schedule(delayMs, resolve);
  });
  await unlessAborted(signal, over);
  cancel();
}

/**
 * The result of the work, or `aborted`; the work itself is not stopped. Nothing of it stays with the signal: a race
 * against one promise for many rounds would keep the result of every round (https://github.com/nodejs/node/issues/17469).
 */
export async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T | 'aborted'> {
  let abort = (): void => undefined;
  const aborted = new Promise<'aborted'>((resolve) => {
    abort = () => resolve('aborted');
  });
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
