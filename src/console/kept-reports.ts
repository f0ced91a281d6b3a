/** Whether the report topic still has all reports from a time on. */
import { timeText } from '../core/report/reporting.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { unlessStopped } from './command-context.ts';
import type { DriftSources } from './drift-evidence.ts';
import { existingTopic } from './kafka-tools.ts';
import { oldestInTopic } from './oldest-reports.ts';
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
  const { tools, bounds, context } = sources;
  const topic = sources.topics.report;
  const from = since - CLOCK_MARGIN_MS;
  const { partitionCount, settings } = await existingTopic(topic, sources);
  const isKept = isKeptSince(settings, context.clock.now().wall - from);
  if (isKept && areKept) return;
  const refuse = (remedy: string): ExitError => {
    const text = `undo: reports of ${timeText(since)} may be gone from ${topic}, so it is not known what was applied: ${remedy}`;
    return new ExitError(EXIT.someFailed, isKept ? `${text}\n  ${SAY_SO}` : text);
  };
  const oldest = await oldestInTopic({ tools, bounds, topic, context })(allOf(partitionCount));
  // Nothing says how new that was which is gone.
  const unknown = [...oldest].find(([, { time }]) => time === null);
  if (unknown !== undefined)
    throw refuse(
      `of partition ${unknown[0]} none is left whose time is known; look at its retention.ms and retention.bytes`,
    );
  // What is deleted is older than what is left.
  const latest = Math.max(...[...oldest.values()].map(({ time }) => time ?? Infinity));
  if (latest > from) throw refuse(`ask with a --since from ${timeText(latest + CLOCK_MARGIN_MS)} on`);
}

const SAY_SO =
  'As its settings are now, all would be there: where they were not changed since then, and no records were deleted by hand, say so by --reports-kept.';

/** By partition, the oldest offset that is left. */
export async function startsOf(topic: string, sources: DriftSources): Promise<ReadonlyMap<number, bigint>> {
  const { partitionCount } = await existingTopic(topic, sources);
  return await unlessStopped(sources.context, sources.starts(topic, allOf(partitionCount)));
}

const allOf = (partitionCount: number): readonly number[] => Array.from({ length: partitionCount }, (_, at) => at);

/** The settings of the topic delete nothing that is not older than that. */
function isKeptSince(settings: ReadonlyMap<string, string>, ageMs: number): boolean {
  const [keptMs = NaN, bytes] = ['retention.ms', 'retention.bytes'].map((name) => Number(settings.get(name)));
  return bytes === -1 && (keptMs === -1 || keptMs > ageMs);
}
