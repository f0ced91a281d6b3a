/**
 * Notifications (protocol.md 11.4): what is held, and a breaker that opens, is sent at least once, also through crashes, and not again
 * once it was delivered.
 */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/adapters/system.ts';
import type { Held, Intent } from '../../../src/core/change/change.ts';
import { heldDigest } from '../../../src/core/group/guard.ts';
import { parseRetryRecord, stateValue } from '../../../src/core/log/live-record.ts';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import { requestKey } from '../../../src/core/log/request-record.ts';
import type { LogRecord } from '../../../src/ports.ts';
import { wholeDecision } from '../../support/decisions.ts';
import { FAILED, HandNotifier, REFUSED } from '../../support/hand-notifier.ts';
import { answer, QuickWorld, type QuickOptions } from '../../support/quick-world.ts';
import { Table } from '../../support/table.ts';

const guard = { groupPercent: 30, groupFloor: 2, groupCount: 500, windowCount: 5_000, windowMs: 600_000 };
/** Until what is held is gathered, and sent. */
const GATHERED_MS = 10_000;

type Started = Awaited<ReturnType<QuickWorld['start']>>;

async function given(options: QuickOptions = {}): Promise<{ world: QuickWorld; sent: HandNotifier; one: Started }> {
  const sent = new HandNotifier();
  const { pipeline, ...more } = options;
  const world = new QuickWorld({ notifier: sent, pipeline: { guard, ...pipeline }, ...more });
  const one = await world.start();
  return { world, sent, one };
}

const ownedBy = ({ pipeline }: Started): number => pipeline.stats().partitions.length;

const MEMBERS = ['a', 'b', 'c', 'd'];

/** The group is deleted at the identity provider. */
function deleteGroup(world: QuickWorld, group = 'g'): void {
  for (const member of MEMBERS) world.target.group(group).members.add(member);
  world.produce({ group_id: group, members: [], complete: true, deleted: true });
}

function removeOthers(world: QuickWorld, members: readonly string[]): void {
  for (const member of members) world.target.group('g').members.add(member);
  world.target.group('g').version += 1;
  world.produce({ remove_members: members });
}

const textOf = (bytes: LogRecord['key']): string => Buffer.from(bytes ?? []).toString();

const recordsOf = (world: QuickWorld, group = 'g'): readonly LogRecord[] =>
  world.records('retry').filter(({ key }) => textOf(key) === group);

function lastIntents(world: QuickWorld, group = 'g'): readonly Intent[] {
  const record = recordsOf(world, group).at(-1);
  const parsed = record === undefined ? null : parseRetryRecord(record);
  return parsed?.kind === 'state' ? parsed.intents : [];
}

const marksOf = (world: QuickWorld, group = 'g'): readonly (true | undefined)[] =>
  lastIntents(world, group).map((intent) => (intent.guard as Held | null)?.isNotified);

let requests = 0;
async function decide(world: QuickWorld, kind: 'approve' | 'reject', group = 'g'): Promise<void> {
  const digest = heldDigest(group, lastIntents(world, group), sha256) ?? '';
  const headers = [textHeader('rollcall-type', kind)];
  const key = requestKey(`decision-${++requests}`);
  world.broker.append([{ topic: 'retry', partition: 0, key, value: wholeDecision(digest), headers }]);
  await world.clock.advance(2_000);
}

describe('what is held', () => {
  test('is sent once, after its live record, and marked there', async () => {
    // given
    const { world, sent, one } = await given();
    let recordsBefore = -1;
    sent.answer = () => {
      recordsBefore = recordsOf(world).length;
      return 'delivered';
    };
    // when a group is deleted
    deleteGroup(world);
    await world.clock.advance(3 * 3_600_000);
    // then one message has said so, of what the live record holds
    expect(sent.received).toMatchObject([
      {
        v: 1,
        kind: 'held',
        group_count: 1,
        removal_count: 4,
        groups: [{ group: 'g', group_target: null, count: 4, group_size: 4, percent: 100, by: ['group_deleted'] }],
      },
    ]);
    const digest = heldDigest('g', lastIntents(world), sha256);
    expect(sent.received[0]?.groups[0]?.digest).toBe(digest);
    expect(recordsBefore).toBeGreaterThan(0);
    expect(marksOf(world)).toEqual([true, true, true, true]);
    expect(one.pipeline.stats()).toMatchObject({
      held: 4,
      notifications: { delivered: 1, failed: 0, waiting: 0 },
    });
    // and each hold was reported once
    expect(world.reports().filter(({ outcome }) => outcome === 'held')).toHaveLength(4);
    expect(world.committed()).toBe(1n);
    await one.pipeline.whenAtRest();
  });

  test('without a receiver leaves no mark, and no more records than before', async () => {
    const world = new QuickWorld({ pipeline: { guard } });
    const one = await world.start();
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    const count = recordsOf(world).length;
    await world.clock.advance(3_600_000);
    expect([recordsOf(world).length, marksOf(world)]).toEqual([count, [undefined, undefined, undefined, undefined]]);
    expect(one.pipeline.stats().notifications).toBeNull();
  });

  test('is not sent before its live record is acknowledged', async () => {
    // given a retry topic that takes nothing
    const { world, sent, one } = await given();
    world.broker.topic('retry').sicken(0);
    deleteGroup(world);
    await world.clock.advance(3 * GATHERED_MS);
    expect([sent.bodies, one.pipeline.stats().held]).toEqual([[], 4]);
    // when it takes records again
    world.broker.topic('retry').heal(0);
    await world.clock.advance(30_000);
    // then
    expect(sent.received).toMatchObject([{ kind: 'held', removal_count: 4 }]);
  });

  test('of many groups within a short time is one message', async () => {
    const { world, sent } = await given();
    for (let i = 0; i < 60; i++) {
      deleteGroup(world, `g${i}`);
      await world.clock.advance(300);
    }
    await world.clock.advance(GATHERED_MS);
    expect(sent.received).toMatchObject([{ group_count: 60, removal_count: 240 }]);
    expect(sent.received[0]?.groups).toHaveLength(60);
  });

  test('is not gathered without an end', async () => {
    const { world, sent } = await given();
    for (let i = 0; i < 60; i++) {
      deleteGroup(world, `g${i}`);
      await world.clock.advance(1_000);
    }
    expect(sent.received.length).toBeGreaterThan(0);
    await world.clock.advance(GATHERED_MS);
    const groups = sent.received.flatMap((notice) => notice.groups.map(({ group }) => group));
    expect([sent.received.length, groups.length, new Set(groups).size]).toEqual([2, 60, 60]);
  });

  test('that doubles is news, of which the message says the whole set', async () => {
    // given a set of four that was sent
    const { world, sent } = await given();
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    // when as many others are to be removed
    removeOthers(world, ['e', 'f', 'h', 'i']);
    await world.clock.advance(GATHERED_MS);
    // then
    expect(sent.received.map(({ removal_count: count }) => count)).toEqual([4, 8]);
    expect(marksOf(world)).toEqual(Array.from({ length: 8 }, () => true));
    await world.clock.advance(3_600_000);
    expect(sent.bodies).toHaveLength(2);
  });

  test('that grows by less than it had is sent within 15 min, or with the next of another group', async () => {
    // given a set of four that was sent
    const { world, sent } = await given();
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    // when two more are to be removed
    removeOthers(world, ['m0', 'm1']);
    await world.clock.advance(14 * 60_000);
    expect(sent.bodies).toHaveLength(1);
    await world.clock.advance(60_000 + GATHERED_MS);
    // then
    expect(sent.received.map(({ removal_count: count }) => count)).toEqual([4, 6]);
    // and when another group is held meanwhile
    removeOthers(world, ['n0', 'n1', 'n2']);
    await world.clock.advance(60_000);
    deleteGroup(world, 'h');
    await world.clock.advance(GATHERED_MS);
    expect(sent.received.at(-1)).toMatchObject({ group_count: 2, removal_count: 13 });
    expect(sent.bodies).toHaveLength(3);
  });

  test('that is decided before its message is left out, and with it a message about nothing', async () => {
    // given two groups that are held
    const { world, sent } = await given();
    deleteGroup(world);
    deleteGroup(world, 'h');
    await world.clock.advance(2_000);
    await decide(world, 'approve');
    await world.clock.advance(GATHERED_MS);
    expect(sent.received).toMatchObject([{ group_count: 1, groups: [{ group: 'h' }] }]);
    // when one alone is held, and refused
    deleteGroup(world, 'i');
    await world.clock.advance(1_000);
    await decide(world, 'reject', 'i');
    await world.clock.advance(GATHERED_MS);
    // then
    expect(sent.bodies).toHaveLength(1);
  });

  test('is news again once it was refused and replayed', async () => {
    const { world, sent } = await given();
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    await decide(world, 'reject');
    await world.clock.advance(GATHERED_MS);
    expect(sent.bodies).toHaveLength(1);
    const headers = [textHeader('rollcall-type', 'replay')];
    const key = requestKey('replay');
    world.broker.append([{ topic: 'retry', partition: 0, key, value: stateValue('g', lastIntents(world)), headers }]);
    await world.clock.advance(GATHERED_MS);
    expect(sent.received.map(({ removal_count: count }) => count)).toEqual([4, 4]);
  });

  test('is news again under another digest, once the id map means other members', async () => {
    // given
    const ids = new Table().set('group', 'g', 'g');
    for (const member of MEMBERS) ids.set('user', `okta-${member}`, member);
    const { world, sent } = await given({ ids });
    for (const member of [...MEMBERS, 'z']) world.target.group('g').members.add(member);
    world.produce({ remove_members: MEMBERS.map((member) => `okta-${member}`) });
    await world.clock.advance(GATHERED_MS);
    // when
    ids.set('user', 'okta-a', 'z');
    await world.clock.advance(15 * 60_000 + GATHERED_MS);
    // then
    expect(sent.received).toHaveLength(2);
    const [one, other] = sent.received.map(({ groups }) => groups[0]);
    expect([one?.count, other?.count]).toEqual([4, 4]);
    expect(one?.digest).not.toBe(other?.digest);
    expect(other?.digest).toBe(heldDigest('g', lastIntents(world), sha256));
  });
});

describe('a receiver that fails', () => {
  test('gets the same message again, with growing pauses, one request at a time', async () => {
    // given
    const { world, sent, one } = await given();
    const times: number[] = [];
    sent.answer = () => {
      times.push(world.clock.now().monotonic);
      return FAILED;
    };
    deleteGroup(world);
    await world.clock.advance(3_600_000);
    // then it is tried for as long as it takes
    const pauses = times.slice(1).map((at, i) => Math.round((at - (times[i] ?? 0)) / 1_000));
    expect(pauses.slice(0, 5)).toEqual([1, 2, 4, 8, 17]);
    expect(Math.max(...pauses)).toBe(315);
    expect(pauses.length).toBeGreaterThan(15);
    expect(new Set(sent.bodies).size).toBe(1);
    expect(one.pipeline.stats().notifications).toMatchObject({ delivered: 0, waiting: 1 });
    expect(marksOf(world)).toEqual([undefined, undefined, undefined, undefined]);
    // when it answers
    sent.answer = () => 'delivered';
    await world.clock.advance(400_000);
    // then
    expect([new Set(sent.bodies).size, sent.inFlightMax]).toEqual([1, 1]);
    expect(one.pipeline.stats().notifications).toMatchObject({ delivered: 1, failed: times.length, waiting: 0 });
    expect(marksOf(world)).toEqual([true, true, true, true]);
  });

  test('is asked again no sooner than it says', async () => {
    const { world, sent } = await given();
    sent.answer = () => ({ kind: 'failed', askedMs: 120_000 });
    deleteGroup(world);
    await world.clock.advance(100_000);
    expect(sent.bodies).toHaveLength(1);
    await world.clock.advance(60_000);
    expect(sent.bodies).toHaveLength(2);
  });

  test('refuses a message, which stops neither those of the other kind nor what is news later', async () => {
    // given a receiver that knows no message about the breaker
    const { world, sent } = await given();
    sent.answer = ({ kind }) => (kind === 'breaker_open' ? REFUSED : 'delivered');
    world.target.onGet = () => answer(503);
    for (let i = 0; i < 4; i++) world.produce({ group_id: `g${i}`, add_members: ['a'] });
    await world.clock.advance(60_000);
    expect(sent.received.length).toBeGreaterThan(0);
    world.target.onGet = () => null;
    await world.clock.advance(120_000);
    // when
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    // then, and what says that the breaker is open is not sent again
    expect(sent.received.filter(({ kind }) => kind === 'held')).toHaveLength(1);
    await world.clock.advance(600_000);
    const [last] = sent.received.toReversed();
    expect([last?.kind, last?.text]).toEqual(['breaker_open', expect.stringContaining('the breaker was open')]);
    expect(sent.inFlightMax).toBe(1);
  });

  test('refuses a message about what is held, and gets what is held by then under another id', async () => {
    // given
    const { world, sent } = await given();
    sent.answer = ({ groups }) => (groups.length === 1 ? REFUSED : 'delivered');
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    // when
    deleteGroup(world, 'h');
    await world.clock.advance(60_000);
    // then
    const last = sent.received.at(-1);
    expect(last?.groups.map(({ group }) => group)).toEqual(['g', 'h']);
    const ids = sent.received.map(({ id }) => id);
    expect([ids.length, new Set(ids).size]).toEqual([ids.length, ids.length]);
    expect([marksOf(world).length, ...marksOf(world), ...marksOf(world, 'h')]).toEqual([4, ...Array(8).fill(true)]);
  });

  test('for long, gets one message about what is held by then', async () => {
    const { world, sent } = await given();
    sent.answer = ({ groups }) => (groups.length === 1 ? FAILED : 'delivered');
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    deleteGroup(world, 'h');
    await world.clock.advance(3_600_000);
    expect(new Set(sent.bodies).size).toBe(2);
    expect(sent.received.at(-1)?.groups.map(({ group }) => group)).toEqual(['g', 'h']);
  });

  test('leaves nothing in memory of partitions that are lost', async () => {
    // given
    const { world, sent, one } = await given();
    sent.answer = () => ({ kind: 'failed', askedMs: 3_000_000 });
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    deleteGroup(world, 'h');
    await world.clock.advance(2_000);
    expect(one.pipeline.sizes().notices).toBe(2);
    // when another instance takes the partition
    const two = await world.start();
    const group = world.broker.group('rollcall');
    for (let i = 0; i < 5 && ownedBy(one) > 0; i++) {
      for (const member of group.memberIds.slice(0, 1)) group.leave(member);
      await world.clock.advance(10_000);
    }
    // then
    expect([ownedBy(one), one.pipeline.sizes().notices, two.pipeline.sizes().notices]).toEqual([0, 0, 2]);
    expect(one.pipeline.stats().notifications?.waiting).toBe(0);
  });

  test('gets later news in a message of their own', async () => {
    const { world, sent } = await given();
    sent.answer = () => FAILED;
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    deleteGroup(world, 'h');
    deleteGroup(world, 'i');
    await world.clock.advance(60_000);
    expect(new Set(sent.bodies).size).toBe(1);
    sent.answer = () => 'delivered';
    await world.clock.advance(400_000);
    const last = sent.received.at(-1);
    expect(new Set(sent.bodies).size).toBe(2);
    expect(last?.groups.map(({ group }) => group)).toEqual(['h', 'i']);
  });

  test('is asked no more once all of it is decided', async () => {
    const { world, sent, one } = await given();
    sent.answer = () => FAILED;
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    await decide(world, 'approve');
    const count = sent.bodies.length;
    await world.clock.advance(3_600_000);
    expect(sent.bodies).toHaveLength(count);
    expect(one.pipeline.stats().notifications).toMatchObject({ waiting: 0 });
  });
});

describe('the next owner', () => {
  test('sends what was held when its owner died before it had sent it', async () => {
    const { world, sent, one } = await given();
    deleteGroup(world);
    await world.clock.advance(2_000);
    expect(lastIntents(world)).toHaveLength(4);
    one.kill();
    await world.start();
    await world.clock.advance(GATHERED_MS);
    expect(sent.received).toMatchObject([{ removal_count: 4 }]);
    expect(marksOf(world)).toEqual([true, true, true, true]);
  });

  test('sends again what was delivered and not marked', async () => {
    const { world, sent, one } = await given();
    deleteGroup(world);
    await world.clock.advance(2_000);
    // given an owner that dies with the answer on its way
    sent.answer = () => {
      one.kill();
      return 'delivered';
    };
    await world.clock.advance(GATHERED_MS);
    expect(sent.bodies).toHaveLength(1);
    sent.answer = () => 'delivered';
    // when
    await world.start();
    await world.clock.advance(3_600_000);
    // then
    expect(sent.received.map(({ removal_count: count }) => count)).toEqual([4, 4]);
    expect(sent.received[0]?.id).not.toBe(sent.received[1]?.id);
  });

  test('sends nothing that is marked, however often owners change', async () => {
    const { world, sent, one } = await given();
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    const count = recordsOf(world).length;
    let owner = one;
    for (let i = 0; i < 5; i++) {
      owner.kill();
      owner = await world.start();
      await world.clock.advance(60_000);
      expect(owner.pipeline.stats().held).toBe(4);
    }
    expect([sent.bodies.length, recordsOf(world).length]).toEqual([1, count]);
  });

  test('sends what an older version has held', async () => {
    // given what was held where there was nowhere to send it
    const sent = new HandNotifier();
    const world = new QuickWorld({ pipeline: { guard } });
    const one = await world.start();
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    one.kill();
    // when
    await world.start({ notifier: sent });
    await world.clock.advance(GATHERED_MS);
    // then
    expect(sent.received).toMatchObject([{ removal_count: 4 }]);
  });

  test('finds no mark where the record is full; its owner still sends no message twice', async () => {
    // given a set of which the live record takes a part
    const { world, sent, one } = await given({ retryRecordMaxBytes: 900 });
    for (const member of [...MEMBERS, 'e', 'f', 'g', 'h']) world.target.group('g').members.add(member);
    world.produce({ members: [], complete: true, deleted: true });
    await world.clock.advance(3_600_000);
    // then each message says more than the one before
    const counts = sent.received.map(({ removal_count: count }) => count);
    expect(counts.length).toBeGreaterThan(0);
    expect(counts).toEqual([...new Set(counts)].toSorted((a, b) => a - b));
    expect(counts.at(-1)).toBe(lastIntents(world).length);
    expect(one.pipeline.stats()).toMatchObject({ held: 8, notifications: { waiting: 0 } });
    // when it dies
    one.kill();
    await world.start();
    await world.clock.advance(GATHERED_MS);
    // then
    expect(sent.received.at(-1)).toMatchObject({ removal_count: counts.at(-1) });
    expect(sent.bodies).toHaveLength(counts.length + 1);
  });
});

test('a mark that has no room in the live record keeps nothing else from it', async () => {
  // given a topic that takes just what is held, without its marks
  const { world, sent, one } = await given();
  deleteGroup(world);
  await world.clock.advance(2_000);
  world.setRetryRecordMaxBytes(batchBytesOf(recordsOf(world).at(-1)));
  // when it is delivered
  await world.clock.advance(3_600_000);
  // then the record says what it said, its reserve included, and the instance is ready
  expect(sent.bodies).toHaveLength(1);
  expect(marksOf(world)).toEqual([undefined, undefined, undefined, undefined]);
  expect(recordsOf(world).map(isReserving)).toEqual(recordsOf(world).map(() => true));
  expect(one.pipeline.stats()).toMatchObject({ ready: true, held: 4, unrecordable: [] });
});

const isReserving = ({ headers }: LogRecord): boolean => headers.some(([name]) => name === 'rollcall-reserve');

test('a mark that has no room in the live record gives way before what is dead', async () => {
  // given a group with a removal that was refused, and others that are held
  const { world, sent } = await given();
  removeOthers(world, ['x', 'y', 'z']);
  await world.clock.advance(2_000);
  await decide(world, 'reject');
  await world.clock.advance(GATHERED_MS);
  removeOthers(world, MEMBERS);
  await world.clock.advance(2_000);
  const count = lastIntents(world).length;
  expect(lastIntents(world).filter(({ dead }) => dead !== null).length).toBeGreaterThan(0);
  world.setRetryRecordMaxBytes(batchBytesOf(recordsOf(world).at(-1)));
  // when the message is delivered
  await world.clock.advance(3_600_000);
  // then
  expect(sent.received.at(-1)).toMatchObject({ kind: 'held' });
  expect([lastIntents(world).length, new Set(marksOf(world))]).toEqual([count, new Set([undefined])]);
});

/** As the memory log counts them, and a few for a sequence number that is longer. */
function batchBytesOf(record: LogRecord | undefined): number {
  const { key = null, value = null, headers = [] } = record ?? {};
  const parts = [key, value, ...headers.flatMap(([name, content]) => [name, content])];
  const packed = gzipSync(Buffer.concat(parts.flatMap((part) => (part === null ? [] : Buffer.from(part)))));
  return 61 + 21 + headers.length * 10 + packed.length + 3;
}

describe('an orderly stop', () => {
  test('tries once what was not sent yet, and marks it', async () => {
    const { world, sent, one } = await given();
    deleteGroup(world);
    await world.clock.advance(2_000);
    expect(sent.bodies).toEqual([]);
    const drained = one.pipeline.drain();
    await world.clock.advance(1_000);
    await drained;
    expect(sent.received).toMatchObject([{ removal_count: 4 }]);
    expect(marksOf(world)).toEqual([true, true, true, true]);
  });

  test('leaves the rest to the next owner, and sends nothing after its end', async () => {
    const { world, sent, one } = await given();
    sent.answer = () => FAILED;
    deleteGroup(world);
    await world.clock.advance(2_000);
    const drained = one.pipeline.drain();
    await world.clock.advance(3_000);
    await drained;
    expect(sent.bodies).toHaveLength(1);
    await world.clock.advance(3_600_000);
    expect(sent.bodies).toHaveLength(1);
    sent.answer = () => 'delivered';
    await world.start();
    await world.clock.advance(GATHERED_MS);
    expect(sent.bodies).toHaveLength(2);
  });

  test('waits 3 s for a receiver that does not answer, and leaves the consumer group', async () => {
    // given a message that is on its way, and news for the next one
    const { world, sent, one } = await given({ pipeline: { drainTimeoutMs: 20_000 } });
    sent.answer = () => new Promise(() => undefined);
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    deleteGroup(world, 'h');
    await world.clock.advance(2_000);
    // when
    let isOver = false;
    void one.pipeline.drain().then(() => (isOver = true));
    await world.clock.advance(3_100);
    // then
    expect([isOver, sent.bodies.length, world.broker.group('rollcall').memberIds]).toEqual([true, 1, []]);
  });

  test('leaves the consumer group also once DRAIN_TIMEOUT_MS is over', async () => {
    const { world, sent, one } = await given();
    sent.answer = () => new Promise(() => undefined);
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    void one.pipeline.drain();
    await world.clock.advance(2_001);
    expect(world.broker.group('rollcall').memberIds).toEqual([]);
  });

  test('does not wait for a receiver longer than DRAIN_TIMEOUT_MS, and sends nothing once it has answered', async () => {
    // given a message that is on its way, and news for the next one
    const { world, sent, one } = await given();
    let answerNow: (outcome: 'delivered') => void = () => undefined;
    sent.answer = () => new Promise((resolve) => (answerNow = resolve));
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    deleteGroup(world, 'h');
    await world.clock.advance(2_000);
    // when
    const drained = one.pipeline.drain();
    await world.clock.advance(2_001);
    await drained;
    answerNow('delivered');
    await world.clock.advance(3_600_000);
    // then
    expect(sent.bodies).toHaveLength(1);
  });
});

describe('a breaker', () => {
  test('that opens is sent, once for each time, also where it has closed since', async () => {
    // given a target that is down
    const { world, sent } = await given();
    const isDown = () => answer(503);
    world.target.onGet = isDown;
    for (let i = 0; i < 4; i++) world.produce({ group_id: `g${i}`, add_members: ['a'] });
    await world.clock.advance(60_000);
    // then
    expect(sent.received).toMatchObject([
      { kind: 'breaker_open', reason: 'target', until: null, openings: 1, failed: 'read' },
    ]);
    expect(sent.received[0]?.text).toContain('`rollcall status --affected`');
    // when it works again, and fails again while the receiver fails
    world.target.onGet = () => null;
    await world.clock.advance(120_000);
    sent.answer = () => FAILED;
    world.target.onGet = isDown;
    for (let i = 4; i < 8; i++) world.produce({ group_id: `g${i}`, add_members: ['a'] });
    await world.clock.advance(60_000);
    world.target.onGet = () => null;
    await world.clock.advance(120_000);
    sent.answer = () => 'delivered';
    await world.clock.advance(400_000);
    // then the second time was sent too, under another id
    const [first, ...rest] = sent.received;
    expect(rest.filter(({ id }) => id === first?.id)).toEqual([]);
    expect(rest.map(({ until }) => until !== null)).toEqual(rest.map(({ id }) => id === rest.at(-1)?.id));
    expect(new Set(rest.map(({ id }) => id)).size).toBe(2);
    expect(sent.received.every(({ kind }) => kind === 'breaker_open')).toBe(true);
  });

  test('that opens and closes behind a message that waits is one message, which says how often', async () => {
    const { world, sent, one } = await given();
    sent.answer = () => FAILED;
    deleteGroup(world);
    await world.clock.advance(GATHERED_MS);
    for (let round = 0; round < 2; round++) {
      world.target.onGet = () => answer(503);
      for (let i = 0; i < 4; i++) world.produce({ group_id: `g${round}-${i}`, add_members: ['a'] });
      await world.clock.advance(60_000);
      expect(one.pipeline.stats().breaker).not.toBeNull();
      world.target.onGet = () => null;
      await world.clock.advance(120_000);
      expect(one.pipeline.stats().breaker).toBeNull();
    }
    sent.answer = () => 'delivered';
    await world.clock.advance(400_000);
    const last = sent.received.at(-1);
    expect(last).toMatchObject({ kind: 'breaker_open', openings: 2 });
    expect(Date.parse(last?.until ?? '') - Date.parse(last?.since ?? '')).toBeGreaterThan(120_000);
    expect(last?.text).toContain('It has opened 2 times.');
  });
});
