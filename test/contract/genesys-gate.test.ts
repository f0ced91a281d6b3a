/** The two promises of the rate gate, against a target that enforces its limits. Prints the figures. */
import { expect, test } from 'vitest';
import { aSandbox, anApi, as, get } from '../support/genesys.ts';

test('a backlog under a steady limit converges within 1.1 times what the limit needs, with 1 % of 429s at most', async () => {
  const windowSeconds = 2;
  const allowed = 40;
  const requests = 200;
  const sandbox = await aSandbox({ limits: { allowed, windowSeconds }, latencyMs: { min: 5, max: 20 } });
  const api = anApi(sandbox, { concurrency: 8 });
  const startedAt = performance.now();
  const statuses = await inWorkers(8, requests, async () => as('response', await get(api)).status);
  const ratio = (performance.now() - startedAt) / ((requests / allowed) * windowSeconds * 1000);
  const refused = statuses.filter((status) => status === 429).length;
  process.stdout.write(`rate gate: time ${ratio.toFixed(3)} × ideal, ${refused} of ${requests} were 429\n`);
  expect(ratio).toBeLessThanOrEqual(1.1);
  expect(refused / requests).toBeLessThanOrEqual(0.01);
  expect(api.gate.throttledMs()).toBeGreaterThan(1000);
});

test('a target whose limits are wide is not slowed down', async () => {
  const sandbox = await aSandbox();
  const api = anApi(sandbox, { concurrency: 8 });
  const startedAt = performance.now();
  await inWorkers(8, 1000, () => get(api));
  const perSecond = 1000 / ((performance.now() - startedAt) / 1000);
  process.stdout.write(`rate gate: ${perSecond.toFixed(0)} requests a second where the limit is a million\n`);
  expect(perSecond).toBeGreaterThan(100);
  expect(api.gate.throttledMs()).toBeLessThan(1000);
});

test('after a 429 nothing is sent until its Retry-After is over', async () => {
  const sandbox = await aSandbox();
  const api = anApi(sandbox);
  await get(api);
  sandbox.addRule({ match: { times: 1 }, fault: { kind: 'status', status: 429, retryAfterSeconds: 1 } });
  as('response', await get(api));
  await Promise.all([get(api), get(api)]);
  const [, , refused, ...later] = sandbox.stats.journal;
  expect(refused?.status).toBe(429);
  expect(later).toHaveLength(2);
  for (const entry of later) expect(entry.at - (refused?.at ?? 0)).toBeGreaterThanOrEqual(990);
});

/** Does `count` tasks, so many at a time. */
async function inWorkers<T>(workers: number, count: number, task: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let begun = 0;
  const work = async (): Promise<void> => {
    while (begun++ < count) results.push(await task());
  };
  await Promise.all(Array.from({ length: workers }, work));
  return results;
}
