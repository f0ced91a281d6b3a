/** Joins, heartbeats, commits and a drain, each at the moment that the test chooses. */
import { describe, expect, test } from 'vitest';
import { type Intent, WHOLE_GROUP } from '../../../src/core/change/change.ts';
import { decodeCommit } from '../../../src/core/log/commit-metadata.ts';
import { aHandWorld, HandWorld } from '../../support/hand-log.ts';
import { anIntent, aRequest, aState } from '../../support/retry-records.ts';
import { LookedUp } from '../../support/looked-up.ts';
import { respond, timedOut } from '../../support/target-in-memory.ts';

const stubborn = { baseMs: 500, capMs: 500, attemptsMax: 1_000, slowScheduleMs: [] };

const patches = ({ target }: HandWorld): number => target.requests.filter(({ method }) => method === 'PATCH').length;
const commits = ({ log }: HandWorld): readonly string[] => log.calls.filter((call) => /^commit .*:[1-9]/.test(call));

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
  test.each<[string, (world: HandWorld) => Promise<void>]>([
    ['while the group is joined', async () => undefined],
    ['before the first heartbeat of a join', async (world) => world.assign()],
    [
      'before the own fence shows that no other instance has had the partition',
      async (world) => {
        world.assign();
        await world.beat(2);
      },
    ],
  ])('%s nothing is committed; afterwards it is', async (_, joinOn) => {
    // given a change that has landed, and whose report is on its way
    const world = await aHandWorld();
    const open = holdSends(world);
    world.change(['u']);
    await world.pass(100);
    expect(patches(world)).toBe(1);
    // when the group is being joined, and the report is acknowledged
    world.handler.joining();
    const joined = joinOn(world);
    open();
    await joined;
    await world.clock.advance(1_000);
    // then
    expect(commits(world)).toEqual([]);
    await world.join(3);
    await world.pass(1_000);
    expect(commits(world)).toEqual(['commit 0:1']);
  });

  test('what is lost while a commit fails is not committed alone afterwards', async () => {
    // given two partitions whose commit is on its way
    const world = await aHandWorld();
    await world.join(2, [0, 1]);
    await world.pass(100);
    let refuse = (): void => undefined;
    world.log.beforeCommit = () => new Promise((_, reject) => (refuse = () => reject(new Error('ILLEGAL_GENERATION'))));
    // Without members there is nothing to wait for.
    for (const partition of [0, 1]) world.change([], partition);
    await world.pass(1_000);
    expect(commits(world).at(-1)).toBe('commit 0:1 1:1');
    // when one of them goes to another owner, and then the commit fails
    await world.join(3, [0]);
    await world.pass(100);
    world.log.beforeCommit = async () => undefined;
    refuse();
    await world.pass(60_000);
    // then
    expect(commits(world).at(-1)).toBe('commit 0:1');
    expect(await world.log.committed(1)).toMatchObject({ offset: 0n });
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

test('hold: a run that may send nothing gives its permit back', async () => {
  // given two members, and a third one for whom no PATCH is answered
  const seldom = { baseMs: 3_600_000, capMs: 3_600_000, attemptsMax: 5, slowScheduleMs: [] };
  const world = await aHandWorld({ lateApplyMs: 60_000, retry: seldom });
  world.change(['u', 'v']);
  await world.pass(100);
  world.target.fault = ({ method }) => (method === 'PATCH' ? { answer: timedOut(1_000) } : null);
  world.change(['w']);
  await world.pass(100);
  // when both are wanted once more, one after the other, so that the second one finds the group in the cache
  for (const member of ['u', 'v']) {
    world.change([member]);
    await world.pass(100);
  }
  // then they wait for the end of the doubt, and no permit with them
  expect(world.target.requests.map(({ method }) => method)).toEqual(['GET', 'PATCH', 'PATCH', 'GET']);
  expect([world.outcome(2, 'u'), world.outcome(3, 'v'), world.target.gate.held]).toEqual([undefined, undefined, 0]);
});

test.each<[string, (world: HandWorld, gate: () => Promise<void>) => void]>([
  ['waits for its permit', ({ target }, gate) => (target.gate.beforeTake = gate)],
  ['waits for a connection', ({ target }, gate) => (target.beforeStart = gate)],
])('halt: a request that %s while the group is joined is not sent, and gives the permit back', async (_, hold) => {
  // given
  const world = await aHandWorld();
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  hold(world, () => gate);
  world.change(['u']);
  await world.pass(100);
  // when
  world.handler.joining();
  open();
  await world.clock.advance(100);
  // then
  expect([patches(world), world.target.gate.held]).toEqual([0, 0]);
  world.assign();
  await world.beat(2);
  await world.pass(1_000);
  expect(world.outcome(0, 'u')).toBe('applied');
});

test('repair: records of the retry topic that come once more change nothing', async () => {
  // given a group with two live records
  const world = await aHandWorld({ retry: stubborn, breakerFailures: 1_000 });
  world.target.fault = ({ method }) => (method === 'PATCH' ? { answer: respond(503) } : null);
  for (const member of ['u', 'v']) {
    world.change([member]);
    await world.pass(100);
  }
  await world.join(2);
  await world.pass(1);
  const before = world.log.of('retry').length;
  // when
  world.log.redeliver('retry', 0);
  await world.clock.settle();
  // then
  expect(world.log.of('retry')).toHaveLength(before);
});

test('intake limit: with a full memory the source is read up to the last change in the live records, and that one too', async () => {
  // given a change of the sixth record that is parked, which is as much as there may be
  const world = new HandWorld({ pendingIntentsMax: 1 });
  for (let offset = 0; offset < 5; offset += 1) world.change([]);
  world.change(['u']);
  world.fence({ owner: 'former', epoch: 1 });
  const parked: Intent = {
    ...anIntent({ offset: 5n, op: 'add', attempt: 1 }),
    waits: 'member',
    notBefore: world.clock.now().wall + 3_600_000,
  };
  world.log.append('retry', aState({ owner: 'former', epoch: 1, seq: 1 }, [parked]));
  await world.pipeline.start();
  // when it is restored, and read on record by record
  await world.join(2);
  world.log.deliver('retry');
  await world.clock.settle();
  world.log.batchMax = 1;
  const answers = [0, 1, 2, 3, 4, 5].map((offset) => world.log.redeliver('source', offset));
  world.change(['v']);
  // then
  expect(answers).toEqual(Array.from(answers, () => 'taken'));
  expect(world.log.redeliver('source', 6)).toBe('declined');
  expect(world.pipeline.stats().parked).toBe(1);
});

test('intake limit: with a full memory nothing is sent before the last change in the live records is read', async () => {
  // given parked changes of the fourth and fifth record, more than there may be, and one more to read behind them
  const world = new HandWorld({ pendingIntentsMax: 1 });
  for (let offset = 0; offset < 3; offset += 1) world.change([]);
  for (const member of ['t', 'u', 'v']) world.change([member]);
  world.fence({ owner: 'former', epoch: 1 });
  const parked = (['t', 'u'] as const).map((member, i) =>
    anIntent({ offset: BigInt(3 + i), op: 'add', member, attempt: 1 }),
  );
  world.log.append('retry', aState({ owner: 'former', epoch: 1, seq: 1 }, parked));
  await world.pipeline.start();
  await world.join(2);
  world.log.deliver('retry');
  await world.clock.settle();
  // when it is read on record by record
  world.log.batchMax = 1;
  const requests: number[] = [];
  for (let offset = 0; offset < 5; offset += 1) {
    world.log.redeliver('source', offset);
    await world.clock.advance(1_000);
    requests.push(world.target.requests.length);
  }
  // then
  expect(requests.slice(0, 4)).toEqual([0, 0, 0, 0]);
  expect([patches(world), world.outcome(4, 'u')]).toEqual([1, 'recovered']);
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

  test.each<[string, (world: HandWorld) => Promise<void>]>([
    ['the machine has slept, so that only the wall clock has moved', async ({ clock }) => clock.jumpWall(leaseMs + 1)],
    [
      'the wall clock was set back',
      async ({ clock }) => {
        clock.jumpWall(-60_000);
        await clock.advance(leaseMs + 1);
      },
    ],
  ])('is over after its time by the later of both clocks: %s', async (_, jump) => {
    const world = await aHandWorld({ leaseMs });
    await world.beat(1);
    await jump(world);
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
  world.assign();
  await world.beat(2);
  await world.pass(100);
  expect([ids.asked, world.outcome(0, 'u')]).toEqual([['u'], 'applied']);
});

test('look-up: one that has no answer yet keeps no other from being asked', async () => {
  const ids = new LookedUp();
  ids.isDown = false;
  const world = await aHandWorld({}, ids);
  let answer = (): void => undefined;
  ids.beforeAnswer = () => new Promise((resolve) => (answer = resolve));
  world.change(['u']);
  await world.pass(100);
  ids.beforeAnswer = async () => undefined;
  world.change(['v'], 0);
  await world.pass(100);
  expect([ids.asked, world.outcome(0, 'u'), world.outcome(1, 'v')]).toEqual([['u', 'v'], undefined, 'applied']);
  answer();
  await world.pass(100);
  expect(world.outcome(0, 'u')).toBe('applied');
});

test('grave: a replay of what is being sent at this moment leaves it alone', async () => {
  // given a change whose request is on its way
  const world = await aHandWorld();
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let started = 0;
  world.target.beforeStart = async () => {
    started += 1;
    if (started === 2) await gate;
  };
  world.change(['u']);
  await world.pass(100);
  expect(started).toBe(2);
  // when it is to be replayed
  world.log.append('retry', aRequest('r', [anIntent({ offset: 0n, op: 'add' })]));
  await world.pass(100);
  open();
  await world.pass(1_000);
  // then it is sent, and reported, once
  expect(world.target.requests.map(({ method }) => method)).toEqual(['GET', 'PATCH']);
  expect([world.outcome(0, 'u'), world.log.of('reports').length]).toEqual(['applied', 1]);
});

test('wholes: what has landed on a full state stays in its live record until that is accounted for', async () => {
  // given a full state and a newer removal of whom it names, both parked and committed
  const world = new HandWorld();
  for (let offset = 0; offset < 2; offset += 1) world.change([]);
  world.fence({ owner: 'former', epoch: 1 });
  const notBefore = world.clock.now().wall + 5_000;
  const whole: Intent = {
    ...anIntent({ offset: 0n, op: 'add', member: WHOLE_GROUP, attempt: 1 }),
    op: 'state',
    whole: { members: ['u', 'v'], deleted: false },
    notBefore,
  };
  const removal: Intent = { ...anIntent({ offset: 1n, op: 'remove', attempt: 1 }), notBefore };
  world.log.append('retry', aState({ owner: 'former', epoch: 1, seq: 1 }, [whole, removal]));
  await world.log.commit([{ partition: 0, offset: 2n, metadata: '' }]);
  await world.pipeline.start();
  await world.join(2);
  await world.pass(1_000);
  // when the end of the removal is reported while no live record can be written
  world.log.beforeSend = async (records) => {
    if (records.some(({ topic }) => topic === 'retry')) throw new Error('NOT_ENOUGH_REPLICAS');
  };
  await world.pass(6_000);
  expect(world.outcome(1, 'u')).toBe('recovered');
  world.log.beforeSend = async () => undefined;
  await world.pass(60_000);
  // then a restore from any of the records would still know of it
  const states = world.retry().flatMap((record) => (record.kind === 'state' ? [record.intents] : []));
  const wholes = states.filter((intents) => intents.some(({ op }) => op === 'state'));
  expect(wholes.length).toBeGreaterThan(1);
  for (const intents of wholes) expect(intents.map(({ op }) => op)).toContain('remove');
  expect([states.at(-1), world.target.members('g')]).toEqual([[], ['v']]);
});

test('woken: a late acknowledgement of the failure does not end what a replay has woken since', async () => {
  // given a change that was given up, whose report is on its way
  const world = await aHandWorld({ retry: { ...stubborn, attemptsMax: 1 } });
  world.target.fault = ({ method }) => (method === 'PATCH' ? { answer: respond(410) } : null);
  const openSends = holdSends(world);
  world.change(['u']);
  await world.pass(1_000);
  expect(patches(world)).toBe(1);
  // when it is woken, and waits for a connection when the report is acknowledged
  world.target.fault = () => null;
  let connect = (): void => undefined;
  const gate = new Promise<void>((resolve) => (connect = resolve));
  world.target.beforeStart = () => gate;
  world.log.append('retry', aRequest('r', [anIntent({ offset: 0n, op: 'add' })]));
  await world.pass(100);
  openSends();
  await world.pass(1_000);
  // then nothing is committed: a crash now would lose it
  expect([world.outcome(0, 'u'), commits(world)]).toEqual(['failed', []]);
  connect();
  await world.pass(1_000);
  expect([patches(world), commits(world)]).toEqual([2, ['commit 0:1']]);
});

test('breaker: a probe takes a permit, too', async () => {
  // given an open breaker
  const world = await aHandWorld({ breakerFailures: 1 });
  world.target.fault = () => ({ answer: respond(503) });
  world.change(['u']);
  await world.pass(100);
  expect(world.pipeline.stats().breaker).not.toBeNull();
  const before = world.target.requests.length;
  // when the target works again
  world.target.fault = () => null;
  await world.pass(2_000);
  // then; a permit that no request has taken would end the pipeline
  expect([world.outcome(0, 'u'), world.target.gate.held]).toEqual(['applied', 0]);
  expect(world.target.requests.length).toBeGreaterThan(before);
});

test('breaker: while a probe is under way no other one is sent', async () => {
  // given an open breaker, and changes of two groups
  const world = await aHandWorld({ breakerFailures: 1 });
  await world.join(2, [0, 1]);
  await world.read();
  world.target.fault = () => ({ answer: respond(503) });
  for (const partition of [0, 1]) world.change(['u'], partition);
  await world.pass(100);
  expect(world.pipeline.stats().breaker).not.toBeNull();
  // when its probe waits for a connection
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  let started = 0;
  world.target.beforeStart = () => {
    started += 1;
    return gate;
  };
  await world.clock.advance(2_000);
  expect(started).toBe(1);
  // then nothing else goes out, whatever happens meanwhile
  await world.beat(2);
  await world.clock.advance(2_000);
  expect(started).toBe(1);
  open();
});

describe('base', () => {
  /** It joins again and keeps what it has; another owner's fence gets in before its own. */
  async function surpassed(world: HandWorld, epoch: number): Promise<void> {
    world.log.beforeSend = async () => {
      world.log.beforeSend = async () => undefined;
      world.fence({ owner: 'other', epoch });
    };
    await world.join(2);
    await world.pass(10);
  }

  const fencesOf = (world: HandWorld): readonly string[] =>
    world.retry().flatMap((record) => (record.kind === 'fence' ? `${record.stamp.owner} ${record.stamp.epoch}` : []));

  test.each([
    ['a higher', 7],
    ['the same', 2],
  ])('an owner in between under %s epoch is not undone by a second fence: nothing is kept', async (_, epoch) => {
    // given a change that is parked
    const world = await aHandWorld({ retry: stubborn, breakerFailures: 1_000 });
    world.target.fault = ({ method }) => (method === 'PATCH' ? { answer: respond(503) } : null);
    world.change(['u']);
    await world.pass(100);
    expect(commits(world)).toEqual(['commit 0:1']);
    // when another owner, of a consumer group that counts higher, has had the partition, and a heartbeat says it is ours
    await surpassed(world, epoch);
    await world.clock.advance(1_000);
    await world.beat(2);
    world.target.fault = () => null;
    const readFrom = world.log.calls.length;
    await world.pass(10);
    await world.pass(1_000);
    // then it reads everything from the beginning, and works above the other
    expect(world.log.calls.slice(readFrom)).toContain('seek retry/0 0');
    expect(fencesOf(world)).toEqual(['one 1', `other ${epoch}`, 'one 2', `one ${epoch + 2}`]);
    await world.pass(60_000);
    expect(world.outcome(0, 'u')).toBe('recovered');
  });

  test('heartbeat: one that was sent before the higher epoch was read proves nothing', async () => {
    const world = await aHandWorld();
    const sentAt = world.clock.now();
    await world.clock.advance(10);
    await surpassed(world, 7);
    await world.beat(2, sentAt);
    expect(fencesOf(world)).toEqual(['one 1', 'other 7', 'one 2']);
    await world.clock.advance(10);
    await world.beat(2);
    expect(fencesOf(world)).toEqual(['one 1', 'other 7', 'one 2', 'one 9']);
  });

  test('a late fence of a former owner is no owner in between: what is known is kept at the next join', async () => {
    const world = await aHandWorld();
    await world.join(5);
    await world.pass(100);
    world.fence({ owner: 'former', epoch: 3 });
    await world.pass(100);
    const { length } = world.log.calls;
    await world.join(6);
    await world.pass(1_000);
    expect(fencesOf(world).at(-1)).toBe('one 6');
    expect(world.log.calls.slice(length)).not.toContain('seek retry/0 0');
  });

  describe('who restores, and has read a higher epoch,', () => {
    /** The retry partition has been owned under epoch 7, before the first join. */
    async function overtaken(): Promise<HandWorld> {
      const world = new HandWorld();
      world.fence({ owner: 'other', epoch: 7 });
      await world.pipeline.start();
      await world.join(1);
      await world.read();
      await world.clock.advance(10);
      return world;
    }

    test('reads the source from where it was committed last, and not from where it was at first', async () => {
      const world = await overtaken();
      world.change([]);
      await world.log.commit([{ partition: 0, offset: 1n, metadata: '' }]);
      await world.beat(1);
      await world.pass(100);
      expect(world.log.calls).toContain('seek source/0 1');
      expect(world.log.calls).not.toContain('seek source/0 0');
    });

    test('stays above it when the group is joined again meanwhile', async () => {
      const world = await overtaken();
      await world.beat(1);
      await world.join(2);
      expect(fencesOf(world)).toEqual(['other 7', 'one 1', 'one 8', 'one 9']);
    });
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
    expect(world.log.calls.slice(-2)).toEqual(['commit 0:1', 'leave']);
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
    expect(world.log.calls.slice(-2)).toEqual(['commit 0:1', 'leave']);
  });

  test('leaves the group when its time is up, whatever is on its way to the log', async () => {
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
    expect(world.log.calls.at(-1)).toBe('leave');
  });
});

test('recreated retry topic: its owner writes everything again, and what it commits then does not name the former one', async () => {
  // given
  const world = new HandWorld({ retry: stubborn });
  world.log.inspect = async () => ({ topicId: 's', retryTopicId: 'former', first: null });
  await world.pipeline.start();
  await world.join(1);
  world.change([]);
  await world.pass(1_000);
  const retryTopicId = async (): Promise<string | null> => {
    const { offset, metadata } = await world.log.committed(0);
    return decodeCommit(offset ?? 0n, metadata).mark.retryTopicId;
  };
  expect(await retryTopicId()).toBe('former');
  // when
  world.handler.offsetOutOfRange('retry', 0);
  world.change([]);
  await world.pass(1_000);
  // then
  expect(commits(world).at(-1)).toBe('commit 0:2');
  expect(await retryTopicId()).toBe(null);
});
