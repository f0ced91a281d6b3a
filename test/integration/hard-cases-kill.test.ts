/** kill -9 in the middle of the work, and a restart: nothing is lost, and nothing older lands over something newer. */
import { expect, test } from 'vitest';
import { describeKafka, describeNewestKafka } from '../support/broker.ts';
import { manyChanges } from '../support/changes.ts';
import { openKafkaHarness } from '../support/kafka-harness.ts';

describeKafka('a service that is killed', ({ brokers }) => {
  test('leaves a member out whose older addition was parked and whose removal had landed', async () => {
    // given an addition that is parked, since the target answers 503
    const harness = await openKafkaHarness(brokers);
    harness.group('g', ['other']);
    harness.sandbox.addRule({ match: { method: 'PATCH', member: 'm' }, fault: { kind: 'status', status: 503 } });
    const first = harness.process({ RETRY_BASE_MS: '60000', RETRY_CAP_MS: '60000' });
    await harness.send({ group: 'g', add: ['m'] });
    await harness.reported('retry_scheduled');
    await harness.parked('g');
    // when the removal has landed and the process is killed
    harness.sandbox.clearRules();
    await harness.send({ group: 'g', remove: ['m'] });
    await harness.until('the removal', () => harness.outcomesOf('g', 'm').length === 2);
    await first.kill();
    // and started again
    const second = harness.process();
    await second.said('partition caught up', { count: 3 });
    // then
    await harness.send({ group: 'g', add: ['later'] });
    await harness.settled();
    expect(harness.sandbox.members('g')).not.toContain('m');
    expect(harness.outcomesOf('g', 'm')[0]).toBe('superseded');
  });
});

describeNewestKafka('a service under load', ({ brokers }) => {
  test('that is killed at any moment goes on where it was', async () => {
    // given changes that contradict each other, and a target that fails now and then
    const harness = await openKafkaHarness(brokers, { latencyMs: { min: 5, max: 60 } });
    const groups = Array.from({ length: 30 }, (_, i) => `g${i}`);
    for (const group of groups) harness.group(group, ['m0', 'm1', 'm2']);
    const changes = manyChanges(groups, { count: 1_500, members: 12 });
    const faults = [
      { kind: 'status', status: 503 },
      { kind: 'resetAfterApply' },
      { kind: 'lateApply', afterMs: 1_500 },
      { kind: 'foreignWriter' },
    ] as const;
    for (const fault of faults) harness.sandbox.addRule({ match: { method: 'PATCH', probability: 0.04 }, fault });
    harness.sandbox.addRule({ match: { method: 'PATCH', group: 'g7' }, fault: { kind: 'status', status: 503 } });
    // when it is killed while requests are in flight,
    const inFlight = harness.sandbox.pauseAt(({ method }) => method === 'PATCH');
    const patient = { RETRY_MAX_ATTEMPTS: '1000' };
    const first = harness.process(patient);
    await harness.send(...changes.slice(0, 500));
    await harness.unbroken(inFlight.arrivals(4));
    await first.kill();
    inFlight.release();
    // just after requests have been applied, unanswered,
    const answers = harness.sandbox.pauseAt(({ method, group }) => method === 'PATCH' && group !== 'g7', 'after');
    const second = harness.process(patient);
    await harness.send(...changes.slice(500, 1_000));
    await harness.unbroken(answers.arrivals(4));
    await second.kill();
    answers.release();
    // while something is parked, in the midst of reporting,
    const third = harness.process(patient);
    await harness.parked('g7');
    await harness.send(...changes.slice(1_000));
    const before = harness.reports.length;
    await harness.until('some more reports', () => harness.reports.length > before + 100);
    await third.kill();
    // and as soon as it has restored what was parked
    const fourth = harness.process(patient);
    await fourth.said('partition restored');
    await fourth.kill();
    harness.sandbox.clearRules();
    harness.process(patient);
    // then
    await harness.settled();
  });
});
