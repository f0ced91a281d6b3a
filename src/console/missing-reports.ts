/** Where older reports are gone, so that what a command counts of a time may be less than was reported in it. */
import { timeText } from '../core/report/reporting.ts';
import type { MissingReports } from '../core/report/summary.ts';
import type { TopicRecord } from '../ports.ts';
import { endIfStopped, unlessStopped, type CommandContext } from './command-context.ts';
import type { ReportSource } from './report-search.ts';

export interface KeptReports {
  readonly topic: string;
  /** By partition, the offset of the oldest record that is left. */
  readonly starts: (partitions: readonly number[]) => Promise<ReadonlyMap<number, bigint>>;
  /** Of every time. */
  readonly source: ReportSource;
  readonly context: Pick<CommandContext, 'stop'>;
}

/** @param since epoch ms; null: all was asked for. @returns partitions that begin later, and have had older records */
export async function missingReports(
  { topic, starts, source, context }: KeptReports,
  { partitions, since }: { readonly partitions: readonly number[]; readonly since: number | null },
): Promise<readonly MissingReports[]> {
  const missing: MissingReports[] = [];
  for (const [partition, offset] of await unlessStopped(context, starts(partitions))) {
    if (offset === 0n || !partitions.includes(partition)) continue;
    const time = await oldestIn(source, partition);
    endIfStopped(context, `before ${topic} was read`);
    // Nothing says how new that was which an emptied partition had.
    if (time === null || since === null || time > since)
      missing.push({ topic, partition, offset: String(offset), time: time === null ? null : timeText(time) });
  }
  return missing;
}

/** When the oldest record that is left was written; null: there is none. */
async function oldestIn(source: ReportSource, partition: number): Promise<number | null> {
  const isTimed = ({ unreadable, timestamp }: TopicRecord): boolean => unreadable === undefined && timestamp >= 0;
  for await (const record of source.read([partition], () => undefined)) if (isTimed(record)) return record.timestamp;
  return null;
}

const SHOWN_MAX = 8;

/** A sentence without its end; null: none is missing. */
export function missingText(missing: readonly MissingReports[]): string | null {
  if (missing.length === 0) return null;
  const places = missing.slice(0, SHOWN_MAX).map(({ topic, partition, time }) => {
    const place = `${topic}/${partition}`;
    return time === null ? `of ${place} none is left` : `${place} begins at ${time}`;
  });
  const rest = missing.length - places.length;
  const more = rest === 0 ? '' : `, and so do ${rest} more partitions`;
  return `older reports of the time that is asked for may be gone: ${places.join(', ')}${more}`;
}
