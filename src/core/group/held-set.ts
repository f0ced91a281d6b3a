/** What is held of one group, as an operator is shown it, and decides about it as a whole. */
import { isSamePosition, type Held, type Intent } from '../change/change.ts';
import { isHeld, isNotified, type HeldIntent } from '../change/pending.ts';
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

/** The pending intent of a member, where the acknowledged live record says too that it is held; null: it does not. */
export function recordedHold(pending: Intent | null, recorded: Intent | null): HeldIntent | null {
  if (pending === null || recorded === null || !isHeld(pending) || !isHeld(recorded)) return null;
  const isSame = recorded.guard === pending.guard || isNotified(pending);
  return isSame && isSamePosition(recorded.source, pending.source) ? pending : null;
}

/** No message that was delivered has said so. */
export const isNews = (hold: HeldIntent | null): hold is HeldIntent => hold !== null && !isNotified(hold);

/**
 * As they were held, a set for each refusal. An older version does not say by which: what it has refused counts as one set.
 * @param decidable of one group, all that an operator has decided, or is to decide.
 */
export function refusedSets(decidable: readonly Intent[]): readonly (readonly Intent[])[] {
  const sets = new Map<string | null, Intent[]>();
  for (const intent of decidable) {
    if (intent.dead?.reason !== 'refused') continue;
    const by = intent.dead.refusal?.digest ?? null;
    const set = sets.get(by) ?? [];
    sets.set(by, set);
    set.push({ ...intent, dead: null });
  }
  return [...sets.values()];
}

interface Decided {
  readonly kind: 'approve' | 'reject';
  readonly digest: string;
  readonly sha256: Sha256;
}

/** How many are decided by the same decision: it was made before, or a former owner has died before its answer. */
export function decidedBefore(group: string, decidable: readonly Intent[], { kind, digest, sha256 }: Decided): number {
  if (kind === 'approve')
    return decidable.filter(({ guard }) => guard?.kind === 'approved' && guard.digest === digest).length;
  return refusedSets(decidable).find((set) => heldDigest(group, set, sha256) === digest)?.length ?? 0;
}

/** A whole number, at most 100; null: none of a group of which more is recorded than it has. */
export const percentOf = (count: number, groupSize: number | null): number | null =>
  groupSize === null || groupSize === 0 ? null : Math.min(100, Math.round((100 * count) / groupSize));
