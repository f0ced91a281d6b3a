/** Hostile input in small numbers, always the same. In large ones, with fresh seeds: `npm run fuzz`, `npm run nightly`. */
import { expect, test } from 'vitest';
import { inputsOf, kinds, tryKind } from '../fuzz/run.ts';
import { streams } from '../fuzz/streams.ts';

const INPUTS = 5_000;

const cases = [1, 2].flatMap((seed) => kinds.map((kind) => ({ name: kind.name, kind, seed })));

test.each(cases)('hostile input of the kind $name is accounted for, seed $seed', async ({ kind, seed }) => {
  const inputs = Math.max(inputsOf(kind, INPUTS), kind.batch);
  const findings = await tryKind({ kind, seed, inputs, only: null, begun: () => undefined });
  expect(findings.failing).toEqual([]);
  expect([...findings.accounts.values()].reduce((sum, count) => sum + count, 0)).toBe(inputs);
});

// A hold that ended less than the last digit of the wall clock later woke its group without end, in one tick.
test('a stream whose clock has fractions of milliseconds comes to rest', async () => {
  const findings = await tryKind({ kind: streams, seed: 1, inputs: 600, only: 300, begun: () => undefined });
  expect(findings.failing).toEqual([]);
});
