/**
 * Requests of operators (protocol.md 12.3) where a key is set: what is not signed with it, is old or was read before has
 * no effect.
 */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { MemoryLog } from '../../../src/adapters/memory-log/memory-log.ts';
import { operatorKey } from '../../../src/adapters/private-file.ts';
import { sha256 } from '../../../src/adapters/system.ts';
import { decideHeld } from '../../../src/commands/held.ts';
import { replayNow } from '../../../src/commands/replay.ts';
import { heldDigest } from '../../../src/core/group/guard.ts';
import { header, textHeader } from '../../../src/core/log/wire-intent.ts';
import { parseAnswer, requestKey, signed, type OperatorKey } from '../../../src/core/log/request-record.ts';
import { EXIT } from '../../../src/exit-codes.ts';
import type { OutRecord } from '../../../src/ports.ts';
import { partDecision, wholeDecision } from '../../support/decisions.ts';
import { aContext } from '../../support/command-context.ts';
import { aRequest, anIntent, expire, failing } from '../../support/retry-records.ts';
import { aWorld, topics, type Instance, type World, until } from '../../support/world.ts';

const key = operatorKey(() => 'the-key-of-the-operators');
const otherKey = operatorKey(() => 'the-key-of-a-stranger');
const MINUTE = 60_000;
const once = { retry: { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [] } };

/** An add of `u` that was given up; the target works again. */
async function aDeadAdd(own: { readonly operatorKey?: OperatorKey }): Promise<{ world: World; one: Instance }> {
  const world = await aWorld();
  const repair = failing(world);
  world.change('g', { add: ['u'] });
  const one = await world.start({ pipeline: once, ...own });
  await world.expectRest(one);
  repair();
  return { world, one };
}

/** Three of four members are held. */
async function heldRemovals(own: { readonly operatorKey?: OperatorKey }): Promise<{ world: World; one: Instance }> {
  const members = ['a', 'b', 'c', 'd'];
  const world = await aWorld({ sandbox: { seed: { groups: [{ id: 'g', members, version: 1 }] } } });
  const guard = { groupPercent: 30, groupFloor: 2, groupCount: 500, windowCount: 5_000, windowMs: 600_000 };
  const one = await world.start({ pipeline: { guard }, ...own });
  world.change('g', { remove: ['a', 'b', 'c'] });
  await world.expectRest(one);
  return { world, one };
}

/** The report of the dead add is replaced by the one of its landing. */
const landed = (world: World): Promise<void> => until(() => world.outcome(0n, 'u') === 'applied', 'the new report');

const digestOf = (world: World): string => heldDigest('g', world.lastState('g')?.intents ?? [], sha256) ?? '';

function aReplay(uuid: string = randomUUID()): OutRecord & { readonly partition: number; readonly key: string } {
  const { topic, value } = aRequest(uuid, [anIntent({ offset: 0n, op: 'add' })]);
  return { topic, partition: 0, key: requestKey(uuid), value, headers: [textHeader('rollcall-type', 'replay')] };
}

/** What the tombstones of its request say, in their order. */
function verdictsOn(world: World, { key }: Pick<OutRecord, 'key'>): readonly string[] {
  const records = world.records(topics.retry).filter((record) => String(Buffer.from(record.key ?? [])) === key);
  return records.flatMap(({ value, headers }) => {
    const answer = parseAnswer(value, headers);
    if (answer === null) return [];
    return answer.kind === 'replay' ? answer.verdicts.map(({ verdict }) => verdict) : [answer.verdict];
  });
}

async function verdictOn(world: World, request: OutRecord): Promise<string | undefined> {
  const before = verdictsOn(world, request).length;
  world.produce(request);
  await until(() => verdictsOn(world, request).length > before, 'the answer');
  return verdictsOn(world, request).at(-1);
}

function toolsOf(world: World): MemoryLog {
  return new MemoryLog(world.broker, { groupId: 'command', clientId: 'command', topics });
}

/** As the command does it. */
async function replayCommand(world: World, own: { readonly operatorKey?: OperatorKey }) {
  const context = aContext();
  const code = await replayNow({
    flags: { all: true, yes: true },
    topic: topics.retry,
    tools: toolsOf(world),
    context,
    ...own,
  });
  return { code, out: context.out(), err: context.err() };
}

async function decideCommand(world: World, kind: 'approve' | 'reject', own: { readonly operatorKey?: OperatorKey }) {
  const context = aContext();
  const retry = { topic: topics.retry, tools: toolsOf(world), context, ...own };
  const code = await decideHeld(
    retry,
    { kind, digests: [digestOf(world)], groups: [], causes: [], members: [], author: 'jane', reason: null },
    {},
  );
  return { code, out: context.out(), err: context.err() };
}

test('signed request: both commands sign, and what they ask for is done', async () => {
  const dead = await aDeadAdd({ operatorKey: key });
  expect(await replayCommand(dead.world, { operatorKey: key })).toMatchObject({ code: EXIT.done });
  await landed(dead.world);
  expect(dead.world.sandbox.members('g')).toEqual(['u']);
  for (const [kind, left] of [
    ['approve', ['d']],
    ['reject', ['a', 'b', 'c', 'd']],
  ] as const) {
    const held = await heldRemovals({ operatorKey: key });
    expect(await decideCommand(held.world, kind, { operatorKey: key })).toMatchObject({ code: EXIT.done });
    await held.world.expectRest(held.one);
    expect(held.world.sandbox.members('g')).toEqual(left);
  }
});

test.each([
  ['unsigned', {}],
  ['bad_signature', { operatorKey: otherKey }],
] as const)(
  'signed request: a request that is %s has no effect; it is answered, counted and logged, and the command says why',
  async (why, own) => {
    const dead = await aDeadAdd({ operatorKey: key });
    const replayed = await replayCommand(dead.world, own);
    expect(replayed).toMatchObject({ code: EXIT.someFailed, out: expect.stringMatching(new RegExp(`^${why} `)) });
    expect(replayed.err).toContain('OPERATOR_KEY_FILE');
    await dead.world.expectRest(dead.one);
    expect(dead.world.sandbox.members('g')).toEqual([]);
    expect(dead.one.pipeline.stats().refusedRequests).toEqual({ [why]: 1 });
    const line = dead.one.logger.lines.find(({ message }) => message === 'a request in the retry topic is refused');
    expect(line?.fields).toMatchObject({ kind: 'replay', refusal: why });

    const held = await heldRemovals({ operatorKey: key });
    for (const kind of ['approve', 'reject'] as const) {
      const decided = await decideCommand(held.world, kind, own);
      expect(decided).toMatchObject({ code: EXIT.someFailed, out: expect.stringMatching(new RegExp(`^${why} `)) });
      expect(decided.err).toContain('OPERATOR_KEY_FILE');
    }
    await held.world.expectRest(held.one);
    expect(held.one.pipeline.stats().held).toBe(3);
  },
);

test('signed request: a signature holds for exactly what was signed', async () => {
  const { world, one } = await heldRemovals({ operatorKey: key });
  const digest = digestOf(world);
  const approval = {
    topic: topics.retry,
    partition: 0,
    key: requestKey(randomUUID()),
    value: wholeDecision(digest, 'jane'),
    headers: [textHeader('rollcall-type', 'approve')],
  };
  const good = signed(approval, Date.now(), key);
  const signature = good.headers.filter(([name]) => name === 'rollcall-signature');
  const issued = header(signature, 'rollcall-signature')?.split(' ')[1] ?? '';
  const forged = (text: string) => [...approval.headers, textHeader('rollcall-signature', text)];
  const text = header(signature, 'rollcall-signature') ?? '';
  const changed: readonly OutRecord[] = [
    { ...good, value: wholeDecision(digest, 'mallory') },
    { ...good, value: wholeDecision('0'.repeat(64), 'jane') },
    { ...good, key: requestKey(randomUUID()) },
    { ...good, headers: [textHeader('rollcall-type', 'reject'), ...signature] },
    { ...signed({ ...approval, partition: 1 }, Date.now(), key), partition: 0 },
    { ...signed({ ...approval, topic: 'another.retry' }, Date.now(), key), topic: topics.retry },
    { ...good, headers: forged(text.replace(issued, String(Number(issued) + 1))) },
    { ...good, headers: forged(text.slice(0, -2)) },
    { ...good, headers: forged(text.toUpperCase()) },
    { ...good, headers: forged(text.replace(/.$/, (last) => (last === '0' ? '1' : '0'))) },
    { ...good, headers: forged('v1') },
    { ...good, headers: forged('') },
  ];
  for (const request of changed) expect(await verdictOn(world, request)).toBe('bad_signature');
  expect(one.pipeline.stats().held).toBe(3);
  const another = { ...approval, key: requestKey(randomUUID()) };
  expect(await verdictOn(world, signed(another, Date.now(), key))).toBe('approved');
});

test('signed request: a decision about a part is signed with the members that it names', async () => {
  const { world, one } = await heldRemovals({ operatorKey: key });
  const held = world.lastState('g')?.intents ?? [];
  const headers = [textHeader('rollcall-type', 'approve')];
  const approval = (value: string) => ({
    topic: topics.retry,
    partition: 0,
    key: requestKey(randomUUID()),
    value,
    headers,
  });
  const good = signed(approval(partDecision(held.slice(0, 2), 'they left')), Date.now(), key);
  const all = JSON.parse(partDecision(held)) as { digest: string; part: object };
  const asked = JSON.parse(good.value) as object;
  for (const change of [{ part: all.part }, all, { part: undefined }, { reason: 'another' }])
    expect(await verdictOn(world, { ...good, value: JSON.stringify({ ...asked, ...change }) })).toBe('bad_signature');
  expect(one.pipeline.stats().held).toBe(3);
  const again = signed(approval(good.value), Date.now(), key);
  expect(await verdictOn(world, again)).toBe('approved');
  await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(['c', 'd']);
});

test.each([
  ['is older than ten minutes', -11 * MINUTE, 'expired'],
  ['comes from a clock that is far ahead', 11 * MINUTE, 'expired'],
  ['is nearly ten minutes old', -9 * MINUTE, 'woken'],
  ['comes from a clock that is ahead', 9 * MINUTE, 'woken'],
] as const)('signed request: a request that %s', async (_, shift, verdict) => {
  const { world, one } = await aDeadAdd({ operatorKey: key });
  expect(await verdictOn(world, signed(aReplay(), Date.now() + shift, key))).toBe(verdict);
  if (verdict === 'woken') await landed(world);
  else await world.expectRest(one);
  expect(world.sandbox.members('g')).toEqual(verdict === 'woken' ? ['u'] : []);
});

test('signed request: a request that was captured and is written again is refused, by the next owner too', async () => {
  const { world, one } = await aDeadAdd({ operatorKey: key });
  const request = signed(aReplay(), Date.now(), key);
  expect(await verdictOn(world, request)).toBe('woken');
  await landed(world);
  expect(await verdictOn(world, request)).toBe('repeated');
  // given a new owner that reads the partition from its beginning, with one more copy in it
  one.kill();
  world.produce(request);
  expire(world);
  const next = await world.start({ name: 'next', operatorKey: key });
  await until(() => verdictsOn(world, request).length === 3, 'the answer of the next owner');
  expect(verdictsOn(world, request).at(-1)).toBe('repeated');
  expect(next.pipeline.stats().refusedRequests).toEqual({ repeated: 1 });
});

test('signed request: a request that the former owner did not answer is taken up by the next one', async () => {
  const { world, one } = await aDeadAdd({ operatorKey: key });
  one.kill();
  const request = signed(aReplay(), Date.now(), key);
  world.produce(request);
  world.produce({ ...aReplay(), key: request.key });
  expire(world);
  await world.start({ name: 'next', operatorKey: key });
  await until(() => verdictsOn(world, request).length > 0, 'the answer');
  expect(verdictsOn(world, request)).toEqual(['woken']);
  await landed(world);
  expect(world.sandbox.members('g')).toEqual(['u']);
});

test.each([
  ['signed', { operatorKey: key }],
  ['unsigned', {}],
] as const)('signed request: an owner without a key takes up what is %s', async (_, own) => {
  const { world } = await aDeadAdd({});
  expect(await replayCommand(world, own)).toMatchObject({ code: EXIT.done });
  await landed(world);
  expect(world.sandbox.members('g')).toEqual(['u']);
});
