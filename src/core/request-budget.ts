/**
 * How many requests one run of a group may take. No sequence of honest answers takes so many: until a change lands or is
 * refused alone, its part is halved log2(n) times, each refusal with a read after it; a conflict costs a PATCH and a GET, and
 * a last look one GET. Where a target answers in a way that the table of answers does not foresee, the run ends here, as a
 * try that failed.
 */
import { refusalsMax } from './isolation.ts';
import type { Failure } from './outcome.ts';
import { ADVICE } from './refusals.ts';

const BESIDES = 4;

export const requestsMax = (intentCount: number, conflictsMax: number): number =>
  refusalsMax(intentCount) * (intentCount + conflictsMax + BESIDES);

export const budgetFailure = (requestCount: number): Failure => ({
  code: 'no_progress',
  message: `${requestCount} requests in a row have not settled these changes of the group.`,
  status: null,
  scimType: null,
  advice: ADVICE.unreadable,
});
