/** What every part of the benchmark is given, and how two things are measured in turn. */
import type { Figure } from './figure.ts';
import type { BenchKafka } from './world/kafka.ts';

export interface Bench {
  /** Starts a broker when it is asked for first. @throws KafkaSetupError where there is no Kafka. */
  kafka(): Promise<BenchKafka>;
  /** A smoke test: everything is small, and once. */
  readonly isQuick: boolean;
  /** Marks in the table and the results what this machine cannot measure, and says why on standard error. */
  skip(what: string, why: string): void;
}

export interface Part {
  /** Asked for as `npm run bench -- NAME`. */
  readonly name: string;
  /** It says something in a smoke test. */
  readonly isQuick: boolean;
  measure(bench: Bench): Promise<readonly Figure[]>;
}

const ROUNDS = 5;

/** Each in turn, and in each second round in the other order, so that what changes on the machine meanwhile hits all of them. */
export async function rounds<T>(
  { isQuick }: Bench,
  subjects: readonly (() => Promise<T>)[],
): Promise<readonly (readonly T[])[]> {
  const all: T[][] = [];
  while (all.length < (isQuick ? 1 : ROUNDS)) {
    const isReversed = all.length % 2 === 1;
    const results: T[] = [];
    for (const measure of isReversed ? subjects.toReversed() : subjects) results.push(await measure());
    all.push(isReversed ? results.toReversed() : results);
  }
  return all;
}

/** Two in turn. */
export async function inPairs<T>(
  bench: Bench,
  one: () => Promise<T>,
  other: () => Promise<T>,
): Promise<readonly (readonly [T, T])[]> {
  return (await rounds(bench, [one, other])) as readonly (readonly [T, T])[];
}
