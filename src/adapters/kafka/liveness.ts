/**
 * The signs of life that a consumer gives: joins, heartbeats, fetches. What the lease and the watchdog know comes from
 * here. Durations on the monotonic clock, which the machine's sleep may stop; the lease looks at both.
 */
import type { Clock, Heartbeat, Instant } from '../../ports.ts';

export interface LivenessLimits {
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}

/** As the broker names a member; under the names that kafkajs gives them. */
export interface Membership {
  readonly memberId: string;
  readonly groupGenerationId: number;
}

const fetchSilenceMaxMs = 30_000;

export class Liveness {
  readonly #clock: Pick<Clock, 'now'>;
  #joiningAt: Instant;
  /** Without an assignment since; null with one. Monotonic ms, as those below. */
  #joiningSince: number | null;
  #heartbeatAt: number;
  #fetchAt: number;
  /** Surely before the next heartbeat is sent. */
  #beforeHeartbeat: Instant;
  #heartbeatSentAt: Instant;
  /** null: no heartbeat has named the generation of this assignment yet. */
  membership: Membership | null = null;

  constructor(clock: Pick<Clock, 'now'>) {
    const now = clock.now();
    this.#clock = clock;
    this.#joiningAt = this.#beforeHeartbeat = this.#heartbeatSentAt = now;
    this.#joiningSince = this.#heartbeatAt = this.#fetchAt = now.monotonic;
  }

  /** Tries in a row count as one join. */
  joining(): void {
    this.#joiningAt = this.#clock.now();
    this.#joiningSince ??= this.#joiningAt.monotonic;
    this.membership = null;
  }

  assigned(): void {
    this.#beforeHeartbeat = this.#clock.now();
    this.#joiningSince = null;
    this.#heartbeatAt = this.#fetchAt = this.#beforeHeartbeat.monotonic;
  }

  fetched(): void {
    this.#fetchAt = this.#clock.now().monotonic;
  }

  /** A heartbeat was answered, with success or an error. @param sentAt epoch ms */
  heartbeatAnswered(sentAt: number): void {
    this.#heartbeatSentAt = sentInstant(sentAt, this.#beforeHeartbeat, this.#clock.now());
  }

  /** That answer was a good one. null: it was under way during a join and belongs to the generation before. */
  heartbeatSucceeded({ memberId, groupGenerationId }: Membership): Heartbeat | null {
    if (this.#heartbeatSentAt.monotonic < this.#joiningAt.monotonic) return null;
    this.#beforeHeartbeat = this.#clock.now();
    this.#heartbeatAt = this.#beforeHeartbeat.monotonic;
    this.membership = { memberId, groupGenerationId };
    return { generation: groupGenerationId, sentAt: this.#heartbeatSentAt };
  }

  /** The reason to rebuild the consumer, null while it lives. It must not depend on kafkajs noticing that itself. */
  fault({ sessionTimeoutMs, rebalanceTimeoutMs }: LivenessLimits): string | null {
    const now = this.#clock.now().monotonic;
    if (this.#joiningSince !== null) {
      // A rebalance waits for the slowest member, and each of kafkajs's own tries inside may take a session.
      const limitMs = rebalanceTimeoutMs + 2 * sessionTimeoutMs;
      return now - this.#joiningSince > limitMs ? 'the consumer group does not let us join' : null;
    }
    if (now - this.#heartbeatAt > sessionTimeoutMs) return 'no heartbeat for a session timeout';
    if (now - this.#fetchAt > fetchSilenceMaxMs) return 'no fetch for 30 seconds';
    return null;
  }

  get isAssigned(): boolean {
    return this.#joiningSince === null;
  }
}

/** Timers are rounded to milliseconds and slewed; more than this is a jump, or a machine that slept. */
const driftMaxMs = 20;

/**
 * When a request was sent, on both clocks. kafkajs gives the wall clock only (kafkajs.md 3.9), and a wall clock can be set:
 * where it was, between an instant that is surely before the request and now, that earlier instant is taken.
 * @param before an instant before the request was sent; the result is never later than the truth.
 */
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
