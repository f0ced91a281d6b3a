/** The oldest report that is left of each partition: what is gone from the partition was written before it. */
import { AHEAD_MAX_MS } from '../core/report/breakdown.ts';
import { endIfStopped, unlessStopped, type CommandContext } from './command-context.ts';
import type { ReadingSources } from './topic-reading.ts';

export interface OldestReport {
  /** Of the oldest record that is left, or where the next one will be. */
  readonly offset: bigint;
  /** Epoch ms, of the oldest record that can be read and has a time that can be true; null: there is none, so nothing says how new what is gone was. */
  readonly time: number | null;
}

/** Of those partitions that have had older records, each with what is left. */
export type OldestReports = (partitions: readonly number[]) => Promise<ReadonlyMap<number, OldestReport>>;

/** Epoch ms, both inclusive. */
export interface PossibleTimes {
  readonly from: number;
  readonly to: number;
}

/** Records have timestamps since Kafka 0.10, of 2016. Older ones are of a clock that was not set, or stand for no time (0, -1). */
const FIRST_TIME = Date.UTC(2016, 0);

export const possibleTimes = ({ clock }: Pick<CommandContext, 'clock'>): PossibleTimes => ({
  from: FIRST_TIME,
  to: clock.now().wall + AHEAD_MAX_MS,
});

export interface ReportLog extends Pick<ReadingSources, 'bounds'> {
  readonly tools: Pick<ReadingSources['tools'], 'read'>;
  readonly topic: string;
  readonly context: Pick<CommandContext, 'clock' | 'stop'>;
}

/** By one reader, which ends with the first report of each partition. The result rejects with an ExitError where it was asked to stop. */
export const oldestInTopic =
  ({ bounds, tools, topic, context }: ReportLog): OldestReports =>
  async (partitions) => {
    const oldest = new Map<number, OldestReport>();
    const ends = new Map<number, bigint>();
    for (const [partition, { start, end }] of await unlessStopped(context, bounds(topic, partitions))) {
      if (start === 0n) continue;
      oldest.set(partition, { offset: start, time: null });
      // An empty one shows no record by which its reading could end.
      if (start < end) ends.set(partition, end);
    }
    if (ends.size === 0) return oldest;
    const { from, to } = possibleTimes(context);
    const options = { from: 'beginning', follow: false, signal: context.stop, unreadable: 'tell' } as const;
    for await (const record of tools.read(topic, { ...options, partitions: [...ends.keys()] })) {
      const { partition, offset, timestamp, unreadable } = record;
      const [known, end] = [oldest.get(partition), ends.get(partition)];
      if (known === undefined || end === undefined) continue;
      const isTimed = unreadable === undefined && timestamp >= from && timestamp <= to;
      if (isTimed) oldest.set(partition, { ...known, time: timestamp });
      if (isTimed || offset + 1n >= end) ends.delete(partition);
      if (ends.size === 0) break;
    }
    endIfStopped(context, `before the oldest records of ${topic} were read`);
    return oldest;
  };
