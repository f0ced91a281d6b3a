/** Requests in flight, as the sandbox sees them, while the demo's stream comes in as fast as it is taken. */
import { single, type Figure } from '../figure.ts';
import type { Part } from '../part.ts';
import { sendEvents } from '../world/send-events.ts';
import { requestCount, withService } from '../world/service.ts';
import { withStream } from '../world/stream-sandbox.ts';

const EVENTS_PER_STEP = 100;

export const inFlight: Part = { name: 'in-flight', isQuick: false, measure: measureInFlight };

async function measureInFlight(): Promise<readonly Figure[]> {
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
        single(`requests in flight, CONCURRENCY=${concurrency}`, inFlightMax, { atMost: concurrency }),
        single('requests in flight for one group', perGroup, { atMost: 1 }),
        single('requests when the same events arrive step by step', requestCount(sandbox), {}),
      ];
    }),
  );
}
