/**
 * Compares, at some moment of a history, what `rollcall diff` says of a group with what the oracle works out by itself: from the newest
 * change of each member, what became of it, and who is in the group.
 */
import { impliedBy } from '../../oracle/full-states.ts';
import { keyOf, type WantedIntent } from '../../oracle/intents.ts';
import { offsetOf } from '../../oracle/places.ts';
import type { SaltedRandom } from '../../support/random.ts';
import { topics } from '../instance.ts';
import { Violation } from '../violation.ts';
import { groupName, type World } from '../world.ts';
import { isSuccess, seatOf } from './knowledge.ts';
import { isOnItsWay } from './on-its-way.ts';
import type { Topics, TopicsReader } from './topics-now.ts';
import { checkUndo } from './undo-oracle.ts';

const KINDS = ['missing', 'extra', 'undone', 'pending', 'foreign'] as const;

interface Seat {
  readonly group: string;
  readonly member: string;
}

type Kind = (typeof KINDS)[number] | 'none';

/** @throws Violation where a member is in another list than the oracle says. */
function checkDrift(world: World, known: Topics, group: string): void {
  const differences = known.drift(group);
  const found = new Map<string, Kind>();
  for (const kind of KINDS) {
    for (const { target } of differences[kind]) {
      const key = target ?? '';
      if (found.has(key)) throw new Violation('diffs-exactly', `${group} ${key} is ${found.get(key)} and ${kind}`);
      found.set(key, kind);
    }
  }
  for (const member of membersIn(world, group)) {
    const [said, expected] = [found.get(member) ?? 'none', expectedOf(world, known.live, { group, member })];
    if (expected === null) continue;
    world.counter.count(`diff: ${expected}`);
    if (said !== expected)
      throw new Violation('diffs-exactly', `${group} ${member}: the diff says ${said}, and it is ${expected}`);
  }
}

/** By the group and the member, as the target names them. */
export type Differing = ReadonlyMap<string, 'missing' | 'extra' | 'undone'>;

/** Of all groups who differs, and how. Nothing of the source is gone. */
export function differingIn(world: World): Differing {
  const live = world.topicOracle.live.flatMap(({ all }) => all);
  const differing = new Map<string, 'missing' | 'extra' | 'undone'>();
  for (let number = 0; number < world.settings.groups; number++) {
    const group = groupName(number);
    for (const member of membersIn(world, group)) {
      const kind = expectedOf(world, live, { group, member });
      if (kind === 'missing' || kind === 'extra' || kind === 'undone') differing.set(seatOf({ group, member }), kind);
    }
  }
  return differing;
}

/** Members of each group at first, whom the source may name. */
const BYSTANDERS = 2;

function membersIn(world: World, group: string): ReadonlySet<string> {
  const { settings, target } = world;
  const names = Array.from({ length: settings.members + BYSTANDERS }, (_, i) => keyOf(world.nameOf(i - BYSTANDERS)));
  return new Set([...names, ...target.members(group)]);
}

/** null: records that decide are gone. */
function expectedOf(world: World, live: Topics['live'], seated: Seat): Kind | null {
  const { group, member } = seated;
  const { knowledge, target, broker } = world;
  const seat = seatOf(seated);
  const newest = knowledge.newest(seat);
  const isMember = target.members(group).has(member);
  if (newest === undefined) return isMember ? 'foreign' : 'none';
  const line = knowledge.line(seat);
  const isGone = ({ partition, place }: WantedIntent): boolean =>
    offsetOf(place) < broker.topic(topics.source).partition(partition).start;
  if (line.some(isGone)) return null;
  if (isMember === (newest.op === 'add')) return 'none';
  if (isDone(world, live, newest)) {
    // What was done before, and is read again, may wait once more.
    if (world.counter.counts.has('operator: rewound') && isOnItsWay(world, live, newest)) return null;
    if (isMember && !isNamed(world, seat, member)) return 'foreign';
    if (!knowledge.foreign.has(seat))
      throw new Violation('diffs-exactly', `${group} ${member}: ${newest.id} is done, and nobody else has changed it`);
    return 'undone';
  }
  if (isOnItsWay(world, live, newest)) return 'pending';
  if (isMember && !isNamed(world, seat, member)) return 'foreign';
  return isMember ? 'extra' : 'missing';
}

/** A report says so, or a full state is finished and has come to changes of others alone. */
function isDone({ knowledge, broker }: World, all: Topics['live'], newest: WantedIntent): boolean {
  const { id, whole, partition, place } = newest;
  const own = knowledge.finals.get(id);
  if (own !== undefined) return isSuccess(own.outcome);
  const live = all.filter((each) => each.place === place);
  if (whole === undefined || live.some(({ member, op }) => op === 'state' || member === newest.member)) return false;
  const ofState = knowledge.finals.get(whole.id);
  if (ofState !== undefined) return isSuccess(ofState.outcome);
  return offsetOf(place) < (broker.group('rollcall').committed(partition).offset ?? 0n);
}

/** By an event, or a report. */
function isNamed({ knowledge, topicOracle }: World, seat: string, member: string): boolean {
  const implied = knowledge.line(seat).filter(({ whole }) => whole !== undefined);
  return (
    (knowledge.seats.get(seat) ?? []).length > 0 ||
    implied.some(({ op }) => op === 'add') ||
    implied.some(({ whole }) => whole !== undefined && isReported(topicOracle.reports, impliedBy(whole, member).id))
  );
}

const isReported = (reports: World['topicOracle']['reports'], id: string): boolean =>
  reports.some((report) => report.id === id || report.id.startsWith(`${id}#`));

/** Of so many steps of a history, one. */
const STEPS = 500;

/** Asks now and then of a group, and at the end of all. Other draws of the history do not depend on it. */
export class Diffing {
  readonly #world: World;
  readonly #reader: TopicsReader;
  readonly #random: SaltedRandom;

  constructor(world: World, reader: TopicsReader) {
    this.#world = world;
    this.#reader = reader;
    this.#random = world.random.fork('diff');
  }

  now(): void {
    const { settings, sourceOracle } = this.#world;
    if (this.#random.next() >= 1 / STEPS || settings.idMap !== undefined || sourceOracle.isOther) return;
    checkDrift(this.#world, this.#reader.now(), groupName(this.#random.below(settings.groups)));
  }

  all(known: Topics): void {
    const { settings } = this.#world;
    if (settings.idMap !== undefined) return;
    for (let group = 0; group < settings.groups; group++) checkDrift(this.#world, known, groupName(group));
    checkUndo(this.#world, known, this.#random.fork('undo'));
  }
}
