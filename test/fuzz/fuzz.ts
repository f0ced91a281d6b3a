/**
 * Hostile input in large numbers: `npm run fuzz -- [--inputs N] [--seed N] [--kind K [--at N]]`.
 * Ends with 1 if any input was not accounted for; seed, kind and number repeat it.
 */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type Findings, inputsOf, kinds, tryKind } from './run.ts';

const { values: options } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Math.floor(Date.now() / 86_400_000)) },
    kind: { type: 'string' },
    at: { type: 'string' },
  },
});
const seed = Number(options.seed);
const chosen = kinds.filter(({ name }) => options.kind === undefined || options.kind === name);
if (chosen.length === 0) throw new Error(`--kind is one of ${kinds.map(({ name }) => name).join(', ')}`);

const HANG_MS = 120_000;

/** [kind, number] of what is being tried; a thread of its own ends the process where that does not change. */
const place = new Int32Array(new SharedArrayBuffer(8));
const watchdog = new Worker(
  `const { workerData: { place, names, seed, hangMs } } = require('node:worker_threads');
   let before = '', since = Date.now();
   setInterval(() => {
     const now = place.join();
     if (now !== before) { before = now; since = Date.now(); }
     else if (Date.now() - since > hangMs) {
       require('node:fs').writeSync(2, 'HANG: --seed ' + seed + ' --kind ' + names[place[0]] + ' --at ' + place[1] + '\\n');
       process.kill(process.pid, 'SIGKILL');
     }
   }, 1000);`,
  { eval: true, workerData: { place, names: chosen.map(({ name }) => name), seed, hangMs: HANG_MS } },
);
watchdog.unref();

const strays: unknown[] = [];
process.on('uncaughtException', (error) => void strays.push(error));

console.log(`seed ${seed}`);
let [inputs, exceptions] = [0, 0];
for (const [index, kind] of chosen.entries()) {
  const begun = (at: number): void => place.set([index, at]);
  const all = Number(options.inputs);
  const share = options.kind === undefined ? inputsOf(kind, all) : all;
  const findings = await tryKind({
    kind,
    seed,
    inputs: share,
    only: options.at === undefined ? null : Number(options.at),
    begun,
  });
  inputs += findings.inputs;
  exceptions += findings.failing.length;
  print(findings);
}
for (const error of strays) console.error('out of place:', error);
exceptions += strays.length;
console.log(
  `\n${inputs} inputs, ${exceptions} exceptions, peak RSS ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`,
);
process.exit(exceptions === 0 ? 0 : 1);

function print({ kind, inputs: tried, accounts, failing, slowest, ms }: Findings): void {
  const seconds = (ms() / 1_000).toFixed(1);
  console.log(
    `\n${kind}: ${tried} inputs in ${seconds} s, the slowest ${slowest.ms.toFixed(0)} ms (--at ${slowest.at})`,
  );
  const sorted = [...accounts].toSorted(([, a], [, b]) => b - a);
  for (const [account, count] of sorted) console.log(`  ${String(count).padStart(8)}  ${account}`);
  for (const { at, error, input } of failing) {
    console.error(
      `  FAILED --seed ${seed} --kind ${kind} --at ${at}`,
      error instanceof Error ? (error.cause ?? error) : error,
    );
    if (input !== null) console.error(`  input: ${input}`);
  }
}
