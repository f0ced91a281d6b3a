/** Requests whose answer never comes: they may have landed, and they may still land. */
import { expect, test } from 'vitest';
import { describeNewestKafka } from '../support/broker.ts';
import { openKafkaHarness } from '../support/kafka-harness.ts';

describeNewestKafka('a request without an answer', ({ brokers }) => {
  test('that lands after a newer change was a no-op is undone before anything is said', async () => {
    // given an addition whose request times out, and is still travelling
    const harness = await openKafkaHarness(brokers);
    harness.group('g', ['other']);
    const late = { kind: 'lateApply', afterMs: 1_700 } as const;
    harness.sandbox.addRule({ match: { method: 'PATCH', member: 'm', times: 1 }, fault: late });
    const timedOut = harness.sandbox.nextRequest(({ method }) => method === 'PATCH');
    const landed = harness.sandbox.nextRequest(({ method }) => method === 'PATCH', 'applied');
    harness.inside();
    await harness.send({ group: 'g', add: ['m'] });
    await harness.unbroken(timedOut);
    // when its removal comes, which is so already at that moment
    expect(harness.sandbox.members('g')).not.toContain('m');
    await harness.send({ group: 'g', remove: ['m'] });
    const { appliedAt } = await harness.unbroken(landed);
    // then nothing was said of the removal before the addition landed, and the removal wins
    expect(harness.sandbox.members('g')).toContain('m');
    await harness.settled();
    expect(harness.sandbox.members('g')).toEqual(['other']);
    const removal = harness.reports.filter(({ op, final }) => op === 'remove' && final);
    expect(removal).toMatchObject([{ outcome: 'applied' }]);
    expect(Date.parse(removal[0]?.reported_at ?? '')).toBeGreaterThan(appliedAt ?? Infinity);
  });

  test('that has landed is not sent again: what it asked for is recovered', async () => {
    // given
    const harness = await openKafkaHarness(brokers);
    harness.group('g', ['leaver']);
    harness.sandbox.addRule({ match: { method: 'PATCH', times: 1 }, fault: { kind: 'resetAfterApply' } });
    harness.inside();
    // when
    await harness.send({ group: 'g', add: ['joiner'], remove: ['leaver'] });
    // then
    await harness.settled();
    expect(harness.outcomesOf('g', 'joiner')).toEqual(['recovered']);
    expect(harness.outcomesOf('g', 'leaver')).toEqual(['recovered']);
    expect(harness.sandbox.stats.journal.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
  });

  test('that lands after its time-out does no harm to what was sent meanwhile', async () => {
    // given a removal that is late, answered by a time-out
    const harness = await openKafkaHarness(brokers);
    harness.group('g', ['m', 'other']);
    const late = { kind: 'lateApply', afterMs: 1_500 } as const;
    harness.sandbox.addRule({ match: { method: 'PATCH', member: 'm', times: 1 }, fault: late });
    const timedOut = harness.sandbox.nextRequest(({ method }) => method === 'PATCH');
    const lapsed = harness.sandbox.nextRequest(({ method }) => method === 'PATCH', 'lapsed');
    harness.inside();
    await harness.send({ group: 'g', remove: ['m'] });
    await harness.unbroken(timedOut);
    // when something newer is sent before it lands
    await harness.send({ group: 'g', add: ['m', 'joiner'] });
    // then its version is stale when it lands
    await harness.unbroken(lapsed);
    await harness.settled();
    expect(harness.sandbox.members('g').toSorted()).toEqual(['joiner', 'm', 'other']);
  });
});
