/** `rollcall plan --from-topic` and `--replay` over the memory log (which requests: test/unit/plan-and-run.test.ts). */
import { describe, expect, test } from 'vitest';
import { checkFlags } from '../../src/commands/plan.ts';
import { askEachPartition } from '../../src/console/pauses.ts';
import { partitionOfKey } from '../../src/core/log/reading.ts';
import type { SureResolution } from '../../src/core/ids/resolution.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { aContext } from '../support/command-context.ts';
import { PlanTarget, type PatchFault, type PlanWorld } from '../support/plan-world.ts';
import { TOPICS, TopicPlanWorld } from '../support/topic-plan-world.ts';
import { Table } from '../support/table.ts';

const add = (group: string, ...members: readonly string[]) => ({ group_id: group, add_members: members });
const fullState = (group: string, ...members: readonly string[]) => ({ group_id: group, members, complete: true });
const remove = (group: string, ...members: readonly string[]) => ({ group_id: group, remove_members: members });

const withMembers = (...ids: readonly string[]) => ({
  kind: 'listed' as const,
  members: ids.map((id): [string, 'User'] => [id, 'User']),
});

/** What has failed once waits for long. */
const ENVIRONMENT = {
  GUARD_GROUP_PERCENT: '100',
  RETRY_BASE_MS: '3600000',
  RETRY_CAP_MS: '3600000',
  SLOW_RETRY_SCHEDULE_MS: '',
  LATE_APPLY_MS: '0',
};

/** Groups `g` with a, b and c, and `h` without members. */
function aWorld(faults: readonly PatchFault[] = [], environment: Record<string, string> = {}): TopicPlanWorld {
  const world: PlanWorld = {
    lines: [],
    groups: { g: withMembers('a', 'b', 'c'), h: withMembers() },
    ids: null,
    environment: { ...ENVIRONMENT, ...environment },
  };
  return new TopicPlanWorld(world, new PlanTarget(world, faults), 1);
}

/** An instance has done all that it could, and is gone. */
async function served(world: TopicPlanWorld, ...lines: readonly object[]): Promise<TopicPlanWorld> {
  world.append(lines);
  const pipeline = await world.start();
  await world.quiet();
  await world.stop(pipeline);
  return world;
}

describe('plan --from-topic', () => {
  test('reads from the committed offsets on, and from the beginning where there is none', async () => {
    const world = aWorld();
    world.append([add('h', 'u'), remove('g', 'a')]);
    expect(await world.print({ fromTopic: true })).toMatchObject({
      code: EXIT.done,
      out: expect.stringMatching(/^2 groups, 2 requests, about .*\.\n {2}applied {12}2\n/),
    });
    await served(world);
    expect(await world.print({ fromTopic: true })).toEqual({
      code: EXIT.done,
      out: '0 groups, 0 requests.\n',
      err: '',
    });
    world.append([add('h', 'v')]);
    const { code, out } = await world.print({ fromTopic: true, json: true });
    expect(code).toBe(EXIT.done);
    expect(JSON.parse(out)).toMatchObject({ group: 'h', predicted: [{ member: 'v', outcome: 'applied' }] });
  });

  test('what waits goes as well, its newest change alone, at the time of its next try or of an answer of its group', async () => {
    const world = await served(aWorld(['503']), add('h', 'u', 'v'));
    expect((await world.print({ fromTopic: true })).out).toMatch(/^1 group, 1 request, about \d+ min/);
    world.append([remove('h', 'u')]);
    const { code, out } = await world.print({ fromTopic: true, verbose: true });
    expect(code).toBe(EXIT.done);
    expect(out).toMatch(/^1 group, 1 request, about \d+ ms/);
    expect(out).toContain('"value":"v"');
    expect(out).not.toContain('"value":"u"');
    expect(out).toMatch(/recovered +1\n/);
    expect(out).toContain('superseded: u');
  });

  test('removals that are held for an unknown member go after it, once it is known', async () => {
    const ids: Record<string, SureResolution> = {
      'group g': { kind: 'found', id: 'g', isActive: true },
      a: { kind: 'found', id: 'u-1', isActive: true },
      b: { kind: 'missing' },
    };
    const world: PlanWorld = {
      lines: [],
      groups: { g: withMembers('u-1', 'x') },
      ids,
      environment: { ...ENVIRONMENT, SLOW_RETRY_SCHEDULE_MS: '3600000,3600000' },
    };
    const topics = await served(new TopicPlanWorld(world, new PlanTarget(world), 1), fullState('g', 'a', 'b'));
    expect((await topics.print({ fromTopic: true, verbose: true })).out).toContain('held: x (unresolved_members)');
    ids['b'] = { kind: 'found', id: 'u-2', isActive: true };
    const { code, out } = await topics.print({ fromTopic: true, verbose: true });
    expect(code).toBe(EXIT.done);
    expect(out).toMatch(/^1 group, 2 requests, [^]*"value":"u-2"[^]*value eq \\"x\\"/);
  });

  test('what waits for any answer of its group goes with it, and its time does not count', async () => {
    const world = await served(aWorld(['503']), add('h', 'u', 'v'));
    world.append([add('h', 'w')]);
    expect((await world.print({ fromTopic: true })).out).toMatch(/^1 group, 2 requests, about \d+ ms\.\n/);
  });

  test('what is held is shown as held, and what was given up is not sent', async () => {
    const world = aWorld(['refused'], { GUARD_GROUP_COUNT: '1' });
    await served(world, add('h', 'bad'), remove('g', 'a', 'b'));
    const { code, out } = await world.print({ fromTopic: true });
    expect(code).toBe(EXIT.someFailed);
    expect(out).toMatch(/^1 group, 0 requests, 2 removals held\.\n/);
    expect(out).toContain('waits for `rollcall held`');
    expect(out).toContain('1 change given up before: `rollcall plan --replay`');
    world.append([add('h', 'bad')]);
    expect((await world.print({ fromTopic: true })).out).toMatch(/^2 groups, 1 request, /);
  });

  test('of what is paused nothing is sent, and the totals say so', async () => {
    const world = aWorld();
    const pipeline = await world.start();
    await world.quiet();
    const asking = askEachPartition(world.retry(), { kind: 'pause', group: 'h', author: 'jane', reason: 'INC-7' }, {});
    await world.quiet();
    await asking;
    await world.stop(pipeline);
    world.append([add('h', 'u'), remove('g', 'a')]);
    const { code, out } = await world.print({ fromTopic: true });
    expect(code).toBe(EXIT.someFailed);
    expect(out).toMatch(/^2 groups, 1 request, about .*, 1 group paused\.\n/);
    expect(out).toContain('group h  paused by jane since');
  });

  test('--group chooses groups, in any spelling of a UUID', async () => {
    const world = aWorld();
    world.append([add('h', 'u'), remove('g', 'a')]);
    expect((await world.print({ fromTopic: true, group: ['g'] })).out).toMatch(/^1 group, 1 request, /);
    const id = 'c0ffee00-aaaa-4bbb-8ccc-0123456789ab';
    world.append([add(id, 'u')]);
    const { out } = await world.print({ fromTopic: true, group: [id.toUpperCase()], json: true });
    expect(JSON.parse(out)).toMatchObject({ group: id });
  });

  test('records that cannot be read are counted, and named by topic, partition and offset', async () => {
    const world = aWorld();
    world.append([
      { group_id: 'h', add_members: [''] },
      ...Array.from({ length: 24 }, () => ({ group_id: 'h', add_members: 7 })),
    ]);
    const { code, out, err } = await world.print({ fromTopic: true });
    expect(code).toBe(EXIT.someFailed);
    expect(out).toContain('invalid            25\n');
    expect(err).toMatch(/^source\/[01]\/0: empty_id: /);
    expect(err).toContain('… and 5 more that are not valid\n');
  });

  test('changes of one group in two partitions have no order, so each part is planned by itself', async () => {
    const world = aWorld();
    for (const partition of [0, 1])
      world.broker.append([
        { topic: TOPICS.source, partition, key: 'h', value: JSON.stringify(add('h', `u${partition}`)), headers: [] },
      ]);
    const { out, err } = await world.print({ fromTopic: true });
    expect(out).toMatch(/^2 groups, 2 requests, /);
    expect(err).toContain(
      'warning: 1 group in two partitions, which have no order, so that each part is planned by itself: h\n',
    );
    await expect(served(world).then((after) => after.print({ fromTopic: true, since: 0 }))).rejects.toMatchObject({
      code: EXIT.someFailed,
      message: expect.stringMatching(/^plan --since: records of one group would be read again of two partitions/),
    });
  });

  test('what retention has taken unread is named', async () => {
    const world = await served(aWorld(), add('h', 'u'));
    world.append([add('h', 'v'), add('h', 'w')]);
    const partition = [0, 1].find((number) => world.broker.topic(TOPICS.source).partition(number).end > 0n) ?? 0;
    world.broker.deleteRecordsBefore(TOPICS.source, partition, 2n);
    const { out, err } = await world.print({ fromTopic: true });
    expect(err).toContain('records from offset 1 to 2 were not read, and retention has taken them');
    expect(out).toMatch(/^1 group, 1 request, /);
  });

  test('beside a running service: what is committed or waits once the offsets were read is below the ends', async () => {
    const world = aWorld(['none', '503']);
    const pipeline = await world.start();
    const sources = world.sources();
    const committed = async () => {
      world.append([add('h', 'u')]);
      await world.quiet();
      const offsets = await sources.committed();
      world.append([add('h', 'v')]);
      await world.quiet();
      return offsets;
    };
    const { out } = await world.print({ fromTopic: true }, { committed });
    expect(out).toMatch(/^1 group, 1 request, /);
    await world.stop(pipeline);
  });

  test('a signal ends it where it stands, also while a group is read', async () => {
    const world = aWorld();
    world.append([add('h', 'u')]);
    let isAsked = (): void => undefined;
    const asked = new Promise<void>((resolve) => (isAsked = resolve));
    world.target.getGroup = () => {
      isAsked();
      return new Promise(() => undefined);
    };
    const context = aContext({ clock: world.clock });
    const planning = world.print({ fromTopic: true }, {}, context);
    await asked;
    context.ask();
    await expect(planning).rejects.toMatchObject({ code: EXIT.someFailed, message: 'stopped' });
  });

  test.each([
    ['of a newer version', (value: string) => value.replaceAll('"add"', '"newer"'), 'entries of a newer version'],
    ['that cannot be read', () => 'no JSON', 'is not planned as a whole: '],
  ])('a live record %s is named, and the exit code says that something is missing', async (_, changed, problem) => {
    const world = await served(aWorld(['503']), add('h', 'u'));
    world.rewriteLiveRecord('h', changed);
    const { code, err } = await world.print({ fromTopic: true });
    expect(code).toBe(EXIT.someFailed);
    expect(err).toMatch(/warning: retry\/[01]: the live record of group h is not planned as a whole: /);
    expect(err).toContain(problem);
    expect(await world.print({ fromTopic: true, group: ['g'] })).toMatchObject({ code: EXIT.done });
  });

  test('a partition that instances would refuse does not keep another one from being planned', async () => {
    const world = aWorld();
    await served(world, add('g', 'u'), add('h', 'u'));
    const sources = world.sources();
    const isOther = (group: string) => partitionOfKey(Buffer.from(group), 2) !== partitionOfKey(Buffer.from('g'), 2);
    const other = ['a', 'b', 'c', 'd', 'e', 'f'].find(isOther) ?? '';
    const refused = partitionOfKey(Buffer.from(other), 2);
    world.append([add('g', 'v')]);
    const committed = async () => new Map(await sources.committed()).set(refused, { offset: 9n, metadata: '' });
    const { code, out, err } = await world.print({ fromTopic: true, group: ['g'] }, { committed });
    expect({ code, out }).toEqual({ code: EXIT.done, out: expect.stringMatching(/^1 group, 1 request, /) });
    expect(err).toContain(`warning: instances refuse source/${refused}: `);
    for (const chosen of [{ group: [other] }, {}])
      await expect(world.print({ fromTopic: true, ...chosen }, { committed })).rejects.toMatchObject({
        code: EXIT.unavailable,
      });
  });

  test('a source that instances would refuse is named, and nothing is planned', async () => {
    const world = await served(aWorld(), add('h', 'u'));
    const committed = async () => new Map([0, 1].map((each) => [each, { offset: 9n, metadata: '' }]));
    await expect(world.print({ fromTopic: true }, { committed })).rejects.toMatchObject({
      code: EXIT.unavailable,
      message: expect.stringMatching(/^plan: instances refuse source\/0: the committed offset 9 lies beyond its end/),
    });
    const waiting = await served(aWorld(['503']), add('h', 'u'));
    const emptied = async (_: string, partitions: readonly number[]) =>
      new Map(partitions.map((each) => [each, { start: 0n, end: 0n }]));
    const none = async () => new Map();
    await expect(waiting.print({ fromTopic: true }, { committed: none, bounds: emptied })).rejects.toMatchObject({
      code: EXIT.unavailable,
      message: expect.stringContaining('what waits in the retry topic is of another topic or partition'),
    });
  });
});

describe('plan --from-topic --since', () => {
  test('says what would be sent after a rewind to that time', async () => {
    const world = await served(aWorld(), add('h', 'u'), remove('g', 'a'));
    world.target.change('g');
    expect((await world.print({ fromTopic: true, since: 0 })).out).toMatch(
      /^2 groups, 0 requests\.\n {2}already_synced/,
    );
    await served(world, remove('h', 'u'));
    await served(world, add('h', 'u'));
    expect((await world.print({ fromTopic: true, since: 0, verbose: true })).out).toContain('superseded: u 2 times');
  });

  test('removals of a full state are held while an addition of it is given up', async () => {
    const world = aWorld(['refused']);
    await served(world, fullState('g', 'a', 'b', 'c', 'bad'));
    world.target.change('g');
    const { code, out } = await world.print({ fromTopic: true, since: 0, verbose: true });
    expect(code).toBe(EXIT.someFailed);
    expect(out).toMatch(/^1 group, 0 requests, 1 removal held\.\n/);
    expect(out).toContain('held: other-writer-8 (unresolved_members)');
  });

  test('what the live record holds of a full state goes before what it comes to now, without a wait', async () => {
    const world = aWorld(['503']);
    await served(world, fullState('g', 'b', 'c', 'd'));
    world.target.change('g');
    const { out } = await world.print({ fromTopic: true, since: 0, verbose: true });
    expect(out).toMatch(/^1 group, 3 requests, about \d+ ms\.\n/);
    expect(out).toMatch(/"value":"d"[^]*value eq \\"a\\"[^]*value eq \\"other-writer-8\\"/);
    const before = world.target.sent.length;
    await world.rewind(0);
    await served(world);
    expect(world.target.sent.slice(before).map(({ body }) => body)).toEqual([
      expect.stringContaining('"value":"d"'),
      expect.stringContaining('a'),
      expect.stringContaining('other-writer-8'),
    ]);
  });

  test('refuses as `rollcall rewind` does: nothing is committed, or there is no room', async () => {
    const world = aWorld();
    world.append([add('h', 'u', 'v')]);
    await expect(world.print({ fromTopic: true, since: 0 })).rejects.toMatchObject({ code: EXIT.configuration });
    await served(world);
    await expect(world.print({ fromTopic: true, since: 0 }, { pendingMax: 1 })).rejects.toMatchObject({
      code: EXIT.someFailed,
      message: expect.stringMatching(/^plan --since: [^]*raise MAX_PENDING_INTENTS/),
    });
    // Where no offset moves back, `rewind` does not ask for room either.
    world.append([add('h', 'w', 'x')]);
    const since = world.clock.now().wall + 1_000_000;
    expect((await world.print({ fromTopic: true, since }, { pendingMax: 1 })).out).toMatch(/^1 group, 1 request, /);
  });
});

describe('plan --replay', () => {
  test('sends what was given up, and counts what something newer has replaced', async () => {
    const world = await served(aWorld(['refused', 'refused', 'refused']), add('h', 'bad'), add('h', 'worse'));
    expect((await world.print({ replay: true })).out).toMatch(/^1 group, 1 request, about .*\.\n {2}applied {12}2\n/);
    expect((await world.print({ replay: true, member: ['bad'] })).out).toMatch(/ {2}applied {12}1\n/);
    world.append([remove('h', 'bad')]);
    const { code, out } = await world.print({ replay: true, member: ['bad'] });
    expect(code).toBe(EXIT.done);
    expect(out).toMatch(/^1 group, 0 requests\.\n/);
    expect(out).toMatch(/ {2}superseded +1\n/);
    expect((await world.print({ replay: true, reason: ['rejected'] })).out).toBe('0 groups, 0 requests.\n');
  });

  test('takes either id of a group and of a member, as the replay does', async () => {
    const world = await served(aWorld(['refused', 'refused', 'refused']), add('h', 'bad'), add('h', 'worse'));
    const ids = new Table().set('group', 'h', 'h').set('user', 'bad', 'B-1').set('user', 'worse', 'W-1');
    ids.set('group', 'sal', 'g-11');
    const { out } = await world.print({ replay: true, group: ['h'], member: ['B-1'] }, { ids });
    expect(out).toMatch(/^1 group, 1 request, about .*\.\n {2}applied {12}1\n/);
    expect((await world.print({ replay: true, group: ['g-11'] }, { ids })).out).toBe('0 groups, 0 requests.\n');
    await expect(world.print({ replay: true, group: ['g-12'] }, { ids })).rejects.toMatchObject({
      code: EXIT.someFailed,
      message: 'plan --replay: neither the id map nor what waits names the group g-12',
    });
  });

  test('what it does not wake of the same groups is a remark, and no failure', async () => {
    const world = aWorld(['refused'], { GUARD_GROUP_COUNT: '1' });
    await served(world, add('g', 'bad'));
    await served(world, remove('g', 'a', 'b'));
    world.append([{ group_id: 'g', add_members: 7 }]);
    const { code, out } = await world.print({ replay: true, member: ['bad'] });
    expect(code).toBe(EXIT.done);
    expect(out).toMatch(
      /^1 group, 1 request, about .*\.\n {2}applied {12}1\n2 changes of the same groups held, or before/,
    );
    const { out: all } = await world.print({ fromTopic: true });
    expect(all).toContain('  held               2\n');
  });

  test('wakes nothing that is held, and says so', async () => {
    const world = await served(aWorld([], { GUARD_GROUP_COUNT: '1' }), remove('g', 'a', 'b'));
    const { out, err } = await world.print({ replay: true });
    expect(out).toBe('0 groups, 0 requests.\n');
    expect(err).toBe('2 removals held: a replay does not wake them, see `rollcall held`\n');
  });
});

test.each([
  [undefined, {}, 'say what is planned'],
  ['-', { replay: true }, 'one of them'],
  [undefined, { fromTopic: true, replay: true }, 'one of them'],
  ['-', { since: 1 }, '--since needs --from-topic'],
  [undefined, { replay: true, since: 1 }, '--since needs --from-topic'],
  ['-', { group: ['g'] }, '--group is of topics'],
  [undefined, { fromTopic: true, reason: ['rejected'] }, 'they need --replay'],
  [
    undefined,
    { fromTopic: true, out: 'plan.ndjson' },
    '`apply --plan` would send it a second time\n  Leave --out away',
  ],
  [undefined, { replay: true, format: 'native' }, 'records of the topic are in SOURCE_FORMAT'],
] as const)('%s with %j is a usage error', (file, flags, message) => {
  expect(() => checkFlags(file, flags)).toThrow(
    expect.objectContaining({ code: EXIT.usage, message: expect.stringContaining(message) }),
  );
});
