/**
 * What an operator has refused, and a replay holds again, keeps its digest: only an approval behind the replay counts
 * (protocol.md 11.2).
 */
import { expect, test } from 'vitest';
import { sha256 } from '../../../src/adapters/system.ts';
import { heldDigest } from '../../../src/core/group/guard.ts';
import { parseRetryRecord } from '../../../src/core/log/live-record.ts';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import { parseAnswer, requestKey } from '../../../src/core/log/request-record.ts';
import { wholeDecision } from '../../support/decisions.ts';
import { QuickWorld } from '../../support/quick-world.ts';

type Kind = 'approve' | 'reject' | 'replay';

/** The record of the retry topic by which an operator asks for it. */
function requestOf(kind: Kind, uuid: string, digest: string) {
  const pending = ['a', 'b'].map((member) => ({ member, topic: 'source', partition: 0, offset: '0' }));
  const value = kind === 'replay' ? JSON.stringify({ v: 1, group: 'g', pending }) : wholeDecision(digest, 'jane');
  return { topic: 'retry', partition: 0, key: requestKey(uuid), value, headers: [textHeader('rollcall-type', kind)] };
}

/** An empty full state of two members is held, and refused. */
async function refused(): Promise<{ readonly world: QuickWorld; readonly digest: string }> {
  const world = new QuickWorld();
  for (const member of ['a', 'b']) world.target.group('g').members.add(member);
  const { pipeline } = await world.start();
  world.produce({ members: [], complete: true });
  await world.clock.advance(5_000);
  expect(pipeline.stats().held).toBe(2);
  const record = world
    .records('retry')
    .map((each) => parseRetryRecord(each))
    .findLast(({ kind }) => kind === 'state');
  const digest = heldDigest('g', record?.kind === 'state' ? record.intents : [], sha256) ?? '';
  world.broker.append([requestOf('reject', 'refusal', digest)]);
  await world.clock.advance(5_000);
  expect(pipeline.stats().held).toBe(0);
  return { world, digest };
}

function answerTo(world: QuickWorld, uuid: string): unknown {
  const records = world.records('retry').filter(({ key }) => String(Buffer.from(key ?? [])) === requestKey(uuid));
  return records.flatMap(({ value, headers }) => parseAnswer(value, headers) ?? [])[0];
}

const members = ({ target }: QuickWorld): readonly string[] => [...target.group('g').members];

test('approval: an approval behind the replay releases what was refused, also where both are read in one turn', async () => {
  const { world, digest } = await refused();
  world.broker.append([requestOf('replay', 'replay', digest), requestOf('approve', 'approval', digest)]);
  await world.clock.advance(5_000);
  expect(answerTo(world, 'approval')).toMatchObject({ verdict: 'approved', count: 2 });
  expect(members(world)).toEqual([]);
});

test('approval: an approval before the replay releases nothing, also where both are read in one turn', async () => {
  const { world, digest } = await refused();
  world.broker.append([requestOf('approve', 'approval', digest), requestOf('replay', 'replay', digest)]);
  await world.clock.advance(5_000);
  expect(answerTo(world, 'approval')).toMatchObject({ verdict: 'gone', count: 0 });
  expect(members(world)).toEqual(['a', 'b']);
  // what is held again waits for an approval of its own
  world.broker.append([requestOf('approve', 'other', digest)]);
  await world.clock.advance(5_000);
  expect(answerTo(world, 'other')).toMatchObject({ verdict: 'approved', count: 2 });
  expect(members(world)).toEqual([]);
});

test('approval: a replay alone releases nothing of what was refused', async () => {
  const { world, digest } = await refused();
  world.broker.append([requestOf('replay', 'replay', digest)]);
  await world.clock.advance(3_600_000);
  expect(members(world)).toEqual(['a', 'b']);
});
