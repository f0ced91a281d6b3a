/** The loss of a partition. */
import type { Context } from './context.ts';
import { forgetLookUps } from './look-up.ts';
import { cacheKey } from './snapshot-cache.ts';
import type { Partition } from './state.ts';
import type { Slices } from './turns.ts';

export function revokeAll(context: Context, reason: string): void {
  for (const partition of context.state.partitions.values()) revoke(context, partition, reason);
}

/** Nothing more of it is dispatched, reported or committed; the lock of a group in flight outlives it. */
export function revoke(context: Context, partition: Partition, reason: string): void {
  const { state, logger } = context;
  state.partitions.delete(partition.number);
  for (const due of state.outbox) if (due.partition === partition) state.outbox.delete(due);
  state.unsettled.revoke(partition.number);
  forgetLookUps(context, partition);
  void context.turns.run(revokeEach(context, partition), () => true);
  logger.info({ partition: partition.number, epoch: partition.epoch, reason }, 'partition lost');
}

/** About 10 ms; all partitions may be lost in one turn. */
const SLICE = 2_000;

/** In slices: there may be 100,000 groups. Meanwhile they are not current, so that none of them is taken. */
function* revokeEach({ state, cache }: Context, { groups }: Partition): Slices {
  let count = 0;
  for (const group of groups.values()) {
    if (count > 0 && count % SLICE === 0) yield;
    count += 1;
    state.ready.delete(group);
    state.waiting.delete(group);
    cache.delete(cacheKey(group));
  }
}
