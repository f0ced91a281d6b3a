/** Requests about group `g` that the tests of the rules hold back, or look at. */
import type { JournalEntry, PausePoint, PausedRequests } from '../../src/lab/sandbox/journal.ts';
import type { Sandbox } from '../../src/lab/sandbox/sandbox.ts';

/** Holds the next request of this kind, and no other, before it is applied. */
export function holdNext(sandbox: Sandbox, method: 'GET' | 'PATCH', point: PausePoint = 'before'): PausedRequests {
  let seq: number | null = null;
  return sandbox.pauseAt(
    (entry) => entry.method === method && entry.group === 'g' && (seq ??= entry.seq) === entry.seq,
    point,
  );
}

/** Requests about group `g`, oldest first. */
export const requests = (sandbox: Sandbox, method: 'GET' | 'PATCH'): readonly JournalEntry[] =>
  sandbox.stats.journal.filter((entry) => entry.method === method && entry.group === 'g');
