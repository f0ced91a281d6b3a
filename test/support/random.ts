/**
 * Seeded pseudo-random numbers of all tests: one seed, one sequence. Seeds in regressions, in the catalogue of mutants and in
 * docs/proof.md stand for these sequences, so no stream and no draw may change.
 */
import type { Random } from '../../src/ports.ts';

/** Uniform in [0, 1). */
export type Stream = () => number;

export function mulberry32(seed: number): Stream {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** xoshiro128**, seeded by a hash of several parts: inputs of the fuzzer, each with a seed of its own. */
export function xoshiro128(...seed: readonly (string | number)[]): Stream {
  let hash = 2_166_136_261;
  for (const char of seed.join('/')) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619);
  const word = (): number => {
    hash = Math.imul(hash ^ (hash >>> 15), 2_246_822_519) + 2_654_435_769;
    return (hash ^ (hash >>> 13)) >>> 0;
  };
  const state = Uint32Array.from([word(), word(), word(), word() | 1]);
  return () => {
    const [a = 0, b = 0, c = 0, d = 0] = state;
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    const [x, y] = [c ^ a, d ^ b];
    state.set([a ^ y, b ^ x, x ^ (b << 9), rotated(y, 11)]);
    return result / 2 ** 32;
  };
}

const rotated = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

/** The linear congruential generator of Numerical Recipes: good enough to mix a few hundred changes. */
export function congruential(seed: number): Stream {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export class SeededRandom implements Random {
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  next(): number {
    return this.#stream();
  }

  uuid(): string {
    const digits = Array.from({ length: 4 }, () =>
      Math.floor(this.next() * 2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    ).join('');
    return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20)}`;
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1));
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  happens(probability: number): boolean {
    return this.next() < probability;
  }

  /** True once in so many times. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** @throws where there is nothing to choose from. */
  pick<T>(choices: readonly T[]): T {
    const at = this.below(choices.length);
    if (at >= choices.length) throw new Error('nothing to choose from');
    return choices[at] as T;
  }

  /** One of the names, each as likely as its weight says. */
  weighted<Name extends string>(weights: Readonly<Partial<Record<Name, number>>>): Name {
    const entries = Object.entries(weights) as [Name, number][];
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) if ((left -= weight) < 0) return name;
    throw new Error('nothing has a weight');
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, order: this.next() }))
      .toSorted((a, b) => a.order - b.order)
      .map(({ item }) => item);
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }
}

/** Of one seed, as many streams as there are salts: what one draws does not disturb the others. */
export class SaltedRandom extends SeededRandom {
  readonly #seed: number;

  constructor(seed: number, salt: string) {
    let hash = seed ^ 0x9e3779b9;
    for (let i = 0; i < salt.length; i++) hash = Math.imul(hash ^ salt.charCodeAt(i), 0x01000193);
    super(mulberry32(hash));
    this.#seed = seed;
  }

  fork(salt: string): SaltedRandom {
    return new SaltedRandom(this.#seed, salt);
  }
}
