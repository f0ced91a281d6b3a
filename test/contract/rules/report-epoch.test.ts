import { expect, test } from 'vitest';
import type { OutRecord } from '../../../src/ports.ts';
import { summarize } from '../../../src/core/report/summary.ts';
import { JumpingClock } from '../../support/jumping-clock.ts';
import { failing } from '../../support/retry-records.ts';
import { aWorld, topics, until, within } from '../../support/world.ts';

test("report-epoch: a former owner's failure that is written late does not stand over a success", async () => {
  // given an owner that has given an add up, whose report is held back, and who is frozen
  const clock = new JumpingClock();
  const world = await aWorld({ clock, sessionTimeoutMs: 200 });
  const repair = failing(world);
  const add = world.change('g', { add: ['u'] });
  const former = await world.start({
    name: 'former',
    pipeline: { retry: { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [] } },
  });
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const isReport = ({ topic, value }: OutRecord): boolean =>
    topic === topics.report && String(value).includes('permanent_failure');
  let isHeld = false;
  former.log.beforeSend = async (records) => {
    if (!records.some(isReport)) return;
    isHeld = true;
    await released;
  };
  await until(() => isHeld, 'the report');
  former.log.freeze();
  repair();
  // and whose clock is ahead
  clock.jumpWall(-60_000);
  // when the next owner applies the add, and then the report comes
  const next = await world.start({ name: 'next' });
  await until(() => world.outcome(add, 'u') === 'applied', 'the success');
  release();
  const ofAdd = () => world.reports().filter(({ final }) => final);
  await until(() => ofAdd().length === 2, 'the late report');
  // then the success stands, by every order of reading
  expect(ofAdd().map(({ outcome }) => outcome)).toEqual(['applied', 'permanent_failure']);
  for (const records of [world.reports(), world.reports().toReversed()]) {
    expect(summarize(records, 0)).toMatchObject({ total_operations: 1, success_count: 1, failure_count: 0 });
  }
  await within(next.pipeline.whenAtRest(), 'rest');
  expect(world.sandbox.members('g')).toEqual(['u']);
  former.kill();
});
