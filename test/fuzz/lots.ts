/** Chance that can be repeated: one input's lots follow from seed, kind and number alone (xoshiro128**, seeded by FNV-1a). */
export class Lots {
  readonly #state: Uint32Array<ArrayBuffer>;

  constructor(...seed: readonly (string | number)[]) {
    let hash = 2_166_136_261;
    const next = (): number => {
      hash = Math.imul(hash ^ (hash >>> 15), 2_246_822_519) + 2_654_435_769;
      return (hash ^ (hash >>> 13)) >>> 0;
    };
    for (const char of seed.join('/')) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619);
    this.#state = Uint32Array.from([next(), next(), next(), next() | 1]);
  }

  /** Uniform in [0, 1). */
  next(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#state;
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0;
    const [x, y] = [c ^ a, d ^ b];
    this.#state.set([a ^ y, b ^ x, x ^ (b << 9), rotated(y, 11)]);
    return result / 2 ** 32;
  }

  /** Whole, in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** True once in so many times. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }
}

const rotated = (value: number, by: number): number => (value << by) | (value >>> (32 - by));
