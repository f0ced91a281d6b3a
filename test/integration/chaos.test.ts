/** The short form of `npm run chaos`: everything that can fail does, in a minute, and no promise is broken. */
import { expect, inject, test } from 'vitest';
import { accountLines, failures } from '../chaos/account.ts';
import { runChaos } from '../chaos/run.ts';
import { sizeOf } from '../chaos/scale.ts';
import { describeOwnKafka } from '../support/broker.ts';

const [newest] = inject('kafka').startable;

describeOwnKafka('several instances under load', (kafka) => {
  const size = sizeOf('short', kafka);
  test.runIf(kafka === newest)(
    'keep every promise while instances, the broker and the target fail',
    { timeout: 2 * size.limitMs },
    async () => {
      // given
      const said: string[] = [];
      // when
      const account = await runChaos({ kafka, size, seed: 1, say: (line) => said.push(line) });
      // then
      expect(failures(account), [...said, ...accountLines(account)].join('\n')).toEqual([]);
    },
  );
});
