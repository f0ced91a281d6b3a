/** Connections of kafkajs without a pending request look for none, and what is throttled is sent all the same. */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { patchKafkajs } from '../../src/adapters/kafka/patches.ts';

interface Queue {
  readonly throttleCheckTimeoutId: unknown;
  maybeThrottle(ms: number): void;
  checkPendingRequests(): void;
  push(request: {
    entry: { correlationId: number; resolve: () => void };
    expectResponse: boolean;
    sendRequest: () => void;
  }): void;
  destroy(): void;
}

const load = createRequire(import.meta.url);
const logger = { debug: () => undefined, warn: () => undefined };

function aQueue(): Queue {
  patchKafkajs();
  const RequestQueue = load('kafkajs/src/network/requestQueue') as new (options: object) => Queue;
  return new RequestQueue({ maxInFlightRequests: 1, requestTimeout: 1_000, clientId: 'c', broker: 'b', logger });
}

test('a connection without a pending request looks for none, throttled or not', () => {
  const queue = aQueue();
  queue.checkPendingRequests();
  expect(queue.throttleCheckTimeoutId).toBeNull();
  queue.maybeThrottle(60_000);
  queue.checkPendingRequests();
  expect(queue.throttleCheckTimeoutId).toBeNull();
});

test('a request that is enqueued while the broker throttles is sent afterwards', async () => {
  const queue = aQueue();
  queue.maybeThrottle(5);
  queue.checkPendingRequests();
  await new Promise<void>((sent) =>
    queue.push({
      entry: { correlationId: 1, resolve: () => undefined },
      expectResponse: false,
      sendRequest: sent,
    }),
  );
  queue.destroy();
});
