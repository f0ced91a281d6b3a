/** Work grows with what comes in, not faster: it is counted for n elements and for 2n. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256, systemRandom } from '../../../src/adapters/system.ts';
import type { SourceFormat } from '../../../src/core/change/change.ts';
import { heldDigest } from '../../../src/core/group/guard.ts';
import { parseRetryRecord } from '../../../src/core/log/live-record.ts';
import { textHeader } from '../../../src/core/log/wire-intent.ts';
import { requestKey } from '../../../src/core/log/request-record.ts';
import { native } from '../../../src/formats/native/native.ts';
import { Member } from '../../../src/pipeline/state/member.ts';
import type { Pipeline } from '../../../src/pipeline/pipeline.ts';
import { wholeDecision } from '../../support/decisions.ts';
import { answer, QuickWorld } from '../../support/quick-world.ts';

const hourly = {
  baseMs: 3_600_000,
  capMs: 3_600_000,
  attemptsMax: 5,
  slowScheduleMs: Array.from({ length: 5 }, () => 3_600_000),
};
const refused = answer(400, { body: { scimType: 'invalidValue', detail: 'there is no such user' } });

const users = (count: number): string[] => Array.from({ length: count }, (_, i) => `user-${i}`);

/** Twice as much, with a tenth for what is rounded up. */
const TWICE = 2.2;

/** How often any member was looked at. */
let looks = 0;
const property = Object.getOwnPropertyDescriptor(Member.prototype, 'pending');

beforeEach(() => {
  looks = 0;
  Object.defineProperty(Member.prototype, 'pending', {
    ...property,
    get(this: Member) {
      looks += 1;
      return property?.get?.call(this) as unknown;
    },
  });
});

afterEach(() => {
  Object.defineProperty(Member.prototype, 'pending', property ?? {});
});

interface Cost {
  readonly looks: number;
  readonly retryBytes: number;
}

/** Of what happens from the start of the pipeline on, or from `mark`. */
async function costOf(prepare: (world: QuickWorld) => void, then?: (world: QuickWorld) => void): Promise<Cost> {
  const world = new QuickWorld();
  looks = 0;
  prepare(world);
  const { pipeline } = await world.start();
  await world.clock.advance(600_000);
  expect(pipeline.stats().pending).toBe(then === undefined ? 0 : pipeline.stats().held);
  if (then !== undefined) {
    looks = 0;
    then(world);
    await world.clock.advance(20_000);
  }
  const retryBytes = world.records('retry').reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
  expect(world.committed()).toBe(BigInt(world.records('source').length));
  return { looks, retryBytes };
}

describe('twice as many', () => {
  test('members of one delta take twice the looks', async () => {
    const cost = (count: number) => costOf((world) => world.produce({ add_members: users(count) }));
    const [one, two] = [await cost(2_000), await cost(4_000)];
    expect(two.looks / one.looks).toBeLessThan(TWICE);
  }, 120_000);

  test('members of one full state take twice the looks, and twice the bytes of live records', async () => {
    const [one, two] = [await costOfState(2_010), await costOfState(4_010)];
    expect(two.looks / one.looks).toBeLessThan(TWICE);
    expect(two.retryBytes / one.retryBytes).toBeLessThan(TWICE);
    // Each change takes about 300 bytes, and stands in about three records.
    expect(two.retryBytes / 8_000).toBeLessThan(1_500);
  }, 120_000);

  test('approvals take twice the looks', async () => {
    const cost = (count: number) => {
      const groups = Array.from({ length: count }, (_, i) => `g${i}`);
      const hold = (world: QuickWorld): void => {
        for (const group of groups) {
          world.target.group(group).members.add('u');
          world.produce({ group_id: group, deleted: true });
        }
      };
      return costOf(hold, approveAll);
    };
    const [one, two] = [await cost(100), await cost(200)];
    expect(two.looks / one.looks).toBeLessThan(TWICE);
  }, 120_000);

  test('changes of one member take twice the looks', async () => {
    const cost = (count: number) =>
      costOf((world) => {
        for (let i = 0; i < count; i += 1)
          world.produce(i % 2 === 0 ? { remove_members: ['u'] } : { add_members: ['u'] });
      });
    const [one, two] = [await cost(1_000), await cost(2_000)];
    expect(two.looks / one.looks).toBeLessThan(TWICE);
  }, 120_000);
});

/** Of a group that has as many other members. */
const costOfState = (count: number, before?: (world: QuickWorld) => void): Promise<Cost> =>
  costOf((world) => {
    before?.(world);
    for (const name of users(count)) world.target.group('g').members.add(`former-${name}`);
    world.produce({ members: users(count), complete: true });
  });

// Written after each request it would be 4,700 bytes a name, and twice as many for twice the names.
test('growth: a full state that was parked stays in the live record, which is written less often the longer it is', async () => {
  const { retryBytes } = await costOfState(16_040, ({ target }) => {
    target.onGet = () => (target.requestCount === 1 ? answer(404) : null);
  });
  expect(retryBytes / 16_040).toBeLessThan(2_800);
}, 120_000);

const isUnknown = (name: string): boolean => name.startsWith('unknown');

// Written after each of them it would be 120 MB.
test('growth: a thousand members who are parked, or given up, do not stand in a thousand live records', async () => {
  const bytesOf = async (slowScheduleMs: readonly number[]): Promise<number> => {
    const world = new QuickWorld({ pipeline: { retry: { ...hourly, attemptsMax: 1, slowScheduleMs } } });
    world.target.onPatch = ({ body }) =>
      body.Operations.some(({ value }) => value?.some((member) => isUnknown(member.value))) ? refused : null;
    world.produce({ add_members: users(2_000).map((name, i) => (i % 2 === 0 ? `unknown-${name}` : name)) });
    const { pipeline } = await world.start();
    await world.clock.advance(600_000);
    const { parked, dead } = pipeline.stats();
    expect([parked, dead]).toEqual(slowScheduleMs.length === 0 ? [0, 1_000] : [1_000, 0]);
    expect(world.committed()).toBe(1n);
    return world.records('retry').reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
  };
  // Each takes about 260 bytes, and stands in about five records.
  for (const schedule of [[], hourly.slowScheduleMs]) expect(await bytesOf(schedule)).toBeLessThan(2_000_000);
}, 120_000);

function approveAll(world: QuickWorld): void {
  const held = world.records('retry').flatMap((record) => {
    const read = parseRetryRecord(record);
    return (read.kind === 'state' ? heldDigest(read.group, read.intents, sha256) : null) ?? [];
  });
  world.broker.append(
    [...new Set(held)].map((digest) => ({
      topic: 'retry',
      partition: 0,
      key: requestKey(systemRandom.uuid()),
      value: wholeDecision(digest, 'operator'),
      headers: [textHeader('rollcall-type', 'approve')],
    })),
  );
}

test('growth: one large record is folded in several turns of the event loop, and completes all the same', async () => {
  const world = new QuickWorld();
  const { pipeline } = await world.start();
  world.produce({ remove_members: users(25_000) });
  world.produce({ group_id: 'other', add_members: ['u'] });
  await world.clock.advance(20_000);
  expect(pipeline.sizes().inboxes).toBe(0);
  expect([world.committed(), world.reports().length]).toEqual([2n, 25_001]);
  expect([...world.target.group('other').members]).toEqual(['u']);
}, 120_000);

/** A record has been read whose members wait for the next turn. */
async function untilInboxFills(world: QuickWorld, pipeline: Pipeline): Promise<void> {
  for (let round = 0; round < 100 && pipeline.sizes().inboxes === 0; round += 1) await world.clock.settle();
  expect(pipeline.sizes().inboxes).toBe(1);
}

test('growth: what is not folded when a drain begins is left for the next owner', async () => {
  const world = new QuickWorld();
  const { pipeline } = await world.start();
  world.produce({ remove_members: users(25_000) });
  await untilInboxFills(world, pipeline);
  void pipeline.drain();
  await world.clock.advance(2_000);
  expect([pipeline.stats().pending, world.committed()]).toEqual([0, 0n]);
});

test('growth: what retention takes of a batch that is read to its end, and not folded yet, is no loss', async () => {
  const world = new QuickWorld();
  const { pipeline } = await world.start();
  world.produce({ remove_members: users(25_000) });
  await untilInboxFills(world, pipeline);
  world.broker.deleteRecordsBefore('source', 0, 1n);
  world.produce({ group_id: 'other', add_members: ['u'] });
  await world.clock.advance(20_000);
  expect([pipeline.stats().possibleLosses, world.committed(), world.reports().length]).toEqual([0, 2n, 25_001]);
}, 120_000);

test('growth: one large record is folded to its end although its format has to prepare for the next one', async () => {
  const prepared = new Set<string>();
  let hasGrown = false;
  const format: SourceFormat = {
    ...native,
    prepare: (records) => {
      const news = records.map(({ value }) => String(Buffer.from(value ?? []))).filter((text) => !prepared.has(text));
      if (news.length === 0) return null;
      if (!hasGrown) world.produce({ group_id: 'other', add_members: ['u'] });
      hasGrown = true;
      return Promise.resolve().then(() => news.forEach((text) => prepared.add(text)));
    },
  };
  const world = new QuickWorld({ format });
  world.produce({ remove_members: users(25_000) });
  const { pipeline } = await world.start();
  await world.clock.advance(20_000);
  expect(pipeline.sizes().inboxes).toBe(0);
  expect([world.committed(), world.reports().length]).toEqual([2n, 25_001]);
}, 120_000);

/** The most that `value` has grown by from one turn of the event loop to the next. */
async function mostInATurn(value: () => number, work: () => Promise<void>): Promise<number> {
  let [most, last, isOver] = [0, value(), false];
  const look = (): void => {
    const now = value();
    most = Math.max(most, now - last);
    last = now;
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  await work();
  isOver = true;
  return most;
}

describe('in one turn of the event loop', () => {
  const groups = (count: number): string[] => Array.from({ length: count }, (_, i) => `g${i}`);

  /** Groups that are not there, and wait for hours. */
  async function parked(count: number) {
    const world = new QuickWorld({ pipeline: { retry: hourly } });
    world.target.onGet = () => answer(404);
    for (const group of groups(count)) world.produce({ group_id: group, add_members: ['u'] });
    const owner = await world.start();
    await world.clock.advance(600_000);
    expect(owner.pipeline.stats()).toMatchObject({ parked: count, ready: true });
    return { world, ...owner };
  }

  test('a restore takes a thousand changes, and is over once all are there', async () => {
    const { world, pipeline, log } = await parked(3_500);
    const isHalf = (): boolean => pipeline.sizes().groups > 0 && pipeline.sizes().groups < 3_500;
    let isReadyEarly = false;
    const most = await mostInATurn(
      () => {
        isReadyEarly ||= isHalf() && pipeline.stats().ready;
        return pipeline.sizes().groups;
      },
      async () => {
        log.rejoin('a test');
        expect(pipeline.sizes().groups).toBe(0);
        await world.clock.advance(5_000);
      },
    );
    expect([most, isReadyEarly]).toEqual([1_000, false]);
    expect(pipeline.sizes()).toMatchObject({ groups: 3_500, restored: 0, waiting: 3_500 });
    expect(pipeline.stats()).toMatchObject({ parked: 3_500, ready: true });
  }, 120_000);

  test('a restore that is begun again before it is over leaves nothing of the first', async () => {
    const { world, pipeline, log } = await parked(3_500);
    log.rejoin('a test');
    let rejoins = 0;
    await mostInATurn(
      () => {
        if (pipeline.sizes().groups >= 1_000 && rejoins === 0) {
          rejoins += 1;
          log.rejoin('a test, half-way');
        }
        return 0;
      },
      () => world.clock.advance(5_000),
    );
    expect(rejoins).toBe(1);
    expect(pipeline.sizes()).toMatchObject({ groups: 3_500, restored: 0, waiting: 3_500, ready: 0 });
    expect(pipeline.stats()).toMatchObject({ parked: 3_500, ready: true });
  }, 120_000);

  test('2,500 groups are made ready once their partition has caught up', async () => {
    const world = new QuickWorld();
    const { pipeline, log, kill } = await world.start();
    world.target.getGroup = () => new Promise(() => undefined);
    for (const group of groups(12_000)) world.produce({ group_id: group, add_members: ['u'] });
    log.rejoin('a test');
    const ready = (): number => pipeline.sizes().ready;
    const most = await mostInATurn(ready, () => world.clock.advance(5_000));
    expect(most).toBeLessThanOrEqual(2_500);
    // All but those that are in flight.
    expect(ready()).toBe(12_000 - 5);
    kill();
  }, 120_000);
});

test('growth: what waits for another try has room of its own: revocations are read behind more of it than the limit', async () => {
  // given ten members who are not known, and wait for hours
  const world = new QuickWorld({ pipeline: { pendingIntentsMax: 10, retry: hourly } });
  world.target.onPatch = ({ group }) => (group === 'unknown' ? refused : null);
  world.target.group('g').members.add('u');
  const { pipeline } = await world.start();
  for (const name of users(10)) {
    world.produce({ group_id: 'unknown', add_members: [name] });
    await world.clock.advance(5_000);
  }
  expect(pipeline.stats().parked).toBe(10);
  // when
  world.produce({ remove_members: ['u'] });
  await world.clock.advance(5_000);
  // then
  expect(world.target.group('g').members.size).toBe(0);
  expect(pipeline.stats().isIntakePaused).toBe(false);
  // and when as many again wait, no more is read
  for (const name of users(20).slice(10)) {
    world.produce({ group_id: 'unknown', add_members: [name] });
    await world.clock.advance(5_000);
  }
  expect(pipeline.stats()).toMatchObject({ parked: 20, isIntakePaused: true });
  const [paused] = world.logger.lines.filter(({ message }) => message === 'intake paused, too much is pending');
  expect(paused?.fields).toMatchObject({ advice: expect.stringContaining('MAX_PENDING_INTENTS') });
});
