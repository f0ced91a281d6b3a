/**
 * Compares, at some moment of a history, what `rollcall diff` says of a group with what the oracle works out by itself: from the newest
 * change of each member, what became of it, and who is in the group.
 */
import { KeptIds } from '../../../src/core/change/kept-ids.ts';
import { compare } from '../../../src/core/drift/comparison.ts';
import type { Differences, KnownOfGroup } from '../../../src/core/drift/differences.ts';
import { GroupFacts } from '../../../src/core/drift/group-facts.ts';
import type { Snapshot } from '../../../src/core/target/snapshot.ts';
import { changesIn } from '../../../src/console/group-topics.ts';
import { readReport } from '../../../src/console/report-search.ts';
import { emptyWaiting, readWaiting, waitingOfGroup } from '../../../src/console/retry-topic.ts';
import { impliedBy } from '../../oracle/full-states.ts';
import { keyOf, type WantedIntent } from '../../oracle/intents.ts';
import { textOf } from '../../oracle/live-records.ts';
import { offsetOf } from '../../oracle/places.ts';
import type { SaltedRandom } from '../../support/random.ts';
import { asFetched } from '../damaged-batches.ts';
import { topics } from '../instance.ts';
import { preparedFormatOf } from '../list-format.ts';
import { Violation } from '../violation.ts';
import { groupName, type World } from '../world.ts';
import { isSuccess, seatOf } from './knowledge.ts';

/** What the topics say at one moment, of all groups. */
class Topics {
  readonly #world: World;
  readonly #facts = new Map<string, GroupFacts>();
  readonly #view = emptyWaiting();
  /** What waits, as the oracle reads it. */
  readonly live: World['topicOracle']['live'][number]['all'];

  constructor(world: World) {
    this.#world = world;
    this.live = world.topicOracle.live.flatMap(({ all }) => all);
    const { settings } = world;
    for (const { value, key } of world.records(topics.report)) {
      const record = readReport(value)?.record;
      const name = record?.source_group ?? (key === null ? null : textOf(key));
      if (record !== undefined && name !== null) this.#of(name).takeReport(record);
    }
    for (const record of world.records(topics.retry)) readWaiting(this.#view, record.partition, record);
    const reading = { topic: topics.source, partitionCount: settings.partitions, format: preparedFormatOf(settings) };
    const source = world.records(topics.source);
    for (let partition = 0; partition < settings.partitions; partition++) {
      for (const record of asFetched(source.filter((each) => each.partition === partition))) {
        const changes = changesIn({ ...reading, record: { ...record, partition } });
        for (const { event, source: place } of changes) this.#of(event.group).takeEvent(event, place);
      }
    }
  }

  /** As `rollcall diff` says, of the group as it is. */
  drift(group: string): Differences {
    const { broker, target } = this.#world;
    const snapshot: Snapshot = {
      members: target.members(group),
      spellings: new Map(),
      nested: new Set(),
      isDoubtful: false,
      version: '"1"',
      tags: { etag: null, meta: null },
    };
    const known: KnownOfGroup = {
      facts: this.#of(group),
      target: group,
      unreadable: [],
      waiting: waitingOfGroup(this.#view, group),
      targetOf: (name) => name,
      isCommitted: ({ partition, offset }) => offset < (broker.group('rollcall').committed(partition).offset ?? 0n),
      isSourceGone: false,
      areReportsGone: false,
      wanted: null,
    };
    return compare(known, snapshot);
  }

  #of(group: string): GroupFacts {
    const facts = this.#facts.get(group) ?? new GroupFacts(group, new KeptIds());
    this.#facts.set(group, facts);
    return facts;
  }
}

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

function membersIn(world: World, group: string): ReadonlySet<string> {
  const { settings, target } = world;
  const names = Array.from({ length: settings.members }, (_, number) => keyOf(world.nameOf(number)));
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

/** It waits in the retry topic, or its record is not committed and nothing final is reported. */
function isOnItsWay({ knowledge, broker }: World, live: Topics['live'], newest: WantedIntent): boolean {
  const { id, group, member, whole, partition, place } = newest;
  const waits = live.some(
    (each) => each.group === group && each.place === place && (each.member === member || each.op === 'state'),
  );
  if (waits) return true;
  if (knowledge.finals.has(id) || (whole !== undefined && knowledge.finals.has(whole.id))) return false;
  return offsetOf(place) >= (broker.group('rollcall').committed(partition).offset ?? 0n);
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
  readonly #random: SaltedRandom;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random.fork('diff');
  }

  now(): void {
    const { settings, sourceOracle } = this.#world;
    if (this.#random.next() >= 1 / STEPS || settings.idMap !== undefined || sourceOracle.isOther) return;
    checkDrift(this.#world, new Topics(this.#world), groupName(this.#random.below(settings.groups)));
  }

  all(): void {
    const { settings } = this.#world;
    if (settings.idMap !== undefined) return;
    const known = new Topics(this.#world);
    for (let group = 0; group < settings.groups; group++) checkDrift(this.#world, known, groupName(group));
  }
}
