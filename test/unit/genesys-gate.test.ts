import { expect, test } from 'vitest';
import type { Heard } from '../../src/adapters/genesys/allowance.ts';
import { TargetGate } from '../../src/adapters/genesys/gate.ts';
import { ManualClock } from '../support/manual-clock.ts';

function aGate(ratePerMinute: number | null) {
  const clock = new ManualClock();
  const gate = new TargetGate(ratePerMinute, clock);
  const order: string[] = [];
  const taking = (name: string): void => void gate.take().then(() => order.push(name));
  return { clock, gate, order, taking };
}

const spent = (clock: ManualClock, resetMs: number): Heard => {
  const { monotonic } = clock.now();
  return { allowed: 300, count: 300, resetMs, sentAt: monotonic, receivedAt: monotonic };
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

test('a permit given back goes to whoever waits', async () => {
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

test('whenOpen resolves at once while the gate is open', async () => {
  await aGate(null).gate.whenOpen();
});

test('throttled time is what somebody waited, counted once for all who waited together', async () => {
  const { clock, gate, taking } = aGate(null);
  taking('at once');
  await clock.advance(1000);
  expect(gate.throttledMs()).toBe(0);
  gate.closeFor(5000);
  await clock.advance(1000);
  taking('one');
  taking('two');
  await clock.advance(1500);
  expect(gate.throttledMs()).toBe(1500);
  await clock.advance(10_000);
  expect(gate.throttledMs()).toBe(4000);
});

test('no timer runs when nobody waits', async () => {
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
  gate.close();
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
