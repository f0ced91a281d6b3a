/**
 * Watches what full states remove (protocol.md 5.4): after their additions, in requests of their own, and no member while one
 * whom they name is unknown, unless an operator has accepted that.
 */
import { recordIdOf } from '../../oracle/full-states.ts';
import { keyOf, type WantedState } from '../../oracle/intents.ts';
import type { LiveIntent } from '../../oracle/live-records.ts';
import { placeText } from '../../oracle/places.ts';
import { operationOf, type Report } from '../../oracle/reports.ts';
import { Violation } from '../violation.ts';
import type { Knowledge } from './knowledge.ts';
import { seatOf } from './knowledge.ts';

interface World {
  readonly knowledge: Knowledge;
  readonly members: (group: string) => ReadonlySet<string>;
  /** An operator has approved just this removal. */
  readonly isApproved: (id: string) => boolean;
  readonly now: () => number;
}

/** An approval of removals that were held for unknown members. */
interface Acceptance {
  readonly state: WantedState;
  readonly members: ReadonlySet<string>;
  readonly at: number;
}

export class AdditionsOracle {
  readonly #world: World;
  /** Removals that a live record has held for unknown members, by id. */
  readonly #held = new Set<string>();
  /** Of them, those whose approval a live record has shown. */
  readonly #taken = new Set<string>();
  /** Full states of which all was approved that was held for unknown members. */
  readonly #passed = new Set<WantedState>();
  /** By group, in the order of time. */
  readonly #accepted = new Map<string, Acceptance[]>();
  /** When a seat was last taken, by whomever; ms of the history. */
  readonly #landedAt = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A PATCH is sent. */
  sent(
    group: string,
    { adds, removes }: { readonly adds: readonly string[]; readonly removes: readonly string[] },
  ): void {
    const added = new Set(adds.flatMap((member) => this.#statesBehind(group, keyOf(member), 'add') ?? []));
    for (const member of removes) {
      const state = this.#statesBehind(group, keyOf(member), 'remove')?.find((each) => added.has(each));
      if (state !== undefined) fail(`one request adds and removes for ${state.id}, among others ${member} of ${group}`);
    }
  }

  /** A membership was made. */
  landed(seat: string): void {
    this.#landedAt.set(seat, this.#world.now());
  }

  /** A request has removed these. */
  removed(group: string, members: readonly string[]): void {
    for (const member of members) {
      const causes = this.#world.knowledge.causesOf(seatOf({ group, member }), 'remove');
      if (causes.some(({ id, whole }) => whole === undefined || this.#world.isApproved(id))) continue;
      const states = causes.flatMap(({ whole }) => whole ?? []);
      const missing = states.map((state) => [...state.members].find((each) => !this.#isSettled(state, each)));
      if (states.length > 0 && !missing.includes(undefined))
        fail(`${member} is removed from ${group} for ${states[0]?.id}, and ${missing[0]} whom it names is not there`);
    }
  }

  /** What the live record of a group says now. */
  recorded(partition: number, group: string, intents: readonly LiveIntent[]): void {
    for (const { isOfState, place, name, held, approval, dead } of intents) {
      const state = this.#world.knowledge.states.get(`source/${partition}/${placeText(place)}`);
      const id = idOf(partition, place, name);
      if (!isOfState || dead !== null || state === undefined) continue;
      if (isHeldForUnknown({ held, dead })) this.#held.add(id);
      if (approval === null || !this.#held.has(id) || this.#taken.has(id)) continue;
      this.#taken.add(id);
      // Of a part: what is left waits for the unknown members as before.
      if (![...this.#held].every((each) => recordIdOf(each) !== state.id || this.#world.isApproved(each))) continue;
      const there = this.#world.members(group);
      const members = new Set([...state.members].filter((member) => !there.has(member)));
      const known = this.#accepted.get(group) ?? [];
      this.#accepted.set(group, [...known, { state, members, at: this.#world.now() }]);
    }
  }

  /** While an operator asks to approve something of the group: whether nothing is left that waits for the unknown members. */
  asked(partition: number, group: string, intents: Iterable<LiveIntent>): void {
    const { isApproved, knowledge } = this.#world;
    const left = [...intents].filter(isHeldForUnknown).map(({ place, name }) => idOf(partition, place, name));
    if (!left.every(isApproved)) return;
    for (const id of this.#held) {
      const state = knowledge.states.get(recordIdOf(id));
      if (state?.group === group && isApproved(id)) this.#passed.add(state);
    }
  }

  /** By the owner. */
  reported(report: Report): void {
    if (report.outcome !== 'held' || report.reason?.code !== 'unresolved_members') return;
    const { knowledge, members } = this.#world;
    const state = knowledge.states.get(recordIdOf(operationOf(report)));
    if (state === undefined) return;
    const { group } = state;
    const isNews = (member: string): boolean => {
      const isOld = (this.#landedAt.get(seatOf({ group, member })) ?? 0) < (knowledge.producedAt.get(state.id) ?? 0);
      return !(members(group).has(member) && isOld) && !this.#isRemembered(state, member);
    };
    if (![...state.members].some(isNews))
      fail(`${report.id} is held for unknown members, and all of them were accepted before`);
  }

  /** It was accepted, and since then nothing but full states that name it, too, is about it. */
  #isRemembered(state: WantedState, member: string): boolean {
    const { knowledge } = this.#world;
    const seat = seatOf({ group: state.group, member });
    return (this.#accepted.get(state.group) ?? []).some((acceptance) => {
      const isNamed = (knowledge.groupStates.get(state.group) ?? [])
        .filter(({ place }) => place > acceptance.state.place)
        .every(({ members }) => members.has(member));
      const isAlone = !knowledge.seats.get(seat)?.some(({ place }) => place > acceptance.state.place);
      const isLater = (knowledge.producedAt.get(state.id) ?? 0) > acceptance.at;
      const hasLanded = (this.#landedAt.get(seat) ?? -1) >= acceptance.at;
      return acceptance.members.has(member) && isLater && isNamed && isAlone && !hasLanded;
    });
  }

  /** There, replaced by a newer change, touched by another writer, or accepted as unknown. */
  #isSettled(state: WantedState, member: string): boolean {
    const { knowledge, members } = this.#world;
    const { group, place, id } = state;
    const seat = seatOf({ group, member });
    if (members(group).has(member) || knowledge.wasTouched({ id, group, member })) return true;
    if (knowledge.line(seat).some((intent) => intent.op === 'remove' && intent.place > place)) return true;
    return [...this.#passed].some((former) => former.group === group && former.members.has(member));
  }

  /** The full states that an effect can come from; null: something else may want it. */
  #statesBehind(group: string, member: string, op: 'add' | 'remove'): readonly WantedState[] | null {
    const causes = this.#world.knowledge.causesOf(seatOf({ group, member }), op);
    const states = causes.flatMap(({ whole }) => whole ?? []);
    return states.length === causes.length ? states : null;
  }
}

const idOf = (partition: number, place: bigint, name: string): string =>
  `source/${partition}/${placeText(place)}/${name}`;

const isHeldForUnknown = ({ held, dead }: Pick<LiveIntent, 'held' | 'dead'>): boolean =>
  held?.by === 'unresolved_members' && dead === null;

function fail(detail: string): never {
  throw new Violation('additions-first', detail);
}
