/** The loss of a partition. */
import type { Context } from './context.ts';
import { forgetLookUps } from './look-up.ts';
import type { Partition } from './state.ts';
import { cacheKey } from './snapshot-cache.ts';

export function forgetAll(context: Context, reason: string): void {
  for (const partition of context.state.partitions.values()) forget(context, partition, reason);
}

/** Nothing more of it is dispatched, reported or committed; the lock of a group in flight outlives it. */
export function forget(context: Context, partition: Partition, reason: string): void {
  const { state, cache, logger } = context;
  state.partitions.delete(partition.number);
  state.outbox = state.outbox.filter((due) => due.partition !== partition);
  state.unsettled.revoke(partition.number);
  forgetLookUps(context, partition);
  for (const group of partition.groups.values()) {
    state.ready.delete(group);
    state.waiting.delete(group);
    cache.delete(cacheKey(group));
  }
  logger.info({ partition: partition.number, epoch: partition.epoch, reason }, 'partition lost');
}
