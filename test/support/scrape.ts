/** What Prometheus would read of a pipeline. */
import { metricsText } from '../../src/admin/metrics.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { Clock } from '../../src/ports.ts';

/** What a scrape says now, by series: `rollcall_lag`, `rollcall_requests_total{outcome="applied"}`. In the order of the text. */
export async function samplesNow(
  { clock }: { readonly clock: Clock },
  pipeline: Pick<Pipeline, 'stats'>,
): Promise<ReadonlyMap<string, number>> {
  const text = await metricsText(pipeline.stats(), clock.now().wall);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}
