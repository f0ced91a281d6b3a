/** Requests in flight, as the sandbox sees them, while the demo's stream comes in as fast as it is taken. */
import type { Figure } from './figure.ts';
import { requestCount, sendEvents, withService } from './service.ts';
import { withStream } from './stream-sandbox.ts';

const EVENTS_PER_STEP = 100;

export async function measureInFlight(): Promise<readonly Figure[]> {
  return withStream({ limits: 'off', latencyMs: { min: 20, max: 60 } }, (stream, sandbox) =>
    withService(sandbox, async ({ tools, pipeline, sourceTopic, concurrency }) => {
      await pipeline.start();
      for (let from = 0; from < stream.events.length; from += EVENTS_PER_STEP) {
        await sendEvents(tools, sourceTopic, stream.events.slice(from, from + EVENTS_PER_STEP));
        // A request at a time: changes come for groups that are in flight.
        await sandbox.nextRequest();
      }
      await pipeline.whenAtRest();
      const { inFlightMax, inFlightMaxByGroup } = sandbox.stats;
      const perGroup = Math.max(...Object.values(inFlightMaxByGroup));
      return [
        {
          name: `requests in flight, CONCURRENCY=${concurrency}`,
          value: inFlightMax,
          unit: '',
          digits: 0,
          bound: concurrency,
        },
        { name: 'requests in flight for one group', value: perGroup, unit: '', digits: 0, bound: 1 },
        {
          name: 'requests when the same events trickle in',
          value: requestCount(sandbox),
          unit: '',
          digits: 0,
          bound: null,
        },
      ];
    }),
  );
}
