/**
 * What differs between what is wanted of a group and what one read of the target shows. A difference is told apart by evidence: what
 * is on its way is `pending`, what the target had and shows no more is `undone`, and what no source ever named is `foreign`.
 */
import { idKey, sourceMember, WHOLE_GROUP } from '../change/change.ts';
import type { WaitingChange } from '../explain/verdict.ts';
import type { Snapshot } from '../target/snapshot.ts';
import type { Differences, KnownOfGroup, Named, Pending, Undone, Unmet, Wanted } from './differences.ts';
import { isNewerReport, type MemberFacts, type ReportedOutcome, type StateFacts } from './group-facts.ts';
import { comparePlaces, isFormerPlace } from './place.ts';
import { obstaclesOf } from './obstacles.ts';
import {
  AS_STATE_SAYS,
  NOTHING_REPORTED,
  isAt,
  newerStanding,
  newestState,
  undoneBy,
  unmetBy,
  waitingStates,
  type Standing,
} from './standing.ts';

export function compare(known: KnownOfGroup, snapshot: Snapshot): Differences {
  return new Comparison(known, snapshot).differences();
}

export const wantedOf = (known: KnownOfGroup, snapshot: Snapshot): Wanted => new Comparison(known, snapshot).wanted();

class Comparison {
  readonly #known: KnownOfGroup;
  readonly #snapshot: Snapshot;
  /** By the target's names, the newest change that names the member. */
  readonly #standings = new Map<string, Standing>();
  /** By the source's names, those whose name at the target is not known. */
  readonly #unnamed = new Map<string, Standing>();
  readonly #state: StateFacts | null;
  readonly #stateWaits: WaitingChange['state'] | null;
  /** Something that the state has come to is known. */
  readonly #hasStateCome: boolean;
  /** The last report is about another group of the target. */
  readonly #isOtherGroup: boolean;
  /** By the target's names, whom reports have named: who it was by the source. */
  readonly #reported: ReadonlyMap<string, string>;
  /** By the target's names: as the source names them. */
  readonly #ofState: ReadonlyMap<string, string>;
  /** As above, where another list says who is wanted. */
  readonly #wanted: ReadonlyMap<string, string> | null;
  readonly #found = {
    missing: [] as Unmet[],
    extra: [] as Unmet[],
    undone: [] as Undone[],
    pending: [] as Pending[],
    foreign: [] as Named[],
  };
  #unshownCount = 0;
  #unknownCount = 0;
  #unnamedCount = 0;
  #unnamedRemovalCount = 0;
  #onlyBeforeCount = 0;

  constructor(known: KnownOfGroup, snapshot: Snapshot) {
    this.#known = known;
    this.#snapshot = snapshot;
    const { facts, waiting, wanted, target: group } = known;
    this.#isOtherGroup = group !== null && facts.lastGroup !== null && facts.lastGroup !== idKey(group);
    this.#reported = facts.reportedIn(group ?? '');
    const states = waitingStates(waiting);
    this.#state = newestState(facts.state, states);
    for (const [key, each] of facts.members) this.#noteFacts(key, each);
    for (const { intent, state } of waiting) {
      const { member, op, source: place, target, namedBy } = intent;
      if (member === WHOLE_GROUP || op === 'state') continue;
      const standing = { ...NOTHING_REPORTED, name: sourceMember(intent), place, op, waiting: state };
      // A record has no other name at the target than the source's, unless the source has none.
      this.#note(standing, namedBy === 'target' ? target : known.targetOf(member));
    }
    const standings = [...this.#standings.values(), ...this.#unnamed.values()];
    this.#hasStateCome =
      this.#state?.hasCome === true || standings.some(({ place }) => isAt(place, this.#state?.place));
    const stateWaits = states.find(({ intent }) => isAt(intent.source, this.#state?.place))?.state;
    this.#stateWaits = stateWaits ?? (this.#state === null || this.#hasStateCome ? null : this.#waitsBy(this.#state));
    this.#ofState = this.#byTarget(this.#state?.members ?? null);
    this.#wanted = wanted === null ? null : this.#byTarget(wanted);
  }

  differences(): Differences {
    const { members, nested, spellings } = this.#snapshot;
    for (const key of this.#keys()) if (!nested.has(key)) this.#judge(key);
    this.#judgeUnnamed();
    const nestedNames = [...nested].filter((key) => members.has(key)).map((key) => spellings.get(key) ?? key);
    const obstacles = obstaclesOf(this.#known, this.#state?.place ?? null);
    return {
      ...this.#found,
      nested: nestedNames,
      doubts: [...this.#doubts(), ...obstacles],
      obstacles,
      unnamedCount: this.#unnamedCount,
    };
  }

  wanted(): Wanted {
    const { wanted } = this.#known;
    if (wanted !== null) return { members: [...wanted.values()], isCertain: true };
    const named = [...new Set([...this.#standings.keys(), ...this.#ofState.keys()])].map((key) =>
      this.#standingOf(this.#standings.get(key) ?? null, this.#ofState.get(key) ?? null),
    );
    const all = [...named, ...this.#unnamedStandings().map(([, standing]) => standing)];
    return {
      members: all.flatMap((standing) => (standing?.op === 'add' ? [standing.name] : [])),
      isCertain:
        !(this.#isOldGone && !this.#hasState) &&
        obstaclesOf(this.#known, this.#state?.place ?? null).length === 0 &&
        all.every((standing) => standing === null || standing.op !== null),
    };
  }

  /** Of this group what older records have said may be gone. */
  get #isOldGone(): boolean {
    return this.#known.isSourceGone || this.#known.facts.isNamedBefore;
  }

  /** The present source topic has a full state of the group. */
  get #hasState(): boolean {
    return this.#state !== null && !isFormerPlace(this.#state.place);
  }

  #keys(): ReadonlySet<string> {
    const wanted = this.#wanted?.keys() ?? [];
    return new Set([...this.#standings.keys(), ...this.#ofState.keys(), ...wanted, ...this.#snapshot.members]);
  }

  #noteFacts(key: string, { place, op, final, waits, spelling }: Readonly<MemberFacts>): void {
    const target = this.#known.targetOf(key);
    const isElsewhere = target !== null && final !== null && !this.#isAbout(final, idKey(target));
    const waiting = this.#waitsBy({ final, waits });
    const name = spelling ?? key;
    this.#note({ name, place, op, final: isElsewhere ? null : final, waiting, isElsewhere, isState: false }, target);
  }

  /** @param target by `idKey`. */
  #isAbout({ target, group }: ReportedOutcome, of: string): boolean {
    const known = this.#known.target;
    return (target ?? of) === of && (group === null || known === null || group === idKey(known));
  }

  /** By its last report. What is done waits for nothing. */
  #waitsBy({ final, waits }: Readonly<Pick<MemberFacts, 'final' | 'waits'>>): 'parked' | 'held' | null {
    if (waits === null || final?.kind === 'done' || (final !== null && isNewerReport(final, waits))) return null;
    return waits.kind === 'held' ? 'held' : 'parked';
  }

  #note(standing: Standing, target: string | null): void {
    const [standings, key] = target === null ? [this.#unnamed, idKey(standing.name)] : [this.#standings, idKey(target)];
    const rival = standings.get(key);
    standings.set(key, rival === undefined ? standing : newerStanding(rival, standing, key));
  }

  #byTarget(names: ReadonlyMap<string, string> | null): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const [key, name] of names ?? []) {
      const target = this.#known.targetOf(key);
      if (target !== null) found.set(idKey(target), name);
    }
    return found;
  }

  /** @param key the target's name of the member. */
  #judge(key: string): void {
    if (this.#isFormer(key)) return this.#judgeFormer(key);
    const standing = this.#standingOf(this.#standings.get(key) ?? null, this.#ofState.get(key) ?? null);
    const isMember = this.#snapshot.members.has(key);
    const wantedName = this.#wanted?.get(key) ?? null;
    if (this.#wanted === null && standing !== null && standing.op === null) {
      this.#unknownCount += 1;
      return;
    }
    const isWanted = this.#wanted === null ? standing?.op === 'add' : wantedName !== null;
    if (isMember === isWanted) return;
    if (this.#isOnlyBefore(standing)) {
      // By another name of that time the member may be as wanted.
      if (standing?.isElsewhere === false) this.#onlyBeforeCount += 1;
      return;
    }
    const target = this.#snapshot.spellings.get(key) ?? key;
    const isNamed = this.#standings.has(key) || this.#ofState.has(key) || wantedName !== null;
    const named = { member: isNamed ? (wantedName ?? standing?.name ?? null) : null, target };
    const op = isWanted ? 'add' : 'remove';
    const pending = standing === null ? null : this.#pendingOf(standing);
    if (pending !== null) this.#found.pending.push({ ...named, op: standing?.op ?? op, state: pending });
    else if (isMember && !isNamed) this.#found.foreign.push(named);
    else if (!isMember && this.#snapshot.isDoubtful) this.#unshownCount += 1;
    else if (standing?.final?.kind === 'done' && standing.op === op)
      this.#found.undone.push({ ...named, op, ...undoneBy(standing) });
    else this.#found[isWanted ? 'missing' : 'extra'].push({ ...named, ...unmetBy(standing, op) });
  }

  /**
   * Reports of a former source topic alone name the member: what that topic had said since then, and no instance has read, is not known, and
   * nothing is repaired by them.
   */
  #isOnlyBefore(standing: Standing | null): boolean {
    return this.#wanted === null && standing !== null && isFormerPlace(standing.place);
  }

  /** Our own reports are all that names the member: the id map gave that name to one who has another now, or none. */
  #isFormer(key: string): boolean {
    const isNamed = this.#standings.has(key) || this.#ofState.has(key) || this.#wanted?.has(key) === true;
    return !isNamed && this.#reported.has(key);
  }

  #judgeFormer(key: string): void {
    const source = this.#reported.get(key);
    if (source === undefined || !this.#snapshot.members.has(key)) return;
    const standing = this.#standingOf(this.#unnamed.get(source) ?? null, this.#state?.members?.get(source) ?? null);
    const isNameLost = this.#known.targetOf(source) === null;
    // The name may still be right: `#judgeUnnamed` counts the member.
    const isWanted = this.#wanted === null ? standing?.op !== 'remove' : this.#known.wanted?.has(source) === true;
    if (isNameLost && isWanted) return;
    // By its name the source would mean another one.
    const named = { member: null, target: this.#snapshot.spellings.get(key) ?? key };
    const pending = standing === null ? null : this.#pendingOf(standing);
    if (pending !== null) {
      this.#found.pending.push({ ...named, op: 'remove', state: pending });
      return;
    }
    const { place, op, final } = this.#known.facts.members.get(source) ?? NO_FACTS;
    if (this.#wanted === null && isFormerPlace(place)) {
      if (op === 'remove') this.#onlyBeforeCount += 1;
      return;
    }
    const about = final !== null && this.#isAbout(final, key) ? final : null;
    const reported = { ...NOTHING_REPORTED, name: source, place, op, final: about };
    if (op === 'remove' && about?.kind === 'done')
      this.#found.undone.push({ ...named, op: 'remove', ...undoneBy(reported) });
    else this.#found.extra.push({ ...named, ...unmetBy(op === 'remove' ? reported : null, 'remove') });
  }

  /** What decides: the newest change that names the member, or a full state that is not older. */
  #standingOf(own: Standing | null, nameInState: string | null): Standing | null {
    const state = this.#state;
    if (state === null || (own !== null && comparePlaces(own.place, state.place) > 0)) return own;
    const { place, members } = state;
    const isOwn = own !== null && comparePlaces(own.place, place) === 0;
    // What the state came to for this member says more than what became of the state as a whole.
    const reported = isOwn && (own.final !== null || own.waiting !== null || own.isElsewhere) ? own : null;
    return {
      name: nameInState ?? own?.name ?? '',
      place,
      op: members === null ? (isOwn ? own.op : null) : nameInState === null ? 'remove' : 'add',
      final: reported === null ? this.#outcomeOfState(state) : reported.final,
      waiting: reported === null ? this.#stateWaits : reported.waiting,
      isElsewhere: reported?.isElsewhere === true,
      isState: reported === null,
    };
  }

  /** A full state that is finished, and came to nothing for this member, has found it as it says. */
  #outcomeOfState({ place, final }: StateFacts): ReportedOutcome | null {
    if (this.#isOtherGroup) return null;
    if (final !== null || this.#stateWaits !== null || !this.#known.isCommitted(place)) return final;
    return this.#hasStateCome || !this.#known.areReportsGone ? AS_STATE_SAYS : null;
  }

  /** null: nothing of it is on its way. */
  #pendingOf({ final, waiting, place }: Standing): Pending['state'] | null {
    if (final?.kind === 'done') return null;
    // What was given up may have been woken since it was reported.
    if (waiting !== null) return waiting;
    return final === null && !this.#known.isCommitted(place) ? 'unread' : null;
  }

  /** By the source's names, those whose name at the target is not known. */
  #unnamedStandings(): readonly (readonly [name: string, standing: Standing | null])[] {
    const names = new Map([...this.#unnamed].map(([key, { name }]) => [key, name]));
    const named = this.#wanted === null ? this.#state?.members : this.#known.wanted;
    for (const [key, name] of named ?? []) if (this.#known.targetOf(key) === null) names.set(key, name);
    return [...names].map(([key, name]) => [
      name,
      this.#standingOf(this.#unnamed.get(key) ?? null, this.#state?.members?.get(key) ?? null),
    ]);
  }

  #judgeUnnamed(): void {
    for (const [name, standing] of this.#unnamedStandings()) {
      if (this.#isOnlyBefore(standing)) continue;
      const isWanted = this.#wanted === null ? standing?.op === 'add' : this.#known.wanted?.has(idKey(name)) === true;
      const pending = standing === null ? null : this.#pendingOf(standing);
      const isRemoved = this.#wanted === null && standing?.op === 'remove' && standing.final?.kind !== 'done';
      if (isRemoved && pending === null) this.#unnamedRemovalCount += 1;
      if (!isWanted) continue;
      if (pending === null) this.#unnamedCount += 1;
      else this.#found.pending.push({ member: name, target: null, op: 'add', state: pending });
    }
  }

  #doubts(): readonly string[] {
    const { isSourceGone, wanted, facts } = this.#known;
    const isForeignDoubtful = !this.#hasState && wanted === null && this.#found.foreign.length > 0;
    return [
      ...(facts.newest === null && wanted === null ? [facts.isNamedBefore ? NAMED_BEFORE : NOT_NAMED] : []),
      ...(isForeignDoubtful && isSourceGone ? [FOREIGN_GONE] : []),
      ...(isForeignDoubtful && facts.isNamedBefore ? [FOREIGN_BEFORE] : []),
      ...(this.#unshownCount > 0
        ? [`${this.#unshownCount} whom the source wants are not shown, and the answer may not name all members`]
        : []),
      ...(this.#unnamedCount > 0
        ? [
            `of ${this.#unnamedCount} whom the source wants neither the id map nor a report says what Genesys Cloud calls them`,
          ]
        : []),
      ...(this.#unnamedRemovalCount > 0
        ? [
            `of ${this.#unnamedRemovalCount} whom the source removes neither the id map nor a report says what Genesys Cloud calls them`,
          ]
        : []),
      ...(this.#onlyBeforeCount > 0
        ? [
            `of ${this.#onlyBeforeCount} only reports of a former source topic say what was wanted, and Genesys Cloud shows the opposite: let the source write it again`,
          ]
        : []),
      ...(this.#unknownCount > 0
        ? [`of ${this.#unknownCount} the newest record is gone, so that it is not known what it wants`]
        : []),
    ];
  }
}

const NOT_NAMED = 'no event and no report names the group';
const NAMED_BEFORE = 'only a former source topic has named the group';

const FOREIGN_GONE =
  'the oldest source records are gone, and no full state is left: members whom those alone named count as foreign';

const FOREIGN_BEFORE =
  'a former source topic named the group, and no full state is left: members whom its records alone named count as foreign';

const NO_FACTS = { place: { topic: '', partition: 0, offset: 0n, index: null, timestamp: 0 }, op: null, final: null };
