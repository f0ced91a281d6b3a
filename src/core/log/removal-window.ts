/**
 * What the removal guard remembers of the removals within `GUARD_WINDOW_MS` (protocol.md 11.3), and its records in the retry
 * topic. The window is cut into slices, each under a key of its own, so that a write is small and what has left the window
 * is tombstoned.
 */
import * as z from 'zod';
import { ID_LENGTH_MAX } from '../change/change.ts';
import { idKey } from '../change/id-key.ts';
import { jsonIn } from '../text/json.ts';
import { textOf } from './record-headers.ts';
import { wireId } from './wire-intent.ts';

/** Removals from one group that took effect together; approved ones are none. */
export interface Removal {
  /** By `idKey`; null: the record has no room for names, so that it counts for the owner alone. */
  readonly group: string | null;
  readonly count: number;
  /** Epoch ms in a record, monotonic ms in memory. */
  readonly at: number;
  /** Members of the group before it; null: not known. */
  readonly size: number | null;
}

/**
 * When a removal that a record tells of took effect, by the monotonic clock of its reader. One of the future was written by
 * a clock that was ahead: it counts from now on, so that it never counts too short.
 */
export const monotonicOf = (wallAt: number, now: { readonly wall: number; readonly monotonic: number }): number =>
  now.monotonic - Math.max(0, now.wall - wallAt);

/** A key that no group can have, since ids with control characters are invalid. */
const REMOVALS_PREFIX = '\u0000rollcall.removals.';
/** @param slice names a slice of its partition, such as the epoch ms of its beginning. */
export const removalsKey = (slice: number): string => `${REMOVALS_PREFIX}${slice}`;
export const isRemovalsKey = (key: string): boolean => key.startsWith(REMOVALS_PREFIX) && key.length <= ID_LENGTH_MAX;

/**
 * `pending`, which live records have, says to a reader that takes every record for one that nothing waits here.
 * @param removals `at` in epoch ms.
 */
export const removalsValue = (removals: readonly Removal[]): string =>
  JSON.stringify({
    v: 1,
    pending: [],
    removals: removals.map(({ group, count, at, size }) => ({ group, count, at, size })),
  });

/** The precision at which sums of many of them still differ. */
const REMOVALS_MAX = 1_000_000_000;
const wireRemoval = z.object({
  group: wireId.nullable(),
  count: z.int().min(1).max(REMOVALS_MAX),
  at: z.number(),
  size: z.int().min(0).nullable().catch(null),
});
const wireRemovals = z.object({ removals: z.array(z.unknown()) });

/** Total. What cannot be read is passed over: it leaves the window soon in any case. */
export function removalsIn(value: Uint8Array | null): readonly Removal[] {
  const record = wireRemovals.safeParse(jsonIn(textOf(value)));
  if (!record.success) return [];
  return record.data.removals.flatMap((each) => {
    const removal = wireRemoval.safeParse(each);
    if (!removal.success) return [];
    const { group } = removal.data;
    return [{ ...removal.data, group: group === null ? null : idKey(group) }];
  });
}
