/** What goes wrong in the demo. Spread over the whole stream, and harmless to the verdict: see FOREIGN_MEMBER. */
import type { FaultRule } from '../sandbox/faults.ts';
import { FOREIGN_MEMBER } from './verdict.ts';

/** Primes, so that they seldom meet: of two the first alone would happen. */
export const DEMO_FAULTS: readonly FaultRule[] = [
  { match: { method: 'PATCH', every: 23 }, fault: { kind: 'foreignWriter', toggle: FOREIGN_MEMBER } },
  { match: { method: 'PATCH', every: 61 }, fault: { kind: 'status', status: 503, body: 'html' } },
  { match: { method: 'GET', every: 89 }, fault: { kind: 'status', status: 500 } },
  // Each one shuts the gate for a second.
  { match: { every: 401, times: 4 }, fault: { kind: 'status', status: 429, retryAfterSeconds: 1 } },
  { match: { method: 'PATCH', every: 109 }, fault: { kind: 'resetAfterApply' } },
  { match: { method: 'PATCH', every: 131 }, fault: { kind: 'resetBeforeApply' } },
  { match: { method: 'PATCH', every: 211 }, fault: { kind: 'garbage' } },
  { match: { method: 'PATCH', every: 307, times: 3 }, fault: { kind: 'lateApply', afterMs: 300, status: 504 } },
];
