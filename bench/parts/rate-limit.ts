/**
 * The demo's stream as a backlog under a rate limit that is enforced: how many requests it takes, and how long.
 * The sandbox counts in fixed windows, as the target does, so that the first window's requests cost no waiting for any
 * client. The least time is that until the last window that is needed opens. It is less than requests ÷ rate.
 */
import { single, type Figure } from '../figure.ts';
import type { Part } from '../part.ts';
import { sendEvents } from '../world/send-events.ts';
import { context, requestCount, withService } from '../world/service.ts';
import { withStream } from '../world/stream-sandbox.ts';

const LIMITS = { allowed: 100, windowSeconds: 2 };

export const rateLimit: Part = { name: 'rate-limit', isQuick: false, measure: measureRateLimit };

async function measureRateLimit(): Promise<readonly Figure[]> {
  return withStream({ limits: LIMITS, latencyMs: { min: 5, max: 25 } }, (stream, sandbox) =>
    withService(sandbox, async ({ tools, pipeline, sourceTopic }) => {
      await sendEvents(tools, sourceTopic, stream.events);
      const startedAt = context.clock.now().monotonic;
      await pipeline.start();
      await pipeline.whenAtRest();
      const seconds = (context.clock.now().monotonic - startedAt) / 1000;
      const throttled = Object.values(sandbox.stats.requests).reduce((sum, counts) => sum + (counts['429'] ?? 0), 0);
      const requests = requestCount(sandbox);
      const needed = requests - throttled;
      const neededSeconds = (Math.ceil(needed / LIMITS.allowed) - 1) * LIMITS.windowSeconds;
      const size = `${stream.events.length.toLocaleString('en')} events on ${stream.initial.size} groups`;
      const limit = `${LIMITS.allowed} requests per ${LIMITS.windowSeconds} s`;
      return [
        single(`requests for ${size}`, requests, { atMost: 1_100 }),
        single(`time for them at ${limit} ÷ least time`, seconds / neededSeconds, { digits: 3, atMost: 1.1 }),
        single('429s under that limit', (100 * throttled) / requests, { unit: '%', digits: 1, atMost: 1 }),
      ];
    }),
  );
}
