/** What each event of a history does to its world. */
import type { LogRecord } from '../../src/ports.ts';
import { damagedHeaders } from './damaged-batches.ts';
import type { Point } from './engine/host.ts';
import { expectFinal, expectRest, expectUnchanged } from './expectations.ts';
import { decide } from './guard-operator.ts';
import { topics } from './instance.ts';
import { applyLogFault } from './log-faults.ts';
import { replay, rewind } from './operator.ts';
import { askForPause } from './pausing-operator.ts';
import type { Event } from './script.ts';
import { Violation } from './violation.ts';
import type { World } from './world.ts';
import { groupName } from './world.ts';

type Of<Kind extends Event['kind']> = Extract<Event, { readonly kind: Kind }>;

/** Applies one event, counts it and narrates it. */
export function applyEvent(world: World, event: Event): void {
  world.counter.count(`event: ${event.kind}`);
  world.narrate(() => `→ ${JSON.stringify(event)}`);
  const { target, faults, timeline } = world;
  switch (event.kind) {
    case 'change':
      return change(world, event);
    case 'state':
      return state(world, event);
    case 'list':
      return list(world, event);
    case 'approve':
    case 'reject':
      return decide(world, event);
    case 'pause':
    case 'resume':
    case 'apply_now':
      return askForPause(world, event);
    case 'turn':
      return turn(world, event);
    case 'again':
      return again(world, event);
    case 'broken':
      return broken(world, event);
    case 'damaged_batch':
      return damagedBatch(world, event);
    case 'start':
      return world.start(event.instance);
    case 'stop':
      return stop(world, event);
    case 'kill':
      return strike(world, event, () => world.kill(event.instance));
    case 'freeze':
      return freeze(world, event);
    case 'cut':
      return cut(world, event);
    case 'clock':
      return clock(world, event);
    case 'rebalance':
      return rebalance(world);
    case 'drop_member':
      return dropMember(world, event);
    case 'broker':
      faults.broker = event.fates;
      return void timeline.after(event.forMs, () => (faults.broker = { done: 1 }));
    case 'target':
      faults.target = event.fates;
      return void timeline.after(event.forMs, () => (faults.target = { answered: 1 }));
    case 'refuse':
      faults.refuses.add(event.what);
      return void timeline.after(event.forMs, () => faults.refuses.delete(event.what));
    case 'sicken':
      return sicken(world, event);
    case 'append_late':
      return appendLate(world, event);
    case 'clean':
      return world.clean();
    case 'foreign':
      return target.toggle(
        groupName(event.group % world.settings.groups),
        event.members.map((number) => world.nameOf(number)),
      );
    case 'revoke':
      return target.state.tokens.revokeAll();
    case 'refuse_client':
      target.state.tokens.refuseClient('client not found');
      return void timeline.after(event.forMs, () => target.state.tokens.refuseClient(null));
    case 'deny':
      return deny(world, event);
    case 'sick':
      target.sick.set(groupName(event.group), event);
      return void timeline.after(event.forMs, () => target.sick.delete(groupName(event.group)));
    case 'refuse_members':
      return refuseMembers(world, event);
    case 'name_group':
      return world.ids.setGroup(groupName(event.group), groupName(event.to));
    case 'expect_final':
      return expectFinal(world, event);
    case 'expect_rest':
      return expectRest(world);
    case 'expect_unchanged':
      return expectUnchanged(world, event);
    case 'expect_landed':
      return expectLanded(world, event);
    case 'expect_bounded':
      return expectBounded(world, event);
    case 'provision':
      for (let i = 0; i < world.settings.members; i++) target.state.users.put({ id: world.nameOf(i) });
      return;
    case 'correct':
      return world.ids.setUser(world.nameOf(event.member), world.nameOf(event.to));
    case 'replay':
      return replay(world, event);
    case 'rewind':
      return rewind(world, event);
    case 'recreate_group':
      return recreateGroup(world);
    case 'fall_back':
    case 'abort':
    case 'delete_head':
    case 'compact_output':
      return applyLogFault(world, event);
    case 'source_other':
      return world.replaceSource(event);
  }
}

function produce(world: World, group: string | null, value: string | null): void {
  world.broker.append([{ topic: topics.source, partition: null, key: group, value, headers: [] }]);
  world.look();
}

function list(world: World, { group: number, events }: Of<'list'>): void {
  const group_id = groupName(number);
  const spelled = (members: readonly number[]): string[] => members.map((each) => world.spell(each));
  const entries = events.map((event) =>
    'members' in event
      ? { group_id, members: spelled(event.members), complete: true }
      : { group_id, add_members: spelled(event.add), remove_members: spelled(event.remove) },
  );
  produce(world, group_id, JSON.stringify({ list: entries }));
}

function change(world: World, { group, add, remove }: Omit<Of<'change'>, 'at'>): void {
  const spelled = (members: readonly number[]): string[] => members.map((number) => world.spell(number));
  const [add_members, remove_members] = [spelled(add), spelled(remove)];
  produce(world, groupName(group), JSON.stringify({ group_id: groupName(group), add_members, remove_members }));
}

function state(world: World, { group: number, members, deleted }: Of<'state'>): void {
  const group = groupName(number);
  const value = {
    group_id: group,
    members: members.map((each) => world.spell(each)),
    complete: true,
    ...(deleted && { deleted }),
  };
  produce(world, group, JSON.stringify(value));
}

/** How long the fates of a turn last, ms: enough for a first request. */
const TURN_MS = 500;

function turn(world: World, { group, members, op, fates, afterMs }: Of<'turn'>): void {
  const [add, remove] = op === 'add' ? [members, []] : [[], members];
  world.faults.target = fates;
  change(world, { kind: 'change', group, add, remove });
  world.timeline.after(TURN_MS, () => (world.faults.target = { answered: 1 }));
  world.timeline.after(afterMs, () => change(world, { kind: 'change', group, add: remove, remove: add }));
}

function again(world: World, { back }: Of<'again'>): void {
  const record = world.records(topics.source).at(-back);
  if (record) produce(world, textOf(record.key), record.value === null ? null : textOf(record.value));
}

/** Its changes must not be applied: no client can have read them. */
function damagedBatch(world: World, { group, count }: Of<'damaged_batch'>): void {
  const key = groupName(group);
  const records = Array.from({ length: count }, (_, i) => ({
    topic: topics.source,
    partition: null,
    key,
    value: JSON.stringify({ group_id: key, [i % 2 === 0 ? 'add_members' : 'remove_members']: [world.nameOf(i % 3)] }),
    headers: damagedHeaders(i === count - 1 ? 'end' : 'within'),
  }));
  world.broker.append(records);
  world.look();
}

function broken(world: World, { group, what }: Of<'broken'>): void {
  const key = groupName(group);
  const values: Readonly<Record<typeof what, string | null>> = {
    json: '{"group_id":',
    schema: JSON.stringify({ group_id: key, add_members: 'm0' }),
    key: JSON.stringify({ group_id: 'another', add_members: ['m0'] }),
    keyless: '{"group_id":',
    empty: JSON.stringify({ group_id: key, add_members: [], remove_members: [] }),
    tombstone: null,
    long: `{"group_id":${'x'.repeat(3_000)}`,
  };
  produce(world, what === 'keyless' ? null : key, values[what]);
}

function stop(world: World, { instance: number }: Of<'stop'>): void {
  const instance = world.instances[number];
  instance?.host.run(() => {
    instance.comparisons?.stop();
    void instance.pipeline.drain();
  });
}

/** Now, or when the process next reaches a point. */
function strike(
  world: World,
  { instance: number, point = 'now' }: { readonly instance: number; readonly point?: Point | 'now' },
  blow: () => void,
): void {
  const instance = world.instances[number];
  if (!instance) return;
  if (point === 'now') return blow();
  instance.host.strikeAt(point, () => {
    if (world.instances[number] !== instance) return;
    world.counter.count(`struck at: ${point}`);
    blow();
  });
}

function freeze(world: World, event: Of<'freeze'>): void {
  const host = world.instances[event.instance]?.host;
  strike(world, event, () => {
    host?.freeze();
    world.narrate(() => `${host?.name} is frozen`);
    world.counter.count('process: frozen');
    world.timeline.after(event.forMs, () => {
      world.narrate(() => `${host?.name} wakes up`);
      host?.thaw();
    });
  });
}

function cut(world: World, event: Of<'cut'>): void {
  const link = world.instances[event.instance]?.link;
  strike(world, event, () => {
    link?.cut(event.only);
    world.timeline.after(event.forMs, () => link?.reconnect());
  });
}

function clock(world: World, { instance, byMs }: Of<'clock'>): void {
  const host = world.instances[instance]?.host;
  if (!host) return;
  host.wallAheadMs += byMs;
  world.knowledge.clockSkewMs += Math.abs(byMs);
}

/** A visitor joins the group, and leaves again. */
function rebalance(world: World): void {
  const group = world.broker.group('rollcall');
  const { partitions: partitionCount, rebalanceTimeoutMs = Infinity } = world.settings;
  const times = { sessionTimeoutMs: Infinity, rebalanceTimeoutMs };
  const id = group.join({ memberId: null, clientId: 'visitor', ...times, partitionCount, synced: () => undefined });
  world.timeline.after(world.random.between(0, 5_000), () => group.leave(id));
}

/** The coordinator forgets one member, as after a failover. */
function dropMember(world: World, { instance }: Of<'drop_member'>): void {
  const name = world.instances[instance]?.host.name;
  const group = world.broker.group('rollcall');
  for (const id of group.memberIds) if (name !== undefined && id.startsWith(`${name}-`)) group.leave(id);
}

/** A producer's retry arrives late: a record of the retry topic is appended once more. */
function appendLate(world: World, { back }: Of<'append_late'>): void {
  const record = world.records(topics.retry).at(-back);
  if (record) world.broker.duplicate(topics.retry, record.partition, record.offset);
}

/** Beyond the last partition it is the first one. */
function sicken(world: World, { topic, partition, forMs }: Of<'sicken'>): void {
  const found = world.broker.topic(topics[topic]);
  const number = partition % world.settings.partitions;
  found.sicken(number);
  world.timeline.after(forMs, () => found.heal(number));
}

function deny(world: World, { group, forMs }: Of<'deny'>): void {
  const { denials } = world.target.state;
  const name = group === null ? undefined : groupName(group);
  denials.deny({ status: 403, ...(name !== undefined && { group: name }) });
  world.timeline.after(forMs, () => denials.allow(name));
}

function refuseMembers(world: World, { members, refused, forMs }: Of<'refuse_members'>): void {
  for (const number of members) world.target.refused.set(world.nameOf(number), refused);
  world.timeline.after(forMs, () => world.target.refused.clear());
}

function expectLanded(world: World, { group, member }: Of<'expect_landed'>): void {
  if (!world.target.members(groupName(group)).has(world.nameOf(member)))
    throw new Violation('gets-on', `${world.nameOf(member)} is not in ${groupName(group)} yet`);
}

function expectBounded({ counter, targetOracle }: World, { requests, openings }: Of<'expect_bounded'>): void {
  const opened = counter.counts.get('said: breaker opened') ?? 0;
  if (targetOracle.requests > requests) throw new Violation('gets-on', `${targetOracle.requests} requests were sent`);
  if (opened > openings) throw new Violation('gets-on', `the breaker was opened ${opened} times`);
}

/** All members are gone, and the consumer group with them: its offsets are gone, its generations restart at 1. */
function recreateGroup(world: World): void {
  for (const number of world.instances.keys()) world.kill(number);
  const group = world.broker.group('rollcall');
  for (const id of group.memberIds) group.leave(id);
  world.broker.deleteGroup('rollcall');
}

const textOf = (bytes: LogRecord['key']): string => Buffer.from(bytes ?? []).toString();
