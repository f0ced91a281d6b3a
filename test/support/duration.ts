/** How long a task takes, to be compared with another of the same run. */

const TRIES = 5;

/** The quickest of a few, ms, so that a busy machine decides nothing. */
export function durationOf(task: () => unknown): number {
  const durations = Array.from({ length: TRIES }, () => {
    const began = performance.now();
    task();
    return performance.now() - began;
  });
  return Math.min(...durations);
}
