import { expect, test } from 'vitest';
import { ManualClock } from '../support/manual-clock.ts';

test('runs due tasks in the order of their times, each at its own time, those that it brings about too', async () => {
  const clock = new ManualClock(1000);
  const ran: string[] = [];
  const note = (name: string) => () => {
    ran.push(`${name}@${clock.now().monotonic}`);
  };
  clock.schedule(20, note('late'));
  clock.schedule(10, () => {
    note('first')();
    void Promise.resolve().then(() => clock.schedule(5, note('from it')));
  });
  clock.schedule(10, note('second'));
  clock.schedule(31, note('not yet'));
  clock.schedule(12, note('cancelled'))();
  await clock.advance(30);
  expect(ran).toEqual(['first@10', 'second@10', 'from it@15', 'late@20']);
  expect(clock.now()).toEqual({ wall: 1030, monotonic: 30 });
  expect(clock.scheduledCount).toBe(1);
});

test('a wall clock that jumps leaves the monotonic one alone', () => {
  const clock = new ManualClock(1000);
  clock.jumpWall(-500);
  expect(clock.now()).toEqual({ wall: 500, monotonic: 0 });
});
