/**
 * An approval is about the users that the operator was shown: a corrected id map does not make it remove others
 * (protocol.md 11.2).
 */
import { expect, test } from 'vitest';
import { sha256 } from '../../../src/adapters/system.ts';
import type { Intent } from '../../../src/core/change/change.ts';
import { heldDigest } from '../../../src/core/group/guard.ts';
import { parseRetryRecord } from '../../../src/core/log/live-record.ts';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import { parseAnswer, requestKey } from '../../../src/core/log/request-record.ts';
import { wholeDecision } from '../../support/decisions.ts';
import { answer, QuickWorld } from '../../support/quick-world.ts';
import { Table } from '../../support/table.ts';

const guard = { groupPercent: 30, groupFloor: 2, groupCount: 500, windowCount: 5_000, windowMs: 600_000 };

interface Given {
  readonly world: QuickWorld;
  readonly ids: Table;
}

/** Of three members one is to be removed, which is held. */
async function given(): Promise<Given & Awaited<ReturnType<QuickWorld['start']>>> {
  const ids = new Table().set('group', 'g', 'g').set('user', 'okta-a', 'a');
  const world = new QuickWorld({ ids, pipeline: { guard } });
  for (const member of ['a', 'b', 'c']) world.target.group('g').members.add(member);
  const started = await world.start();
  world.produce({ remove_members: ['okta-a'] });
  await world.clock.advance(5_000);
  expect(started.pipeline.stats().held).toBe(1);
  return { world, ids, ...started };
}

const lastRecord = ({ world }: Given) =>
  world.records('retry').findLast(({ key }) => String(Buffer.from(key ?? [])) === 'g');

function lastIntents(all: Given): readonly Intent[] {
  const record = lastRecord(all);
  const parsed = record === undefined ? null : parseRetryRecord(record);
  return parsed?.kind === 'state' ? parsed.intents : [];
}

const lastEntry = (all: Given) => JSON.parse(String(Buffer.from(lastRecord(all)?.value ?? []))).pending[0];
const digestOf = (all: Given): string => heldDigest('g', lastIntents(all), sha256) ?? '';
const members = ({ world }: Given): readonly string[] => [...world.target.group('g').members].toSorted();

let asked = 0;
/** What an operator is answered who approves it. */
async function approve({ world }: Given, digest: string): Promise<unknown> {
  const key = requestKey(`approval-${++asked}`);
  const headers = [textHeader('rollcall-type', 'approve')];
  world.broker.append([{ topic: 'retry', partition: 0, key, value: wholeDecision(digest, 'jane'), headers }]);
  await world.clock.advance(5_000);
  const said = world
    .records('retry')
    .filter((record) => String(Buffer.from(record.key ?? [])) === key)
    .flatMap((record) => parseAnswer(record.value, record.headers) ?? []);
  return said.map((each) => 'verdict' in each && each.verdict)[0];
}

test('approval: the digest covers whom the id map names, where that is another id', async () => {
  const all = await given();
  expect(lastEntry(all)).toMatchObject({ member: 'okta-a', held: { target: 'a', group_target: 'g' } });
  const digest = sha256(JSON.stringify(['g', ['source/0/0/okta-a', 'a']]));
  expect([digestOf(all), lastEntry(all).held.digest]).toEqual([digest, digest]);
  expect(await approve(all, digest)).toBe('approved');
  expect(members(all)).toEqual(['b', 'c']);
});

test('approval: corrected while it is held, the row makes another digest, and the old approval releases nothing', async () => {
  const all = await given();
  const before = digestOf(all);
  all.ids.set('user', 'okta-a', 'b');
  await all.world.clock.advance(5_000);
  expect(await approve(all, before)).toBe('gone');
  expect(members(all)).toEqual(['a', 'b', 'c']);
  expect(digestOf(all)).not.toBe(before);
  expect(lastEntry(all)).toMatchObject({ held: { by: 'group_percent', target: 'b', group_size: 3 } });
  expect(all.world.reports().at(-1)).toMatchObject({ outcome: 'held', id: 'source/0/0/okta-a#held' });
  expect(await approve(all, digestOf(all))).toBe('approved');
  expect(members(all)).toEqual(['a', 'c']);
});

test('approval: corrected between two owners, the row makes another digest, too', async () => {
  const all = await given();
  const before = digestOf(all);
  all.kill();
  all.ids.set('user', 'okta-a', 'b');
  await all.world.start();
  await all.world.clock.advance(30_000);
  expect(await approve(all, before)).toBe('gone');
  expect(members(all)).toEqual(['a', 'b', 'c']);
  expect(await approve(all, digestOf(all))).toBe('approved');
  expect(members(all)).toEqual(['a', 'c']);
});

test.each(['a restart', 'no restart'])(
  'approval: corrected between approval and dispatch, the removal is held again (%s)',
  async (way) => {
    const all = await given();
    const { onPatch } = all.world.target;
    all.world.target.onPatch = () => answer(503);
    expect(await approve(all, digestOf(all))).toBe('approved');
    const approved = lastEntry(all);
    expect(approved).toMatchObject({ approval: { author: 'jane', target: 'a' } });
    if (way === 'a restart') all.kill();
    all.ids.set('user', 'okta-a', 'b');
    all.world.target.onPatch = onPatch;
    if (way === 'a restart') await all.world.start();
    await all.world.clock.advance(90_000);
    expect(members(all)).toEqual(['a', 'b', 'c']);
    expect(lastEntry(all)).toMatchObject({ held: { by: 'target_changed', target: 'b' } });
    expect(all.world.reports().at(-1)).toMatchObject({ outcome: 'held', reason: { code: 'target_changed' } });
    expect(digestOf(all)).not.toBe(approved.approval.digest);
    expect(await approve(all, digestOf(all))).toBe('approved');
    await all.world.clock.advance(90_000);
    expect(members(all)).toEqual(['a', 'c']);
  },
);

test.each(['while it is held', 'once it is approved'])(
  'approved removals: a row of the group that is corrected %s removes no member of the other group',
  async (when) => {
    const all = await given();
    for (const member of ['a', 'x', 'y']) all.world.target.group('other').members.add(member);
    const before = digestOf(all);
    const { onPatch } = all.world.target;
    all.world.target.onPatch = () => answer(503);
    if (when === 'once it is approved') expect(await approve(all, before)).toBe('approved');
    all.ids.set('group', 'g', 'other');
    all.world.target.onPatch = onPatch;
    await all.world.clock.advance(90_000);
    if (when === 'while it is held') expect(await approve(all, before)).toBe('gone');
    expect([...all.world.target.group('other').members]).toEqual(['a', 'x', 'y']);
    expect(members(all)).toEqual(['a', 'b', 'c']);
    expect(lastEntry(all)).toMatchObject({ held: { target: 'a', group_target: 'other' } });
    expect(digestOf(all)).toBe(sha256(JSON.stringify(['g', ['source/0/0/okta-a', 'a', 'other']])));
    expect(await approve(all, digestOf(all))).toBe('approved');
    await all.world.clock.advance(90_000);
    expect([...all.world.target.group('other').members]).toEqual(['x', 'y']);
  },
);

test('approval: below the limits of the guard it is held as well', async () => {
  const all = await given();
  const { onPatch } = all.world.target;
  all.world.target.onPatch = () => answer(503);
  await approve(all, digestOf(all));
  for (let i = 0; i < 20; i++) all.world.target.group('g').members.add(`m${i}`);
  all.world.target.group('g').version += 1;
  all.ids.set('user', 'okta-a', 'b');
  all.world.target.onPatch = onPatch;
  await all.world.clock.advance(90_000);
  expect(members(all)).toHaveLength(23);
  expect(lastEntry(all)).toMatchObject({ held: { by: 'target_changed' } });
});

test('approval: an approval of an older version, which names no target, stays valid', async () => {
  const all = await given();
  const { onPatch } = all.world.target;
  all.world.target.onPatch = () => answer(503);
  await approve(all, digestOf(all));
  all.kill();
  const { target: _, group_target: __, ...approval } = lastEntry(all).approval;
  const value = JSON.stringify({ v: 1, group: 'g', pending: [{ ...lastEntry(all), approval }] });
  const headers = lastRecord(all)?.headers ?? [];
  all.world.broker.append([{ topic: 'retry', partition: 0, key: 'g', value, headers }]);
  all.world.target.onPatch = onPatch;
  await all.world.start();
  await all.world.clock.advance(90_000);
  expect(members(all)).toEqual(['b', 'c']);
});

test('approval: what an older version holds can be approved by the digest that it has written', async () => {
  const all = await given();
  all.kill();
  const { target: _, group_target: __, ...held } = lastEntry(all).held;
  const digest = sha256(JSON.stringify(['g', 'source/0/0/okta-a']));
  const value = JSON.stringify({ v: 1, group: 'g', pending: [{ ...lastEntry(all), held: { ...held, digest } }] });
  const headers = lastRecord(all)?.headers ?? [];
  all.world.broker.append([{ topic: 'retry', partition: 0, key: 'g', value, headers }]);
  await all.world.start();
  await all.world.clock.advance(30_000);
  expect(await approve(all, digest)).toBe('approved');
  expect(members(all)).toEqual(['b', 'c']);
});
