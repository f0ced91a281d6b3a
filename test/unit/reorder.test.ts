import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NO_TIME, ReorderWindow, eventTime } from '../../src/ingest/topic/reorder.ts';

const WINDOW_MS = 100;

interface Event {
  readonly partition: number;
  readonly time: number;
  readonly index: number;
}

const aWindow = (...partitions: readonly number[]): ReorderWindow<string> => {
  const window = new ReorderWindow<string>(WINDOW_MS);
  window.assign(partitions);
  return window;
};
const entry = (value: string, time: number, rank = 0) => ({ value, time, rank, size: 1 });
const all = (window: ReorderWindow<string>, now: number): readonly string[] => window.release(now, 1_000);

test('an event waits until every other partition has been read past its time', () => {
  const window = aWindow(0, 1);
  window.read(0, [entry('later', 20)], { isAtEnd: false, now: 0 });
  expect(all(window, 1_000_000)).toEqual([]);
  window.read(1, [entry('earlier', 10)], { isAtEnd: false, now: 5 });
  expect(all(window, 5)).toEqual(['earlier']);
  window.read(1, [entry('last', 30)], { isAtEnd: false, now: 6 });
  expect(all(window, 6)).toEqual(['later']);
});

test('a partition with nothing more to read is waited for no longer than the window', () => {
  const window = aWindow(0, 1);
  window.read(1, [], { isAtEnd: true, now: 0 });
  window.read(0, [entry('event', 20)], { isAtEnd: true, now: 40 });
  expect(window.releasableAt(40)).toBe(40 + WINDOW_MS);
  expect(all(window, 40 + WINDOW_MS - 1)).toEqual([]);
  expect(all(window, 40 + WINDOW_MS)).toEqual(['event']);
});

test('a backlog is waited for, however long it takes', () => {
  const window = aWindow(0, 1);
  window.read(1, [], { isAtEnd: true, now: 0 });
  window.read(0, [entry('event', 20)], { isAtEnd: true, now: 0 });
  window.read(1, [entry('first of many', 5)], { isAtEnd: false, now: 50 });
  expect(all(window, 10_000)).toEqual(['first of many']);
  expect(window.releasableAt(10_000)).toBe(null);
});

test('a late event does not take back what its partition has been read past', () => {
  const window = aWindow(0, 1);
  window.read(0, [entry('newer', 20), entry('late', 5)], { isAtEnd: false, now: 0 });
  window.read(1, [entry('before', 10), entry('after', 30)], { isAtEnd: false, now: 0 });
  expect(all(window, 0)).toEqual(['before', 'newer', 'late']);
  window.assign([0, 1]);
  window.read(0, [entry('newer', 20), entry('late', 5)], { isAtEnd: false, now: 0 });
  window.read(1, [entry('between', 20)], { isAtEnd: false, now: 0 });
  expect(all(window, 0)).toEqual(['newer', 'late', 'between']);
});

test('of the very same time the lower rank goes first', () => {
  const window = aWindow(0, 1);
  window.read(0, [entry('removal', 10, 1)], { isAtEnd: false, now: 0 });
  window.read(1, [entry('addition', 10, 0)], { isAtEnd: false, now: 0 });
  expect(all(window, 0)).toEqual(['addition', 'removal']);
});

test('what is no event goes right behind the one before it, whatever the others wait for', () => {
  const window = aWindow(0, 1);
  window.read(0, [entry('first', NO_TIME), entry('event', 20), entry('second', NO_TIME)], { isAtEnd: true, now: 0 });
  expect(window.releasableAt(0)).toBe(0);
  expect(all(window, 0)).toEqual(['first']);
  window.read(1, [entry('of another', NO_TIME), entry('earlier', 10)], { isAtEnd: false, now: 0 });
  expect(all(window, 0)).toEqual(['of another', 'earlier']);
  window.read(1, [entry('later', 30)], { isAtEnd: false, now: 0 });
  expect(all(window, 0)).toEqual(['event', 'second']);
});

test('a partition with nothing but what is no event is waited for as one with nothing to read', () => {
  const window = aWindow(0, 1);
  window.read(1, [entry('none', NO_TIME)], { isAtEnd: true, now: 0 });
  window.read(0, [entry('event', 20)], { isAtEnd: true, now: 10 });
  expect(all(window, 10)).toEqual(['none']);
  for (let now = 20; now < 10 + WINDOW_MS; now += 10) {
    window.read(1, [entry('none', NO_TIME)], { isAtEnd: true, now });
    expect(all(window, now)).toEqual(['none']);
  }
  window.read(1, [entry('none', NO_TIME)], { isAtEnd: true, now: 10 + WINDOW_MS });
  expect(all(window, 10 + WINDOW_MS)).toEqual(['none', 'event']);
});

/** Partitions with events of arbitrary times, and what is none, read in arbitrary portions. */
const times = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 50 }) }, fc.constant(NO_TIME));
const histories = fc
  .array(fc.array(times, { maxLength: 12 }), { minLength: 1, maxLength: 4 })
  .map((lanes) => lanes.map((times, partition) => times.map((time, index): Event => ({ partition, time, index }))));

interface Feed {
  readonly lane: number;
  readonly count: number;
  readonly waitMs: number;
}
const feeds = fc.array(
  fc.record({ lane: fc.nat(3), count: fc.integer({ min: 1, max: 4 }), waitMs: fc.nat(2 * WINDOW_MS) }),
  { maxLength: 40 },
);

/** Reads in these portions, then the rest, and releases after each step. */
function play(lanes: readonly (readonly Event[])[], steps: readonly Feed[]): readonly Event[] {
  const window = new ReorderWindow<Event>(WINDOW_MS);
  window.assign(lanes.map((_, partition) => partition));
  const read = lanes.map(() => 0);
  const released: Event[] = [];
  let now = 0;
  const rest = lanes.map((events, lane) => ({ lane, count: events.length + 1, waitMs: 0 }));
  for (const { lane, count, waitMs } of [...steps, ...rest]) {
    const events = lanes[lane];
    const from = read[lane];
    if (events === undefined || from === undefined) continue;
    now += waitMs;
    const portion = events.slice(from, from + count);
    read[lane] = from + portion.length;
    const entries = portion.map((value) => ({ time: value.time, rank: 0, size: 1, value }));
    window.read(lane, entries, { isAtEnd: read[lane] === events.length, now });
    released.push(...window.release(now, 1_000));
  }
  return [...released, ...window.release(now + WINDOW_MS, 1_000)];
}

test('every event is released once, and within its partition in the order of arrival', () => {
  fc.assert(
    fc.property(histories, feeds, (lanes, steps) => {
      const released = play(lanes, steps);
      for (const [partition, events] of lanes.entries())
        expect(released.filter((event) => event.partition === partition)).toEqual(events);
      expect(released).toHaveLength(lanes.flat().length);
    }),
  );
});

test('without anything idle the order is that of the times, however the portions are read', () => {
  const sorted = histories.map((lanes) =>
    lanes.map((events) => {
      const happened = events.filter(({ time }) => time !== NO_TIME).map(({ time }) => time);
      const ascending = happened.toSorted((a, b) => a - b).values();
      return events.map((event) => (event.time === NO_TIME ? event : { ...event, time: ascending.next().value ?? 0 }));
    }),
  );
  fc.assert(
    fc.property(sorted, feeds, (lanes, steps) => {
      // given a last event in each, so that none of them is idle before all is read
      const ended = lanes.map((events, partition) => [...events, { partition, time: 99, index: events.length }]);
      const hasty = steps.map((step) => ({ ...step, waitMs: 0 }));
      const released = play(ended, hasty).map(({ time }) => time);
      const times = released.filter((time) => time !== NO_TIME);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }),
  );
});

test('what is no event changes nothing about the order of those that are', () => {
  const withNone = fc.array(fc.array(fc.record({ time: fc.nat(50), before: fc.nat(2), after: fc.nat(2) })));
  fc.assert(
    fc.property(withNone, feeds, (lanes, steps) => {
      const none = (count: number) => Array.from({ length: count }, () => NO_TIME);
      const portions = lanes.map((lane) =>
        lane.map(({ time, ...more }) => [...none(more.before), time, ...none(more.after)]),
      );
      const bare = lanes.map((lane) => lane.map(({ time }) => [time]));
      expect(eventsOf(portions, steps)).toEqual(eventsOf(bare, steps));
    }),
  );
});

/** Reads whole portions, and releases after each step. */
function eventsOf(lanes: readonly (readonly (readonly number[])[])[], steps: readonly Feed[]): readonly string[][] {
  const window = new ReorderWindow<string>(WINDOW_MS);
  window.assign(lanes.map((_, partition) => partition));
  const next = lanes.map(() => 0);
  let now = 0;
  const rest = lanes.map((portions, lane) => ({ lane, count: portions.length, waitMs: 0 }));
  return [...steps, ...rest, { lane: 0, count: 0, waitMs: WINDOW_MS }].map(({ lane, count, waitMs }) => {
    const portions = lanes[lane] ?? [];
    const from = next[lane] ?? 0;
    const to = Math.min(portions.length, from + count);
    now += waitMs;
    next[lane] = to;
    const entries = portions
      .slice(from, to)
      .flatMap((portion, index) =>
        portion.map((time) => entry(time === NO_TIME ? '' : `${lane}/${from + index}`, time)),
      );
    window.read(lane, entries, { isAtEnd: to === portions.length, now });
    return all(window, now).filter((value) => value !== '');
  });
}

test('what is released one by one comes in the same order as at once', () => {
  fc.assert(
    fc.property(histories, (lanes) => {
      const fill = (): ReorderWindow<Event> => {
        const window = new ReorderWindow<Event>(WINDOW_MS);
        window.assign(lanes.map((_, partition) => partition));
        for (const [partition, events] of lanes.entries()) {
          const entries = events.map((value) => ({ time: value.time, rank: 0, size: 1, value }));
          window.read(partition, entries, { isAtEnd: true, now: 0 });
        }
        return window;
      };
      const [atOnce, oneByOne] = [fill(), fill()];
      const single: Event[] = [];
      for (;;) {
        const [event] = oneByOne.release(WINDOW_MS, 1);
        if (event === undefined) break;
        single.push(event);
      }
      expect(single).toEqual(atOnce.release(WINDOW_MS, 1_000));
    }),
  );
});

test('a time counts as certain only where the source says so, with a zone, and not long after its record', () => {
  const timestamp = Date.parse('2026-01-01T00:00:00Z');
  const certain = (text: string | null) => eventTime(text, timestamp).isCertain;
  expect(certain('2025-12-31T23:59:59Z')).toBe(true);
  expect(certain('2025-12-31T23:59:59.9293064+01:00')).toBe(true);
  expect(certain(null)).toBe(false);
  expect(certain('2025-12-31T23:59:59')).toBe(false);
  expect(certain('2026-01-01T02:00:00Z')).toBe(false);
  expect(eventTime(null, timestamp).at).toBe(timestamp * 1000);
});

test('reordering: times differ beyond the millisecond', () => {
  const timestamp = Date.parse('2026-01-01T00:00:00Z');
  const at = (text: string) => eventTime(text, timestamp).at;
  expect(at('2025-04-02T15:32:32.9293064Z') - at('2025-04-02T15:32:32.9292064Z')).toBe(100);
  expect(at('2025-04-02T15:32:32Z')).toBe(Date.parse('2025-04-02T15:32:32Z') * 1000);
});
