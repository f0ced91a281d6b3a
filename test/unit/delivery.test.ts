/** Records that are refused, and their letters: each is written until it is taken, and not again. */
import { expect, test } from 'vitest';
import { deliver, deliverNext, UnwrittenError } from '../../src/ingest/delivery.ts';
import type { OutRecord, SendOutcome } from '../../src/ports.ts';

const refused: SendOutcome = { kind: 'refused', error: new Error('no') };
const aLetter = (key: string): OutRecord => ({ topic: 'dead-letter', partition: null, key, value: 'v', headers: [] });
const letters = [aLetter('a'), aLetter('b')];

/** A queue that answers each offer in turn, and takes everything afterwards. */
function aQueue(...answers: readonly (readonly SendOutcome[])[]) {
  const left = [...answers];
  const offered: string[] = [];
  const pauses: number[] = [];
  const queue = {
    offer: async (records: readonly OutRecord[]) => {
      offered.push(records.map(({ key }) => String(key)).join(' '));
      return left.shift() ?? records.map((): SendOutcome => 'written');
    },
    pause: async (delayMs: number) => void pauses.push(delayMs),
  };
  return { offered, pauses, delivery: { queue, deadLetterTopic: 'dead-letter', origin: { source: 's', at: 1 } } };
}

test('a letter that was taken is not written again with one that is refused', async () => {
  const lines: string[] = [];
  const logger = { error: (_: object, message: string) => void lines.push(message) };
  const both = [refused, refused];
  const { offered, pauses, delivery } = aQueue(both, both, ['written', refused], [refused]);
  expect(await deliverNext(letters, { ...delivery, logger })).toBe(2);
  expect(offered).toEqual(['a b', 'a b', 'a b', 'b', 'b']);
  expect(pauses).toEqual([500, 1_000, 2_000]);
  expect(lines).toHaveLength(1);
});

test('of letters the one that is refused is named', async () => {
  const { delivery } = aQueue([refused, refused], ['written', refused]);
  const error = await deliver(letters, delivery)?.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(UnwrittenError);
  expect(error).toMatchObject({
    deadLetters: [{ key: 'b' }],
    message: expect.stringContaining('dead-letter') as string,
  });
});
