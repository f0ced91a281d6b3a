/**
 * Pauses (protocol.md 12.4): nothing is sent for what is paused, by any owner, until it is resumed; what comes meanwhile is read,
 * recorded and committed.
 */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { operatorKey } from '../../../src/adapters/private-file.ts';
import { FENCE_KEY } from '../../../src/core/log/live-record.ts';
import { PAUSED_GROUPS_MAX, PAUSES_KEY, PAUSES_MAX_BYTES } from '../../../src/core/log/pause-record.ts';
import {
  parseAnswer,
  pauseValue,
  requestKey,
  signed,
  type ApplyNowRequest,
  type OperatorAnswer,
  type OperatorKey,
  type PauseRequest,
} from '../../../src/core/log/request-record.ts';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import type { LogRecord, OutRecord } from '../../../src/ports.ts';
import { answer, QuickWorld, type QuickOptions } from '../../support/quick-world.ts';
import { Table } from '../../support/table.ts';

const text = (bytes: LogRecord['key']): string => Buffer.from(bytes ?? []).toString();

function request(
  wanted: PauseRequest | ApplyNowRequest,
): OutRecord & { readonly partition: number; readonly key: string } {
  const headers = [textHeader('rollcall-type', wanted.kind)];
  return { topic: 'retry', partition: 0, key: requestKey(randomUUID()), value: pauseValue(wanted), headers };
}

const pause = (group: string | null = null, author = 'jane', reason = 'INC-7') =>
  request({ kind: 'pause', group, author, reason });
const resume = (group: string | null = null) => request({ kind: 'resume', group, author: 'joe', reason: null });
const applyNow = (group: string) => request({ kind: 'apply_now', group, author: 'jane' });

const answersTo = (world: QuickWorld, { key }: { readonly key: string }): OperatorAnswer[] =>
  world
    .records('retry')
    .filter((record) => text(record.key) === key)
    .flatMap(({ value, headers }) => parseAnswer(value, headers) ?? []);

/** What the tombstone of the request says; undefined: there is none. */
function verdictOn(world: QuickWorld, asked: { readonly key: string }): string | undefined {
  const given = answersTo(world, asked).at(-1);
  return given === undefined || given.kind === 'replay' ? undefined : `${given.verdict} ${given.count}`;
}

async function ask(world: QuickWorld, asked: OutRecord & { readonly key: string }): Promise<string | undefined> {
  world.broker.append([asked]);
  await world.clock.advance(500);
  return verdictOn(world, asked);
}

const pausesRecords = (world: QuickWorld): LogRecord[] =>
  world.records('retry').filter(({ key }) => text(key) === PAUSES_KEY);

async function started(options: QuickOptions = {}) {
  const world = new QuickWorld(options);
  const one = await world.start();
  return { world, one };
}

/** Asks for the pause while the first PATCH is under way, whose answer takes until the pause is known. */
function pauseAtFirstPatch(world: QuickWorld, stop: OutRecord): void {
  let isAsked = false;
  world.target.onPatch = () => {
    if (!isAsked) world.broker.append([stop]);
    isAsked = true;
    return null;
  };
  const patch = world.target.patchGroup.bind(world.target);
  world.target.patchGroup = async (asked) => {
    const given = await patch(asked);
    await world.clock.wait(1_000);
    return given;
  };
}

const members = (world: QuickWorld, group = 'g'): string[] => [...world.target.group(group).members].toSorted();

describe('a paused partition', () => {
  test('has nothing sent for it, and is read, recorded and committed all the same', async () => {
    const { world, one } = await started();
    expect(await ask(world, pause())).toBe('paused 0');
    // when changes come for hours, newer ones in the place of older ones
    world.produce({ add_members: ['a', 'b'] });
    world.produce({ group_id: 'h', add_members: ['c'] });
    await world.clock.advance(3 * 3_600_000);
    world.produce({ remove_members: ['b'] });
    await world.clock.advance(60_000);
    // then
    expect(world.target.requestCount).toBe(0);
    expect(world.committed()).toBe(3n);
    expect(world.recorded()).toEqual(['0 add a', '2 remove b']);
    expect(world.reports()).toMatchObject([{ outcome: 'paused' }, { outcome: 'superseded', member: 'b' }]);
    await one.pipeline.whenAtRest();
    // when
    expect(await ask(world, resume())).toBe('resumed 3');
    await world.clock.advance(5_000);
    // then exactly what is left is sent, as a first try
    expect([members(world), members(world, 'h')]).toEqual([['a'], ['c']]);
    const outcomes = world.reports().map(({ outcome, member, attempt }) => `${outcome} ${member} ${attempt}`);
    expect(outcomes).toHaveLength(6);
    expect(outcomes).toEqual(expect.arrayContaining(['applied a 0', 'applied c 0', 'already_synced b 0']));
    expect(world.recorded()).toEqual([]);
    await one.pipeline.whenAtRest();
  });

  test('stays paused for the next owner, and the one after it', async () => {
    const { world, one } = await started();
    await ask(world, pause());
    world.produce({ add_members: ['a'] });
    await world.clock.advance(10_000);
    one.kill();
    const two = await world.start();
    world.produce({ add_members: ['b'] });
    await world.clock.advance(60_000);
    expect(two.pipeline.stats()).toMatchObject({ pending: 2 });
    void two.pipeline.drain();
    await world.clock.advance(5_000);
    await world.start();
    await world.clock.advance(60_000);
    expect([world.target.requestCount, world.committed()]).toEqual([0, 2n]);
    // and a resume of the last one ends it
    expect(await ask(world, resume())).toBe('resumed 2');
    await world.clock.advance(60_000);
    expect(members(world)).toEqual(['a', 'b']);
    expect(pausesRecords(world).at(-1)?.value).toBeNull();
  });

  test('stops a group between two of its requests, and uses up no try of it', async () => {
    const { world } = await started({ pipeline: { membersPerPatchMax: 1 } });
    const stop = pause();
    pauseAtFirstPatch(world, stop);
    world.produce({ add_members: ['a', 'b', 'c'] });
    await world.clock.advance(60_000);
    // then
    expect(verdictOn(world, stop)).toBe('paused 3');
    const { requestCount } = world.target;
    expect(members(world)).toHaveLength(1);
    expect(world.committed()).toBe(1n);
    await world.clock.advance(3_600_000);
    expect(world.target.requestCount).toBe(requestCount);
    await ask(world, resume());
    await world.clock.advance(10_000);
    expect(members(world)).toEqual(['a', 'b', 'c']);
    const ends = world.reports().filter(({ member }) => member !== null);
    expect(ends.map(({ outcome, attempt }) => [outcome, attempt])).toEqual(
      Array.from({ length: 3 }, () => ['applied', 0]),
    );
  });

  test('is asked for no probe, and its breaker stays as it is', async () => {
    const { world, one } = await started({ pipeline: { breakerFailures: 1 } });
    world.target.onGet = () => answer(503);
    world.produce({ add_members: ['a'] });
    await world.clock.advance(10_000);
    expect(one.pipeline.stats().breaker).toMatchObject({ reason: 'target' });
    await ask(world, pause());
    const { requestCount } = world.target;
    const since = one.pipeline.stats().breaker?.since;
    await world.clock.advance(3_600_000);
    expect([world.target.requestCount, one.pipeline.stats().breaker?.since]).toEqual([requestCount, since]);
    expect(world.committed()).toBe(1n);
    // when the target works again, and it is resumed
    world.target.onGet = () => null;
    await ask(world, resume());
    await world.clock.advance(60_000);
    expect([one.pipeline.stats().breaker, members(world)]).toEqual([null, ['a']]);
  });

  test('keeps a full state as it is in the record, and works it out after the resume', async () => {
    const { world, one } = await started();
    world.target.group('g').members.add('x');
    await ask(world, pause());
    world.produce({ members: ['a', 'b'], complete: true });
    world.produce({ add_members: ['c'] });
    await world.clock.advance(60_000);
    expect(world.recorded()).toEqual(['0 state ', '1 add c']);
    expect(world.committed()).toBe(2n);
    one.kill();
    await world.start();
    await world.clock.advance(60_000);
    expect(world.target.requestCount).toBe(0);
    await ask(world, resume());
    await world.clock.advance(60_000);
    expect(members(world)).toEqual(['a', 'b', 'c']);
    expect(world.recorded()).toEqual([]);
  });

  test('takes more changes than one piece of a record, and more than the limit of what is pending', async () => {
    const { world, one } = await started({ pipeline: { membersPerPatchMax: 5, pendingIntentsMax: 100 } });
    await ask(world, pause());
    const names = Array.from({ length: 150 }, (_, i) => `m${i}`);
    for (let i = 0; i < 150; i += 50) world.produce({ add_members: names.slice(i, i + 50) });
    await world.clock.advance(60_000);
    expect([world.committed(), one.pipeline.stats().pending]).toEqual([3n, 150]);
    await ask(world, resume());
    await world.clock.advance(60_000);
    expect(members(world)).toHaveLength(150);
  });

  test('leaves the report of who has paused it, why and when, and the same of its end', async () => {
    const { world } = await started();
    const asked = pause(null, 'jane@example.com', 'change freeze 12–14 May');
    await ask(world, asked);
    const at = new Date(world.clock.now().wall - 500).toISOString();
    await world.clock.advance(60_000);
    await ask(world, resume());
    const [offset] = world
      .records('retry')
      .flatMap((record) => (text(record.key) === asked.key ? [record.offset] : []));
    const [begun, ended] = world.reports();
    expect(begun).toMatchObject({
      id: `retry/0/${offset}`,
      final: true,
      outcome: 'paused',
      group: null,
      member: null,
      op: null,
      source: { topic: 'retry', partition: 0, offset: String(offset) },
      pause: { author: 'jane@example.com', reason: 'change freeze 12–14 May', at, result: 'paused' },
    });
    expect(ended).toMatchObject({ outcome: 'resumed', pause: { author: 'joe', reason: null, result: 'resumed' } });
  });
});

describe('a paused group', () => {
  test('waits alone: all others go on', async () => {
    const { world, one } = await started();
    expect(await ask(world, pause('g'))).toBe('paused 0');
    world.produce({ add_members: ['a'] });
    world.produce({ group_id: 'h', add_members: ['b'] });
    await world.clock.advance(60_000);
    expect([members(world), members(world, 'h'), world.committed()]).toEqual([[], ['b'], 2n]);
    expect(await ask(world, pause('g', 'joe'))).toBe('already 1');
    expect(await ask(world, resume('h'))).toBe('not_paused 0');
    expect(await ask(world, resume('g'))).toBe('resumed 1');
    await world.clock.advance(5_000);
    expect(members(world)).toEqual(['a']);
    expect(world.reports().filter(({ outcome }) => outcome === 'paused')).toMatchObject([
      { group: 'g', pause: { author: 'jane', result: 'paused' } },
      { group: 'g', pause: { author: 'joe', result: 'already' } },
    ]);
    await one.pipeline.whenAtRest();
  });

  test('may be named as the target names it, and in either letter case of a UUID', async () => {
    const target = '5b1e0000-aaaa-4aaa-8aaa-00000000abcd';
    const ids = new Table().set('group', 'okta-g', target).set('group', 'okta-h', 'h').set('user', 'okta-a', 'a');
    const { world } = await started({ ids });
    await ask(world, pause(target.toUpperCase()));
    world.produce({ group_id: 'okta-g', add_members: ['okta-a'] });
    world.produce({ group_id: 'okta-h', add_members: ['okta-a'] });
    await world.clock.advance(60_000);
    expect([members(world, target), members(world, 'h')]).toEqual([[], ['a']]);
    expect(await ask(world, resume(target))).toBe('resumed 1');
    await world.clock.advance(5_000);
    expect(members(world, target)).toEqual(['a']);
  });

  test('that is named as the target names it is paused from its look-up on, and nothing waits for it', async () => {
    const ids = new Table().set('user', 'okta-a', 'a').set('group', 'okta-h', 'h');
    const found = new Table().set('group', 'okta-g', 'g');
    const known = ids.known.bind(ids);
    // given an id that is known only once it is looked up
    Object.assign(ids, {
      known: (kind: 'user' | 'group', id: string) =>
        id === 'okta-g' && !ids.rows.has('group/okta-g') ? null : known(kind, id),
      lookUp: async (kind: 'user' | 'group', id: string) => {
        ids.rows.set(`${kind}/${id}`, found.known(kind, id));
        return found.known(kind, id);
      },
    });
    const { world } = await started({ ids });
    await ask(world, pause('g'));
    world.produce({ group_id: 'okta-g', add_members: ['okta-a'] });
    world.produce({ group_id: 'okta-h', add_members: ['okta-a'] });
    await world.clock.advance(60_000);
    expect([ids.known('group', 'okta-g'), members(world, 'h')]).toMatchObject([{ kind: 'found' }, ['a']]);
    // then it is recorded, so that the offsets behind it are committed
    expect([world.recorded(), world.committed(), members(world)]).toEqual([['0 add okta-a'], 2n, []]);
    expect(await ask(world, resume('g'))).toBe('resumed 1');
    await world.clock.advance(5_000);
    expect(members(world)).toEqual(['a']);
  });

  test('is known by its id at the target also where the table learns that id later', async () => {
    const ids = new Table().set('user', 'okta-a', 'a');
    const { world } = await started({ ids });
    await ask(world, pause('g'));
    world.produce({ group_id: 'okta-g', add_members: ['okta-a'] });
    await world.clock.advance(5_000);
    ids.set('group', 'okta-g', 'g');
    await world.clock.advance(600_000);
    expect([world.recorded(), world.committed(), world.target.requestCount]).toEqual([['0 add okta-a'], 1n, 0]);
    expect(await ask(world, resume('g'))).toBe('resumed 1');
    await world.clock.advance(600_000);
    expect(members(world)).toEqual(['a']);
  });

  test('stays paused where its partition is resumed', async () => {
    const { world } = await started();
    await ask(world, pause('g'));
    await ask(world, pause());
    world.produce({ add_members: ['a'] });
    world.produce({ group_id: 'h', add_members: ['b'] });
    await world.clock.advance(5_000);
    expect(await ask(world, resume())).toBe('resumed 1');
    await world.clock.advance(60_000);
    expect([members(world), members(world, 'h')]).toEqual([[], ['b']]);
  });

  test('whose own pause ends while all is paused has that in the answer and in the report', async () => {
    const { world } = await started();
    await ask(world, pause('g'));
    await ask(world, pause());
    world.produce({ add_members: ['a'] });
    await world.clock.advance(5_000);
    expect(await ask(world, resume('g'))).toBe('still_paused 1');
    expect(await ask(world, resume('g'))).toBe('is_paused 1');
    const ends = world.reports().filter(({ outcome }) => outcome === 'resumed');
    expect(ends.map((each) => each['pause'])).toMatchObject([{ result: 'still_paused' }, { result: 'is_paused' }]);
    expect(await ask(world, resume())).toBe('resumed 1');
    await world.clock.advance(5_000);
    expect(members(world)).toEqual(['a']);
  });

  test('is asked for no id that no other group waits for', async () => {
    const asked: string[] = [];
    const found = (id: string) => ({ kind: 'found', id, isActive: true }) as const;
    const known = new Map<string, ReturnType<typeof found>>();
    let isAway = true;
    const ids = {
      known: (kind: 'user' | 'group', id: string) => (kind === 'group' ? found(id) : (known.get(id) ?? null)),
      lookUp: async (_: 'user' | 'group', id: string, mayStart: () => boolean) => {
        if (isAway) await world.clock.wait(1_000);
        if (!mayStart()) return { kind: 'unanswered', answer: { kind: 'not_started' } } as const;
        asked.push(id);
        known.set(id, found(id));
        return found(id);
      },
      onChange: () => undefined,
      close: async () => undefined,
    };
    const world = new QuickWorld({ ids });
    await world.start();
    // given a look-up that waits for its turn while its group is paused
    world.produce({ add_members: ['a'] });
    await world.clock.advance(100);
    await ask(world, pause('g'));
    world.produce({ add_members: ['b'] });
    await world.clock.advance(60_000);
    expect([asked, world.committed()]).toEqual([[], 2n]);
    // when another group waits for one of the ids
    isAway = false;
    world.produce({ group_id: 'h', add_members: ['b'] });
    await world.clock.advance(60_000);
    expect([asked, members(world), members(world, 'h')]).toEqual([['b'], [], ['b']]);
    await ask(world, resume('g'));
    await world.clock.advance(60_000);
    expect([asked, members(world)]).toEqual([
      ['b', 'a'],
      ['a', 'b'],
    ]);
  });

  test('is not what an open breaker waits for', async () => {
    const { world, one } = await started({ pipeline: { breakerFailures: 1 } });
    await ask(world, pause('never-asked'));
    world.produce({ group_id: 'never-asked', add_members: ['b'] });
    let isAway = true;
    world.target.onGet = () => (isAway ? answer(503) : null);
    world.produce({ add_members: ['a'] });
    await world.clock.advance(10_000);
    expect(one.pipeline.stats().breaker).not.toBeNull();
    isAway = false;
    await world.clock.advance(60_000);
    expect([one.pipeline.stats().breaker, members(world), members(world, 'never-asked')]).toEqual([null, ['a'], []]);
  });

  test('has all recorded that a full state came to before the pause, so that its offset is committed', async () => {
    const { world, one } = await started({ pipeline: { membersPerPatchMax: 1 } });
    const stop = pause('g');
    pauseAtFirstPatch(world, stop);
    world.produce({ members: Array.from({ length: 30 }, (_, i) => `m${i}`), complete: true });
    await world.clock.advance(60_000);
    expect(verdictOn(world, stop)).toBe('paused 30');
    expect([members(world).length, world.committed()]).toEqual([1, 1n]);
    one.kill();
    await world.start();
    await ask(world, resume('g'));
    await world.clock.advance(120_000);
    expect(members(world)).toHaveLength(30);
  });

  test('has a full state in its record until all is out of it that it has replaced, so that no restart brings it back', async () => {
    const { world, one } = await started();
    world.target.group('g').members.add('y');
    await ask(world, pause('g'));
    world.produce({ add_members: ['x'] });
    await world.clock.advance(5_000);
    // given that the report of the addition that is replaced is late
    one.log.beforeSend = async (records) => {
      if (records.some(({ topic }) => topic === 'reports')) throw new Error('not now');
    };
    world.produce({ members: ['a'], complete: true });
    await world.clock.advance(5_000);
    expect([world.recorded(), world.committed()]).toEqual([['0 add x', '1 state '], 2n]);
    // when the full state is worked out
    await ask(world, resume('g'));
    await world.clock.advance(5_000);
    expect(members(world)).toEqual(['a']);
    expect(world.recorded()).toEqual(expect.arrayContaining(['0 add x', '1 state ']));
    one.kill();
    await world.start();
    await world.clock.advance(120_000);
    // then the next owner leaves the group as it is
    expect([members(world), world.recorded()]).toEqual([['a'], []]);
    const ends = world.reports().map(({ outcome, member }) => `${outcome} ${member}`);
    expect(ends).toContain('superseded x');
    expect(ends).not.toContain('applied x');
  });

  test('keeps what is held held, and what is approved meanwhile waits for the resume', async () => {
    const guard = { groupPercent: 10, groupFloor: 2, groupCount: 500, windowCount: 5_000, windowMs: 600_000 };
    const { world, one } = await started({ pipeline: { guard } });
    for (const name of ['a', 'b', 'c']) world.target.group('g').members.add(name);
    world.produce({ remove_members: ['a', 'b'] });
    await world.clock.advance(5_000);
    expect(one.pipeline.stats().held).toBe(2);
    expect(await ask(world, pause('g'))).toBe('paused 0');
    world.approve('jane');
    await world.clock.advance(60_000);
    expect([members(world), one.pipeline.stats().held]).toEqual([['a', 'b', 'c'], 0]);
    expect(await ask(world, resume('g'))).toBe('resumed 2');
    await world.clock.advance(60_000);
    expect(members(world)).toEqual(['c']);
  });

  test('is one of a limited number', async () => {
    const { world } = await started();
    const names = Array.from({ length: PAUSED_GROUPS_MAX }, (_, i) => `group-${i}`);
    world.broker.append(names.map((name) => pause(name)));
    // Each answer is a write of its own.
    await world.clock.advance(600_000);
    expect(await ask(world, pause('g'))).toBe('too_many 0');
    expect(await ask(world, pause('group-3'))).toBe('already 0');
    expect(await ask(world, pause())).toBe('paused 0');
    await ask(world, resume('group-3'));
    expect(await ask(world, pause('g'))).toBe('paused 0');
  });
});

test('pause: of groups with long names fewer are paused, so that their record fits', async () => {
  const { world } = await started();
  const long = (i: number) => `${i}`.padStart(256, '漢');
  const requests = Array.from({ length: 300 }, (_, i) => pause(long(i), long(0), '漢'.repeat(200)));
  world.broker.append(requests);
  await world.clock.advance(600_000);
  const verdicts = requests.map((asked) => verdictOn(world, asked));
  const count = verdicts.indexOf('too_many 0');
  expect(count).toBeGreaterThan(200);
  expect(verdicts.slice(count)).toEqual(verdicts.slice(count).map(() => 'too_many 0'));
  const bytes = pausesRecords(world).at(-1)?.value?.length ?? 0;
  expect(bytes).toBeLessThanOrEqual(PAUSES_MAX_BYTES);
  expect(bytes).toBeGreaterThan(PAUSES_MAX_BYTES - 4_000);
  // There is always room for all of the partition.
  expect(await ask(world, pause(null, long(0), '漢'.repeat(200)))).toBe('paused 0');
  await ask(world, resume(long(0)));
  expect(await ask(world, pause(long(count)))).toBe('paused 0');
});

test('pause: a record that is too large is tried again with growing pauses, whatever else is written', async () => {
  const { world, one } = await started();
  let tries = 0;
  one.log.beforeSend = async (records) => {
    if (records.some(({ key }) => key === PAUSES_KEY)) tries += 1;
  };
  const asked = pause('g', 'jane', 'r'.repeat(200));
  world.broker.append([asked]);
  world.setRetryRecordMaxBytes(200);
  for (let i = 0; i < 60; i += 1) {
    world.produce({ group_id: 'h', add_members: [`m${i}`] });
    await world.clock.advance(1_000);
  }
  expect([members(world, 'h').length, world.committed(), verdictOn(world, asked)]).toEqual([60, 60n, undefined]);
  expect(tries).toBeGreaterThan(2);
  expect(tries).toBeLessThan(15);
  world.setRetryRecordMaxBytes(1_000_000);
  await world.clock.advance(60_000);
  expect(verdictOn(world, asked)).toBe('paused 0');
});

describe('the answer', () => {
  test('comes once the record is acknowledged, and a restart takes nothing back', async () => {
    const { world, one } = await started();
    let isRefused = true;
    one.log.beforeSend = async (records) => {
      if (isRefused && records.some(({ key }) => key === PAUSES_KEY)) throw new Error('not now');
    };
    const asked = pause();
    expect(await ask(world, asked)).toBeUndefined();
    // it holds all the same
    world.produce({ add_members: ['a'] });
    await world.clock.advance(5_000);
    expect([world.target.requestCount, answersTo(world, asked)]).toEqual([0, []]);
    // when its owner dies before it is recorded, the next one carries it out before anything is sent
    one.kill();
    await world.start();
    await world.clock.advance(5_000);
    expect([verdictOn(world, asked), world.target.requestCount]).toEqual(['paused 0', 0]);
    isRefused = false;
  });

  test('is given again by the next owner, and the first author stays', async () => {
    const { world, one } = await started();
    const asked = pause(null, 'first');
    // its owner dies once the record is written
    one.log.afterSend = async (records) => {
      if (records.some(({ key }) => key === PAUSES_KEY)) one.kill();
    };
    world.broker.append([asked]);
    await world.clock.advance(500);
    expect(answersTo(world, asked)).toEqual([]);
    const two = await world.start();
    await world.clock.advance(500);
    expect(verdictOn(world, asked)).toBe('already 0');
    expect(await ask(world, pause(null, 'second'))).toBe('already 0');
    expect(two.pipeline.stats().paused.partitions).toMatchObject([{ partition: 0, author: 'first' }]);
  });

  test('waits for the report, which the next owner writes where the first one could not', async () => {
    const { world, one } = await started();
    one.log.beforeSend = async (records) => {
      if (records.some(({ topic }) => topic === 'reports')) throw new Error('not now');
    };
    const asked = pause(null, 'first');
    expect(await ask(world, asked)).toBeUndefined();
    await world.clock.advance(60_000);
    expect([pausesRecords(world).length, answersTo(world, asked), world.reports()]).toEqual([1, [], []]);
    one.kill();
    await world.start();
    await world.clock.advance(500);
    expect(verdictOn(world, asked)).toBe('already 0');
    expect(world.reports()).toMatchObject([{ outcome: 'paused', pause: { author: 'first' } }]);
  });

  test('of a former owner does not count behind the fence of the next one', async () => {
    const { world, one } = await started();
    await ask(world, pause('other'));
    const [record] = pausesRecords(world);
    one.kill();
    // given a request that nobody has answered, and an answer that a former owner still has on its way
    const asked = pause();
    const headers = [...(record?.headers.filter(([name]) => name !== 'rollcall-type') ?? [])];
    const result = JSON.stringify([{ group: null, result: 'paused', count: 0 }]);
    const late = [...headers, textHeader('rollcall-type', 'pause'), textHeader('rollcall-result', result)];
    world.broker.append([asked]);
    let isWritten = false;
    world.broker.topic('retry').onAppend(() => {
      if (isWritten || text(world.records('retry').at(-1)?.key ?? null) !== FENCE_KEY) return;
      isWritten = true;
      world.broker.append([{ ...asked, value: null, headers: late }]);
    });
    await world.start();
    world.produce({ add_members: ['a'] });
    await world.clock.advance(60_000);
    expect([answersTo(world, asked).length, world.target.requestCount]).toEqual([2, 0]);
  });

  test.each([
    ['signed', 'paused 0'],
    ['unsigned', 'unsigned 0'],
  ])('to one that is %s where a key is set is %s', async (how, verdict) => {
    const key: OperatorKey = operatorKey(() => 'the-key-of-the-operators');
    const { world, one } = await started({ operatorKey: key });
    const asked = pause();
    expect(await ask(world, how === 'signed' ? signed(asked, world.clock.now().wall, key) : asked)).toBe(verdict);
    world.produce({ add_members: ['a'] });
    await world.clock.advance(60_000);
    expect(members(world)).toEqual(how === 'signed' ? [] : ['a']);
    expect(one.pipeline.stats().refusedRequests).toEqual(how === 'signed' ? {} : { unsigned: 1 });
  });
});

describe('a record of pauses that cannot be read', () => {
  /** By a newer version, under the stamp of the last owner. */
  async function replaced(value: (text: string) => string) {
    const { world, one } = await started();
    await ask(world, pause('g'));
    const [record] = pausesRecords(world);
    one.kill();
    const headers = record?.headers ?? [];
    world.broker.append([
      { topic: 'retry', partition: 0, key: PAUSES_KEY, value: value(text(record?.value ?? null)), headers },
    ]);
    world.produce({ group_id: 'h', add_members: ['a'] });
    const two = await world.start();
    await world.clock.advance(60_000);
    return { world, two };
  }
  const warnings = ({ logger }: QuickWorld) =>
    logger.lines.filter(({ message }) => message.startsWith('the record of pauses cannot be read'));

  test('pauses its partition until an operator resumes it, and says so once', async () => {
    const { world, two } = await replaced(() => '{"v":2,"paused":"h"}');
    expect([world.target.requestCount, world.committed()]).toEqual([0, 1n]);
    expect(two.pipeline.stats().paused.partitions).toMatchObject([{ partition: 0, author: 'unknown' }]);
    expect(two.pipeline.stats().paused.partitions[0]?.since).toBeGreaterThan(0);
    expect([pausesRecords(world).length, warnings(world).length]).toEqual([2, 1]);
    // when it is written again
    await ask(world, pause('i'));
    two.kill();
    await world.start();
    await world.clock.advance(60_000);
    expect([world.target.requestCount, warnings(world).length]).toEqual([0, 1]);
    expect(await ask(world, resume())).toBe('resumed 1');
    await world.clock.advance(5_000);
    expect(members(world, 'h')).toEqual(['a']);
  });

  test('keeps the entries that a newer version has written until then', async () => {
    const entry = '{"groups":["h"],"until":7}';
    const { world, two } = await replaced((value) => value.replace('"groups":[', `"groups":[${entry},`));
    expect(world.target.requestCount).toBe(0);
    await ask(world, pause('i'));
    expect(text(pausesRecords(world).at(-1)?.value ?? null)).toContain(entry);
    two.kill();
    await world.start();
    await world.clock.advance(60_000);
    expect([world.target.requestCount, warnings(world).length]).toEqual([0, 2]);
    await ask(world, resume());
    await world.clock.advance(5_000);
    expect(members(world, 'h')).toEqual(['a']);
    expect(text(pausesRecords(world).at(-1)?.value ?? null)).not.toContain(entry);
    expect(await ask(world, resume('g'))).toBe('resumed 0');
  });

  test('that no owner has written says nothing, and is replaced', async () => {
    const { world } = await started();
    await ask(world, pause('g'));
    world.broker.append([{ topic: 'retry', partition: 0, key: PAUSES_KEY, value: 'junk', headers: [] }]);
    world.produce({ group_id: 'h', add_members: ['a'] });
    await world.clock.advance(60_000);
    expect([members(world, 'h'), warnings(world)]).toEqual([['a'], []]);
    expect(text(pausesRecords(world).at(-1)?.value ?? null)).toContain('"g"');
  });
});

describe('requests that are refused', () => {
  const key: OperatorKey = operatorKey(() => 'the-key-of-the-operators');

  test('are answered in one round, however many, and no pause waits for them', async () => {
    const { world, one } = await started({ operatorKey: key });
    let sends = 0;
    let isReportable = false;
    one.log.beforeSend = async (records) => {
      if (!isReportable && records.some(({ topic }) => topic === 'reports')) throw new Error('not now');
      if (records.some(({ topic }) => topic === 'retry')) sends += 1;
    };
    const junk = Array.from({ length: 200 }, () => pause('g'));
    const asked = signed(pause('h'), world.clock.now().wall, key);
    world.broker.append([...junk, asked]);
    await world.clock.advance(500);
    // then they do not wait for the report of the pause
    expect(junk.filter((each) => verdictOn(world, each) === 'unsigned 0')).toHaveLength(200);
    expect(verdictOn(world, asked)).toBeUndefined();
    isReportable = true;
    await world.clock.advance(5_000);
    expect(verdictOn(world, asked)).toBe('paused 0');
    expect(sends).toBeLessThan(10);
  });

  test('do not end the pause that they are copies of', async () => {
    const { world, one } = await started({ operatorKey: key });
    one.log.beforeSend = async (records) => {
      if (records.some(({ topic }) => topic === 'reports')) throw new Error('not now');
    };
    const plain = pause();
    const asked = signed(plain, world.clock.now().wall, key);
    world.broker.append([asked]);
    await world.clock.advance(500);
    // when a copy comes while the pause is not reported, and its owner dies
    world.broker.append([plain]);
    await world.clock.advance(500);
    one.kill();
    await world.start();
    await world.clock.advance(500);
    expect(answersTo(world, asked)[0]).toMatchObject({ verdict: 'already' });
    expect(world.reports()).toMatchObject([{ outcome: 'paused' }]);
  });
});

test('pause: a late record of a former owner is replaced, and what it says does not count', async () => {
  const { world, one } = await started();
  await ask(world, pause());
  await ask(world, resume());
  const [stale] = pausesRecords(world);
  one.kill();
  await world.start();
  // when the record of the pause comes once more, behind the fence of the next owner
  world.broker.append([
    { topic: 'retry', partition: 0, key: PAUSES_KEY, value: text(stale?.value ?? null), headers: stale?.headers ?? [] },
  ]);
  world.produce({ add_members: ['a'] });
  await world.clock.advance(5_000);
  expect(members(world)).toEqual(['a']);
  // then the last one says what is so
  expect(pausesRecords(world).at(-1)?.value).toBeNull();
});

test('pause: it is written again where the retry topic was recreated', async () => {
  const { world } = await started();
  await ask(world, pause('g'));
  world.broker.recreateTopic('retry');
  await world.clock.advance(60_000);
  expect(pausesRecords(world)).toHaveLength(1);
});

describe('apply now', () => {
  const SLOW = { baseMs: 3_600_000, capMs: 3_600_000, attemptsMax: 5 };

  /** One slot, and fifty groups that are ready before it. */
  async function behindFifty() {
    const { world, one } = await started({ pipeline: { concurrency: 1 } });
    const order: string[] = [];
    let isSlow = true;
    world.target.onPatch = ({ group }) => (order.push(group), null);
    const get = world.target.getGroup.bind(world.target);
    world.target.getGroup = async (asked) => {
      if (isSlow) await world.clock.wait(1_000);
      return get(asked);
    };
    for (let i = 0; i < 50; i++) world.produce({ group_id: `h${i}`, remove_members: ['x'], add_members: [`m${i}`] });
    world.produce({ add_members: ['a'] });
    await world.clock.advance(500);
    return { world, one, order, hurry: () => (isSlow = false) };
  }

  test('puts the group before all that are ready', async () => {
    const { world, order, hurry } = await behindFifty();
    expect(await ask(world, applyNow('g'))).toBe('queued 1');
    hurry();
    await world.clock.advance(60_000);
    expect(order.slice(0, 2)).toEqual(['h0', 'g']);
    expect(order).toHaveLength(51);
  });

  test('ends each wait of the group but that for an operator', async () => {
    const { world } = await started({
      pipeline: { retry: { baseMs: 3_600_000, capMs: 3_600_000, attemptsMax: 5, slowScheduleMs: [3_600_000] } },
    });
    let isGone = true;
    world.target.onGet = ({ group }) => (isGone && group === 'g' ? answer(404) : null);
    world.produce({ add_members: ['a'] });
    await world.clock.advance(5_000);
    isGone = false;
    await world.clock.advance(60_000);
    expect(members(world)).toEqual([]);
    expect(await ask(world, applyNow('g'))).toBe('queued 1');
    await world.clock.advance(1_000);
    expect(members(world)).toEqual(['a']);
    expect(await ask(world, applyNow('g'))).toBe('gone 0');
  });

  test('starts again with the first try, so that however often it is asked for nothing is given up', async () => {
    const { world, one } = await started({
      pipeline: {
        retry: { baseMs: 3_600_000, capMs: 3_600_000, attemptsMax: 3, slowScheduleMs: [3_600_000, 3_600_000] },
      },
    });
    let isGone = true;
    world.target.onGet = () => (isGone ? answer(404) : null);
    world.produce({ add_members: ['a'] });
    await world.clock.advance(5_000);
    for (let i = 0; i < 6; i++) {
      expect(await ask(world, applyNow('g'))).toBe('queued 1');
      await world.clock.advance(5_000);
    }
    const waits = world.reports().map(({ outcome, attempt }) => `${outcome} ${attempt}`);
    expect(waits).toEqual(Array.from({ length: 7 }, () => 'retry_scheduled 1'));
    expect(one.pipeline.stats()).toMatchObject({ pending: 1, dead: 0 });
    // and it is recorded and committed all the while, and known to the next owner
    expect([world.recorded(), world.committed()]).toEqual([['0 add a'], 1n]);
    isGone = false;
    one.kill();
    await world.start();
    expect(await ask(world, applyNow('g'))).toBe('queued 1');
    await world.clock.advance(5_000);
    expect([members(world), world.recorded()]).toEqual([['a'], []]);
  });

  test('leaves what an operator has approved approved', async () => {
    const guard = { groupPercent: 10, groupFloor: 2, groupCount: 500, windowCount: 5_000, windowMs: 600_000 };
    const retry = { baseMs: 3_600_000, capMs: 3_600_000, attemptsMax: 3, slowScheduleMs: [3_600_000] };
    const { world, one } = await started({ pipeline: { guard, retry } });
    for (const name of ['a', 'b', 'c']) world.target.group('g').members.add(name);
    world.produce({ remove_members: ['a', 'b'] });
    await world.clock.advance(5_000);
    // given an approval whose request fails
    world.target.onPatch = () => answer(404);
    world.approve('jane');
    await world.clock.advance(5_000);
    expect(world.recorded()).toHaveLength(2);
    world.target.onPatch = () => null;
    expect(await ask(world, applyNow('g'))).toBe('queued 2');
    await world.clock.advance(5_000);
    expect([members(world), one.pipeline.stats().held]).toEqual([['c'], 0]);
  });

  test('has what was tried for the last time tried again, and that it was tried stays known', async () => {
    const retry = { baseMs: 3_600_000, capMs: 3_600_000, attemptsMax: 1, slowScheduleMs: [] };
    const { world } = await started({ pipeline: { retry } });
    // given a change that is refused, whose last look has no answer
    world.target.onPatch = () => {
      world.target.onGet = () => answer(503);
      return answer(410);
    };
    world.produce({ add_members: ['a'] });
    await world.clock.advance(500);
    expect(world.reports()).toEqual([]);
    // when others have done it meanwhile
    world.target.group('g').members.add('a');
    world.target.onGet = () => null;
    expect(await ask(world, applyNow('g'))).toBe('queued 1');
    await world.clock.advance(5_000);
    expect(world.reports().map(({ outcome, attempt }) => `${outcome} ${attempt}`)).toEqual(['recovered 0']);
  });

  test('leaves what is being tried as it is', async () => {
    const { world } = await started({ pipeline: { retry: { ...SLOW, slowScheduleMs: [1_000, 3_600_000] } } });
    let isGone = true;
    world.target.onGet = () => (isGone ? answer(404) : null);
    const asked = applyNow('g');
    pauseAtFirstPatch(world, asked);
    world.produce({ add_members: ['a'] });
    await world.clock.advance(500);
    isGone = false;
    await world.clock.advance(60_000);
    expect(verdictOn(world, asked)).toBe('queued 1');
    const reports = world.reports().map(({ outcome, attempt }) => `${outcome} ${attempt}`);
    expect(reports).toEqual(['retry_scheduled 1', 'recovered 1']);
    expect([members(world), world.recorded()]).toEqual([['a'], []]);
  });

  test('does not send what is paused', async () => {
    const { world } = await started();
    await ask(world, pause('g'));
    world.produce({ add_members: ['a'] });
    await world.clock.advance(5_000);
    expect(await ask(world, applyNow('g'))).toBe('is_paused 1');
    await world.clock.advance(5_000);
    expect(members(world)).toEqual([]);
  });
});

test('pause: what was accepted, and is replaced, is forgotten in its time although its group is paused', async () => {
  // given an addition that is accepted while the removal of its member and a pause come, and a first look without an answer
  const lateApplyMs = 30_000;
  const { world, one } = await started({ pipeline: { lateApplyMs } });
  const { target, clock } = world;
  target.group('g').members.add('one');
  target.onPatch = (asked) => {
    target.apply(asked);
    world.produce({ remove_members: ['ada'] });
    world.broker.append([pause('g')]);
    target.onGet = () => {
      target.onGet = () => null;
      return answer(503);
    };
    return answer(204);
  };
  world.produce({ add_members: ['ada'] });
  await clock.advance(900);
  expect(one.pipeline.sizes()).toMatchObject({ unconfirmed: 1 });
  const before = target.requestCount;
  // when no read can show any more what was before
  await clock.advance(lateApplyMs);
  // then it is forgotten without a request
  expect(one.pipeline.sizes()).toMatchObject({ unconfirmed: 0, waiting: 0, groups: 1 });
  expect(target.requestCount).toBe(before);
});
