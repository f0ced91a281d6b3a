/** Reports out of an index that has all that the topic has. */
import type { RecordIndex } from '../adapters/record-index/record-index.ts';
import type { KafkaLogTools } from '../adapters/kafka/tools.ts';
import { readConfig, type Config } from '../config/config.ts';
import type { ReadProgress } from '../core/log/reading.ts';
import type { CommandContext } from './command-context.ts';
import { placesIn } from './group-sources.ts';
import { openRecordIndex } from './indexing.ts';
import { readText } from './kafka-tools.ts';
import {
  CLOCK_MARGIN_MS,
  concernsSelected,
  isInTime,
  readReport,
  type FoundReport,
  type ReportReading,
  type ReportSelection,
} from './report-search.ts';
import { openSourceTopicFormat } from './source-format.ts';

/** Brought up to date; also with the source, so that `explain` has all. @throws as `openRecordIndex`, and ConfigError */
export async function openReportIndex(
  directory: string,
  config: Config<'kafka' | 'topics'>,
  { tools, context }: { readonly tools: KafkaLogTools; readonly context: CommandContext },
): Promise<RecordIndex> {
  const { format: formatConfig } = readConfig(context.environment, ['format'], readText);
  const format = await openSourceTopicFormat(formatConfig);
  const { bounds } = placesIn(tools, config);
  return openRecordIndex(directory, { tools, topics: config.topics, bounds, context, format, formatConfig });
}

const RECORDS_A_TURN = 1_000;

export class IndexedReports implements ReportReading {
  readonly partitions: ReadonlySet<number>;
  readonly outcomes = new Set<string>();
  readonly unreadableCount: number;
  readonly problems: readonly string[];
  recordCount = 0;
  readonly #index: RecordIndex;
  readonly #selection: ReportSelection;
  readonly #stop: AbortSignal;

  constructor(index: RecordIndex, selection: ReportSelection, stop: AbortSignal) {
    const problems = index.problems('report');
    const batches = problems.filter(({ kind }) => kind === 'batch');
    this.#index = index;
    this.#selection = selection;
    this.#stop = stop;
    this.partitions = new Set(index.places('report').keys());
    this.problems = batches.map(({ message }) => message);
    this.unreadableCount = problems.length - batches.length;
  }

  /** How many are found is known at the end. */
  get progress(): ReadProgress {
    return { passed: this.recordCount, total: this.recordCount };
  }

  async *read(): AsyncGenerator<FoundReport> {
    const { groups, members, since, until } = this.#selection;
    const found = this.#index.reports({
      groups: groups === null ? null : [...groups],
      members: members === null ? null : [...members],
      since: since === null ? null : since - CLOCK_MARGIN_MS,
      until: until ?? null,
    });
    for (const { key, value } of found) {
      this.recordCount += 1;
      // So that a signal is heard.
      if (this.recordCount % RECORDS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      if (this.#stop.aborted) return;
      const read = readReport(value);
      if (read === null) continue;
      this.outcomes.add(read.record.outcome);
      const report = { ...read, key: key === null ? null : Buffer.from(key).toString() };
      if (concernsSelected(this.#selection, report) && isInTime(this.#selection, read.record)) yield report;
    }
  }
}
