/** A group is forgotten only when nothing of it can come back: no record, report or request of it is on its way. */
import { expect, test } from 'vitest';
import { encodeRanges } from '../../../src/core/log/ledger.ts';
import { native } from '../../../src/formats/native/native.ts';
import type { SourceFormat } from '../../../src/core/change/change.ts';
import type { OutRecord } from '../../../src/ports.ts';
import { anIntent, aRequest, commitBefore, expire, failing } from '../../support/retry-records.ts';
import type { Instance, World } from '../../support/world.ts';
import { aWorld, topics, until } from '../../support/world.ts';

const dayMs = 86_400_000;
const patient = { retry: { baseMs: dayMs, capMs: dayMs, attemptsMax: 5, slowScheduleMs: [] }, breakerFailures: 1_000 };

/** The native format, which cannot read the records of `g` before `open` is called. */
function aGate() {
  let open = (): void => undefined;
  let hasWaited = false;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let isOpen = false;
  const format: SourceFormat = {
    ...native,
    prepare: (records) => {
      const isShut = !isOpen && records.some(({ key }) => String(Buffer.from(key ?? [])) === 'g');
      hasWaited ||= isShut;
      return isShut ? opened : null;
    },
  };
  return {
    format,
    hasWaited: () => hasWaited,
    open: () => {
      isOpen = true;
      open();
    },
  };
}

/** As a former owner left it: of `g` offset 1 is complete, and nothing of `g` is parked. */
async function aFormerOwner(): Promise<World> {
  const world = await aWorld();
  world.change('h', { add: [] });
  world.change('g', { add: ['old'] });
  commitBefore(world, 0n, encodeRanges(0n, [{ from: 1n, to: 2n }]));
  return world;
}

const isRecordOf = (group: string, { topic, key }: OutRecord): boolean => topic === topics.retry && key === group;

interface Held {
  readonly isOnItsWay: () => boolean;
  readonly letPass: () => void;
  readonly letFail: () => void;
}

/** The first send of a live record of each of the groups waits until it may go on. */
function holdFirst({ log }: Instance, ...groups: readonly string[]): readonly Held[] {
  const held = groups.map((group) => {
    let isOnItsWay = false;
    let go: (error?: Error) => void = () => undefined;
    const mayGo = new Promise<void>((resolve, reject) => {
      go = (error) => (error === undefined ? resolve() : reject(error));
    });
    const hold = (): Promise<void> => {
      isOnItsWay = true;
      return mayGo;
    };
    return { group, hold, isOnItsWay: () => isOnItsWay, letPass: () => go(), letFail: () => go(new Error('late')) };
  });
  log.beforeSend = async (records) => {
    const first = held.find(
      ({ group, isOnItsWay }) => !isOnItsWay() && records.some((each) => isRecordOf(group, each)),
    );
    await first?.hold();
  };
  return held;
}

const stray = (world: World, group: string): void =>
  void world.produce({ topic: topics.retry, partition: 0, key: group, value: 'nonsense', headers: [] });

/** The next owner finds the change at offset 2, when it is asked for. */
async function expectParked(world: World, one: Instance, heal: () => void): Promise<void> {
  await until(() => world.committed() === 3n, 'the commit');
  await until(() => one.pipeline.sizes().toWrite + one.pipeline.sizes().unacknowledged === 0, 'the last record');
  expect(world.lastState('g')?.intents).toMatchObject([{ member: 'u' }]);
  one.kill();
  expire(world);
  heal();
  const two = await world.start({ name: 'two' });
  world.produce(aRequest('r', [anIntent({ offset: 2n, op: 'add' })]));
  await world.expectRest(two);
  expect(world.sandbox.members('g')).toEqual(['u']);
}

test('repair: what is parked while the repair of its group is on its way survives its late failure', async () => {
  // given an owner that reads a stray record of a group of which it knows nothing
  const world = await aFormerOwner();
  world.change('g', { add: ['u'] });
  const heal = failing(world);
  const gate = aGate();
  const one = await world.start({ format: gate.format, pipeline: patient });
  await until(gate.hasWaited, 'the source');
  const [repair] = holdFirst(one, 'g');
  stray(world, 'g');
  await until(() => repair?.isOnItsWay() === true, 'the repair');
  // when it reads a complete and a new change of the group, parks the new one, and only then the repair fails
  gate.open();
  await until(() => one.pipeline.stats().parked === 1, 'the parking');
  repair?.letFail();
  // then
  await expectParked(world, one, heal);
});

test('repair: likewise where the complete change is read while the repair waits for its turn', async () => {
  // given a repair that waits while that of another group is on its way
  const world = await aFormerOwner();
  const heal = failing(world);
  const gate = aGate();
  const one = await world.start({ format: gate.format, pipeline: patient });
  await until(gate.hasWaited, 'the source');
  const [other, repair] = holdFirst(one, 'h', 'g');
  stray(world, 'h');
  await until(() => other?.isOnItsWay() === true, 'the other repair');
  stray(world, 'g');
  await until(() => one.pipeline.sizes().toWrite === 1, 'the wait');
  gate.open();
  await until(() => one.pipeline.stats().partitions[0]?.phase === 'running', 'the end of the source');
  // when it is sent, something new is parked meanwhile, and it fails
  other?.letPass();
  await until(() => repair?.isOnItsWay() === true, 'the repair');
  world.change('g', { add: ['u'] });
  await until(() => one.pipeline.stats().parked === 1, 'the parking');
  repair?.letFail();
  // then
  await expectParked(world, one, heal);
});

test('repair: a group that is written again for a stray record, and has nothing else, is forgotten afterwards', async () => {
  const world = await aWorld();
  const one = await world.start();
  await world.expectRest(one);
  world.produce({ topic: topics.retry, partition: 0, key: 'g', value: 'nonsense', headers: [] });
  await until(() => world.lastState('g')?.stamp.owner === one.owner, 'the repair');
  await world.expectRest(one);
  expect(one.pipeline.sizes()).toMatchObject({ groups: 0, unacknowledged: 0, recordOrders: 0 });
});
