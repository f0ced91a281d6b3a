import { expect, test } from 'vitest';
import type { OutRecord } from '../../../src/ports.ts';
import { parseRetryRecord } from '../../../src/core/log/live-record.ts';
import { summarize } from '../../../src/core/report/summary.ts';
import { JumpingClock } from '../../support/jumping-clock.ts';
import { QuickWorld } from '../../support/quick-world.ts';
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

test('report-epoch: what waits to be written through a join is written under the epoch after it', async () => {
  const world = new QuickWorld();
  const one = await world.start();
  let isFirst = true;
  one.log.beforeSend = async (records) => {
    if (!isFirst || !records.some(({ topic }) => topic === 'reports')) return;
    isFirst = false;
    // A visitor comes and goes, so that all join again.
    const group = world.broker.group('rollcall');
    const times = { sessionTimeoutMs: Infinity, rebalanceTimeoutMs: Infinity };
    group.leave(group.join({ memberId: null, clientId: 'v', ...times, partitionCount: 1, synced: () => undefined }));
    await world.clock.wait(5_000);
    throw new Error('not now');
  };
  // given a report and a dead letter, which are written one after the other once they have failed together
  world.broker.append([
    { topic: 'source', partition: null, key: 'g', value: 'no JSON', headers: [] },
    { topic: 'source', partition: null, key: 'g', value: '{"group_id":"g","add_members":[]}', headers: [] },
  ]);
  await world.clock.advance(60_000);
  const fences = world.records('retry').flatMap((record) => {
    const parsed = parseRetryRecord(record);
    return parsed.kind === 'fence' ? [parsed.stamp.epoch] : [];
  });
  expect(fences.length).toBeGreaterThan(1);
  const isKept = ({ fields }: { readonly fields: object }): boolean => 'isKept' in fields && fields.isKept === true;
  expect(world.logger.lines.some(isKept)).toBe(true);
  expect(world.reports().map(({ outcome, epoch }) => [outcome, epoch])).toEqual([
    ['no_changes', fences.at(-1)],
    ['invalid', fences.at(-1)],
  ]);
});
