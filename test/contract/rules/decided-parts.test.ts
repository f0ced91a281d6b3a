/** A decision about a part of what is held of a group (protocol.md 11.2, 12.2): just that is decided, and the rest stays held. */
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/adapters/system.ts';
import { heldDigest } from '../../../src/core/group/guard.ts';
import { decisionValue, NAMED_MAX } from '../../../src/core/log/request-record.ts';
import { decide, digestOf, heldIn, partDecision, wholeDecision } from '../../support/decisions.ts';
import { answer, QuickWorld, type QuickOptions } from '../../support/quick-world.ts';
import { congruential, SeededRandom } from '../../support/random.ts';

const guard = { groupPercent: 100, groupFloor: 10, groupCount: 2, windowCount: 1_000_000, windowMs: 600_000 };
const retry = { baseMs: 3_600_000, capMs: 3_600_000, attemptsMax: 5, slowScheduleMs: [3_600_000] };

const FIVE = ['a', 'b', 'c', 'd', 'e'];

/** The removals of these are held; `x` stays in the group. */
async function held(members: readonly string[] = FIVE, { pipeline, ...options }: QuickOptions = {}) {
  const world = new QuickWorld({ ...options, pipeline: { guard, ...pipeline } });
  for (const name of [...members, 'x']) world.target.group('g').members.add(name);
  const one = await world.start();
  world.produce({ remove_members: members });
  await world.clock.advance(5_000);
  expect(heldIn(world)).toHaveLength(members.length);
  const of = (...names: readonly string[]) => heldIn(world).filter(({ member }) => names.includes(member));
  return { world, one, of };
}

const members = ({ target }: QuickWorld): readonly string[] => [...target.group('g').members].toSorted();
const heldNames = (world: QuickWorld): readonly string[] => heldIn(world).map(({ member }) => member);

/** As the newest live record says beside each removal that is held. */
function shownDigests(world: QuickWorld): readonly unknown[] {
  const last = world.records('retry').findLast(({ key }) => String(Buffer.from(key ?? [])) === 'g');
  const { pending } = JSON.parse(String(Buffer.from(last?.value ?? []))) as {
    pending: readonly { held?: { digest: string } }[];
  };
  return [...new Set(pending.flatMap((each) => each.held?.digest ?? []))];
}

const reportsOf = (world: QuickWorld, member: string) => world.reports().filter((each) => each.member === member);

describe('a part', () => {
  test('is approved, and the rest stays held under the digest of what is left, with the report that it has', async () => {
    const { world, of } = await held();
    expect(await decide(world, 'approve', partDecision(of('a', 'b'), 'they left'))).toBe('approved 2');
    expect([members(world), heldNames(world)]).toEqual([
      ['c', 'd', 'e', 'x'],
      ['c', 'd', 'e'],
    ]);
    expect(shownDigests(world)).toEqual([digestOf(of('c', 'd', 'e'))]);
    for (const name of ['c', 'd', 'e']) expect(reportsOf(world, name)).toMatchObject([{ outcome: 'held' }]);
    for (const name of ['a', 'b'])
      expect(reportsOf(world, name).at(-1)).toMatchObject({
        outcome: 'applied',
        approval: { author: 'jane', reason: 'they left' },
      });
    // and an operator who reads the retry topic then decides about the rest as about any set
    expect(await decide(world, 'approve', wholeDecision(digestOf(of('c', 'd', 'e'))))).toBe('approved 3');
    expect(members(world)).toEqual(['x']);
  });

  test('is refused, and the rest stays held', async () => {
    const { world, of } = await held();
    const value = partDecision(of('a', 'b'), 'the reorganisation is next week');
    const { digest } = JSON.parse(value) as { digest: string };
    expect(await decide(world, 'reject', value)).toBe('rejected 2');
    expect([members(world), heldNames(world)]).toEqual([
      [...FIVE, 'x'],
      ['c', 'd', 'e'],
    ]);
    expect(reportsOf(world, 'a').at(-1)).toMatchObject({
      outcome: 'failed',
      reason: { code: 'refused', message: 'jane has refused this removal: the reorganisation is next week.' },
      refusal: { digest, author: 'jane', reason: 'the reorganisation is next week' },
    });
    const letters = world.records('deadLetter').map(({ value: each }) => String(Buffer.from(each ?? [])));
    expect(letters.map((text) => (JSON.parse(text) as { pending: object[] }).pending[0])).toMatchObject(
      ['a', 'b'].map((member) => ({ member, dead: { reason: 'refused', refusal: { digest, author: 'jane' } } })),
    );
    expect(await decide(world, 'approve', wholeDecision(digestOf(of('c', 'd', 'e'))))).toBe('approved 3');
    expect(members(world)).toEqual(['a', 'b', 'x']);
  });

  test.each(['approve', 'reject'] as const)(
    'that was decided (%s) leaves a rest that the next owner holds, and can decide about',
    async (kind) => {
      const { world, one, of } = await held();
      await decide(world, kind, partDecision(of('a', 'b')));
      one.kill();
      await world.start();
      await world.clock.advance(30_000);
      expect(heldNames(world)).toEqual(['c', 'd', 'e']);
      expect(await decide(world, kind, partDecision(of('d')))).toMatch(/ 1$/);
      expect(await decide(world, 'approve', wholeDecision(digestOf(of('c', 'e'))))).toBe('approved 2');
      expect(members(world)).toEqual(kind === 'approve' ? ['x'] : ['a', 'b', 'd', 'x']);
    },
  );

  test('keeps its reason where the approval is carried out by the next owner', async () => {
    const { world, one, of } = await held(FIVE, { pipeline: { retry } });
    world.target.onPatch = () => answer(503);
    expect(await decide(world, 'approve', partDecision(of('a'), 'she left'))).toBe('approved 1');
    one.kill();
    world.target.onPatch = () => null;
    await world.start();
    await world.clock.advance(2 * 3_600_000);
    expect(reportsOf(world, 'a').at(-1)).toMatchObject({
      final: true,
      outcome: 'recovered',
      approval: { author: 'jane', reason: 'she left' },
    });
    expect(members(world)).toEqual(['b', 'c', 'd', 'e', 'x']);
  });

  test.each(['approve', 'reject'] as const)(
    'of which one member is not held any more is not decided about: %s',
    async (kind) => {
      const { world, of } = await held();
      const value = partDecision(of('a', 'b'));
      world.produce({ add_members: ['b'] });
      await world.clock.advance(5_000);
      expect(await decide(world, kind, value)).toBe('gone 0');
      expect([members(world), heldNames(world)]).toEqual([
        [...FIVE, 'x'],
        ['a', 'c', 'd', 'e'],
      ]);
    },
  );

  test('is not what has the same members at other positions', async () => {
    const { world, of } = await held();
    const value = partDecision(of('a', 'b'));
    world.produce({ remove_members: ['a', 'b', 'c'] });
    await world.clock.advance(5_000);
    expect(heldNames(world).toSorted()).toEqual(FIVE);
    expect(await decide(world, 'approve', value)).toBe('gone 0');
    expect(await decide(world, 'approve', partDecision(of('a', 'b')))).toBe('approved 2');
  });

  test('does not depend on what else is held of its group', async () => {
    const { world, of } = await held();
    const value = partDecision(of('a', 'b'));
    world.produce({ add_members: ['e', 'p', 'q', 'r'] });
    world.produce({ remove_members: ['p', 'q', 'r'] });
    await world.clock.advance(5_000);
    expect(heldNames(world).toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect(await decide(world, 'approve', value)).toBe('approved 2');
    expect(members(world)).toEqual(['c', 'd', 'e', 'x']);
  });

  test('is just what its digest names, whatever else it lists, and in no other group', async () => {
    const { world, of } = await held();
    const listed = JSON.parse(partDecision(of('a', 'b', 'c'))) as { part: object };
    const digest = digestOf(of('a', 'b'));
    expect(await decide(world, 'approve', JSON.stringify({ ...listed, digest }))).toBe('gone 0');
    const elsewhere = { ...listed, part: { ...listed.part, group: 'h' } };
    expect(await decide(world, 'approve', JSON.stringify(elsewhere))).toBe('gone 0');
    // Not even where the digest is that of all.
    const all = JSON.stringify({ ...listed, digest: digestOf(of(...FIVE)) });
    expect(await decide(world, 'approve', all)).toBe('gone 0');
    expect([members(world), heldNames(world)]).toEqual([[...FIVE, 'x'], FIVE]);
  });

  test('that names one twice counts it once', async () => {
    const { world, of } = await held();
    const { part, ...rest } = JSON.parse(partDecision(of('a', 'b'))) as { part: { pending: readonly object[] } };
    const twice = { ...rest, part: { ...part, pending: [...part.pending, ...part.pending] } };
    expect(await decide(world, 'approve', JSON.stringify(twice))).toBe('approved 2');
  });

  test('that names too many is answered so, and nothing of it is decided', async () => {
    const many = Array.from({ length: NAMED_MAX + 1 }, (_, i) => `m${i}`);
    const { world } = await held(many);
    expect(await decide(world, 'approve', partDecision(heldIn(world)))).toBe('too_many 0');
    expect(members(world)).toHaveLength(many.length + 1);
    expect(await decide(world, 'approve', partDecision(heldIn(world).slice(0, NAMED_MAX)))).toBe(
      `approved ${NAMED_MAX}`,
    );
    expect(members(world)).toHaveLength(2);
  });
});

test('a part of what is held for unknown members: the rest stays held, also for the next owner', async () => {
  const world = new QuickWorld();
  for (const name of FIVE) world.target.group('g').members.add(name);
  world.target.onPatch = ({ body }) =>
    body.Operations.some(({ value }) => value?.some((each) => each.value === 'who'))
      ? answer(400, { body: { scimType: 'invalidValue', detail: 'unknown' } })
      : null;
  const one = await world.start();
  world.produce({ members: ['who', 'x'], complete: true });
  await world.clock.advance(5_000);
  const of = (...names: readonly string[]) => heldIn(world).filter(({ member }) => names.includes(member));
  expect(heldNames(world).toSorted()).toEqual(FIVE);
  expect(await decide(world, 'approve', partDecision(of('a', 'b')))).toBe('approved 2');
  await world.clock.advance(60_000);
  expect(members(world)).toEqual(['c', 'd', 'e', 'x']);
  one.kill();
  await world.start();
  await world.clock.advance(600_000);
  expect([members(world), heldNames(world).toSorted()]).toEqual([
    ['c', 'd', 'e', 'x'],
    ['c', 'd', 'e'],
  ]);
  // Once all are approved, who is unknown is accepted.
  expect(await decide(world, 'approve', wholeDecision(digestOf(of('c', 'd', 'e'))))).toBe('approved 3');
  expect(members(world)).toEqual(['x']);
});

test('a part is approved where the live record is full: the room that was kept for it is used', async () => {
  const random = new SeededRandom(congruential(88_675_123));
  const digit = (): string => random.below(16).toString(16);
  const users = Array.from({ length: 40 }, () => 'xxxxxxxx-xxxx-4xxx-9xxx-xxxxxxxxxxxx'.replace(/x/g, digit));
  const reason = Array.from({ length: 100 }, digit).join('');
  // Some of these limits have room for all that is held, and for no more.
  for (let bytes = 1_700; bytes < 2_400; bytes += 20) {
    const world = new QuickWorld({ retryRecordMaxBytes: bytes, pipeline: { guard, retry } });
    for (const name of [...users, 'x']) world.target.group('g').members.add(name);
    await world.start();
    world.produce({ remove_members: users });
    await world.clock.advance(120_000);
    if (heldIn(world).length < users.length) continue;
    world.target.onPatch = () => answer(503);
    const value = partDecision(heldIn(world).slice(0, 2), reason);
    expect([bytes, await decide(world, 'approve', value)]).toEqual([bytes, 'approved 2']);
    world.target.onPatch = () => null;
    await world.clock.advance(2 * 3_600_000);
    expect(members(world)).toHaveLength(39);
    expect(heldIn(world)).toHaveLength(38);
    return;
  }
  throw new Error('no record was full');
});

test('the rest of what was decided in pieces is found by its digest, however many pieces there were', async () => {
  const users = Array.from({ length: 30 }, (_, i) => `m${i}`);
  const { world, one } = await held(users, { pipeline: { retry } });
  world.target.onPatch = () => answer(503);
  for (let i = 0; i < 12; i += 1) {
    const piece = heldIn(world).slice(0, 2);
    expect(await decide(world, i % 2 === 0 ? 'approve' : 'reject', partDecision(piece))).toMatch(/ed 2$/);
  }
  one.kill();
  await world.start();
  const rest = heldIn(world);
  expect(heldDigest('g', rest, sha256)).toBe(shownDigests(world)[0]);
  expect(await decide(world, 'approve', wholeDecision(digestOf(rest)))).toBe('approved 6');
});

test('a request of an older version has neither part nor reason, and the report says so', async () => {
  const { world, of } = await held();
  const value = JSON.stringify({ v: 1, digest: digestOf(of(...FIVE)), author: 'jane' });
  expect(await decide(world, 'approve', value)).toBe('approved 5');
  expect(reportsOf(world, 'a').at(-1)).toMatchObject({ approval: { author: 'jane', reason: null } });
});

test('a part of which some is unreadable is never taken for the whole', async () => {
  const { world, of } = await held();
  const all = of(...FIVE);
  const whole = { digest: digestOf(all), author: 'jane', reason: null, part: null };
  const forged = { ...(JSON.parse(decisionValue(whole)) as object), part: { group: 'g', pending: [{ member: 7 }] } };
  expect(await decide(world, 'approve', JSON.stringify(forged))).toBe('nothing');
  expect(heldNames(world)).toEqual(FIVE);
});
