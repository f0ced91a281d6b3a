/** Tries so many inputs of each kind; what is not accounted for is a failure that can be repeated by seed, kind and number. */
import { answers } from './answers.ts';
import { commitMetadata } from './commit-metadata.ts';
import { environments } from './environments.ts';
import { exchanges } from './exchanges.ts';
import { sourceFormats } from './formats.ts';
import { type Kind, NotAccounted } from './kind.ts';
import { SeededRandom, xoshiro128 } from '../support/random.ts';
import { retryRecords } from './retry-records.ts';
import { sourceRecords } from './source-records.ts';
import { streams } from './streams.ts';

export const kinds: readonly Kind[] = [
  sourceRecords,
  sourceFormats,
  retryRecords,
  commitMetadata,
  answers,
  exchanges,
  environments,
  streams,
];

interface Failing {
  readonly kind: string;
  /** Number of the first input of its batch. */
  readonly at: number;
  readonly error: unknown;
  readonly input: string | null;
}

export interface Findings {
  readonly kind: string;
  inputs: number;
  readonly accounts: Map<string, number>;
  readonly failing: Failing[];
  slowest: { readonly ms: number; readonly at: number };
  readonly ms: () => number;
}

export interface Plan {
  readonly kind: Kind;
  readonly seed: number;
  readonly inputs: number;
  /** Only the batch that begins with this number. */
  readonly only: number | null;
  /** Called before each batch. */
  readonly begun: (at: number) => void;
}

const FAILING_MAX = 20;

export async function tryKind({ kind, seed, inputs, only, begun }: Plan): Promise<Findings> {
  const from = performance.now();
  let until = from;
  const findings: Findings = {
    kind: kind.name,
    inputs: 0,
    accounts: new Map(),
    failing: [],
    slowest: { ms: 0, at: 0 },
    ms: () => until - from,
  };
  const end = only === null ? inputs : only + 1;
  for (let at = only ?? 0; at < end && findings.failing.length < FAILING_MAX; at += kind.batch) {
    begun(at);
    const count = Math.min(kind.batch, Math.max(inputs - at, 1));
    const begunAt = performance.now();
    await tryBatch(findings, kind, { seed, at, count });
    until = performance.now();
    findings.inputs += count;
    if (until - begunAt > findings.slowest.ms) findings.slowest = { ms: until - begunAt, at };
  }
  return findings;
}

interface Place {
  readonly seed: number;
  readonly at: number;
  readonly count: number;
}

async function tryBatch(findings: Findings, kind: Kind, { seed, at, count }: Place): Promise<void> {
  try {
    const accounts = await kind.attempt(new SeededRandom(xoshiro128(seed, kind.name, at)), count);
    for (const account of accounts) findings.accounts.set(account, (findings.accounts.get(account) ?? 0) + 1);
    if (accounts.length !== count) throw new Error(`${count} inputs, and ${accounts.length} accounted for`);
  } catch (error) {
    findings.failing.push({ kind: kind.name, at, error, input: error instanceof NotAccounted ? error.input : null });
  }
}

/** So many of each kind, in proportion to their shares. */
export const inputsOf = (kind: Kind, all: number): number => Math.round((all * kind.share) / 1_000);
