/**
 * When a request was sent, on both clocks. kafkajs gives the wall clock only (kafkajs.md 3.9), and a wall clock can be set:
 * where it was, between an instant that is surely before the request and now, that earlier instant is taken.
 */
import type { Instant } from '../../ports.ts';

/** Timers are rounded to milliseconds and slewed; more than this is a jump, or a machine that slept. */
const driftMaxMs = 20;

/** @param before an instant before the request was sent; the result is never later than the truth. */
export function sentInstant(sentAtWall: number, before: Instant, now: Instant): Instant {
  const elapsedMs = now.monotonic - before.monotonic;
  const driftMs = now.wall - before.wall - elapsedMs;
  // One more, since the wall clock counts whole milliseconds.
  const agoMs = Math.abs(driftMs) > driftMaxMs ? elapsedMs : clamp(now.wall - sentAtWall + 1, elapsedMs);
  return { wall: now.wall - agoMs, monotonic: now.monotonic - agoMs };
}

function clamp(value: number, max: number): number {
  return Math.min(Math.max(value, 0), max);
}
