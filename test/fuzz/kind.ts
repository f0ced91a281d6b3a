/** A kind of hostile input: how one is drawn, and how it must be accounted for. */
import { inspect } from 'node:util';
import type { SeededRandom } from '../support/random.ts';

export interface Kind {
  readonly name: string;
  /** Of a thousand inputs so many. */
  readonly share: number;
  /** Inputs that are tried together, and repeated together. */
  readonly batch: number;
  /** How each was accounted for. @throws NotAccounted, or whatever the code under test throws. */
  readonly attempt: (random: SeededRandom, count: number) => readonly string[] | Promise<readonly string[]>;
}

/** One input at a time. */
export function single<T>(
  name: string,
  share: number,
  { make, account }: { make: (random: SeededRandom) => T; account: (input: T) => string | Promise<string> },
): Kind {
  const attempt = async (random: SeededRandom): Promise<readonly string[]> => {
    const input = make(random);
    try {
      const outcome = account(input);
      return [typeof outcome === 'string' ? outcome : await outcome];
    } catch (error) {
      throw new NotAccounted(error instanceof Error ? error.message : String(error), shown(input), { cause: error });
    }
  };
  return { name, share, batch: 1, attempt };
}

export class NotAccounted extends Error {
  override readonly name = 'NotAccounted';
  readonly input: string;

  constructor(message: string, input: string, options?: ErrorOptions) {
    super(message, options);
    this.input = input;
  }
}

export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`not so: ${what}`);
}

/** Long inputs are cut, since seed and number repeat them. */
export function shown(input: unknown): string {
  return inspect(input, { depth: 8, maxStringLength: 1_000, maxArrayLength: 50, breakLength: 200 }).slice(0, 3_000);
}
