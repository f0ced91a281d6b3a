/** Requests whose answer never comes: they may have landed, and they may still land. */
import { expect, test } from 'vitest';
import { describeNewestKafka } from '../support/broker.ts';
import { openStage } from '../support/stage.ts';

describeNewestKafka('a request without an answer', ({ brokers }) => {
  test('that lands after a newer change was a no-op is undone before anything is said', async () => {
    // given an addition whose request times out, and is still travelling
    const stage = await openStage(brokers);
    stage.group('g', ['other']);
    const late = { kind: 'lateApply', afterMs: 1_700 } as const;
    stage.sandbox.addRule({ match: { method: 'PATCH', member: 'm', times: 1 }, fault: late });
    const timedOut = stage.sandbox.nextRequest(({ method }) => method === 'PATCH');
    const landed = stage.sandbox.nextRequest(({ method }) => method === 'PATCH', 'applied');
    stage.inside();
    await stage.send({ group: 'g', add: ['m'] });
    await stage.unbroken(timedOut);
    // when its removal comes, which is so already at that moment
    expect(stage.sandbox.members('g')).not.toContain('m');
    await stage.send({ group: 'g', remove: ['m'] });
    const { appliedAt } = await stage.unbroken(landed);
    // then nothing was said of the removal before the addition landed, and the removal wins
    expect(stage.sandbox.members('g')).toContain('m');
    await stage.settled();
    expect(stage.sandbox.members('g')).toEqual(['other']);
    const removal = stage.reports.filter(({ op, final }) => op === 'remove' && final);
    expect(removal).toMatchObject([{ outcome: 'applied' }]);
    expect(Date.parse(removal[0]?.reported_at ?? '')).toBeGreaterThan(appliedAt ?? Infinity);
  });

  test('that has landed is not sent again: what it asked for is recovered', async () => {
    // given
    const stage = await openStage(brokers);
    stage.group('g', ['leaver']);
    stage.sandbox.addRule({ match: { method: 'PATCH', times: 1 }, fault: { kind: 'resetAfterApply' } });
    stage.inside();
    // when
    await stage.send({ group: 'g', add: ['joiner'], remove: ['leaver'] });
    // then
    await stage.settled();
    expect(stage.outcomesOf('g', 'joiner')).toEqual(['recovered']);
    expect(stage.outcomesOf('g', 'leaver')).toEqual(['recovered']);
    expect(stage.sandbox.stats.journal.filter(({ method }) => method === 'PATCH')).toHaveLength(1);
  });

  test('that lands after its time-out does no harm to what was sent meanwhile', async () => {
    // given a removal that is late, answered by a time-out
    const stage = await openStage(brokers);
    stage.group('g', ['m', 'other']);
    const late = { kind: 'lateApply', afterMs: 1_500 } as const;
    stage.sandbox.addRule({ match: { method: 'PATCH', member: 'm', times: 1 }, fault: late });
    const timedOut = stage.sandbox.nextRequest(({ method }) => method === 'PATCH');
    const lapsed = stage.sandbox.nextRequest(({ method }) => method === 'PATCH', 'lapsed');
    stage.inside();
    await stage.send({ group: 'g', remove: ['m'] });
    await stage.unbroken(timedOut);
    // when something newer is sent before it lands
    await stage.send({ group: 'g', add: ['m', 'joiner'] });
    // then its version is stale when it lands
    await stage.unbroken(lapsed);
    await stage.settled();
    expect(stage.sandbox.members('g').toSorted()).toEqual(['joiner', 'm', 'other']);
  });
});
