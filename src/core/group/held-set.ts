/** What is held of one group, as an operator is shown it, and decides about it as a whole. */
import type { Held, Intent } from '../change/change.ts';
import { isHeld } from '../change/pending.ts';
import { heldDigest, type Sha256 } from './guard.ts';

export interface HeldFacts {
  readonly digest: string;
  /** By the source's name. */
  readonly group: string;
  /** What holds most of it first. */
  readonly by: readonly Held['by'][];
  /** Epoch ms, of the oldest. */
  readonly since: number;
  /** Members of the group when they were held; null: not recorded. */
  readonly groupSize: number | null;
}

/** null: nothing is held. */
export function heldFacts(group: string, intents: readonly Intent[], sha256: Sha256): HeldFacts | null {
  const digest = heldDigest(group, intents, sha256);
  if (digest === null) return null;
  const held = intents.filter(isHeld).map(({ guard }) => guard);
  const counts = new Map<Held['by'], number>();
  for (const { by } of held) counts.set(by, (counts.get(by) ?? 0) + 1);
  const sizes = held.flatMap(({ groupSize }) => groupSize ?? []);
  return {
    digest,
    group,
    by: [...counts].toSorted(([, a], [, b]) => b - a).map(([by]) => by),
    since: held.reduce((oldest, { since }) => Math.min(oldest, since), Infinity),
    groupSize: sizes.length === 0 ? null : sizes.reduce((largest, size) => Math.max(largest, size)),
  };
}

/** A whole number, at most 100; null: none of a group of which more is recorded than it has. */
export const percentOf = (count: number, groupSize: number | null): number | null =>
  groupSize === null || groupSize === 0 ? null : Math.min(100, Math.round((100 * count) / groupSize));
