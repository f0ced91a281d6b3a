/**
 * A full state that names members whom the target does not know (protocol.md 5.4): its additions go first, and its removals wait
 * for an operator, or for the members to become known.
 */
import { describe, expect, test } from 'vitest';
import type { Intent } from '../../../src/core/change/change.ts';
import { parseRetryRecord, stateValue } from '../../../src/core/log/live-record.ts';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import { requestKey } from '../../../src/core/log/request-record.ts';
import type { PipelineOptions } from '../../../src/pipeline/state/options.ts';
import { answer, QuickWorld } from '../../support/quick-world.ts';
import { Table } from '../../support/table.ts';

const SIX = ['a', 'b', 'c', 'd', 'e', 'f'];
const UPPER = SIX.map((name) => name.toUpperCase());
const HOUR_MS = 3_600_000;
/** So long a new owner works out no full state. */
const DOUBT_MS = 25_000;

/** Each PATCH that was sent, as `add a,b` and `remove c`. */
type Sent = readonly string[];

interface Given {
  readonly world: QuickWorld;
  readonly sent: Sent[];
  /** Whom the target does not know. */
  readonly unknown: Set<string>;
  fail: (() => ReturnType<typeof answer>) | null;
}

const invalidMember = () => answer(400, { body: { scimType: 'invalidValue', detail: 'unknown' } });

function given(
  { there = SIX, unknown = UPPER }: { readonly there?: readonly string[]; readonly unknown?: readonly string[] } = {},
  pipeline: Partial<PipelineOptions> = {},
  refusal: () => ReturnType<typeof answer> = invalidMember,
): Given {
  const world = new QuickWorld({ pipeline });
  for (const member of there) world.target.group('g').members.add(member);
  const self: Given = { world, sent: [], unknown: new Set(unknown), fail: null };
  world.target.onPatch = ({ body }) => {
    const operations = body.Operations.map(({ op, path, value }) =>
      op === 'add' ? `add ${(value ?? []).map((each) => each.value).join()}` : `remove ${path.split('"')[1]}`,
    );
    self.sent.push(operations);
    if (self.fail !== null) return self.fail();
    const isRefused = body.Operations.some(({ value }) => value?.some((each) => self.unknown.has(each.value)));
    return isRefused ? refusal() : null;
  };
  return self;
}

const members = ({ world }: Given): readonly string[] => [...world.target.group('g').members].toSorted();
const full = (names: readonly string[]) => ({ members: names, complete: true });
const removals = ({ sent }: Given): readonly string[] => sent.flat().filter((each) => each.startsWith('remove'));

/** The last report of each id. */
function outcomes({ world }: Given): Readonly<Record<string, string>> {
  const kept = new Map<string, string>();
  for (const { id, outcome, reason } of world.reports())
    kept.set(id.split('#')[0] ?? '', outcome === 'held' ? `held ${reason?.code}` : outcome);
  return Object.fromEntries(kept);
}

const heldOf = (all: Given): readonly string[] =>
  Object.entries(outcomes(all)).flatMap(([id, outcome]) =>
    outcome === 'held unresolved_members' ? (id.split('/')[3] ?? '') : [],
  );

function lastValue({ world }: Given): { pending: Record<string, unknown>[]; accepted?: string[] } | null {
  const last = world.records('retry').findLast(({ key }) => String(Buffer.from(key ?? [])) === 'g');
  return last?.value ? JSON.parse(String(Buffer.from(last.value))) : null;
}

const lastIntents = ({ world }: Given): readonly Intent[] =>
  world
    .records('retry')
    .map((record) => parseRetryRecord(record))
    .flatMap((record) => (record.kind === 'state' ? [record.intents] : []))
    .at(-1) ?? [];

let requests = 0;
function replay({ world }: Given, intents: readonly Intent[]): void {
  const key = requestKey(`replay-${++requests}`);
  const headers = [textHeader('rollcall-type', 'replay')];
  world.broker.append([{ topic: 'retry', partition: 0, key, value: stateValue('g', intents), headers }]);
}

describe('the additions go first', () => {
  test('in PATCHes of their own, as many as it takes, and the removals after them', async () => {
    const all = given({ unknown: [] }, { membersPerPatchMax: 2 });
    await all.world.start();
    all.world.produce(full(['x', 'y', 'z', 'a', 'b', 'c']));
    await all.world.clock.advance(5_000);
    expect(all.sent).toEqual([['add x,y'], ['add z'], ['remove d', 'remove e'], ['remove f']]);
    expect(members(all)).toEqual(['a', 'b', 'c', 'x', 'y', 'z']);
    expect(Object.values(outcomes(all))).toEqual(Array(6).fill('applied'));
  });

  test('while they fail for a reason of the target, the removals wait: not sent, not held, no try used up', async () => {
    const all = given({ unknown: [] });
    all.fail = () => answer(503);
    const { pipeline } = await all.world.start();
    all.world.produce(full(['x', 'a']));
    await all.world.clock.advance(5_000);
    expect([removals(all), heldOf(all), pipeline.stats().held]).toEqual([[], [], 0]);
    expect(
      lastIntents(all)
        .filter(({ op }) => op === 'remove')
        .map(({ attempt }) => attempt),
    ).toEqual([0, 0, 0, 0, 0]);
    all.fail = null;
    await all.world.clock.advance(60_000);
    expect(members(all)).toEqual(['a', 'x']);
    expect(outcomes(all)).toMatchObject({ 'source/0/0/x': 'recovered', 'source/0/0/b': 'applied' });
    expect(Object.values(outcomes(all))).not.toContain('held unresolved_members');
  });

  test('given up for a reason of the target they are unknown, too', async () => {
    const all = given({ unknown: [] }, { breakerFailures: 1_000 });
    all.fail = () => answer(503);
    await all.world.start();
    all.world.produce(full(['x', 'a']));
    await all.world.clock.advance(10 * 60_000);
    all.fail = null;
    await all.world.clock.advance(60_000);
    expect(outcomes(all)).toMatchObject({ 'source/0/0/x': 'permanent_failure' });
    expect([members(all), heldOf(all)]).toEqual([SIX, ['b', 'c', 'd', 'e', 'f']]);
  });

  test('an owner that dies between the two leaves the removals to the next one', async () => {
    const all = given({ unknown: [] });
    const { kill } = await all.world.start();
    const { apply } = all.world.target;
    all.world.target.onPatch = (request) => {
      const isRemoval = request.body.Operations.some(({ op }) => op === 'remove');
      if (isRemoval) kill();
      return isRemoval ? answer(503) : apply.call(all.world.target, request);
    };
    all.world.produce(full(['x', 'a']));
    await all.world.clock.advance(5_000);
    expect(members(all)).toEqual([...SIX, 'x']);
    all.world.target.onPatch = () => null;
    await all.world.start();
    await all.world.clock.advance(60_000);
    expect(members(all)).toEqual(['a', 'x']);
  });
});

describe('while a member whom it names is unknown', () => {
  test.each<[string, () => ReturnType<typeof answer>]>([
    ['400 invalidValue', invalidMember],
    ['400 in words of its own', () => answer(400, { body: { detail: 'No such user' } })],
    ['400 without a word', () => answer(400)],
    ['404', () => answer(404)],
    ['403', () => answer(403)],
    ['409 uniqueness', () => answer(409, { body: { scimType: 'uniqueness' } })],
    ['422', () => answer(422)],
  ])('no member is removed, also below the floor of the guard (%s)', async (_, refusal) => {
    const all = given({}, {}, refusal);
    const { pipeline } = await all.world.start();
    all.world.produce(full(UPPER));
    await all.world.clock.advance(12 * HOUR_MS);
    expect(members(all)).toEqual(SIX);
    expect(removals(all)).toEqual([]);
    expect(heldOf(all)).toEqual(SIX);
    expect(pipeline.stats()).toMatchObject({ held: 6 });
    expect(lastValue(all)?.pending.filter(({ op }) => op === 'remove')).toMatchObject(
      SIX.map((member) => ({ member, held: { by: 'unresolved_members' } })),
    );
  });

  test('a few known ones land, and the removals are held for one who is not', async () => {
    const all = given({ unknown: ['who'] });
    await all.world.start();
    all.world.produce(full(['x', 'who', 'y', 'a']));
    await all.world.clock.advance(5_000);
    expect(members(all)).toEqual([...SIX, 'x', 'y']);
    expect(heldOf(all)).toEqual(['b', 'c', 'd', 'e', 'f']);
  });

  test.each(['unmapped', 'missing', 'ambiguous'] as const)('the id map calls the member %s', async (kind) => {
    const ids = new Table().set('group', 'g', 'g').set('user', 'okta-a', 'a');
    if (kind !== 'unmapped') ids.rows.set('user/okta-b', { kind });
    const world = new QuickWorld({ ids });
    for (const member of ['a', 'b', 'c']) world.target.group('g').members.add(member);
    const { pipeline } = await world.start();
    world.produce(full(['okta-a', 'okta-b']));
    await world.clock.advance(5_000);
    expect(pipeline.stats().held).toBe(2);
    // and once it knows, only who is not named goes
    ids.set('user', 'okta-b', 'b');
    await world.clock.advance(5_000);
    expect([...world.target.group('g').members]).toEqual(['a', 'b']);
    expect(pipeline.stats()).toMatchObject({ held: 0, pending: 0 });
  });

  test('a list that may be cut holds them as well, whom the second look shows too', async () => {
    const many = Array.from({ length: 100 }, (_, i) => `m${i}`);
    const all = given({ there: many, unknown: ['who'] });
    await all.world.start();
    all.world.produce(full(['who', 'm1']));
    await all.world.clock.advance(60_000);
    expect(members(all)).toHaveLength(100);
    expect([removals(all), heldOf(all).length]).toEqual([[], 99]);
  });

  test('changes that are newer go on, and a newer full state is judged by whom it names', async () => {
    const all = given();
    await all.world.start();
    all.world.produce(full([...UPPER, 'a']));
    await all.world.clock.advance(5_000);
    all.world.produce({ add_members: ['new'], remove_members: ['b'] });
    await all.world.clock.advance(5_000);
    expect(members(all)).toEqual(['a', 'c', 'd', 'e', 'f', 'new']);
    expect(heldOf(all)).toEqual(['c', 'd', 'e', 'f']);
    all.world.produce(full(['a', 'c']));
    await all.world.clock.advance(5_000);
    expect(members(all)).toEqual(['a', 'c']);
    expect(lastValue(all)).toBeNull();
  });

  test('a newer addition of the same member takes its place, one of another member does not', async () => {
    const all = given({ unknown: ['who', 'other'] });
    await all.world.start();
    all.world.produce(full(['who', 'a']));
    all.world.produce({ add_members: ['who'] });
    await all.world.clock.advance(5_000);
    expect(heldOf(all)).toEqual(['b', 'c', 'd', 'e', 'f']);
    all.world.produce({ add_members: ['other'] });
    await all.world.clock.advance(5_000);
    all.unknown.delete('who');
    await all.world.clock.advance(HOUR_MS);
    expect(members(all)).toEqual(['a', 'who']);
  });

  test('a newer addition that is delivered again after a restart is waited for, too', async () => {
    const all = given({ unknown: ['who'] });
    const { log, kill } = await all.world.start();
    all.world.produce(full(['who', 'a']));
    await all.world.clock.advance(5_000);
    // The newer one has replaced the older one, and its own record cannot be committed.
    log.beforeSend = async (records) => {
      const isLast = records.some(({ key, value }) => key === 'g' && String(value).includes('"offset":"1"'));
      if (isLast) await new Promise(() => undefined);
    };
    all.world.produce({ add_members: ['who'] });
    await all.world.clock.advance(5_000);
    kill();
    await all.world.start();
    await all.world.clock.advance(DOUBT_MS);
    expect([members(all), removals(all)]).toEqual([SIX, []]);
    all.unknown.clear();
    await all.world.clock.advance(HOUR_MS);
    expect(members(all)).toEqual(['a', 'who']);
  });

  test('a member whom something newer removes is waited for no more', async () => {
    const all = given({ unknown: ['who'] });
    await all.world.start();
    all.world.produce(full(['who', 'a']));
    await all.world.clock.advance(5_000);
    all.world.produce({ remove_members: ['who'] });
    await all.world.clock.advance(5_000);
    expect(members(all)).toEqual(['a']);
  });

  test('dropped from the live record after their time, additions that were given up still count as unknown', async () => {
    const all = given({ unknown: ['who', 'late'] }, { deadKeepMs: 2 * HOUR_MS });
    const { kill } = await all.world.start();
    all.world.produce(full(['who', 'late', 'a']));
    await all.world.clock.advance(4 * HOUR_MS);
    expect(lastIntents(all).filter(({ op }) => op === 'add')).toEqual([]);
    all.unknown.delete('late');
    all.world.produce({ add_members: ['late'] });
    await all.world.clock.advance(60_000);
    expect(members(all)).toEqual([...SIX, 'late']);
    kill();
    const { pipeline } = await all.world.start();
    await all.world.clock.advance(HOUR_MS);
    expect(pipeline.stats().held).toBe(5);
    // and the last one ends it
    all.unknown.delete('who');
    all.world.produce({ add_members: ['who'] });
    await all.world.clock.advance(60_000);
    expect(members(all)).toEqual(['a', 'late', 'who']);
  });
});

describe('once all whom it names are known', () => {
  test('the removals go by themselves, after a restart too', async () => {
    const all = given({ unknown: ['who'] });
    const { kill } = await all.world.start();
    all.world.produce(full(['who', 'a']));
    await all.world.clock.advance(5_000);
    kill();
    const { pipeline } = await all.world.start();
    await all.world.clock.advance(5_000);
    expect([pipeline.stats().held, members(all)]).toEqual([5, SIX]);
    all.unknown.clear();
    await all.world.clock.advance(HOUR_MS);
    expect(members(all)).toEqual(['a', 'who']);
    expect(outcomes(all)).toMatchObject({ 'source/0/0/who': 'recovered', 'source/0/0/b': 'applied' });
    expect([lastValue(all), pipeline.stats().held]).toEqual([null, 0]);
  });

  test('a replay of what was given up makes them known', async () => {
    const all = given({ unknown: ['who'] }, { retry: { baseMs: 1, capMs: 1, attemptsMax: 1, slowScheduleMs: [] } });
    await all.world.start();
    all.world.produce(full(['who', 'a']));
    await all.world.clock.advance(5_000);
    expect(heldOf(all)).toHaveLength(5);
    replay(
      all,
      lastIntents(all).filter(({ dead }) => dead !== null),
    );
    await all.world.clock.advance(5_000);
    expect(members(all)).toEqual(SIX);
    all.unknown.clear();
    replay(
      all,
      lastIntents(all).filter(({ dead }) => dead !== null),
    );
    await all.world.clock.advance(5_000);
    expect(members(all)).toEqual(['a', 'who']);
  });

  test('the limits of the guard judge the removals', async () => {
    const guard = { groupPercent: 30, groupFloor: 5, groupCount: 500, windowCount: 5_000, windowMs: 600_000 };
    const all = given({ unknown: ['who'] }, { guard });
    await all.world.start();
    all.world.produce(full(['who', 'a']));
    await all.world.clock.advance(5_000);
    all.unknown.clear();
    await all.world.clock.advance(HOUR_MS);
    expect(members(all)).toEqual([...SIX, 'who']);
    expect(outcomes(all)).toMatchObject({ 'source/0/0/b': 'held group_percent' });
    all.world.approve('jane');
    await all.world.clock.advance(5_000);
    expect(members(all)).toEqual(['a', 'who']);
  });
});

describe('an approval', () => {
  async function approved(names: readonly string[] = ['who', 'a']): Promise<Given> {
    const all = given({ unknown: ['who', 'else'] });
    const { kill } = await all.world.start();
    all.world.produce(full(names));
    await all.world.clock.advance(5_000);
    all.world.approve('jane');
    await all.world.clock.advance(5_000);
    expect(members(all)).toEqual(['a']);
    kill();
    return all;
  }

  test('lets a later full state pass that names no other unknown member, after a restart too', async () => {
    const all = await approved();
    await all.world.start();
    await all.world.clock.advance(DOUBT_MS);
    for (const member of SIX) all.world.target.group('g').members.add(member);
    all.world.target.group('g').version += 1;
    all.world.produce(full(['who', 'a', 'b']));
    await all.world.clock.advance(5_000);
    expect(members(all)).toEqual(['a', 'b']);
    expect(heldOf(all)).toEqual([]);
    // but not one that names another
    for (const names of [
      ['else', 'a'],
      ['who', 'else', 'a'],
    ]) {
      all.world.produce(full(names));
      await all.world.clock.advance(5_000);
      expect(members(all)).toEqual(['a', 'b']);
    }
  });

  test('is remembered for as long as the member is named and unknown, when nothing of the group is left otherwise', async () => {
    const all = await approved();
    const first = await all.world.start();
    // Given up, and dropped after its time.
    await all.world.clock.advance(30 * HOUR_MS);
    expect(lastValue(all)).toMatchObject({ pending: [], accepted: ['who'] });
    first.kill();
    await all.world.start();
    await all.world.clock.advance(DOUBT_MS);
    all.world.target.group('g').members.add('b');
    all.world.target.group('g').version += 1;
    all.world.produce(full(['who', 'a']));
    await all.world.clock.advance(5_000);
    expect([members(all), heldOf(all)]).toEqual([['a'], []]);
    expect(lastValue(all)).toMatchObject({ accepted: ['who'] });
  });

  test('remembers a member who is just being tried once more', async () => {
    const all = given(
      { unknown: ['who'] },
      { retry: { baseMs: 20_000, capMs: 20_000, attemptsMax: 5, slowScheduleMs: [] }, breakerFailures: 1_000 },
    );
    await all.world.start();
    all.world.produce(full(['who', 'a']));
    await all.world.clock.advance(5_000);
    all.fail = () => answer(503);
    replay(
      all,
      lastIntents(all).filter(({ dead }) => dead !== null),
    );
    await all.world.clock.advance(1_000);
    all.world.approve('jane');
    await all.world.clock.advance(1_000);
    all.fail = null;
    await all.world.clock.advance(HOUR_MS);
    expect(members(all)).toEqual(['a']);
    all.world.target.group('g').members.add('b');
    all.world.target.group('g').version += 1;
    all.world.produce(full(['who', 'a']));
    await all.world.clock.advance(HOUR_MS);
    expect(members(all)).toEqual(['a']);
  });

  test.each<[string, (all: Given) => void]>([
    ['lands', ({ unknown }) => unknown.clear()],
    ['is named no more', ({ world }) => world.produce(full(['a']))],
  ])('is forgotten once the member %s', async (_, change) => {
    const all = await approved();
    const { pipeline } = await all.world.start();
    expect(lastValue(all)).toMatchObject({ accepted: ['who'] });
    change(all);
    await all.world.clock.advance(2 * HOUR_MS);
    expect(lastValue(all)).toBeNull();
    expect(pipeline.sizes()).toMatchObject({ unresolved: 0, groups: 0, members: 0 });
  });
});

describe('versions of Rollcall beside each other', () => {
  test('a record of an older version is read; what it holds for unknown members stays held without a list of them', async () => {
    const all = given({ unknown: ['who'] });
    const { kill } = await all.world.start();
    all.world.produce(full(['who', 'a']));
    await all.world.clock.advance(5_000);
    kill();
    // The older version wrote neither the list nor the additions that it had dropped.
    const last = lastValue(all);
    const pending = last?.pending.filter(({ op }) => op === 'remove');
    const { headers } = all.world.records('retry').findLast(({ key }) => String(Buffer.from(key ?? [])) === 'g') ?? {};
    const value = JSON.stringify({ v: 1, group: 'g', pending });
    all.world.broker.append([{ topic: 'retry', partition: 0, key: 'g', value, headers: headers ?? [] }]);
    const { pipeline } = await all.world.start();
    await all.world.clock.advance(12 * HOUR_MS);
    expect([members(all), pipeline.stats().held]).toEqual([SIX, 5]);
    all.world.approve('jane');
    await all.world.clock.advance(5_000);
    expect(members(all)).toEqual(['a']);
  });

  test('a record without its new fields says the same of every intent', async () => {
    const all = given({ unknown: ['who'] });
    await all.world.start();
    all.world.produce(full(['who', 'a']));
    await all.world.clock.advance(5_000);
    const last = lastValue(all);
    expect(last?.pending).toContainEqual(expect.objectContaining({ member: 'who', unresolved: true }));
    const strip = (entry: Record<string, unknown>) => {
      const { unresolved: _, ...rest } = entry;
      return rest;
    };
    const record = all.world.records('retry').findLast(({ key }) => String(Buffer.from(key ?? [])) === 'g');
    const value = Buffer.from(JSON.stringify({ v: 1, group: 'g', pending: last?.pending.map(strip) }));
    const older = parseRetryRecord({ key: record?.key ?? null, value, headers: record?.headers ?? [] });
    expect(older).toMatchObject({
      kind: 'state',
      intents: lastIntents(all).map((intent) => {
        const { isUnresolved: _, ...rest } = intent;
        return rest;
      }),
    });
  });

  test.each([
    ['of another type', { awaited: 7, accepted: { who: 1 } }],
    ['no ids', { awaited: ['', 'x\u0000'], accepted: [null] }],
  ])('lists that are %s make no record unreadable', async (_, lists) => {
    const all = given({ unknown: [] });
    all.world.produce({ remove_members: ['b'] });
    const timestamp = all.world.records('source')[0]?.timestamp ?? 0;
    const headers = ['owner', 'epoch', 'seq'].map((name) =>
      textHeader(`rollcall-${name}`, name === 'owner' ? 'n' : '0'),
    );
    const entry = {
      member: 'b',
      op: 'remove',
      named_by: 'target',
      topic: 'source',
      partition: 0,
      offset: '0',
      event_id: null,
      timestamp,
      attempt: 1,
      not_before: 0,
      first_seen_at: 1,
      dead: null,
      unresolved: 'perhaps',
    };
    const value = JSON.stringify({ v: 1, group: 'g', pending: [entry], ...lists });
    all.world.broker.append([{ topic: 'retry', partition: 0, key: 'g', value, headers }]);
    await all.world.start();
    await all.world.clock.advance(60_000);
    expect(members(all)).toEqual(['a', 'c', 'd', 'e', 'f']);
  });
});
