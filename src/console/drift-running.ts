/** The comparisons beside `run`, with connections to Kafka of their own: from its start to its signal, or its end. */
import { createLogTools } from '../adapters/kafka/tools.ts';
import type { SourceFormat } from '../core/change/change.ts';
import { errorText } from '../core/text/visible.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { PipelineStats } from '../pipeline/stats.ts';
import type { GroupApi, IdMap, Logger } from '../ports.ts';
import type { CommandContext } from './command-context.ts';
import { DriftWatch } from './drift-watch.ts';
import { placesIn } from './group-sources.ts';
import { liveKafka, type Live } from './live-config.ts';

export interface RunningDriftWatch {
  readonly watch: Pick<DriftWatch, 'figures'>;
  /** Ends a comparison that is under way; what it has asked the target may still be answered. */
  close(): Promise<void>;
}

interface Compared {
  readonly live: Live<'kafka' | 'topics' | 'genesys' | 'drift'>;
  readonly api: GroupApi;
  /** null: the source has the target's own ids. */
  readonly ids: IdMap | null;
  readonly format: SourceFormat;
}

/** null: DRIFT_EVERY_MS says that nothing is compared. */
export function watchDrift(
  pipeline: Pick<Pipeline, 'compared'>,
  { live, ...ports }: Compared,
  { context: { clock, stop: asked }, logger }: { readonly context: CommandContext; readonly logger: Logger },
): RunningDriftWatch | null {
  const { topics, genesys, drift } = live.current;
  if (drift.everyMs === null) return null;
  const ending = new AbortController();
  const stop = AbortSignal.any([asked, ending.signal]);
  const tools = createLogTools(liveKafka(live), { clock, logger });
  const sources = {
    ...ports,
    tools,
    topics,
    rateLimitPerMinute: genesys.rateLimitPerMinute,
    ...placesIn(tools, live.current),
    diagnosed: (error: unknown) => tools.diagnosed(error),
  };
  const { everyMs } = drift;
  const options = { pipeline: pipeline.compared, everyMs, evidenceBytesMax: EVIDENCE_BYTES_MAX, clock, logger, stop };
  const watch = new DriftWatch(sources, options);
  const ended = watch.run().catch((error: unknown) => {
    logger.error(
      { problem: errorText(error) },
      'comparisons with Genesys Cloud have ended by an error, the service goes on',
    );
  });
  return {
    watch,
    close: async () => {
      ending.abort();
      await tools.close();
      await ended;
    },
  };
}

/** The rest of the memory is for the changes that are applied. */
const EVIDENCE_BYTES_MAX = 512 * 1024 * 1024;

/** The statistics of the pipeline, with what the comparisons beside it have found. */
export const withDrift = (stats: PipelineStats | null, running: RunningDriftWatch | null): PipelineStats | null =>
  stats === null || running === null ? stats : { ...stats, drift: running.watch.figures };
