import { expect, test } from 'vitest';
import type { Answered } from '../../src/adapters/genesys/gate.ts';
import { RequestGate } from '../../src/adapters/genesys/gate.ts';
import { ManualClock } from '../support/manual-clock.ts';

function aGate(ratePerMinute: number | null) {
  const clock = new ManualClock();
  const gate = new RequestGate(ratePerMinute, clock, { next: () => 0 });
  const order: string[] = [];
  const taking = (name: string): void => void gate.take().then(() => order.push(name));
  return { clock, gate, order, taking };
}

const spent = (clock: ManualClock, resetMs: number): Answered => {
  const { monotonic: sentAt } = clock.now();
  const rateLimits = { allowed: 300, count: 300, resetMs, sentAt, receivedAt: sentAt };
  return { sentAt, isThrottled: false, rateLimits };
};

test('waiters are served first come first served, and before tryTake', async () => {
  const { clock, gate, order, taking } = aGate(60);
  while (gate.tryTake());
  for (const name of ['first', 'second', 'third']) taking(name);
  await clock.advance(1100);
  expect(order).toEqual(['first']);
  expect(gate.tryTake()).toBe(false);
  await clock.advance(2200);
  expect(order).toEqual(['first', 'second', 'third']);
});

test('a permit that is due belongs to who waits, even before the timer fires', async () => {
  const { clock, gate, order, taking } = aGate(null);
  gate.closeFor(1000);
  const passed: boolean[] = [];
  clock.schedule(1000, () => passed.push(gate.tryTake()));
  taking('waiting');
  await clock.advance(1000);
  expect([passed, order]).toEqual([[false], ['waiting']]);
});

test('gate: a permit given back goes to the next in the queue', async () => {
  const { clock, gate, order, taking } = aGate(60);
  while (gate.tryTake());
  taking('waiting');
  gate.giveBack();
  await clock.settle();
  expect(order).toEqual(['waiting']);
});

test('closing holds everybody, until the longest of the closings is over', async () => {
  const { clock, gate, order, taking } = aGate(null);
  gate.closeFor(5000);
  gate.closeFor(1000);
  taking('one');
  expect(gate.tryTake()).toBe(false);
  await clock.advance(4999);
  expect(order).toEqual([]);
  await clock.advance(1);
  expect(order).toEqual(['one']);
});

test('whenOpen resolves when tryTake gets a permit again', async () => {
  const { clock, gate } = aGate(null);
  expect(gate.tryTake()).toBe(true);
  gate.answered(spent(clock, 3000));
  let opened = false;
  void gate.whenOpen().then(() => (opened = true));
  await clock.advance(2999);
  expect([opened, gate.tryTake()]).toEqual([false, false]);
  await clock.advance(1);
  expect([opened, gate.tryTake()]).toEqual([true, true]);
});

test('the spent share grows with the requests of the window, and is whole where no more may be sent', async () => {
  const { clock, gate } = aGate(null);
  expect(gate.spentShare()).toBe(1);
  const { monotonic: sentAt } = clock.now();
  expect(gate.tryTake()).toBe(true);
  const rateLimits = { allowed: 300, count: 75, resetMs: 3000, sentAt, receivedAt: sentAt };
  gate.answered({ sentAt, isThrottled: false, rateLimits });
  expect(gate.spentShare()).toBe(0.25);
  for (let i = 0; i < 75; i += 1) expect(gate.tryTake()).toBe(true);
  expect(gate.spentShare()).toBe(0.5);
  gate.closeFor(1000);
  expect(gate.spentShare()).toBe(1);
  await clock.advance(1000);
  expect(gate.spentShare()).toBe(0.5);
});

test('whenOpen resolves at once while the gate is open', async () => {
  await aGate(null).gate.whenOpen();
});

test('gate: throttled time is counted once for all that waited together', async () => {
  const { clock, gate, taking } = aGate(null);
  taking('at once');
  await clock.advance(1000);
  expect(gate.waitedMs()).toBe(0);
  gate.closeFor(5000);
  await clock.advance(1000);
  taking('one');
  taking('two');
  await clock.advance(1500);
  expect(gate.waitedMs()).toBe(1500);
  await clock.advance(10_000);
  expect(gate.waitedMs()).toBe(4000);
});

test('gate: no timer runs when the queue is empty', async () => {
  const { clock, gate, order, taking } = aGate(null);
  gate.closeFor(5000);
  expect(clock.scheduledCount).toBe(0);
  taking('one');
  expect(clock.scheduledCount).toBe(1);
  await clock.advance(5000);
  expect([order, clock.scheduledCount]).toEqual([['one'], 0]);
});

test('close lets all go who wait', async () => {
  const { clock, gate, order, taking } = aGate(null);
  gate.closeFor(5000);
  taking('one');
  const opened = gate.whenOpen();
  gate.release();
  await opened;
  expect([order, clock.scheduledCount]).toEqual([['one'], 0]);
});

test('a backlog under a set rate converges within 1.1 times what the rate needs', async () => {
  const { clock, gate } = aGate(600);
  const requests = 3000;
  const doneAt: number[] = [];
  for (let request = 0; request < requests; request++) {
    void gate.take().then(() => {
      gate.answered(null);
      doneAt.push(clock.now().monotonic);
    });
  }
  await clock.advance(6 * 60_000);
  expect(doneAt).toHaveLength(requests);
  expect((doneAt.at(-1) ?? 0) / ((requests / 600) * 60_000)).toBeLessThanOrEqual(1.1);
}, 20_000);

/** A target that refuses what comes, whenever so long has passed since it last did. @returns requests and refusals of a minute. */
async function aMinuteWithRefusals(everyMs: number, askedMs: number | null) {
  const { clock, gate } = aGate(180);
  let [requests, refusals, refusedAt] = [0, 0, -Infinity];
  const send = async (): Promise<void> => {
    for (;;) {
      await gate.take();
      const { monotonic: sentAt } = clock.now();
      if (sentAt >= 60_000) return;
      requests += 1;
      const isThrottled = sentAt - refusedAt >= everyMs;
      gate.answered({ sentAt, isThrottled, rateLimits: null });
      if (!isThrottled) continue;
      refusals += 1;
      refusedAt = sentAt;
      gate.throttled(sentAt, askedMs);
    }
  };
  const sending = send();
  await clock.advance(60_000);
  gate.release();
  await clock.settle();
  await sending;
  return { requests, refusals };
}

test.each([1_600, 2_500, 5_000])('a 429 every %i ms that asks for 1 s gathers no credit', async (everyMs) => {
  const { requests, refusals } = await aMinuteWithRefusals(everyMs, 1_000);
  // What the pace gives in the time that it is open, and its burst.
  expect(requests).toBeLessThanOrEqual(((60_000 - refusals * 1_000) / 60_000) * 180 + 4);
  expect(requests).toBeGreaterThan(refusals);
});

test.each([null, 1_000])('429s in a row close it for longer and longer (asked: %s ms)', async (askedMs) => {
  expect((await aMinuteWithRefusals(0, askedMs)).requests).toBeLessThanOrEqual(6);
});

test.each([60, 180, 600])('after a long closing at most %i / 60 permits are free together', async (rate) => {
  const { clock, gate } = aGate(rate);
  gate.closeFor(600_000);
  await clock.advance(600_000);
  let burst = 0;
  while (gate.tryTake()) burst += 1;
  expect(burst).toBe(rate / 60);
});
