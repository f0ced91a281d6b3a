/** A target that cannot be worked with: nothing is given up for it, and the log says why nothing is sent. */
import { expect, test } from 'vitest';
import { describeNewestKafka } from '../support/broker.ts';
import { openKafkaHarness, type KafkaHarness } from '../support/kafka-harness.ts';

const groups = Array.from({ length: 10 }, (_, i) => `g${i}`);

function withGroups(harness: KafkaHarness): KafkaHarness {
  for (const group of groups) harness.group(group, ['leaver']);
  return harness;
}

const sendAll = (harness: KafkaHarness, joiner: string): Promise<unknown> =>
  harness.send(...groups.map((group) => ({ group, add: [joiner], remove: ['leaver'] })));

const finals = (harness: KafkaHarness) => [...harness.operations.values()].filter(({ final }) => final);

describeNewestKafka('a target', ({ brokers }) => {
  test('that is down opens the breaker, and no attempt is used up', async () => {
    // given
    const harness = withGroups(await openKafkaHarness(brokers));
    // Each probe has a line there.
    const service = harness.inside({ LOG_LEVEL: 'debug' });
    await sendAll(harness, 'before');
    await harness.settled();
    // when it is down for longer than five attempts take
    await harness.sandbox.goDown();
    await sendAll(harness, 'meanwhile');
    await service.said('breaker opened', { fields: { reason: 'target' } });
    await service.said('breaker stays open', { fields: { reason: 'target' }, count: 2 });
    await harness.sandbox.goUp();
    // then
    await service.said('breaker closed');
    await harness.settled();
    expect(finals(harness).filter(({ attempt }) => attempt > 0)).toEqual([]);
  });

  test('that has revoked the token is asked for a new one, and that is all', async () => {
    // given
    const harness = withGroups(await openKafkaHarness(brokers));
    const service = harness.inside();
    await sendAll(harness, 'before');
    await harness.settled();
    // when
    harness.sandbox.revokeTokens();
    await sendAll(harness, 'after');
    // then
    await harness.settled();
    expect(service.linesOf('breaker opened')).toEqual([]);
    expect(harness.reports.filter(({ final }) => !final)).toEqual([]);
    expect(harness.sandbox.stats.tokens).toBe(2);
  });

  test('that refuses the client opens the breaker until it accepts it again', async () => {
    // given
    const harness = withGroups(await openKafkaHarness(brokers));
    harness.sandbox.refuseClient();
    const service = harness.inside();
    // when
    await sendAll(harness, 'joiner');
    await service.said('breaker stays open', { fields: { reason: 'auth' } });
    harness.sandbox.refuseClient(null);
    // then
    await harness.settled();
    expect(finals(harness).filter(({ attempt }) => attempt > 0)).toEqual([]);
  });

  test('that denies everything opens the breaker, which names the permission', async () => {
    // given
    const harness = withGroups(await openKafkaHarness(brokers));
    harness.sandbox.deny();
    const service = harness.inside();
    // when
    await sendAll(harness, 'joiner');
    await service.said('breaker stays open', { fields: { reason: 'permission' } });
    expect(service.linesOf('breaker opened')[0]?.advice).toContain('directory:group:edit');
    harness.sandbox.allow();
    // then
    await harness.settled();
    expect(finals(harness).filter(({ attempt }) => attempt > 0)).toEqual([]);
  });

  test('that asks for patience gets it', async () => {
    // given
    const harness = withGroups(await openKafkaHarness(brokers));
    const busy = { kind: 'status', status: 429, retryAfterSeconds: 2 } as const;
    harness.sandbox.addRule({ match: { nth: 4 }, fault: busy });
    const refused = harness.sandbox.nextRequest(({ status }) => status === 429);
    harness.inside({ CONCURRENCY: '1' });
    // when
    await sendAll(harness, 'joiner');
    const { at, seq } = await harness.unbroken(refused);
    // then nothing is sent for so long, and no attempt is used up
    await harness.settled();
    const { journal } = harness.sandbox.stats;
    expect(journal.find((entry) => entry.seq > seq)?.at).toBeGreaterThanOrEqual(at + 1_900);
    expect(harness.reports.filter(({ final }) => !final)).toEqual([]);
  });
});
