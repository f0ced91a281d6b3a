/** A target that cannot be worked with: nothing is given up for it, and the log says why nothing is sent. */
import { expect, test } from 'vitest';
import { describeNewestKafka } from '../support/broker.ts';
import { openStage, type Stage } from '../support/stage.ts';

const groups = Array.from({ length: 10 }, (_, i) => `g${i}`);

function withGroups(stage: Stage): Stage {
  for (const group of groups) stage.group(group, ['leaver']);
  return stage;
}

const sendAll = (stage: Stage, joiner: string): Promise<unknown> =>
  stage.send(...groups.map((group) => ({ group, add: [joiner], remove: ['leaver'] })));

const finals = (stage: Stage) => [...stage.operations.values()].filter(({ final }) => final);

describeNewestKafka('a target', ({ brokers }) => {
  test('that is down opens the breaker, and no attempt is used up', async () => {
    // given
    const stage = withGroups(await openStage(brokers));
    // Each probe has a line there.
    const service = stage.inside({ LOG_LEVEL: 'debug' });
    await sendAll(stage, 'before');
    await stage.settled();
    // when it is down for longer than five attempts take
    await stage.sandbox.goDown();
    await sendAll(stage, 'meanwhile');
    await service.said('breaker opened', { fields: { reason: 'target' } });
    await service.said('breaker stays open', { fields: { reason: 'target' }, count: 2 });
    await stage.sandbox.goUp();
    // then
    await service.said('breaker closed');
    await stage.settled();
    expect(finals(stage).filter(({ attempt }) => attempt > 0)).toEqual([]);
  });

  test('that has revoked the token is asked for a new one, and that is all', async () => {
    // given
    const stage = withGroups(await openStage(brokers));
    const service = stage.inside();
    await sendAll(stage, 'before');
    await stage.settled();
    // when
    stage.sandbox.revokeTokens();
    await sendAll(stage, 'after');
    // then
    await stage.settled();
    expect(service.linesOf('breaker opened')).toEqual([]);
    expect(stage.reports.filter(({ final }) => !final)).toEqual([]);
    expect(stage.sandbox.stats.tokens).toBe(2);
  });

  test('that refuses the client opens the breaker until it accepts it again', async () => {
    // given
    const stage = withGroups(await openStage(brokers));
    stage.sandbox.refuseClient();
    const service = stage.inside();
    // when
    await sendAll(stage, 'joiner');
    await service.said('breaker stays open', { fields: { reason: 'auth' } });
    stage.sandbox.acceptClient();
    // then
    await stage.settled();
    expect(finals(stage).filter(({ attempt }) => attempt > 0)).toEqual([]);
  });

  test('that denies everything opens the breaker, which names the permission', async () => {
    // given
    const stage = withGroups(await openStage(brokers));
    stage.sandbox.deny();
    const service = stage.inside();
    // when
    await sendAll(stage, 'joiner');
    await service.said('breaker stays open', { fields: { reason: 'permission' } });
    expect(service.linesOf('breaker opened')[0]?.advice).toContain('directory:group:edit');
    stage.sandbox.allow();
    // then
    await stage.settled();
    expect(finals(stage).filter(({ attempt }) => attempt > 0)).toEqual([]);
  });

  test('that asks for patience gets it', async () => {
    // given
    const stage = withGroups(await openStage(brokers));
    const busy = { kind: 'status', status: 429, retryAfterSeconds: 2 } as const;
    stage.sandbox.addRule({ match: { nth: 4 }, fault: busy });
    const refused = stage.sandbox.nextRequest(({ status }) => status === 429);
    stage.inside({ CONCURRENCY: '1' });
    // when
    await sendAll(stage, 'joiner');
    const { at, seq } = await stage.unbroken(refused);
    // then nothing is sent for so long, and no attempt is used up
    await stage.settled();
    const { journal } = stage.sandbox.stats;
    expect(journal.find((entry) => entry.seq > seq)?.at).toBeGreaterThanOrEqual(at + 1_900);
    expect(stage.reports.filter(({ final }) => !final)).toEqual([]);
  });
});
