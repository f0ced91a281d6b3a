/** `replay now` that is stopped after its requests were written, on real brokers. */
import { expect, test } from 'vitest';
import { replayCommand } from '../../src/commands/replay.ts';
import { describeNewestKafka } from '../support/broker.ts';
import { aContext } from '../support/command-context.ts';
import { openKafkaHarness } from '../support/kafka-harness.ts';

const OUTCOME = 'stopped before all answers; they stay in the retry topic until a `rollcall run` reads them';

describeNewestKafka('replay now', ({ brokers }) => {
  test('says what becomes of its requests where it is stopped before they are answered', async () => {
    // given a change that was given up, and no instance that answers
    const harness = await openKafkaHarness(brokers);
    const service = harness.process({ SLOW_RETRY_SCHEDULE_MS: '' });
    await harness.send({ group: 'missing', add: ['a'] });
    await harness.reported('permanent_failure');
    // The report is written first: a replay finds only what the live record says.
    const isDead = ({ value }: (typeof harness.retries)[number]): boolean =>
      Buffer.from(value ?? []).includes('"dead":{');
    await harness.until('the dead change in its live record', () => harness.retries.some(isDead));
    await service.kill();
    // when
    const host = aContext({ environment: { ...harness.environment() } });
    const ended = replayCommand(host).parseAsync(['now', '--all', '--yes'], { from: 'user' });
    ended.catch(() => undefined);
    const isRequest = ({ headers }: (typeof harness.retries)[number]): boolean =>
      headers.some(([name, value]) => name === 'rollcall-type' && Buffer.from(value ?? []).toString() === 'replay');
    await harness.until('a request', () => harness.retries.some(isRequest));
    host.ask();
    // then
    await expect(ended).rejects.toThrow(OUTCOME);
  });
});
