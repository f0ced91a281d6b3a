/**
 * Mends an endless timer of kafkajs 2.2.4 (https://github.com/tulios/kafkajs/issues/1751): each connection looks for
 * pending requests 100 times a second for ever, 30 ms of CPU a second per idle producer (kafkajs.md 9.1).
 */
import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

const load = createRequire(import.meta.url);
const patched = Symbol.for('rollcall.requestQueue');

/** For the whole process; doing it again changes nothing. */
export function quietIdleConnections(): void {
  const { prototype } = load('kafkajs/src/network/requestQueue') as { prototype: RequestQueue & { [patched]?: true } };
  if (prototype[patched]) return;
  prototype[patched] = true;
  const original = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(this: RequestQueue): void {
    // Each request that is enqueued, throttled or not, schedules its own look.
    if (this.pending.length > 0) original.call(this);
  };
}
