/**
 * How many requests one run of a group may take. No sequence of honest answers takes so many: each request of a full
 * part may be refused, read again and halved, a conflict costs a PATCH and a GET, and a last look one GET. Where a target
 * answers in a way that the table of answers does not foresee, the run ends here, as a try that failed.
 */
import type { Failure } from './outcome.ts';
import { ADVICE } from './refusals.ts';

const PER_INTENT = 4;
const BESIDES = 4;

export const requestsMax = (intentCount: number, conflictsMax: number): number =>
  PER_INTENT * (intentCount + conflictsMax + BESIDES);

export const budgetFailure = (requestCount: number): Failure => ({
  code: 'no_progress',
  message: `${requestCount} requests in a row have not settled these changes of the group.`,
  status: null,
  scimType: null,
  advice: ADVICE.unreadable,
});
