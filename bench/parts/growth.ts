/**
 * What histories of n, 10 n and 100 n elements cost: time and bytes of live records for each element, the longest block of the
 * event loop, the heap that is left. What grows faster than its input shows as a value for each element that grows with n.
 */
import { systemClock } from '../../src/adapters/system.ts';
import { type Case, CASES, GrowthWorld } from './growth-cases.ts';
import { ratio, single, type Figure } from '../figure.ts';
import type { Part } from '../part.ts';
import { heapMib } from '../world/heap.ts';
import { watchLoop } from '../world/loop-watch.js';

const BLOCK_MAX_MS = 100;
/** Of the time for each element at the largest size, and at a tenth of it. */
const STRAIGHT = 1.5;

export const growth: Part = { name: 'growth', isQuick: false, measure: measureGrowth };

async function measureGrowth(): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const each of CASES) figures.push(...(await figuresOf(each)));
  return figures;
}

async function figuresOf(each: Case): Promise<readonly Figure[]> {
  const results: Measured[] = [];
  for (const n of each.sizes) results.push(await measure(each, n));
  const [tenth, largest] = results.slice(-2).map(({ ms }, index) => ms / (each.sizes.at(index - 2) ?? Number.NaN));
  return [
    ...results.flatMap(({ ms, blockMs, heapMib, retryBytes }, index) => {
      const n = each.sizes[index] ?? Number.NaN;
      const name = (what: string): string => `${n.toLocaleString('en')} ${each.name}: ${what}`;
      return [
        single(name('time for each'), (1000 * ms) / n, { unit: 'µs' }),
        single(name('longest block of the event loop'), blockMs, { unit: 'ms', atMost: BLOCK_MAX_MS }),
        single(name('heap that is left'), heapMib, { unit: 'MiB', digits: 1 }),
        single(name('live records for each'), retryBytes / n, { unit: 'bytes' }),
      ];
    }),
    ratio(`${each.name}: time for each at the largest size ÷ at a tenth of it`, [(largest ?? NaN) / (tenth ?? NaN)], {
      atMost: STRAIGHT,
    }),
  ];
}

interface Measured {
  readonly ms: number;
  readonly blockMs: number;
  /** The reports in the memory log included. */
  readonly heapMib: number;
  readonly retryBytes: number;
}

async function measure(each: Case, n: number): Promise<Measured> {
  const world = new GrowthWorld();
  await each.prepare(world, n);
  const [heapBefore, bytesBefore] = [await heapMib(), world.retryBytes()];
  const watch = watchLoop();
  const from = systemClock.now().monotonic;
  await each.run(world, n);
  const ms = systemClock.now().monotonic - from;
  const blockMs = watch.takeLongestMs();
  watch.stop();
  const measured = {
    ms,
    blockMs,
    heapMib: (await heapMib()) - heapBefore,
    retryBytes: world.retryBytes() - bytesBefore,
  };
  await world.pipeline.drain();
  return measured;
}
