/** Watches full states (protocol.md 5.3): what they come to is on record before it is sent, and no member is left out. */
import type { WantedState } from '../../oracle/intents.ts';
import { isFailure, type Report } from '../../oracle/reports.ts';
import type { Invariant } from '../violation.ts';
import { Violation } from '../violation.ts';
import type { Knowledge } from './knowledge.ts';
import { isSuccess, seatOf } from './knowledge.ts';
import type { LiveView } from './live-view.ts';

interface World {
  readonly knowledge: Knowledge;
  readonly members: (group: string) => ReadonlySet<string>;
  /** The target may not show members. */
  readonly isDoubtful: boolean;
  /** By partition. */
  readonly live: readonly LiveView[];
}

const outcomes = new Set(['already_synced', 'recovered', 'superseded', 'failed', 'permanent_failure']);

export class WholeOracle {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** The report of a full state as a whole. */
  checkReport(report: Report, state: WantedState): void {
    const { knowledge } = this.#world;
    const said = `${report.id} is reported as ${report.outcome} under epoch ${report.epoch}`;
    if (!outcomes.has(report.outcome)) fail('one-true-report', said);
    const isNewest = knowledge.groupStates.get(state.group)?.at(-1) === state;
    if (report.outcome === 'superseded' && isNewest) fail('one-true-report', `${said}, and nothing is newer`);
    if (isSuccess(report.outcome)) {
      const wrong = this.#unlike(state)[0];
      if (wrong !== undefined) fail('one-true-report', `${said}, and ${wrong} is not as it says`);
    }
    // Groups are always there, so only a refusal makes an owner give up.
    // Or a read that shows no members: then it is never called done.
    if (this.#world.isDoubtful && report.reason?.code === 'members_not_shown') return;
    if (report.reason?.code === 'group_ambiguous') return;
    const denied = knowledge.denied.get(state.group) ?? -1;
    if (isFailure(report.outcome) && denied < (knowledge.producedAt.get(state.id) ?? 0))
      fail('one-true-report', `${said}, and the target has refused nothing`);
  }

  /** Nothing of it is left to do; what the guard holds rests. */
  isOver(state: WantedState): boolean {
    const { knowledge } = this.#world;
    if (knowledge.isFinal(state.id)) return true;
    if (!knowledge.workedOut.has(state.id) || knowledge.toldToWait.has(state.id)) return false;
    return this.#live(state).every(({ dead, held }) => dead !== null || held !== null);
  }

  /** It is reported as a whole or by member, or it is parked, or what it came to is. */
  isAccounted(state: WantedState): boolean {
    const { knowledge } = this.#world;
    return knowledge.isFinal(state.id) || knowledge.workedOut.has(state.id) || this.#live(state).length > 0;
  }

  isParked(state: WantedState): boolean {
    return this.#live(state).length > 0;
  }

  /** A committed full state is not read again. */
  checkCommitted(state: WantedState): void {
    if (!this.isAccounted(state)) fail('commit-safe', `${state.id} is committed, and neither reported nor parked`);
    const { knowledge } = this.#world;
    if (knowledge.isFinal(state.id) || this.#live(state).some(({ member }) => member === '')) return;
    const wrong = this.#unlike(state)[0];
    if (wrong !== undefined) fail('commit-safe', `${state.id} is committed, and ${wrong} is neither so nor parked`);
  }

  /** A request has changed a seat. */
  landed(seat: string, op: 'add' | 'remove'): void {
    const { knowledge, live } = this.#world;
    const causes = knowledge.causesOf(seat, op);
    const isKnown = causes.some(
      ({ id, whole, partition, group, member, place }) =>
        whole === undefined || knowledge.isFinal(id) || live[partition]?.find(group, member)?.place === place,
    );
    if (causes.length > 0 && !isKnown)
      fail('recorded', `${op} of ${seat.replace('\n', '/')} takes effect for ${causes[0]?.id}, which is not recorded`);
  }

  /** Of those whom nothing newer is about: who is not as the full state says, without a report or a record of its own. */
  #unlike(state: WantedState): readonly string[] {
    const { knowledge, members } = this.#world;
    const { group } = state;
    const there = members(group);
    return [...new Set([...state.members, ...there])].filter((member) => {
      const newest = knowledge.newest(seatOf({ group, member }));
      if (newest?.whole !== state || knowledge.wasTouched(newest) || knowledge.finals.has(newest.id)) return false;
      const isLive = this.#live(state).some((intent) => intent.member === member);
      return !isLive && there.has(member) !== state.members.has(member);
    });
  }

  #live({ partition, group, place }: WantedState) {
    const intents = this.#world.live[partition]?.groups.get(group)?.intents;
    return [...(intents?.values() ?? [])].filter((intent) => intent.place === place);
  }
}

function fail(invariant: Invariant, detail: string): never {
  throw new Violation(invariant, detail);
}
