/**
 * A live record that cannot take all: what it cannot take goes through it in pieces, or says that it stands still
 * (protocol.md 3.2).
 */
import { describe, expect, test } from 'vitest';
import { readiness } from '../../../src/admin/readiness.ts';
import { parseRetryRecord } from '../../../src/core/log/live-record.ts';
import { answer, QuickWorld } from '../../support/quick-world.ts';
import { congruential, SeededRandom } from '../../support/random.ts';

/** As random as UUIDs, and the same in each run. */
function users(count: number): string[] {
  const random = new SeededRandom(congruential(88_675_123));
  const digit = (): string => random.below(16).toString(16);
  return Array.from({ length: count }, () => 'xxxxxxxx-xxxx-4xxx-9xxx-xxxxxxxxxxxx'.replace(/x/g, digit));
}

const patient = { retry: { baseMs: 1_000, capMs: 5_000, attemptsMax: 1_000, slowScheduleMs: [60_000] } };

/** What the last live record of the group says. */
function recorded(world: QuickWorld): ReadonlySet<string> {
  const last = world.records('retry').flatMap((record) => {
    const parsed = parseRetryRecord(record);
    return parsed.kind === 'state' ? [parsed.intents.map(({ op, member }) => `${op} ${member}`)] : [];
  });
  return new Set(last.at(-1));
}

/** Each member that a PATCH names stands in the live record at that moment. */
function watchPieces(world: QuickWorld): { readonly unrecorded: string[] } {
  const unrecorded: string[] = [];
  world.target.onPatch = ({ body }) => {
    const said = recorded(world);
    const added = body.Operations.flatMap(({ value }) => value ?? []).map(({ value }) => value);
    unrecorded.push(...added.filter((member) => !said.has(`add ${member}`)));
    return null;
  };
  return { unrecorded };
}

type Outage = 'none' | 'of PATCHes' | 'of all';

function breakFor(world: QuickWorld, outage: Outage): () => void {
  const { onGet, onPatch } = world.target;
  if (outage !== 'none') world.target.onPatch = () => answer(503);
  if (outage === 'of all') world.target.onGet = () => answer(503);
  return () => Object.assign(world.target, { onGet, onPatch });
}

describe.each<Outage>(['none', 'of PATCHes', 'of all'])('outage: %s', (outage) => {
  const sizes = [
    ...[50, 150].flatMap((count) => [1_000, 1_600].map((bytes) => [count, bytes] as const)),
    // Some of them take the full state that waits for its group, and not one of its members beside that.
    ...Array.from({ length: outage === 'of all' ? 22 : 0 }, (_, i) => [40, 1_250 + 12 * i] as const),
  ];
  test.each(sizes)('a full state of %i lands through a record of %i bytes', async (count, retryRecordMaxBytes) => {
    const world = new QuickWorld({ retryRecordMaxBytes, pipeline: { ...patient, breakerFailures: 1_000 } });
    const { unrecorded } = watchPieces(world);
    world.target.group('g').members.add('goes');
    const heal = breakFor(world, outage);
    const { pipeline } = await world.start();
    const members = users(count);
    world.produce({ members, complete: true });
    // Long enough for what was refused to be tried again.
    await world.clock.advance(90_000);
    heal();
    await world.clock.advance(300_000);
    expect([...world.target.group('g').members].toSorted()).toEqual(members.toSorted());
    expect(unrecorded).toEqual([]);
    expect(pipeline.stats()).toMatchObject({ ready: true, pending: 0, parked: 0 });
    expect(world.committed()).toBe(1n);
    const finals = world.reports().filter(({ final, member }) => final && member !== null);
    expect(new Set(finals.map(({ id }) => id)).size).toBe(count + 1);
  });
});

test('live record: a full state of thousands is written in pieces: no record holds all of it', async () => {
  const world = new QuickWorld();
  const { unrecorded } = watchPieces(world);
  await world.start();
  world.produce({ members: users(4_000), complete: true });
  await world.clock.advance(20_000);
  expect(world.target.group('g').members.size).toBe(4_000);
  expect(unrecorded).toEqual([]);
  const counts = world.recordedCounts();
  expect(Math.max(...counts)).toBeLessThanOrEqual(750);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBeLessThan(10 * 4_000);
});

test('live record: the guard judges the removals of a full state together, however many pieces they come in', async () => {
  const guard = { groupPercent: 30, groupFloor: 10, groupCount: 700, windowCount: 1_000_000, windowMs: 600_000 };
  const world = new QuickWorld({ pipeline: { guard } });
  const members = users(5_000);
  for (const member of members) world.target.group('g').members.add(member);
  await world.start();
  world.produce({ members: members.slice(1_000), complete: true });
  await world.clock.advance(10_000);
  expect(world.target.group('g').members.size).toBe(5_000);
  const held = world.reports().filter(({ outcome }) => outcome === 'held');
  expect(held).toHaveLength(1_000);
  expect(held[0]).toMatchObject({ reason: { code: 'group_count' } });
});

describe('what no record takes', () => {
  const tooSmall = 'the retry topic does not take what a change of this group has to record';

  /** Too long for a record of 450 bytes, which takes a fence. */
  const [a, b] = [0, 6].map((from) =>
    users(12)
      .slice(from, from + 6)
      .join('.'),
  ) as [string, string];

  async function aStuckWorld() {
    const world = new QuickWorld({ retryRecordMaxBytes: 450 });
    world.target.group('g').members.add('goes');
    const { pipeline } = await world.start();
    world.produce({ members: [a, b], complete: true });
    await world.clock.advance(5_000);
    return { world, pipeline };
  }

  test('is named in /readyz with the remedy, and logged once', async () => {
    const { world, pipeline } = await aStuckWorld();
    const ready = readiness(pipeline.stats());
    expect(ready.ready).toBe(false);
    expect(ready.reasons).toEqual([expect.stringMatching(/groups? .*g.*max\.message\.bytes of the retry topic/)]);
    await world.clock.advance(600_000);
    expect(world.logger.lines.filter(({ message }) => message.startsWith(tooSmall))).toHaveLength(1);
    expect(world.target.group('g').members).toEqual(new Set(['goes']));
  });

  test('goes on within a minute or two once the limit of the topic is raised', async () => {
    const { world, pipeline } = await aStuckWorld();
    world.setRetryRecordMaxBytes(1_048_588);
    await world.clock.advance(130_000);
    expect(world.target.group('g').members).toEqual(new Set([a, b]));
    expect(readiness(pipeline.stats())).toMatchObject({ ready: true, reasons: [] });
    expect(world.committed()).toBe(1n);
  });

  test('is tried in memory where it may be sent unrecorded: a delta lands, and its offset waits for that', async () => {
    const world = new QuickWorld({ retryRecordMaxBytes: 450, pipeline: patient });
    world.target.onPatch = () => answer(503);
    const { pipeline } = await world.start();
    world.produce({ add_members: [a, b] });
    await world.clock.advance(20_000);
    expect(world.committed()).not.toBe(1n);
    expect(readiness(pipeline.stats()).ready).toBe(false);
    world.target.onPatch = () => null;
    await world.clock.advance(60_000);
    expect(world.target.group('g').members).toEqual(new Set([a, b]));
    expect(world.committed()).toBe(1n);
    expect(readiness(pipeline.stats()).ready).toBe(true);
  });
});

test('live record: members that wait for hours in a full record hold up no others for longer than that', async () => {
  // given a full state of whom most are unknown to the target
  const members = users(80);
  const unknown = new Set(members.slice(0, 30));
  const world = new QuickWorld({
    retryRecordMaxBytes: 1_600,
    pipeline: { retry: { ...patient.retry, slowScheduleMs: [3_600_000] } },
  });
  world.target.onPatch = (request) => {
    const named = request.body.Operations.flatMap(({ value }) => value ?? []).map(({ value }) => value);
    if (!named.some((member) => unknown.has(member))) return null;
    return answer(400, { body: { scimType: 'invalidValue', detail: 'no such user' } });
  };
  await world.start();
  world.produce({ members, complete: true });
  await world.clock.advance(2 * 3_600_000);
  const known = members.filter((member) => !unknown.has(member));
  expect([...world.target.group('g').members].toSorted()).toEqual(known.toSorted());
});

test('live record: what an operator approves goes through a full record, too', async () => {
  const guard = { groupPercent: 10, groupFloor: 10, groupCount: 1_000_000, windowCount: 1_000_000, windowMs: 600_000 };
  const world = new QuickWorld({ retryRecordMaxBytes: 2_000, pipeline: { ...patient, guard } });
  const members = users(100);
  for (const member of members) world.target.group('g').members.add(member);
  const { pipeline } = await world.start();
  world.produce({ members: ['new', ...members.slice(80)], complete: true });
  await world.clock.advance(10_000);
  expect(world.target.group('g').members.size).toBe(101);
  // What of them has no room yet is named: nothing but the operator makes room.
  expect(readiness(pipeline.stats()).reasons).toHaveLength(1);
  for (let i = 0; i < 20 && world.target.group('g').members.size > 21; i++) {
    world.approve('jane.the.operator.with.a.long.name@example.com');
    await world.clock.advance(120_000);
  }
  expect(world.target.group('g').members.size).toBe(21);
  expect(world.committed()).toBe(1n);
  expect(readiness(pipeline.stats())).toMatchObject({ ready: true });
});
