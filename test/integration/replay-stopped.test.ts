/** `replay now` that is stopped after its requests were written, on real brokers. */
import { expect, test } from 'vitest';
import { replayCommand } from '../../src/commands/replay.ts';
import { describeNewestKafka } from '../support/broker.ts';
import { aContext } from '../support/command-context.ts';
import { openStage } from '../support/stage.ts';

const OUTCOME = 'stopped before all answers; they stay in the retry topic until a `rollcall run` reads them';

describeNewestKafka('replay now', ({ brokers }) => {
  test('says what becomes of its requests where it is stopped before they are answered', async () => {
    // given a change that was given up, and no instance that answers
    const stage = await openStage(brokers);
    const service = stage.process({ SLOW_RETRY_SCHEDULE_MS: '' });
    await stage.send({ group: 'missing', add: ['a'] });
    await stage.reported('permanent_failure');
    // The report is written first: a replay finds only what the live record says.
    const isDead = ({ value }: (typeof stage.retries)[number]): boolean =>
      Buffer.from(value ?? []).includes('"dead":{');
    await stage.until('the dead change in its live record', () => stage.retries.some(isDead));
    await service.kill();
    // when
    const context = aContext({ environment: { ...stage.environment() } });
    const ended = replayCommand(context).parseAsync(['now', '--all', '--yes'], { from: 'user' });
    ended.catch(() => undefined);
    const isRequest = ({ headers }: (typeof stage.retries)[number]): boolean =>
      headers.some(([name, value]) => name === 'rollcall-type' && Buffer.from(value ?? []).toString() === 'replay');
    await stage.until('a request', () => stage.retries.some(isRequest));
    context.ask();
    // then
    await expect(ended).rejects.toThrow(OUTCOME);
  });
});
