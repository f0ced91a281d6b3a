/**
 * Fresh values for everything that `npm test` tries with fixed ones: `npm run nightly [-- --seed N]`. All steps run, also
 * after a failure; each prints the seed that repeats it. Ends with 1 if any step failed. It is no condition for a change to land.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { seed: { type: 'string', default: String(randomInt(1, 1_000_000_000)) } } });
const { seed } = values;

interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
}

const steps: readonly Step[] = [
  {
    name: 'properties',
    command: ['npx', 'vitest', 'run', '--project', 'unit'],
    environment: { PROPERTY_SEED: seed, PLAN_WORLDS: '10000', TOPIC_WORLDS: '1000' },
  },
  { name: 'simulation', command: ['npm', 'run', 'simulate', '--', '--seeds', '20000', '--from', seed] },
  { name: 'benchmark', command: ['npm', 'run', 'bench', '--', '--quick'] },
  { name: 'hostile input', command: ['npm', 'run', 'fuzz', '--', '--inputs', '200000', '--seed', seed] },
  { name: 'change data capture', command: ['npm', 'run', 'cdc'], environment: { CDC_SEED: seed } },
  ...['4.2.0', '3.9.1', 'cluster'].map((kafka): Step => ({
    name: `chaos on ${kafka}`,
    command: ['npm', 'run', 'chaos', '--', '--kafka', kafka, '--scale', 'short', '--seed', seed],
  })),
];

console.log(`seed ${seed}`);
const results = steps.map(({ name, command: [program, ...parameters], environment }) => {
  console.log(`\n${name}: ${[program, ...parameters].join(' ')}`);
  const { status } = spawnSync(program, parameters, {
    stdio: 'inherit',
    shell: process.platform === 'win32',
    env: { ...process.env, ...environment },
  });
  return { name, isPassed: status === 0 };
});
console.log();
for (const { name, isPassed } of results) console.log(`${isPassed ? 'passed' : 'FAILED'}: ${name}, seed ${seed}`);
process.exitCode = results.every(({ isPassed }) => isPassed) ? 0 : 1;
