/** How many requests a run of a group may take. */
import { expect, test } from 'vitest';
import { budgetFailure, requestsMax } from '../../src/core/target/retry.ts';

test.each([
  [1, 0],
  [1, 3],
  [2, 3],
  [50, 3],
  [1_000, 10],
])('%i changes and %i conflicts have room for what honest answers take', (intentCount, conflictsMax) => {
  // A first read and a last look; halving down to each change, a read after each refusal; a PATCH and a GET for each conflict.
  const beside = 2 + 2 * conflictsMax;
  const halving = 2 * (Math.ceil(Math.log2(intentCount)) + 1);
  expect(requestsMax(intentCount, conflictsMax)).toBeGreaterThanOrEqual(halving + beside);
  expect(requestsMax(intentCount + 1, conflictsMax)).toBeGreaterThan(requestsMax(intentCount, conflictsMax));
  expect(requestsMax(intentCount, conflictsMax + 1)).toBeGreaterThan(requestsMax(intentCount, conflictsMax));
});

test('what has used them up failed without progress, and says after how many', () => {
  expect(budgetFailure(17)).toMatchObject({
    code: 'no_progress',
    message: '17 requests in a row have not settled these changes of the group.',
    status: null,
  });
});
