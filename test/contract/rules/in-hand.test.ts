/** Joins, heartbeats, commits and a drain, each at the moment that the test chooses. */
import { describe, expect, test } from 'vitest';
import { aHandWorld, type HandWorld } from '../../support/hand-log.ts';
import { LookedUp } from '../../support/looked-up.ts';
import { respond } from '../../support/target-in-memory.ts';

const patches = ({ target }: HandWorld): number => target.requests.filter(({ method }) => method === 'PATCH').length;
const commits = ({ log }: HandWorld): readonly string[] => log.calls.filter((call) => /^commit [1-9]/.test(call));

/** Sends wait from now on until the returned function is called. */
function holdSends({ log }: HandWorld): () => void {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  log.beforeSend = () => gate;
  return () => {
    log.beforeSend = async () => undefined;
    open();
  };
}

describe('owner-commit', () => {
  test('while the group is joined nothing is committed; afterwards it is', async () => {
    // given a change that has landed, and whose report is on its way
    const world = await aHandWorld();
    const open = holdSends(world);
    world.change(['u']);
    await world.pass(100);
    expect(patches(world)).toBe(1);
    // when the group is being joined
    world.handler.joining();
    open();
    await world.clock.advance(1_000);
    // then
    expect(commits(world)).toEqual([]);
    world.handler.assigned({ memberId: 'm', partitions: [0], partitionCount: 1 });
    await world.beat(2);
    await world.pass(1_000);
    expect(commits(world)).toEqual(['commit 1']);
  });

  test('what is kept goes on where it stood: what was fetched before is not read twice', async () => {
    const world = await aHandWorld();
    world.change(['u']);
    await world.pass(100);
    expect(world.outcome(0, 'u')).toBe('applied');
    await world.join(2);
    await world.pass(100);
    world.change(['v']);
    expect(world.log.redeliver('source', 0)).toBe('taken');
    world.log.redeliver('retry', 0);
    await world.clock.advance(100);
    expect([world.outcome(1, 'v'), patches(world), world.pipeline.stats().ready]).toEqual(['applied', 2, true]);
  });
});

describe('lease', () => {
  const leaseMs = 5_000;

  test('is counted from when a heartbeat was sent, and not from its answer', async () => {
    const world = await aHandWorld({ leaseMs });
    const sentAt = world.clock.now();
    await world.clock.advance(4_000);
    await world.beat(1, sentAt);
    await world.clock.advance(1_001);
    world.change(['u']);
    await world.pass(1_000);
    expect(world.target.requests).toEqual([]);
    await world.beat(1);
    await world.pass(100);
    expect(world.outcome(0, 'u')).toBe('applied');
  });

  test('of a join is counted from when it was asked for', async () => {
    const world = await aHandWorld({ leaseMs, retry: { baseMs: 10, capMs: 10, attemptsMax: 5, slowScheduleMs: [] } });
    world.handler.joining();
    await world.clock.advance(4_500);
    world.handler.assigned({ memberId: 'm', partitions: [0], partitionCount: 1 });
    expect(world.pipeline.stats().ready).toBe(false);
    await world.clock.advance(1_000);
    world.change(['u']);
    await world.pass(1_000);
    expect(world.target.requests).toEqual([]);
  });

  test.each<[string, (world: HandWorld) => void]>([
    ['the machine has slept, so that only the wall clock has moved', ({ clock }) => clock.jumpWall(leaseMs + 1)],
    ['the wall clock was set back', ({ clock }) => clock.jumpWall(-60_000)],
  ])('is over after its time by the later of both clocks: %s', async (_, jump) => {
    const world = await aHandWorld({ leaseMs });
    await world.beat(1);
    jump(world);
    await world.clock.advance(leaseMs + 1);
    world.change(['u']);
    await world.pass(1_000);
    expect(world.target.requests).toEqual([]);
  });

  test('is gone with the consumer, also where heartbeats were good until then', async () => {
    const world = await aHandWorld({ leaseMs });
    world.handler.lost('the consumer is gone');
    world.change(['u']);
    await world.pass(100);
    expect(world.target.requests).toEqual([]);
  });
});

test('look-up: one that could not start is asked for again once it may', async () => {
  // given a look-up that waits for its turn
  const ids = new LookedUp();
  ids.isDown = false;
  const world = await aHandWorld({}, ids);
  let start = (): void => undefined;
  ids.beforeStart = () => new Promise((resolve) => (start = resolve));
  world.change(['u']);
  await world.pass(100);
  // when the group is being joined meanwhile
  world.handler.joining();
  ids.beforeStart = async () => undefined;
  start();
  await world.clock.advance(100);
  expect(ids.asked).toEqual([]);
  // then
  world.handler.assigned({ memberId: 'm', partitions: [0], partitionCount: 1 });
  await world.beat(2);
  await world.pass(100);
  expect([ids.asked, world.outcome(0, 'u')]).toEqual([['u'], 'applied']);
});

describe('base', () => {
  /** It joins again and keeps what it has; another owner's fence gets in before its own. */
  async function surpassed(world: HandWorld): Promise<void> {
    world.log.beforeSend = async () => {
      world.log.beforeSend = async () => undefined;
      world.fence({ owner: 'other', epoch: 7 });
    };
    await world.join(2);
    await world.pass(10);
  }

  const stubborn = { baseMs: 500, capMs: 500, attemptsMax: 1_000, slowScheduleMs: [] };

  test('an owner in between under a higher epoch is not undone by a second fence: nothing is kept', async () => {
    // given a change that is parked
    const world = await aHandWorld({ retry: stubborn, breakerFailures: 1_000 });
    world.target.fault = ({ method }) => (method === 'PATCH' ? { answer: respond(503) } : null);
    world.change(['u']);
    await world.pass(100);
    expect(commits(world)).toEqual(['commit 1']);
    // when another owner, of a consumer group that counts higher, has had the partition, and a heartbeat says it is ours
    await surpassed(world);
    await world.clock.advance(1_000);
    await world.beat(2);
    world.target.fault = () => null;
    const readFrom = world.log.calls.length;
    await world.pass(10);
    await world.pass(1_000);
    // then it reads everything from the beginning, and works above the other
    expect(world.log.calls.slice(readFrom)).toContain('seek retry 0');
    const fences = world.retry().flatMap((record) => (record.kind === 'fence' ? [record.stamp] : []));
    expect(fences.map(({ owner, epoch }) => `${owner} ${epoch}`)).toEqual(['one 1', 'other 7', 'one 2', 'one 9']);
    await world.pass(60_000);
    expect(world.outcome(0, 'u')).toBe('recovered');
  });

  test('heartbeat: one that was sent before the higher epoch was read proves nothing', async () => {
    const world = await aHandWorld();
    const sentAt = world.clock.now();
    await world.clock.advance(10);
    await surpassed(world);
    await world.beat(2, sentAt);
    expect(world.retry().filter(({ kind }) => kind === 'fence')).toHaveLength(3);
    await world.clock.advance(10);
    await world.beat(2);
    expect(world.retry().filter(({ kind }) => kind === 'fence')).toHaveLength(4);
  });
});

describe('a drain', () => {
  test('reports and commits what the last answers bring before it leaves', async () => {
    const world = await aHandWorld({ drainTimeoutMs: 30_000 });
    world.target.fault = () => ({ answer: respond(404), afterMs: 1_000 });
    world.change(['u']);
    await world.clock.settle();
    world.target.fault = () => null;
    world.log.deliver('source');
    await world.clock.advance(20);
    const open = holdSends(world);
    void world.pipeline.drain();
    await world.clock.advance(5_000);
    expect(world.log.calls).not.toContain('leave');
    open();
    await world.clock.advance(1_000);
    expect(world.log.calls.slice(-2)).toEqual(['commit 1', 'leave']);
    expect(world.outcome(0, 'u')).toBe('applied');
  });

  test('tries once more what could not be written, and waits for no pause', async () => {
    const world = await aHandWorld({ drainTimeoutMs: 30_000 });
    world.log.beforeSend = async () => {
      throw new Error('no broker');
    };
    world.change(['u']);
    await world.pass(60_000);
    expect(commits(world)).toEqual([]);
    world.log.beforeSend = async () => undefined;
    void world.pipeline.drain();
    await world.clock.settle();
    expect(world.log.calls.slice(-2)).toEqual(['commit 1', 'leave']);
  });

  test('is over when its time is up, whatever is on its way', async () => {
    const world = await aHandWorld({ drainTimeoutMs: 3_000 });
    holdSends(world);
    world.change(['u']);
    await world.pass(100);
    let isOver = false;
    void world.pipeline.drain().then(() => (isOver = true));
    await world.clock.advance(2_999);
    expect(isOver).toBe(false);
    await world.clock.advance(1);
    expect(isOver).toBe(true);
    expect(world.log.calls).not.toContain('leave');
  });
});
