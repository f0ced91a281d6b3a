/**
 * The changes of a whole file, folded per group and member. Kept is what stands: a row of numbers for each membership, the newest
 * full state of a group, and how often something was superseded; never the changes themselves, of which there may be
 * any number. Ids are kept once, since most members are in many groups.
 */
import {
  WHOLE_GROUP,
  idKey,
  type ChangeEvent,
  type ChangeSource,
  type Intent,
  type Op,
} from '../core/change/change.ts';
import { KeptIds } from '../core/change/kept-ids.ts';
import { intentFor } from '../core/change/pending.ts';
import type { ChangedGroup, GroupIntents } from './dry-run.ts';
import { FoldedMembers } from './folded-members.ts';

interface FoldedGroup {
  /** As the source spells it first. */
  readonly spelling: string;
  state: FoldedState | null;
  supersededStates: number;
  /** Member → its row, where a change of it stands. */
  readonly standing: Map<string, number>;
  /** Member → its row, where a full state has superseded its newest change. */
  readonly cleared: Map<string, number>;
  /** Of members whom the source spells in another way in their newest change. */
  readonly spellings: Map<string, string>;
  /** By such a spelling. */
  readonly superseded: Map<string, number>;
}

interface FoldedState {
  readonly event: number;
  readonly members: readonly string[];
  readonly deleted: boolean;
}

/** What the events of a partition of a topic have besides. */
export interface FoldedPartition {
  /** From there on events are taken. */
  readonly start: bigint;
  /** Shared by all partitions. */
  readonly ids: KeptIds;
  /** What is complete already is not superseded any more. */
  readonly isComplete: (offset: bigint) => boolean;
}

const WHOLE_FILE = (): FoldedPartition => ({ start: 0n, ids: new KeptIds(), isComplete: () => false });

/** Of one partition: positions of two have no order. */
export class FoldedChanges {
  readonly #groups = new Map<string, FoldedGroup>();
  readonly #rows = new FoldedMembers();
  readonly #ids: KeptIds;
  readonly #source: Pick<ChangeSource, 'topic' | 'partition'>;
  readonly #start: bigint;
  readonly #isComplete: (offset: bigint) => boolean;

  /** @param source where the events come from. @param of of a topic; absent: all of a file. */
  constructor(source: Pick<ChangeSource, 'topic' | 'partition'>, of: FoldedPartition = WHOLE_FILE()) {
    this.#source = source;
    this.#start = of.start;
    this.#ids = of.ids;
    this.#isComplete = of.isComplete;
  }

  get groupCount(): number {
    return this.#groups.size;
  }

  /** Takes one event in, in the order of the source. @throws where its record, or the source, holds more than can be numbered. */
  take(event: ChangeEvent, at: EventPosition): void {
    const number = numberOf({ offset: Number(at.offset - this.#start), index: at.index });
    const group = this.#groupOf(event.group);
    if (event.kind === 'state') {
      this.#supersedeAll(group);
      const members = event.members.map((member) => this.#ids.kept(member));
      group.state = { event: number, members, deleted: event.deleted };
      return;
    }
    // A member in both lists: remove wins.
    let place = 0;
    for (const member of event.remove) this.#set(group, member, 2 * number, place++);
    for (const member of event.add) this.#set(group, member, 2 * number + 1, place++);
  }

  /** In the order of their first changes; a group that was handed out is forgotten. */
  *takeGroups(): Generator<ChangedGroup> {
    for (const [key, group] of this.#groups) {
      this.#groups.delete(key);
      yield { group: group.spelling, folded: () => this.#intentsOf(group) };
    }
  }

  #groupOf(id: string): FoldedGroup {
    const known = this.#groups.get(idKey(id));
    if (known !== undefined) return known;
    const group: FoldedGroup = {
      spelling: this.#ids.kept(id),
      state: null,
      supersededStates: 0,
      standing: new Map(),
      cleared: new Map(),
      spellings: new Map(),
      superseded: new Map(),
    };
    this.#groups.set(this.#ids.kept(idKey(id)), group);
    return group;
  }

  /** @param code twice the number of the event (`numberOf`), plus 1 for an addition. */
  #set(group: FoldedGroup, member: string, code: number, place: number): void {
    const key = this.#ids.kept(idKey(member));
    const row = this.#rowOf(group, key);
    const former = this.#rows.changeOf(row);
    if (former !== null && eventOf(former) === eventOf(code)) return;
    if (former !== null) this.#supersede(group, key, { row, code: former });
    this.#rows.set(row, code, place);
    if (key === member) group.spellings.delete(key);
    else group.spellings.set(key, this.#ids.kept(member));
  }

  #rowOf({ standing, cleared }: FoldedGroup, key: string): number {
    const known = standing.get(key);
    if (known !== undefined) return known;
    const row = cleared.get(key) ?? this.#rows.add();
    cleared.delete(key);
    standing.set(key, row);
    return row;
  }

  /** The newest changes stand last. */
  #intentsOf(folded: FoldedGroup): GroupIntents {
    const { spelling: group, state, standing, spellings } = folded;
    const intents = new Map<string, Intent>();
    if (state !== null) {
      const { event, ...whole } = state;
      const origin = { group, source: this.#sourceOf(event), seenAt: 0 };
      intents.set(WHOLE_GROUP, { ...intentFor(origin, 'state', WHOLE_GROUP), whole });
    }
    const rows = [...standing].toSorted(([, a], [, b]) => this.#rows.compare(a, b));
    let last = { event: -1, source: this.#sourceOf(0) };
    for (const [key, row] of rows) {
      const code = this.#rows.changeOf(row);
      if (code === null) continue;
      const event = eventOf(code);
      if (event !== last.event) last = { event, source: this.#sourceOf(event) };
      const op: Op = code % 2 === 0 ? 'remove' : 'add';
      intents.set(key, intentFor({ group, source: last.source, seenAt: 0 }, op, spellings.get(key) ?? key));
    }
    return { group, intents, superseded: this.#supersededOf(folded) };
  }

  /** What orders the changes of a group. */
  #sourceOf(event: number): ChangeSource {
    const { offset, index } = positionOf(event);
    return { ...this.#source, offset: this.#start + offset, index, eventId: null, timestamp: 0 };
  }

  #supersededOf({ supersededStates, standing, cleared, superseded }: FoldedGroup): GroupIntents['superseded'] {
    const counts = new Map<string | null, number>();
    if (supersededStates > 0) counts.set(null, supersededStates);
    for (const rows of [standing, cleared]) {
      for (const [key, row] of rows) {
        const count = this.#rows.supersededOf(row);
        if (count > 0) counts.set(key, count);
      }
    }
    for (const [spelling, count] of superseded) counts.set(spelling, count);
    return counts;
  }

  #supersede({ superseded, spellings }: FoldedGroup, key: string, { row, code }: { row: number; code: number }): void {
    if (this.#isComplete(this.#offsetOf(eventOf(code)))) return;
    const spelling = spellings.get(key);
    if (spelling === undefined) this.#rows.countSuperseded(row);
    else superseded.set(spelling, (superseded.get(spelling) ?? 0) + 1);
  }

  /** Takes as long as members stand: what an earlier full state has superseded is not gone through again. */
  #supersedeAll(group: FoldedGroup): void {
    if (group.state !== null && !this.#isComplete(this.#offsetOf(group.state.event))) group.supersededStates += 1;
    for (const [key, row] of group.standing) {
      const code = this.#rows.changeOf(row);
      if (code !== null) this.#supersede(group, key, { row, code });
      this.#rows.clear(row);
      group.cleared.set(key, row);
    }
    group.standing.clear();
    group.spellings.clear();
  }

  #offsetOf(event: number): bigint {
    return this.#start + positionOf(event).offset;
  }
}

/** Where an event stands in its source: the number of its line, or its offset, and which event of several. */
export interface EventPosition {
  readonly offset: bigint;
  readonly index: number | null;
}

const EVENTS_PER_RECORD = 2 ** 20;

/** A position as one number, counted from the first, in the order of positions; with its operation it has 53 bits. */
function numberOf({ offset, index }: { readonly offset: number; readonly index: number | null }): number {
  if (offset >= 2 ** 32 || (index ?? 0) >= EVENTS_PER_RECORD - 1)
    throw new Error(`record ${offset}: a plan takes 2^32 records of fewer than ${EVENTS_PER_RECORD - 1} events each`);
  return offset * EVENTS_PER_RECORD + (index === null ? 0 : index + 1);
}

function positionOf(number: number): Pick<ChangeSource, 'offset' | 'index'> {
  const index = number % EVENTS_PER_RECORD;
  return { offset: BigInt(Math.floor(number / EVENTS_PER_RECORD)), index: index === 0 ? null : index - 1 };
}

const eventOf = (code: number): number => Math.floor(code / 2);
