/**
 * What differs between what is wanted of a group and what one read of the target shows. A difference is told apart by evidence: what
 * is on its way is `pending`, what the target had and shows no more is `undone`, and what no source ever named is `foreign`.
 */
import { idKey, positionText, sourceMember, WHOLE_GROUP, type Op } from '../change/change.ts';
import type { WaitingChange } from '../explain/verdict.ts';
import type { Snapshot } from '../target/snapshot.ts';
import type {
  Differences,
  KnownOfGroup,
  Named,
  Pending,
  Undone,
  Unmet,
  WaitingOfGroup,
  Wanted,
} from './differences.ts';
import { comparePlaces, type Ending, type Place, type StateFacts } from './group-facts.ts';

/** Of one member, by the target's name. */
interface Standing {
  readonly name: string;
  readonly place: Place;
  readonly op: Op | null;
  readonly ending: Ending | null;
  readonly waiting: WaitingChange['state'] | null;
  /** The record of the full state that decides is the place. */
  readonly isState: boolean;
}

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

  constructor(known: KnownOfGroup, snapshot: Snapshot) {
    this.#known = known;
    this.#snapshot = snapshot;
    const { facts, waiting, wanted } = known;
    const states = waiting.filter(({ intent }) => intent.op === 'state');
    this.#state = newestState(facts.state, states);
    this.#stateWaits = states.find(({ intent }) => isAt(intent.source, this.#state?.place))?.state ?? null;
    for (const [key, { place, op, ending, spelling }] of facts.members)
      this.#note({ name: spelling ?? key, place, op, ending, waiting: null, isState: false }, known.targetOf(key));
    for (const { intent, state } of waiting) {
      const { member, op, source: place, target } = intent;
      if (member === WHOLE_GROUP || op === 'state') continue;
      const standing = { name: sourceMember(intent), place, op, ending: null, waiting: state, isState: false };
      this.#note(standing, target ?? known.targetOf(member));
    }
    const standings = [...this.#standings.values(), ...this.#unnamed.values()];
    this.#hasStateCome = standings.some(({ place }) => isAt(place, this.#state?.place));
    this.#ofState = this.#byTarget(this.#state?.members ?? null);
    this.#wanted = wanted === null ? null : this.#byTarget(wanted);
  }

  differences(): Differences {
    const { members, nested, spellings } = this.#snapshot;
    for (const key of this.#keys()) if (!nested.has(key)) this.#judge(key);
    this.#judgeUnnamed();
    const nestedNames = [...nested].filter((key) => members.has(key)).map((key) => spellings.get(key) ?? key);
    return {
      ...this.#found,
      nested: nestedNames,
      doubts: this.#doubts(),
      obstacles: [],
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
        !(this.#known.isSourceGone && this.#state === null) &&
        this.#invalidPlace() === null &&
        all.every((standing) => standing === null || standing.op !== null),
    };
  }

  #keys(): ReadonlySet<string> {
    const wanted = this.#wanted?.keys() ?? [];
    return new Set([...this.#standings.keys(), ...this.#ofState.keys(), ...wanted, ...this.#snapshot.members]);
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
    const standing = this.#standingOf(this.#standings.get(key) ?? null, this.#ofState.get(key) ?? null);
    const isMember = this.#snapshot.members.has(key);
    const wantedName = this.#wanted?.get(key) ?? null;
    if (this.#wanted === null && standing !== null && standing.op === null) {
      this.#unknownCount += 1;
      return;
    }
    const isWanted = this.#wanted === null ? standing?.op === 'add' : wantedName !== null;
    if (isMember === isWanted) return;
    const target = this.#snapshot.spellings.get(key) ?? key;
    const isNamed = this.#standings.has(key) || this.#ofState.has(key) || wantedName !== null;
    const named = { member: isNamed ? (wantedName ?? standing?.name ?? null) : null, target };
    const op = isWanted ? 'add' : 'remove';
    const pending = standing === null ? null : this.#pendingOf(standing);
    if (pending !== null) this.#found.pending.push({ ...named, op: standing?.op ?? op, state: pending });
    else if (isMember && !isNamed) this.#found.foreign.push(named);
    else if (!isMember && this.#snapshot.isDoubtful) this.#unshownCount += 1;
    else if (standing?.ending?.isDone === true && standing.op === op)
      this.#found.undone.push({ ...named, op, ...undoneBy(standing) });
    else this.#found[isWanted ? 'missing' : 'extra'].push({ ...named, ...unmetBy(standing) });
  }

  /** What decides: the newest change that names the member, or a full state that is not older. */
  #standingOf(own: Standing | null, nameInState: string | null): Standing | null {
    const state = this.#state;
    if (state === null || (own !== null && comparePlaces(own.place, state.place) > 0)) return own;
    const { place, members } = state;
    const isOwn = own !== null && comparePlaces(own.place, place) === 0;
    // What the state came to for this member says more than what became of the state as a whole.
    const reported = isOwn && (own.ending !== null || own.waiting !== null) ? own : null;
    return {
      name: nameInState ?? own?.name ?? '',
      place,
      op: members === null ? (isOwn ? own.op : null) : nameInState === null ? 'remove' : 'add',
      ending: reported === null ? this.#endingOfState(state) : reported.ending,
      waiting: reported === null ? this.#stateWaits : reported.waiting,
      isState: reported === null,
    };
  }

  /** A full state that is finished, and came to nothing for this member, has found it as it says. */
  #endingOfState({ place, ending }: StateFacts): Ending | null {
    if (ending !== null || this.#stateWaits !== null || !this.#known.isCommitted(place)) return ending;
    return this.#hasStateCome || !this.#known.areReportsGone ? FOUND_SO : null;
  }

  /** null: nothing of it is on its way. */
  #pendingOf({ ending, waiting, place }: Standing): Pending['state'] | null {
    if (ending?.isDone === true) return null;
    // What was given up may have been woken since it was reported.
    if (waiting !== null) return waiting;
    return ending === null && !this.#known.isCommitted(place) ? 'unread' : null;
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
      const isWanted = this.#wanted === null ? standing?.op === 'add' : this.#known.wanted?.has(idKey(name)) === true;
      if (!isWanted) continue;
      const pending = standing === null ? null : this.#pendingOf(standing);
      if (pending === null) this.#unnamedCount += 1;
      else this.#found.pending.push({ member: name, target: null, op: 'add', state: pending });
    }
  }

  /** Of the newest event that could not be read and no full state has replaced; null: there is none. */
  #invalidPlace(): Place | null {
    const { invalid } = this.#known.facts;
    if (invalid === null || this.#state === null) return invalid;
    return comparePlaces(invalid, this.#state.place) > 0 ? invalid : null;
  }

  #doubts(): readonly string[] {
    const { isSourceGone, wanted, facts } = this.#known;
    const invalid = this.#invalidPlace();
    const isForeignDoubtful = isSourceGone && this.#state === null && wanted === null && this.#found.foreign.length > 0;
    return [
      ...(facts.newest === null && wanted === null ? ['no event and no report names the group'] : []),
      ...(isForeignDoubtful
        ? [
            'the oldest source records are gone, and no full state is left: members whom those alone named count as foreign',
          ]
        : []),
      ...(this.#unshownCount > 0
        ? [`${this.#unshownCount} whom the source wants are not shown, and the answer may not name all members`]
        : []),
      ...(this.#unnamedCount > 0
        ? [
            `of ${this.#unnamedCount} whom the source wants neither the id map nor a report says what Genesys Cloud calls them`,
          ]
        : []),
      ...(this.#unknownCount > 0
        ? [`of ${this.#unknownCount} the newest record is gone, so that it is not known what it wants`]
        : []),
      ...(invalid !== null
        ? [`an event of the group, at ${positionText(invalid)}, could not be read: see its dead letter`]
        : []),
    ];
  }
}

/** No report of its own says so. */
const FOUND_SO: Ending = { isDone: true, at: 0, epoch: 0 };

/** The newer one; of one event the removal counts, and a name of the source before one of the target. */
function newerStanding(a: Standing, b: Standing, key: string): Standing {
  const order = comparePlaces(a.place, b.place);
  if (order !== 0) return order > 0 ? a : b;
  const [isTargetA, isTargetB] = [a, b].map(({ name }) => idKey(name) === key);
  if (isTargetA !== isTargetB && idKey(a.name) !== idKey(b.name)) return isTargetA === true ? b : a;
  if (a.op !== b.op && a.op !== null && b.op !== null) return a.op === 'remove' ? a : b;
  return { ...a, op: a.op ?? b.op, ending: a.ending ?? b.ending, waiting: a.waiting ?? b.waiting };
}

/** A full state that waits may be newer than what is left of the source. */
function newestState(known: Readonly<StateFacts> | null, waiting: readonly WaitingOfGroup[]): StateFacts | null {
  let newest: StateFacts | null = known;
  for (const { intent } of waiting) {
    const { source: place, whole } = intent;
    const order = newest === null ? 1 : comparePlaces(place, newest.place);
    if (order < 0 || (order === 0 && newest?.members !== null)) continue;
    const members = new Map((whole?.members ?? []).map((name) => [idKey(name), name]));
    const ending = order > 0 || newest === null ? null : newest.ending;
    newest = { place, members, deleted: whole?.deleted === true, ending };
  }
  return newest;
}

const isAt = (place: Place, other: Place | undefined): boolean =>
  other !== undefined && comparePlaces(place, other) === 0;

const reportOf = ({ place, name, isState }: Standing): string =>
  isState ? positionText(place) : `${positionText(place)}/${name}`;

function undoneBy(standing: Standing): Pick<Undone, 'event' | 'report' | 'reported_at'> {
  const { ending, place } = standing;
  const isReported = ending !== null && ending !== FOUND_SO;
  return {
    event: positionText(place),
    report: isReported ? reportOf(standing) : null,
    reported_at: isReported ? new Date(ending.at).toISOString() : null,
  };
}

function unmetBy(standing: Standing | null): Pick<Unmet, 'evidence' | 'report'> {
  const hasFailed = standing !== null && standing.ending?.isDone === false;
  return hasFailed ? { evidence: 'failed', report: reportOf(standing) } : { evidence: 'no_report', report: null };
}
