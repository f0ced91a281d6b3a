/**
 * Asks why somebody is a member, or is not, at some moment of a history, and compares the answer with what the oracle knows: the
 * target, the change that is the newest, and what became of that.
 */
import { explain, type Verdict } from '../../../src/core/explain/sentence.ts';
import { InstanceMemory } from '../../../src/core/explain/instance-answer.ts';
import { keyOf, type WantedIntent } from '../../oracle/intents.ts';
import { offsetOf, placeText } from '../../oracle/places.ts';
import { operationOf } from '../../oracle/reports.ts';
import { topics } from '../instance.ts';
import { Violation } from '../violation.ts';
import type { SaltedRandom } from '../../support/random.ts';
import { groupName, type World } from '../world.ts';
import { isSuccess, seatOf } from './knowledge.ts';
import type { Topics, TopicsReader } from './topics-now.ts';

interface Seat {
  readonly group: string;
  readonly member: string;
}

/** As `rollcall explain` does, of the topics as they are. */
function explainedIn(world: World, known: Topics, { group, member }: Seat): Verdict {
  const { settings, instances, broker } = world;
  const evidence = known.evidence(group, member);
  const running = instances.flatMap((instance) => instance?.pipeline ?? []);
  const memory = new InstanceMemory(running.map((pipeline) => pipeline.pendingOf(group, member)));
  for (const intent of memory.intents()) evidence.takeMemory(intent);
  const committed = (partition: number): bigint => broker.group('rollcall').committed(partition).offset ?? 0n;
  const links = evidence.chainOf(new Set([member]), (position) =>
    memory.readingOf(position, committed(position.partition)),
  );
  const isMember = world.target.members(group).has(member);
  const starts = Array.from({ length: settings.partitions }, (_, partition) => {
    const { start } = broker.topic(topics.source).partition(partition);
    return [partition, start] as const;
  });
  const isMemoryKnown = Array.from({ length: settings.partitions }).every((_, partition) => memory.knows(partition));
  return explain({
    links,
    atTarget: { kind: 'read', isMember, version: null },
    lastVersion: null,
    openRequest: null,
    isMemoryKnown,
    obstacle: null,
    pause: null,
    intakeObstacle: null,
    goneSource: new Map(starts.filter(([, start]) => start > 0n)),
    areReportsGone: false,
    invalid: evidence.invalid,
  });
}

/** @throws Violation where the sentence is not true. */
function checkExplained(world: World, known: Topics, seated: Seat): void {
  const { group, member } = seated;
  const verdict = explainedIn(world, known, seated);
  const seat = seatOf(seated);
  const problem = problemOf(world, verdict, world.knowledge.newest(seat), seat);
  if (problem !== null) throw new Violation('explains-truly', `${group} ${member}: ${verdict.sentence} ${problem}`);
}

function problemOf(world: World, verdict: Verdict, newest: WantedIntent | undefined, seat: string): string | null {
  const { knowledge, target, topicOracle } = world;
  const { standing, decidedBy } = verdict;
  if (newest === undefined) return standing === 'nothing' ? null : 'no event names it';
  const { group, member } = newest;
  if (verdict.isMember !== target.members(group).has(member)) return 'the target shows the opposite';
  // Of what is gone the answer says so; there may be no report of it either: of a full state that changed others alone, for one.
  const { start } = world.broker.topic(topics.source).partition(newest.partition);
  const isGone = offsetOf(newest.place) < start;
  if (isGone && verdict.sentence.includes('gone')) return null;
  const at = `${topics.source}/${newest.partition}/${placeText(newest.place)}`;
  if (standing === 'nothing') {
    // Others have added whom the newest full state does not name, and came to no change of.
    const isForeign = newest.whole !== undefined && newest.op === 'remove' && knowledge.foreign.has(seat);
    return isForeign && !knowledge.finals.has(newest.id) && verdict.sentence.includes(at)
      ? null
      : `the newest is at ${at}`;
  }
  if (decidedBy !== at) return `the newest is at ${at}`;
  // The reports of what a full state came to do not say that it was one.
  const isState = newest.whole !== undefined && (!isGone || verdict.sentence.includes('full state'));
  const word = isState ? /full state/ : newest.op === 'add' ? /added|addition/ : /removed|removal/;
  if (!word.test(verdict.sentence)) return `the newest wants: ${newest.op}`;
  const live = topicOracle.live.flatMap(({ all }) => all);
  const own = live.filter((each) => each.group === group && each.place === newest.place);
  const waits = own.filter((each) => each.member === member || each.op === 'state');
  const isOpen = own.some((each) => each.member === member);
  const report =
    knowledge.finals.get(newest.id) ?? (isOpen ? undefined : newest.whole && knowledge.finals.get(newest.whole.id));
  const isDone = report !== undefined && isSuccess(report.outcome);
  // What was done before, and is read again by a later owner, may wait once more.
  const ids = new Set([newest.id, newest.whole?.id]);
  const isReadAgain = topicOracle.reports.some(
    (each) => !each.final && each.epoch > (report?.epoch ?? Infinity) && ids.has(operationOf(each)),
  );
  const agrees = verdict.isMember === (newest.op === 'add');
  switch (standing) {
    case 'done':
      if (verdict.sentence.includes('by others before') && !knowledge.foreign.has(seat))
        return 'no other has changed it';
      if (
        verdict.sentence.includes('found it so') &&
        !knowledge.line(seat).some((each) => isAppliedBefore(world, each, newest))
      )
        return 'no older change has made it so';
      return agrees && (isDone || isNeedless(world, newest)) ? null : 'it is not done';
    case 'undone':
      return !agrees && (isDone || isNeedless(world, newest)) && knowledge.foreign.has(seat)
        ? null
        : 'nobody else has changed it';
    case 'held':
      // Or in the memory of its owner, whose live record is not written yet.
      return waits.some(({ held }) => held !== null) || (waits.length === 0 && !isDone) ? null : 'it is not held';
    case 'given_up':
      // Or in the memory of its owner, which has not reported it yet.
      return waits.some(({ dead }) => dead !== null) || !isDone ? null : 'it was not given up';
    case 'waits':
    case 'queued':
    case 'unread':
    case 'unfinished':
      return isDone && !isReadAgain ? 'it is done' : null;
    case 'unreported':
      return knowledge.lost.has(newest.id) ? null : 'nothing of it is lost';
  }
}

/** By a request of Rollcall, as reported. */
const isAppliedBefore = ({ knowledge }: World, each: WantedIntent, newest: WantedIntent): boolean =>
  each.place < newest.place && each.op === newest.op && knowledge.isDone(each);

/** A full state of which something else was reported, or waits, and that is committed: it came to nothing of this member. */
const isNeedless = ({ knowledge, topicOracle }: World, { whole }: WantedIntent): boolean =>
  whole !== undefined &&
  (knowledge.workedOut.has(whole.id) ||
    topicOracle.live.some(({ all }) =>
      all.some(({ isOfState, op, place }) => place === whole.place && (isOfState || op !== 'state')),
    ));

/** Of so many steps of a history, one. */
const STEPS = 500;

/** Asks now and then, and at the end of everybody. Other draws of the history do not depend on it. */
export class Explaining {
  readonly #world: World;
  readonly #reader: TopicsReader;
  readonly #random: SaltedRandom;

  constructor(world: World, reader: TopicsReader) {
    this.#world = world;
    this.#reader = reader;
    this.#random = world.random.fork('explain');
  }

  now(): void {
    const { settings, sourceOracle } = this.#world;
    if (this.#random.next() >= 1 / STEPS || settings.idMap !== undefined || sourceOracle.isOther) return;
    const [group, member] = [this.#random.below(settings.groups), this.#random.below(settings.members)];
    this.#check(this.#reader.now(), group, member);
  }

  all(known: Topics): void {
    const { settings } = this.#world;
    if (settings.idMap !== undefined) return;
    for (let group = 0; group < settings.groups; group++)
      for (let member = 0; member < settings.members; member++) this.#check(known, group, member);
  }

  #check(known: Topics, group: number, member: number): void {
    checkExplained(this.#world, known, { group: groupName(group), member: keyOf(this.#world.nameOf(member)) });
  }
}
