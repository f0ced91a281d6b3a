/** Places that are written to, or committed to, one after the other: which of them a round still tries. */
import { expect, test } from 'vitest';
import { Partitions } from '../../src/pipeline/state/partitions.ts';
import { type Place, Unsettled } from '../../src/pipeline/state/unsettled.ts';
import { tryEach } from '../../src/pipeline/settle/writer.ts';
import { aLog } from '../support/genesys.ts';
import { ManualClock } from '../support/manual-clock.ts';

function aRound() {
  const unsettled = new Unsettled();
  const owners = { partitions: new Partitions(), unsettled, clock: new ManualClock(), logger: aLog() };
  /** Each place is named after its fate. Answers which of them were tried. */
  const run = async (names: readonly string[]): Promise<readonly string[]> => {
    const tried: string[] = [];
    const places = names.map((name): { place: Place } => ({ place: { name, topic: 't', act: 'write', owner: null } }));
    await tryEach(owners, places, async ({ place: { name } }) => {
      tried.push(name);
      return name.startsWith('sick') ? new Error(name) : null;
    });
    return tried;
  };
  return { owners, unsettled, run };
}

test('after two failures in a row the rest waits, and says why', async () => {
  const { owners, unsettled, run } = aRound();
  expect(await run(['sick 1', 'sick 2', 'well 1', 'well 2'])).toEqual(['sick 1', 'sick 2']);
  expect(unsettled.isWaiting('well 2', owners.clock.now())).toBe(true);
  expect(unsettled.list()).toMatchObject([{ topic: 't', error: 'sick 1' }]);
});

test('a success between two failures shows that the log is there: the rest is tried', async () => {
  const { run } = aRound();
  const all = ['sick 1', 'well 1', 'sick 2', 'well 2', 'sick 3', 'well 3'];
  expect(await run(all)).toEqual(all);
});

test('what was passed over is tried first in the next round', async () => {
  const { owners, run } = aRound();
  await owners.clock.advance(1_000);
  await run(['sick 1', 'sick 2', 'well']);
  await owners.clock.advance(1_000);
  expect(await run(['sick 1', 'sick 2', 'well'])).toEqual(['well', 'sick 1', 'sick 2']);
});
