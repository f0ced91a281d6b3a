/** `held`, `retry-now` and `replay`: groups and members by the ids of the identity provider and of Genesys Cloud. */
import { beforeEach, describe, expect, test } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { sha256, systemClock, systemRandom } from '../../src/adapters/system.ts';
import { decideHeld } from '../../src/commands/held.ts';
import { listWaiting, replayNow } from '../../src/commands/replay.ts';
import { retryParked } from '../../src/commands/retry-now.ts';
import type { IdRows } from '../../src/console/id-map.ts';
import type { ListFlags } from '../../src/console/replays.ts';
import type { Held, Intent } from '../../src/core/change/change.ts';
import { renderState } from '../../src/core/log/live-record.ts';
import { parseRetryRecord, renderAnswer } from '../../src/core/log/live-record.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { anIntent, type IntentParts } from '../support/an-intent.ts';
import { aContext } from '../support/command-context.ts';
import { Table } from '../support/table.ts';

const stamp = { owner: 'o', epoch: 1, seq: 1 };
const held: Held = { kind: 'held', by: 'group_count', since: 1_790_000_000_000 };

/** `Sales` is `g-1` in Genesys Cloud, and what Genesys Cloud calls `Sales` is `Sales2`. */
const aTable = (): Table =>
  new Table()
    .set('group', 'Sales', 'g-1')
    .set('group', 'Sales2', 'Sales')
    .set('group', 'Sal', 'g-11')
    .set('user', 'u1', 'U-1')
    .set('user', 'U-1', 'X-1')
    .set('user', 'm20', 'M-20')
    .set('user', 'u4', 'U-4');

let log: MemoryLog;

beforeEach(() => {
  const broker = new MemoryBroker(systemClock, systemRandom);
  broker.createTopic({ topic: 'retry', partitionCount: 1, replicationFactor: 1, settings: {} });
  log = new MemoryLog(broker, { groupId: 'g', clientId: 'c', topics: { source: 'source', retry: 'retry' } });
});

async function waiting(group: string, ...parts: readonly IntentParts[]): Promise<void> {
  const intents: Intent[] = parts.map((each) => anIntent({ group, ...each }));
  const state = renderState({ group, intents, stamp, trouble: null, now: 0, sha256 });
  await log.send([{ topic: 'retry', partition: 0, ...state }]);
}

const aHeld = (group: string, target: string, [member, memberTarget]: readonly [string, string]): Promise<void> =>
  waiting(group, { member, op: 'remove', guard: { ...held, target: memberTarget, groupTarget: target } });

/** @param ids null: the source has the target's own ids. */
function retryWith(ids: IdRows | null) {
  const context = aContext();
  let closedCount = 0;
  const openIds = async () => ({ ids, close: async () => void (closedCount += 1) });
  return { context, retry: { topic: 'retry', tools: log, context, openIds }, closed: () => closedCount };
}

const NONE = { digests: [], groups: [], causes: [], members: [], author: 'jane', reason: null } as const;

describe('held: --group and --member', () => {
  async function approve(named: { groups?: readonly string[]; members?: readonly string[] }, ids: IdRows | null) {
    const { retry, context } = retryWith(ids);
    await decideHeld(retry, { kind: 'approve', ...NONE, ...named }, {});
    return context.out();
  }
  const refused = (what: string) => ({ code: EXIT.someFailed, message: expect.stringContaining(what) });
  const SALES = 'held: Sales is one group at the identity provider and another in Genesys Cloud; name each by an id';

  test('an id that is one group by each side decides nothing, where both are held', async () => {
    await aHeld('Sales', 'g-1', ['u1', 'U-1']);
    await aHeld('Sales2', 'Sales', ['m20', 'M-20']);
    await expect(approve({ groups: ['Sales'] }, null)).rejects.toMatchObject(refused(SALES));
    await expect(approve({ groups: ['Sales'], members: ['M-20'] }, null)).rejects.toMatchObject(refused(SALES));
    expect(await approve({ groups: ['g-1'] }, null)).toMatch(/group Sales {2}1 removal/);
    expect(await approve({ groups: ['Sales2'] }, null)).toMatch(/group Sales2 {2}1 removal/);
  });

  test('also where something else of the other group waits', async () => {
    await aHeld('Sales2', 'Sales', ['m20', 'M-20']);
    expect(await approve({ groups: ['Sales'] }, null)).toMatch(/group Sales2 {2}1 removal/);
    await waiting('Sales', { member: 'u1', attempt: 1 });
    await expect(approve({ groups: ['Sales'] }, null)).rejects.toMatchObject(refused(SALES));
  });

  test('also where the id map alone knows the other one', async () => {
    await aHeld('Sales2', 'Sales', ['u1', 'U-1']);
    await expect(approve({ groups: ['Sales'] }, aTable())).rejects.toMatchObject(refused(SALES));
    await expect(approve({ members: ['U-1'] }, aTable())).rejects.toMatchObject(
      refused('held: U-1 is one member at the identity provider and another in Genesys Cloud'),
    );
    expect(await approve({ groups: ['Sales2'], members: ['u1'] }, aTable())).toMatch(/group Sales2 {2}1 removal/);
  });

  test('an id of Genesys Cloud that several groups have decides nothing', async () => {
    await aHeld('DupA', 'g-88', ['u1', 'U-1']);
    const ids = aTable().set('group', 'DupA', 'g-88').set('group', 'DupB', 'g-88');
    const why = 'held: g-88 is what Genesys Cloud calls DupA and DupB; name one of them';
    await expect(approve({ groups: ['g-88'] }, ids)).rejects.toMatchObject(refused(why));
    await aHeld('DupB', 'g-88', ['u1', 'U-1']);
    await expect(approve({ groups: ['g-88'] }, null)).rejects.toMatchObject(refused('name one of them'));
    expect(await approve({ groups: ['DupB'] }, ids)).toMatch(/group DupB {2}1 removal/);
  });

  test.each(['approve', 'reject'] as const)(
    '%s: of two groups with one id in Genesys Cloud, the one that has it',
    async (kind) => {
      // given `X`, which Genesys Cloud calls so as well, and `Y`, which it calls `X`, too
      await aHeld('X', 'X', ['u1', 'U-1']);
      await aHeld('Y', 'X', ['u4', 'U-4']);
      const ids = aTable().set('group', 'X', 'X').set('group', 'Y', 'X');
      for (const table of [ids, null]) {
        const { retry, context } = retryWith(table);
        await decideHeld(retry, { kind, ...NONE, groups: ['X'] }, {});
        expect(context.out()).toMatch(/group X {2}1 removal/);
        expect(context.out()).not.toContain('group Y');
      }
    },
  );

  test('the id map is closed, and is not opened where nothing is named', async () => {
    await aHeld('Sales2', 'Sales', ['m20', 'M-20']);
    const { retry, closed } = retryWith(aTable());
    await decideHeld(retry, { kind: 'approve', ...NONE, causes: ['group_count'] }, {});
    expect(closed()).toBe(0);
    await decideHeld(retry, { kind: 'approve', ...NONE, groups: ['Sales2'] }, {});
    expect(closed()).toBe(1);
  });
});

describe('retry-now and replay: --group and --member', () => {
  /** Ids of what is asked for; an owner wakes it all. */
  async function woken(flags: ListFlags, ids: IdRows | null): Promise<readonly string[]> {
    const stop = new AbortController();
    const owning = own(stop.signal);
    const { retry, context } = retryWith(ids);
    try {
      expect(await retryParked({ ...retry, flags: { ...flags, json: true } })).toBe(EXIT.done);
    } finally {
      stop.abort();
      await owning;
    }
    return context
      .out()
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [(JSON.parse(line) as { id: string }).id]));
  }

  async function own(signal: AbortSignal): Promise<void> {
    for await (const record of log.read('retry', { from: 'beginning', follow: true, signal })) {
      const parsed = parseRetryRecord(record);
      if (parsed.kind !== 'request' || parsed.wanted?.kind !== 'replay') continue;
      const verdicts = parsed.wanted.named.map((named) => ({ ...named, verdict: 'woken' as const }));
      const headers = renderAnswer(stamp, { kind: 'replay', verdicts });
      await log.send([{ topic: 'retry', partition: record.partition, key: record.key, value: null, headers }]);
    }
  }

  const parked = { attempt: 2, notBefore: 1_790_000_000_000, waits: 'member' } as const;

  beforeEach(async () => {
    await waiting('Sal', { member: 'u4', ...parked }, { member: 'm20', ...parked });
    await waiting('other', { member: 'u4', ...parked });
  });

  test('either id names a group, and a member', async () => {
    const both = ['t/0/7/u4', 't/0/7/m20'];
    expect(await woken({ group: ['Sal'] }, aTable())).toEqual(both);
    expect(await woken({ group: ['g-11'] }, aTable())).toEqual(both);
    expect(await woken({ group: ['Sal'], member: ['U-4'] }, aTable())).toEqual(['t/0/7/u4']);
    expect(await woken({ group: ['g-11'], member: ['M-20', 'u4'] }, aTable())).toEqual(both);
  });

  test('by what the guard has recorded, also where the id map is not known here', async () => {
    const approval = { kind: 'approved', digest: 'd'.repeat(64), author: 'a', reason: null, at: 1 } as const;
    const guard = { ...approval, target: 'T-9', groupTarget: 'g-9' };
    await waiting('Nine', { member: 'n', op: 'remove', guard, ...parked });
    expect(await woken({ group: ['g-9'], member: ['T-9'] }, null)).toEqual(['t/0/7/n']);
  });

  test('replay list and now take either, and say what they have found', async () => {
    const { retry, context } = retryWith(aTable());
    await listWaiting({ ...retry, flags: { group: ['g-11'] } });
    await replayNow({ ...retry, flags: { group: ['g-11'], member: ['U-4'] } });
    expect(context.err()).toBe(
      '2 changes: 2 parked, 0 dead\n1 changes: 1 parked, 0 dead; with --yes they are tried again at once\n',
    );
  });

  test.each<[string, string, ListFlags, () => IdRows]>([
    [
      'a group that nothing names',
      'neither the id map nor what waits names the group g-99',
      { group: ['g-99'] },
      aTable,
    ],
    ['a member that nothing names', 'neither the id map nor what waits names the member x', { member: ['x'] }, aTable],
    [
      'an id that is looked up one by one',
      "nothing waits of a group that the identity provider calls g-11, and what Genesys Cloud calls so is not known here (ID_MAP=scim): name it by the identity provider's id, which reports show (`rollcall report`)",
      { group: ['g-11'] },
      () => ({}),
    ],
    [
      'an id of several groups',
      'g-11 is what Genesys Cloud calls Sal and other; name one of them',
      { group: ['g-11'] },
      () => aTable().set('group', 'other', 'g-11'),
    ],
    [
      'an id that means two',
      'U-1 is one member at the identity provider and another in Genesys Cloud; name each by an id that is its own',
      { member: ['U-1'] },
      aTable,
    ],
  ])('%s: nothing is asked for, and the command says why', async (_, why, flags, ids) => {
    for (const [command, run] of [
      ['retry-now', () => retryParked({ ...retryWith(ids()).retry, flags })],
      ['replay list', () => listWaiting({ ...retryWith(ids()).retry, flags })],
      ['replay now', () => replayNow({ ...retryWith(ids()).retry, flags })],
    ] as const)
      await expect(run()).rejects.toMatchObject({ code: EXIT.someFailed, message: `${command}: ${why}` });
  });

  test('a group that is known, and of which nothing waits, is no failure', async () => {
    expect(await woken({ group: ['Sales2'] }, aTable())).toEqual([]);
    expect(await woken({ group: ['h'] }, null)).toEqual([]);
  });
});
