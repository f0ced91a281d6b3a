/** A request to decide that was carried out by a former owner, and is read again by the next one (protocol.md 11, 12). */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { sha256 } from '../../../src/adapters/system.ts';
import { heldDigest } from '../../../src/core/group/guard.ts';
import { parseRetryRecord } from '../../../src/core/log/live-record.ts';
import { decisionValue, parseAnswer, requestKey } from '../../../src/core/log/request-record.ts';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import { answer, QuickWorld } from '../../support/quick-world.ts';

const guard = { groupPercent: 100, groupFloor: 10, groupCount: 2, windowCount: 1_000_000, windowMs: 600_000 };
/** Nothing is tried again within the test. */
const retry = { baseMs: 3_600_000, capMs: 3_600_000, attemptsMax: 5, slowScheduleMs: [3_600_000] };

/** Asks for a decision, and answers what the owner says. */
async function decide(world: QuickWorld, kind: 'approve' | 'reject', digest: string): Promise<string> {
  const key = requestKey(randomUUID());
  const headers = [textHeader('rollcall-type', kind)];
  world.broker.append([{ topic: 'retry', partition: 0, key, value: decisionValue(digest, 'jane'), headers }]);
  await world.clock.advance(5_000);
  const own = world.records('retry').filter((record) => Buffer.from(record.key ?? []).toString() === key);
  const said = own.flatMap(({ value, headers: each }) => parseAnswer(value, each) ?? []).at(-1);
  return said !== undefined && 'digest' in said ? `${said.verdict} ${said.count}` : 'nothing';
}

/** Of what the last live record holds. */
function digestOf(world: QuickWorld): string {
  const states = world.records('retry').map((record) => parseRetryRecord(record));
  const last = states.findLast((each) => each.kind === 'state');
  const digest = last?.kind === 'state' ? heldDigest(last.group, last.intents, sha256) : null;
  if (digest === null) throw new Error('nothing is held');
  return digest;
}

test.each(['approve', 'reject'] as const)('%s: the next owner answers as the first one', async (kind) => {
  const world = new QuickWorld({ pipeline: { guard, retry } });
  const one = await world.start();
  world.produce({ add_members: ['a', 'b', 'c'] });
  await world.clock.advance(5_000);
  world.target.onPatch = () => answer(503);
  world.produce({ remove_members: ['a', 'b', 'c'] });
  await world.clock.advance(5_000);
  const digest = digestOf(world);
  const first = await decide(world, kind, digest);
  expect(first).toBe(kind === 'approve' ? 'approved 3' : 'rejected 3');
  one.kill();
  await world.start();
  expect(await decide(world, kind, digest)).toBe(first);
  // and of what was never held nothing is known
  expect(await decide(world, kind, '0'.repeat(64))).toBe('gone 0');
});
