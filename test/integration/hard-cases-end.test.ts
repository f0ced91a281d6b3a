/** How a service ends when it is asked to. */
import { expect, test } from 'vitest';
import { describeKafka } from '../support/broker.ts';
import { longTimes } from '../support/service.ts';
import { openKafkaHarness } from '../support/kafka-harness.ts';

const groups = Array.from({ length: 30 }, (_, i) => `g${i}`);

describeKafka('a service that is asked to stop', ({ brokers }) => {
  test('finishes what is on its way, leaves the rest to the next one, and exits 0', async () => {
    // given requests in flight, and groups that wait for their turn
    const harness = await openKafkaHarness(brokers);
    for (const group of groups) harness.group(group);
    const inFlight = harness.sandbox.pauseAt(({ method }) => method === 'PATCH');
    const first = harness.process({ CONCURRENCY: '5', REQUEST_TIMEOUT_MS: '2000', KAFKA_SESSION_TIMEOUT_MS: '6000' });
    await harness.send(...groups.map((group) => ({ group, add: ['joiner'] })));
    await harness.unbroken(inFlight.arrivals(5));
    // when
    first.signal('SIGTERM');
    await first.said('draining');
    inFlight.release();
    // then those requests are reported and committed, and no other was begun
    expect(await first.exited).toBe(0);
    await harness.until('their reports', () => harness.reports.length >= 5);
    expect(harness.reports.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 5 }, () => 'applied'));
    expect(patches(harness.sandbox.stats.journal)).toHaveLength(5);
    // and the next one begins without waiting for a session to end, with what is left
    harness.process(longTimes);
    await harness.settled();
    expect(harness.reports).toHaveLength(groups.length);
    expect(patches(harness.sandbox.stats.journal)).toHaveLength(groups.length);
  });

  test('exits 1 at once when it is asked a second time', async () => {
    // given a drain that waits for an answer
    const harness = await openKafkaHarness(brokers);
    harness.group('g');
    const inFlight = harness.sandbox.pauseAt(({ method }) => method === 'PATCH');
    const first = harness.process({ REQUEST_TIMEOUT_MS: '20000', KAFKA_SESSION_TIMEOUT_MS: '25000' });
    await harness.send({ group: 'g', add: ['joiner'] });
    await harness.unbroken(inFlight.arrived);
    first.signal('SIGTERM');
    await first.said('draining');
    // when
    first.signal('SIGTERM');
    // then it does not wait for the answer, which never comes; the end of the drain would be 0
    expect(await first.exited).toBe(1);
    expect(harness.sandbox.stats.journal.at(-1)).toMatchObject({ method: 'PATCH', status: null });
    expect(harness.reports).toEqual([]);
  });
});

const patches = <T extends { readonly method: string }>(journal: readonly T[]): readonly T[] =>
  journal.filter(({ method }) => method === 'PATCH');
