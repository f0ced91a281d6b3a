/** One user under two names, one of which is resolved later: the newest change counts, whatever is known when (ID_MAP). */
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/adapters/system.ts';
import { parseRetryRecord, renderState } from '../../../src/core/log/live-record.ts';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import { requestKey } from '../../../src/core/log/request-record.ts';
import type { IdMap, Resolution } from '../../../src/ports.ts';
import { answer, QuickWorld } from '../../support/quick-world.ts';
import { Table } from '../../support/table.ts';

const HOURS = 3_600_000;

function given(options: ConstructorParameters<typeof QuickWorld>[0] = {}) {
  const ids = new Table().set('group', 'g', 'g').set('user', 'new', 'a').set('user', 'other', 'b');
  const world = new QuickWorld({ ids, ...options });
  return { ids, world, ...acts(world) };
}

const acts = (world: QuickWorld) => ({
  add: (...members: string[]) => world.produce({ add_members: members }),
  remove: (...members: string[]) => world.produce({ remove_members: members }),
  members: () => [...world.target.group('g').members],
  /** Of the reports that a consumer keeps: outcome and `superseded_by`. */
  kept: () => {
    const kept = new Map<string, string>();
    for (const { id, outcome, superseded_by: by, final } of world.reports())
      if (final)
        kept.set(id.replace('source/0/', ''), by === null ? outcome : `${outcome} ${by.replace('source/0/', '')}`);
    return Object.fromEntries(kept);
  },
  lastRecord: () => {
    const last = world.records('retry').findLast(({ key }) => String(Buffer.from(key ?? [])) === 'g');
    return last?.value === null || last === undefined ? null : parseRetryRecord(last);
  },
});

test('two names: an older change whose name is known late does not undo a newer one that is final', async () => {
  const { ids, world, add, remove, members, kept, lastRecord } = given();
  add('old');
  await world.start();
  remove('new');
  await world.clock.advance(1_000);
  expect(kept()).toEqual({ '1/new': 'already_synced' });
  ids.set('user', 'old', 'a');
  await world.clock.advance(1_000);
  expect([members(), kept()['0/old']]).toEqual([[], 'superseded 1/new']);
  // Nothing waits any more, so nothing is remembered.
  expect([lastRecord(), world.committed()]).toEqual([null, 2n]);
});

test.each([
  ['removed', 'add', 'remove', []],
  ['added', 'remove', 'add', ['a']],
] as const)('two names: a user that is %s stays so over a restart', async (_, first, second, expected) => {
  const { ids, world, members, kept, ...act } = given();
  act[first]('old');
  const one = await world.start();
  act[second]('new');
  await world.clock.advance(1_000);
  expect(world.committed()).toBe(2n);
  one.kill();
  ids.set('user', 'old', 'a');
  await world.start();
  await world.clock.advance(2 * HOURS);
  expect([members(), kept()['0/old']]).toEqual([expected, 'superseded 1/new']);
});

test('two names: a live record of nothing but what is final is taken over, and goes once nothing older can come', async () => {
  const { world, lastRecord } = given();
  const source = { topic: 'source', partition: 0, offset: 0n, index: null };
  const stamp = { owner: 'former', epoch: 1, seq: 1 };
  const finals = [{ target: 'a', member: 'new', op: 'remove', source } as const];
  const record = renderState({ group: 'g', intents: [], finals, stamp, trouble: null, now: 1, sha256 });
  world.produce({ remove_members: ['new'] });
  world.broker.append([{ topic: 'retry', partition: 0, ...record }]);
  expect(lastRecord()).toMatchObject({ kind: 'state', finals: [{ target: 'a' }] });
  const { pipeline } = await world.start();
  await world.clock.advance(HOURS);
  expect([lastRecord(), world.committed(), pipeline.sizes().groups]).toEqual([null, 1n, 0]);
});

test('two names: nothing is committed before the live record says what is final', async () => {
  const { ids, world, add, remove, members, kept } = given();
  add('old');
  const one = await world.start();
  await world.clock.advance(1_000);
  expect(world.committed()).toBe(1n);
  one.log.beforeSend = async (records) => {
    if (records.some(({ topic }) => topic === 'retry')) throw new Error('the retry topic is away');
  };
  remove('new');
  await world.clock.advance(5_000);
  expect(kept()['1/new']).toBe('already_synced');
  expect(world.committed()).toBe(1n);
  one.kill();
  ids.set('user', 'old', 'a');
  await world.start();
  await world.clock.advance(2 * HOURS);
  expect([members(), kept()['0/old']]).toEqual([[], 'superseded 1/new']);
});

test('two names: what is final is committed also where its live record has no room to say so', async () => {
  const { world, add, remove, kept } = given();
  await world.start();
  add('old');
  await world.clock.advance(1_000);
  // Room for what is parked, and for no mark beside it.
  world.setRetryRecordMaxBytes(600);
  remove('new');
  await world.clock.advance(5_000);
  expect(world.logger.lines.map(({ message }) => message)).toContain(
    'a live record was too large, half of its final marks are dropped',
  );
  expect([kept()['1/new'], world.committed()]).toEqual(['already_synced', 2n]);
});

test('two names: a change that comes again from the source meets what is final, too', async () => {
  const { ids, world, add, remove, members, kept } = given();
  const one = await world.start();
  // The first change stays open: its live record is not written, and that of the second is not needed for its end.
  one.log.beforeSend = async (records) => {
    if (records.some(({ topic }) => topic === 'retry')) throw new Error('the retry topic is away');
  };
  add('old');
  remove('new');
  await world.clock.advance(5_000);
  one.kill();
  await world.start();
  await world.clock.advance(1_000);
  ids.set('user', 'old', 'a');
  await world.clock.advance(2 * HOURS);
  expect([members(), kept()['0/old']]).toEqual([[], 'superseded 1/new']);
  expect(world.committed()).toBe(2n);
});

describe('while the older change waits for the answer of a look-up', () => {
  /** Names `new` at once, and `old` once it is answered. */
  const asking = (): { readonly ids: IdMap; answer: () => void } => {
    let resolve: (found: Resolution) => void = () => undefined;
    const promise = new Promise<Resolution>((settle) => {
      resolve = settle;
    });
    const found: Resolution = { kind: 'found', id: 'a', isActive: true };
    let isKnown = false;
    const ids: IdMap = {
      known: (kind, id) => (kind === 'group' ? { ...found, id } : id === 'old' && !isKnown ? null : found),
      lookUp: () => promise,
      onChange: () => undefined,
      close: async () => undefined,
    };
    return {
      ids,
      answer: () => {
        isKnown = true;
        resolve(found);
      },
    };
  };

  test('the newer one is final, and stays so over a restart', async () => {
    const maps = [asking(), asking()];
    const left = maps.values();
    const { world, add, remove, members, kept, lastRecord } = given({
      ids: () => left.next().value?.ids ?? new Table(),
    });
    world.target.group('g').members.add('a');
    const one = await world.start();
    add('old');
    remove('new');
    await world.clock.advance(1_000);
    // The older one has no place in the live record, which says what is final all the same.
    expect(lastRecord()).toMatchObject({ intents: [], finals: [{ target: 'a', member: 'new', op: 'remove' }] });
    expect([world.committed(), kept()]).toEqual([0n, { '1/new': 'applied' }]);
    one.kill();
    await world.start();
    maps[1]?.answer();
    await world.clock.advance(1_000);
    expect([members(), kept()]).toEqual([[], { '0/old': 'superseded 1/new', '1/new': 'applied' }]);
    await world.clock.advance(1_000);
    expect([lastRecord(), world.committed()]).toEqual([null, 2n]);
  });

  test('a change that is final is met although no live record says so, as an older version leaves it', async () => {
    const maps = [asking(), asking()];
    const left = maps.values();
    const { world, add, remove, members, kept } = given({ ids: () => left.next().value?.ids ?? new Table() });
    const one = await world.start();
    add('old');
    remove('new');
    await world.clock.advance(1_000);
    one.kill();
    const stamp = { owner: 'older', epoch: 1, seq: 1_000 };
    const tombstone = renderState({ group: 'g', intents: [], stamp, trouble: null, now: 1, sha256 });
    world.broker.append([{ topic: 'retry', partition: 0, ...tombstone }]);
    await world.start();
    maps[1]?.answer();
    await world.clock.advance(1_000);
    expect([members(), kept()['0/old']]).toEqual([[], 'superseded 1/new']);
  });
});

test('two names: the newest of several names counts, whichever is known first', async () => {
  const { ids, world, add, remove, members, kept } = given();
  add('old');
  remove('older');
  await world.start();
  add('new');
  remove('third');
  await world.clock.advance(1_000);
  expect(members()).toEqual(['a']);
  ids.set('user', 'third', 'a');
  await world.clock.advance(1_000);
  expect(members()).toEqual([]);
  for (const name of ['old', 'older']) {
    ids.set('user', name, 'a');
    await world.clock.advance(1_000);
  }
  expect([members(), kept()]).toEqual([
    [],
    { '0/old': 'superseded 3/third', '1/older': 'superseded 3/third', '2/new': 'applied', '3/third': 'recovered' },
  ]);
});

test('two names: a name that turns out to be another user lands', async () => {
  const { ids, world, add, remove, members, lastRecord } = given();
  add('old');
  await world.start();
  remove('new');
  await world.clock.advance(1_000);
  ids.set('user', 'old', 'c');
  await world.clock.advance(1_000);
  expect([members(), lastRecord()]).toEqual([['c'], null]);
});

describe('of two names in one event the removal wins', () => {
  test.each(['added', 'removed'])('where the name that is %s is known late', async (late) => {
    const { ids, world, members, kept } = given();
    world.target.group('g').members.add('a');
    const names = late === 'added' ? ['old', 'new'] : ['new', 'old'];
    world.produce({ add_members: names.slice(0, 1), remove_members: names.slice(1) });
    const one = await world.start();
    await world.clock.advance(1_000);
    expect(world.committed()).toBe(1n);
    one.kill();
    await world.start();
    await world.clock.advance(1_000);
    ids.set('user', 'old', 'a');
    await world.clock.advance(2 * HOURS);
    expect([members(), kept()['0/old']]).toEqual([[], late === 'added' ? 'superseded 0/new' : 'recovered']);
  });
});

test.each([true, false])(
  'two names: a replay of a change whose name was never known undoes nothing (restart: %s)',
  async (isRestarted) => {
    const { ids, world, add, remove, members, kept } = given({
      pipeline: { retry: { baseMs: 1, capMs: 1, attemptsMax: 2, slowScheduleMs: [] } },
    });
    add('old');
    const one = await world.start();
    await world.clock.advance(1_000);
    expect(kept()).toEqual({ '0/old': 'permanent_failure' });
    remove('new');
    await world.clock.advance(1_000);
    if (isRestarted) one.kill();
    ids.set('user', 'old', 'a');
    if (isRestarted) await world.start();
    await world.clock.advance(1_000);
    const named = { member: 'old', op: 'add', topic: 'source', partition: 0, offset: '0' };
    world.broker.append([
      {
        topic: 'retry',
        partition: 0,
        key: requestKey('1'),
        value: JSON.stringify({ v: 1, group: 'g', pending: [named] }),
        headers: [textHeader('rollcall-type', 'replay')],
      },
    ]);
    await world.clock.advance(5_000);
    // What is replaced while it is dead keeps its report.
    expect([members(), kept()['0/old']]).toEqual([[], isRestarted ? 'permanent_failure' : 'superseded 1/new']);
  },
);

test('two names: a newer change that was given up, and dropped, keeps the older one from landing', async () => {
  const { ids, world, add, remove, members, kept } = given({ pipeline: { deadKeepMs: 1_000 } });
  world.target.group('g').members.add('a');
  world.target.onPatch = () => answer(405);
  add('old');
  await world.start();
  remove('new');
  await world.clock.advance(HOURS / 60 / 2);
  expect(kept()).toEqual({ '1/new': 'failed' });
  await world.clock.advance(2 * 60_000);
  world.target.onPatch = () => null;
  world.target.group('g').members.delete('a');
  ids.set('user', 'old', 'a');
  await world.clock.advance(HOURS);
  expect([members(), kept()['0/old']]).toEqual([[], 'superseded 1/new']);
});

test('two names: a table that changes often uses up no tries of those that it does not name', async () => {
  const { ids, world, add, members } = given();
  add('old');
  await world.start();
  for (let i = 0; i < 20; i += 1) ids.set('user', `someone-${i}`, `target-${i}`);
  await world.clock.advance(1_000);
  ids.set('user', 'old', 'a');
  await world.clock.advance(1_000);
  expect(members()).toEqual(['a']);
});

test('two names: where nothing waits for its name, nothing is remembered', async () => {
  const { world, add, remove, lastRecord } = given();
  add('new', 'other');
  await world.start();
  remove('new');
  await world.clock.advance(1_000);
  expect([world.recordedCounts(), lastRecord()]).toEqual([[], null]);
});

test('two names: what is remembered takes no more room than the live record has', async () => {
  const { ids, world, add, remove, members, kept } = given({ retryRecordMaxBytes: 2_000 });
  for (let i = 0; i < 300; i += 1) ids.set('user', `u${i}`, `target-of-user-${(i * 7_919) % 10_007}`);
  add('old');
  await world.start();
  await world.clock.advance(1_000);
  add(...Array.from({ length: 300 }, (_, i) => `u${i}`));
  await world.clock.advance(30_000);
  remove('new');
  await world.clock.advance(30_000);
  expect([members().length, world.committed()]).toEqual([300, 3n]);
  ids.set('user', 'old', 'a');
  await world.clock.advance(2 * HOURS);
  expect([members().length, kept()['0/old']]).toEqual([300, 'superseded 2/new']);
});
