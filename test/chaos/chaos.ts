/** `npm run chaos`. Exits 1 where a promise is broken, or a fault that was planned did not happen. */
import { mkdir, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { accountLines, failures } from './account.ts';
import { runChaos } from './run.ts';
import { kafkas, scales, sizeOf } from './scale.ts';

const { values } = parseArgs({
  options: {
    kafka: { type: 'string', default: '4.2.0' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    scale: { type: 'string', default: 'short' },
  },
});

function oneOf<T extends string>(name: string, allowed: readonly T[], given: string): T {
  const found = allowed.find((value) => value === given);
  if (found === undefined) throw new Error(`--${name} is one of ${allowed.join(', ')}, not ${given}`);
  return found;
}

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const kafka = oneOf('kafka', kafkas, values.kafka);
const scale = oneOf('scale', scales, values.scale);
const seed = Number(values.seed);
say(`chaos on Kafka ${kafka}, ${scale}, --seed ${seed}`);
const account = await runChaos({ kafka, size: sizeOf(scale, kafka), seed, say });
for (const line of accountLines(account)) say(line);
const found = failures(account);
const file = `.cache/chaos-${kafka}-${scale}-${seed}.json`;
await mkdir('.cache', { recursive: true });
await writeFile(file, `${JSON.stringify({ kafka, scale, ...account }, null, 1)}\n`);
say(`${found.length === 0 ? 'PASS' : 'FAIL'}, all of it in ${file}`);
process.exitCode = found.length === 0 ? 0 : 1;
