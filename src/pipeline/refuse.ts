/**
 * A partition that does not start: its live records or its committed offset are of a source topic that is not there any
 * more. Offsets of two topics have no order, so going on would let an old change win over a newer one.
 */
import type { LogRecord } from '../ports.ts';
import type { Context } from './context.ts';
import { forget } from './forget.ts';
import { newPartition } from './partition.ts';
import type { Partition, Start } from './state.ts';

export function refuse(context: Context, partition: Partition, problem: string): void {
  const { state, log, logger } = context;
  forget(context, partition, problem);
  state.partitions.set(partition.number, { ...newPartition(partition.number), phase: 'refused' });
  log.pause('source', partition.number);
  logger.error(
    { partition: partition.number, problem },
    'partition refused: the source topic was made anew or renamed; use a new retry topic and a new consumer group',
  );
}

/** Positions that this source cannot have; null: none. */
export function foreignPositionProblem({ options }: Context, partition: Partition, start: Start): string | null {
  if (start.committed !== null && start.committed > start.goal) {
    return 'the committed offset lies beyond the end of the source partition';
  }
  for (const intents of partition.restored.values()) {
    for (const { source } of intents) {
      if (source.topic !== options.topics.source || source.partition !== partition.number) {
        return 'the retry partition holds intents of another topic or partition';
      }
      if (source.offset >= start.goal)
        return 'the retry partition holds offsets beyond the end of the source partition';
    }
  }
  return null;
}

/** A live record tells of a record at this offset, but not of this one. */
export function isForeign({ recordedAt }: Partition, { offset, timestamp }: LogRecord): boolean {
  const known = recordedAt.get(offset);
  return known !== undefined && known !== timestamp;
}
