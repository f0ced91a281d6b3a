/** Whether the report topic still has all reports from a time on. */
import { timeText } from '../core/report/reporting.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { endIfStopped, unlessStopped } from './command-context.ts';
import type { DriftSources } from './drift-evidence.ts';
import { existingTopic } from './kafka-tools.ts';
import { CLOCK_MARGIN_MS } from './report-search.ts';

/** Of which time the reports are needed. */
export interface NeededReports {
  /** Epoch ms. */
  readonly since: number;
  /** The operator says that since then neither was the topic's retention raised, nor were records of it deleted, so that its settings count. */
  readonly areKept: boolean;
}

/**
 * Settings alone prove nothing: they may have been others, and records may have been deleted by hand.
 * @throws ExitError where reports of the time may be gone.
 */
export async function checkReports({ since, areKept }: NeededReports, sources: DriftSources): Promise<void> {
  const topic = sources.topics.report;
  const from = since - CLOCK_MARGIN_MS;
  const shortened = [...(await startsOf(topic, sources))].flatMap(([at, start]) => (start > 0n ? [at] : []));
  const isKept = await isKeptSince(topic, from, sources);
  if (shortened.length === 0 || (isKept && areKept)) return;
  const refuse = (remedy: string): ExitError => {
    const text = `undo: reports of ${timeText(since)} may be gone from ${topic}, so it is not known what was applied: ${remedy}`;
    return new ExitError(EXIT.someFailed, isKept ? `${text}\n  ${SAY_SO}` : text);
  };
  const oldest: number[] = [];
  for (const partition of shortened) {
    const time = await oldestOf(topic, partition, sources);
    // Nothing says what an emptied partition had.
    if (time === null)
      throw refuse(`of partition ${partition} none is left; look at its retention.ms and retention.bytes`);
    oldest.push(time);
  }
  // What is deleted is older than what is left.
  const latest = Math.max(...oldest);
  if (latest > from) throw refuse(`ask with a --since from ${timeText(latest + CLOCK_MARGIN_MS)} on`);
}

const SAY_SO =
  'As its settings are now, all would be there: where they were not changed since then, and no records were deleted by hand, say so by --reports-kept.';

/** By partition, the oldest offset that is left. */
export async function startsOf(topic: string, sources: DriftSources): Promise<ReadonlyMap<number, bigint>> {
  const { partitionCount } = await existingTopic(topic, sources);
  const partitions = Array.from({ length: partitionCount }, (_, partition) => partition);
  return await unlessStopped(sources.context, sources.starts(topic, partitions));
}

/** The time of the oldest record that is left; null: the partition is empty. */
async function oldestOf(topic: string, partition: number, { tools, context }: DriftSources): Promise<number | null> {
  const options = { from: 'beginning', follow: false, signal: context.stop, unreadable: 'tell' } as const;
  let oldest: number | null = null;
  for await (const { timestamp } of tools.read(topic, { ...options, partitions: [partition] })) {
    oldest = timestamp;
    break;
  }
  endIfStopped(context, `before ${topic} was read`);
  return oldest;
}

/** The settings of the topic delete nothing that is as new. */
async function isKeptSince(topic: string, from: number, sources: DriftSources): Promise<boolean> {
  const { settings } = await existingTopic(topic, sources);
  const [keptMs, bytes] = ['retention.ms', 'retention.bytes'].map((name) => Number(settings.get(name)));
  const isLongEnough = keptMs === -1 || (keptMs ?? NaN) > sources.context.clock.now().wall - from;
  return bytes === -1 && isLongEnough;
}
