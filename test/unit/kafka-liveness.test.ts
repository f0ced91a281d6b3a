import { describe, expect, test } from 'vitest';
import { Liveness, sentInstant } from '../../src/adapters/kafka/liveness.ts';
import type { Instant } from '../../src/ports.ts';

const limits = { sessionTimeoutMs: 6_000, rebalanceTimeoutMs: 10_000 };

/** Both clocks are moved by the test. */
function aClock() {
  let now: Instant = { wall: 1_000_000, monotonic: 500 };
  return {
    now: () => now,
    pass: (ms: number) => {
      now = { wall: now.wall + ms, monotonic: now.monotonic + ms };
    },
    setWall: (ms: number) => {
      now = { ...now, wall: now.wall + ms };
    },
  };
}

const membership = (groupGenerationId: number) => ({ memberId: 'm', groupGenerationId });

describe('when a heartbeat was sent', () => {
  const before = { wall: 1_000, monotonic: 100 };

  test('is given on both clocks, rounded to the earlier millisecond', () => {
    expect(sentInstant(1_400, before, { wall: 1_500, monotonic: 600 })).toEqual({ wall: 1_399, monotonic: 499 });
  });

  test.each([
    ['back', -60_000],
    ['forward, as by a sleep of the machine', 60_000],
  ])('is never later than the truth where the wall clock was set %s', (_, jumpMs) => {
    const sent = sentInstant(1_400, before, { wall: 1_500 + jumpMs, monotonic: 600 });
    expect(sent).toEqual({ wall: 1_000 + jumpMs, monotonic: 100 });
  });
});

describe('the signs of life', () => {
  test('are a fault when heartbeats stay away for a session, and not before', () => {
    const clock = aClock();
    const liveness = new Liveness(clock);
    liveness.assigned();
    clock.pass(6_000);
    expect(liveness.fault(limits)).toBeNull();
    clock.pass(1);
    expect(liveness.fault(limits)).toBe('no heartbeat for a session timeout');
  });

  test('are a fault when nothing is fetched for long, however good the heartbeats', () => {
    const clock = aClock();
    const liveness = new Liveness(clock);
    liveness.assigned();
    for (let second = 0; second < 31; second += 1) {
      clock.pass(1_000);
      liveness.heartbeatAnswered(clock.now().wall);
      liveness.heartbeatSucceeded(membership(1));
    }
    expect(liveness.fault(limits)).toBe('no fetch for 30 seconds');
  });

  test('count from the assignment on, however long the join has taken', () => {
    const clock = aClock();
    const liveness = new Liveness(clock);
    liveness.joining();
    clock.pass(60_000);
    liveness.assigned();
    expect(liveness.fault(limits)).toBeNull();
  });

  test('are a fault when joining takes too long, tries in a row taken together', () => {
    const clock = aClock();
    const liveness = new Liveness(clock);
    for (let second = 0; second < 22; second += 1) {
      liveness.joining();
      clock.pass(1_000);
    }
    expect(liveness.fault(limits)).toBeNull();
    clock.pass(1);
    expect(liveness.fault(limits)).toBe('the consumer group does not let us join');
  });

  test('name no generation any more while the group is joined', () => {
    const clock = aClock();
    const liveness = new Liveness(clock);
    liveness.joining();
    liveness.assigned();
    liveness.heartbeatAnswered(clock.now().wall);
    liveness.heartbeatSucceeded(membership(1));
    expect(liveness.membership).toEqual(membership(1));
    liveness.joining();
    expect(liveness.membership).toBeNull();
  });

  test('name the generation by a heartbeat that was sent after the join only', () => {
    const clock = aClock();
    const liveness = new Liveness(clock);
    liveness.joining();
    liveness.assigned();
    // given a heartbeat under way while the member joins again
    clock.pass(1_000);
    const sentAt = clock.now().wall;
    clock.pass(1);
    liveness.joining();
    liveness.heartbeatAnswered(sentAt);
    // then it is no sign of the new generation
    expect(liveness.heartbeatSucceeded(membership(1))).toBeNull();
    expect(liveness.membership).toBeNull();
    // and the next one is
    liveness.assigned();
    clock.pass(10);
    const next = clock.now();
    clock.pass(5);
    liveness.heartbeatAnswered(next.wall);
    expect(liveness.heartbeatSucceeded(membership(2))).toEqual({
      generation: 2,
      sentAt: { wall: next.wall - 1, monotonic: next.monotonic - 1 },
    });
    expect(liveness.membership).toEqual(membership(2));
  });
});
