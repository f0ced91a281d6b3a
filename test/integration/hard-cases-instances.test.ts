/** Several instances: partitions change hands in every way there is, and no group ends wrong. */
import { expect, test } from 'vitest';
import { describeNewestKafka } from '../support/broker.ts';
import { manyChanges } from '../support/changes.ts';
import { openStage, type Stage } from '../support/stage.ts';
import type { ServiceProcess } from '../support/service.ts';

const groups = Array.from({ length: 24 }, (_, i) => `g${i}`);
/** Nothing of theirs is accepted until the end. */
const parkedGroups = Array.from({ length: 6 }, (_, i) => `parked-${i}`);
const patient = { RETRY_MAX_ATTEMPTS: '1000' };

describeNewestKafka('several instances', ({ brokers }) => {
  test('hand their work over: one leaves, one is killed, one is frozen and wakes up', async () => {
    // given two instances at work, and something that is parked
    const stage = await openStage(brokers, { latencyMs: { min: 5, max: 60 } });
    for (const group of [...groups, ...parkedGroups]) stage.group(group, ['m0', 'm1', 'm2']);
    const unavailable = { kind: 'status', status: 503 } as const;
    for (const group of parkedGroups) stage.sandbox.addRule({ match: { method: 'PATCH', group }, fault: unavailable });
    for (const fault of [unavailable, { kind: 'resetAfterApply' }, { kind: 'foreignWriter' }] as const) {
      stage.sandbox.addRule({ match: { method: 'PATCH', probability: 0.04 }, fault });
    }
    const changes = manyChanges(groups, { count: 1_200, members: 12 });
    const first = stage.process(patient);
    const second = stage.process(patient);
    await Promise.all([first.said('partition caught up'), second.said('partition caught up')]);
    await stage.send(...parkedGroups.map((group) => ({ group, add: ['joiner'], remove: ['m0'] })));
    await stage.send(...changes.slice(0, 400));
    for (const group of parkedGroups) await stage.parked(group);
    // when one leaves,
    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);
    await second.owns(3);
    // another comes, and the old one is killed,
    const third = stage.process(patient);
    await third.said('partition caught up');
    await stage.send(...changes.slice(400, 800));
    const killed = { lost: second.partitions, at: await dead(second) };
    await third.owns(3);
    // and that one is frozen for longer than its session while requests of it are on their way
    const inFlight = stage.sandbox.hold(({ method }) => method === 'PATCH');
    await stage.send(...changes.slice(800));
    await stage.unbroken(inFlight.arrivals(3));
    const lostBefore = third.linesOf('partition lost').length;
    third.signal('SIGSTOP');
    inFlight.release();
    const frozen = { lost: third.partitions, at: Date.now() };
    const fourth = stage.process(patient);
    await fourth.owns(3);
    third.signal('SIGCONT');
    await third.said('partition lost', { count: lostBefore + 1 });
    // then
    stage.sandbox.clearRules();
    await stage.settled();
    for (const group of parkedGroups) expect(stage.outcomesOf(group, 'joiner')).toEqual(['recovered']);
    for (const service of [first, second, third, fourth]) expectOrder(service);
    expectQuiet(stage, killed, third);
    expectQuiet(stage, frozen, fourth);
  });
});

async function dead(service: ServiceProcess): Promise<number> {
  await service.kill();
  return Date.now();
}

/** What was parked is restored first, then the source is caught up with. */
function expectOrder(service: ServiceProcess): void {
  const steps = service.lines.filter(({ msg }) => /^partition (restored|caught up|lost)$/.test(msg));
  for (const partition of [0, 1, 2]) {
    const own = steps.filter((step) => step.partition === partition).map(({ msg }) => msg);
    own.forEach((msg, i) => msg === 'partition caught up' && expect(own[i - 1]).toBe('partition restored'));
  }
}

/** What was on its way when the owner was stopped may still arrive. */
const GRACE_MS = 150;

/** No request about a lost partition before the new owner has caught up with it. */
function expectQuiet(stage: Stage, { lost, at }: { lost: readonly number[]; at: number }, heir: ServiceProcess): void {
  expect(lost.length).toBeGreaterThan(0);
  const partitionOf = new Map(stage.reports.map(({ group, source }) => [group, source.partition]));
  for (const partition of lost) {
    const caughtUp = heir.linesOf('partition caught up', { partition }).map(({ time }) => Date.parse(String(time)));
    const from = caughtUp.find((time) => time > at) ?? 0;
    expect(from, `partition ${partition} caught up`).toBeGreaterThan(at);
    const early = stage.sandbox.stats.journal.filter(
      (entry) => partitionOf.get(entry.group) === partition && entry.at > at + GRACE_MS && entry.at < from,
    );
    expect(early).toEqual([]);
  }
}
