/**
 * Measures what Rollcall promises, on this machine, each figure on one line with its bound: `npm run bench`, or
 * `npm run bench -- memory` for one part. Exits 1 if a figure is over its bound.
 */
import { KafkaSetupError } from '../src/lab/kafka-broker/fetch.ts';
import { measureDemo } from './demo.ts';
import { isOver, lineOf, type Figure } from './figure.ts';
import { measureFormats } from './formats.ts';
import { measureGrowth } from './growth.ts';
import { measureInFlight } from './in-flight.ts';
import { measureMemory } from './memory.ts';
import { measureRateLimit } from './rate-limit.ts';
import { measureWaves } from './waves.ts';
import { measureWebhook } from './webhook.ts';

const parts: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  waves: measureWaves,
  'rate-limit': measureRateLimit,
  'in-flight': measureInFlight,
  memory: measureMemory,
  formats: measureFormats,
  growth: measureGrowth,
  webhook: measureWebhook,
  demo: measureDemo,
};

process.exitCode = (await measure(process.argv.slice(2))) ? 0 : 1;

/** false: a figure is over its bound. */
async function measure(names: readonly string[]): Promise<boolean> {
  const unknown = names.filter((name) => parts[name] === undefined);
  if (unknown.length > 0) throw new Error(`no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  let isWithin = true;
  for (const [name, part] of Object.entries(parts)) {
    if (names.length > 0 && !names.includes(name)) continue;
    for (const figure of await figuresOf(name, part)) {
      process.stdout.write(`${lineOf(figure)}\n`);
      isWithin &&= !isOver(figure);
    }
  }
  return isWithin;
}

async function figuresOf(name: string, part: () => Promise<readonly Figure[]>): Promise<readonly Figure[]> {
  try {
    return await part();
  } catch (error) {
    if (!(error instanceof KafkaSetupError)) throw error;
    process.stderr.write(`!!! SKIPPED: ${name}, since Kafka cannot be started: ${error.message}\n`);
    return [];
  }
}
