/**
 * What is known of the members of one group, record by record: what the source says, what was reported, what waits in the retry
 * topic and in the memory of instances. `chainOf` puts it together for one member.
 */
import {
  comparePositions,
  idKey,
  positionText,
  readIntentId,
  readOffset,
  WHOLE_GROUP,
  type ChangeEvent,
  type ChangeSource,
  type Intent,
  type Op,
  type Position,
} from '../change/change.ts';
import type { ReportOutcome, ReportRecord } from '../report/report.ts';
import { isAboutPause, operationId } from '../report/summary.ts';
import type { PendingChange } from './instance-answer.ts';
import type { Link, Reading, RunningChange, WaitingChange } from './verdict.ts';
import { FormerChanges, newestFirst } from './former-changes.ts';
import { GroupVersions, versionSaid } from './versions.ts';

/** An event of the source about the group. */
export interface GroupEvent {
  readonly event: ChangeEvent;
  readonly source: ChangeSource;
  /** Who made the change; null: the record does not say. */
  readonly actor: string | null;
}

export type ReadingOf = (position: Position) => Reading;

interface Draft {
  readonly position: Position;
  eventId: string | null;
  timestamp: number | null;
  actor: string | null;
  isRetained: boolean;
  op: Op | null;
  reports: readonly ReportRecord[];
  waiting: WaitingChange | null;
  inMemory: RunningChange | null;
}

/** A full state: about every member of the group. */
interface StateDraft extends Draft {
  /** By their keys, of those that are asked for; null: not known, or not kept. */
  members: ReadonlySet<string> | null;
}

/** These outcomes change no member. */
export const UNCHANGING: ReadonlySet<string> = new Set<ReportOutcome>(['no_changes', 'paused', 'resumed', 'drift']);

export class Evidence {
  readonly #isAsked: ((name: string) => boolean) | null;
  readonly #states = new Map<string, StateDraft>();
  #newestState: StateDraft | null = null;
  /** Positions of which the change of some member is reported, or waits. */
  readonly #changed = new Set<string>();
  /** Member → position → what is known. */
  readonly #members = new Map<string, Map<string, Draft>>();
  readonly #versions = new GroupVersions();
  /** By partition. */
  readonly #invalid = new Map<number, Position>();
  #isNamed = false;
  readonly former: FormerChanges;

  /** @param isAsked by `idKey`, any name of the one member that is asked for; null: all members are, and less is kept of each. */
  constructor(isAsked: ((name: string) => boolean) | null) {
    this.#isAsked = isAsked;
    this.former = new FormerChanges(isAsked === null ? null : (name) => isAsked(idKey(name)));
  }

  /** Every name that something is known of, by `idKey`. */
  get members(): Iterable<string> {
    return this.#members.keys();
  }

  /** Of the group after Rollcall's last request, as far as reports say; null: they do not. */
  get lastVersion(): string | null {
    return this.#versions.last;
  }

  /** `patch_id` of a request of Rollcall that may have changed the group after that; null: there is none. */
  get openRequest(): string | null {
    return this.#versions.openRequest;
  }

  /** Where the newest event of the group lies that could not be read, in each partition that has one. */
  get invalid(): readonly Position[] {
    return [...this.#invalid.values()];
  }

  /** An event, a report or what waits names the group. A pause does not: its id may be misspelt. */
  get isNamed(): boolean {
    return this.#isNamed;
  }

  takeEvent({ event, source, actor }: GroupEvent): void {
    this.#isNamed = true;
    if (event.kind === 'state') {
      const draft = this.#state(source);
      noteSource(draft, source, actor);
      this.#noteMembers(draft, event.members);
      return;
    }
    // In both lists of one event: it is removed.
    for (const [op, names] of [['add', event.add] as const, ['remove', event.remove] as const]) {
      for (const name of names) {
        if (!this.#concerns(idKey(name))) continue;
        const draft = this.#draft(idKey(name), source);
        noteSource(draft, source, actor);
        draft.op = op;
      }
    }
  }

  takeReport(record: ReportRecord): void {
    if (!isAboutPause(record)) this.#isNamed = true;
    const id = readIntentId(operationId(record));
    if (id === null || UNCHANGING.has(record.outcome)) return;
    if (record.outcome === 'invalid') return this.#noteInvalid(id.position);
    const version = versionSaid(record);
    if (version !== null) this.#versions.take(version);
    const name = record.source_member ?? id.member ?? record.member;
    if (name !== null) this.#changed.add(positionText(id.position));
    if (name !== null && !this.#concerns(idKey(name))) return;
    const draft = name === null ? this.#state(id.position) : this.#draft(idKey(name), id.position);
    draft.eventId ??= record.source.event_id;
    draft.timestamp ??= record.source.timestamp;
    draft.reports = this.#isAsked === null ? newestOf(draft.reports, record) : [...draft.reports, record];
    if (record.op === 'add' || record.op === 'remove') draft.op ??= record.op;
    if (record.superseded_by !== null) this.#noteWinner(record.superseded_by);
  }

  takeFormerReport(record: ReportRecord): void {
    if (UNCHANGING.has(record.outcome)) return;
    this.#isNamed = true;
    const version = versionSaid(record);
    if (version !== null) this.#versions.take(version);
    this.former.takeReport(record);
  }

  takeFormerWaiting(intent: Intent): void {
    this.#isNamed = true;
    this.former.takeWaiting(intent);
  }

  takeWaiting(intent: Intent, state: WaitingChange['state']): void {
    this.#isNamed = true;
    const { op, member, source, attempt, notBefore } = intent;
    if (op !== 'state') this.#changed.add(positionText(source));
    if (op !== 'state' && !this.#concerns(member)) return;
    const draft = this.#draftOf(member, source);
    draft.eventId ??= source.eventId;
    draft.timestamp ??= source.timestamp;
    draft.waiting = { state, attempt, notBefore };
    if (op === 'state') this.#noteMembers(this.#state(source), intent.whole?.members ?? []);
    else draft.op ??= op;
  }

  takeMemory({ member, topic, partition, offset, op, state, attempt, not_before: notBefore }: PendingChange): void {
    this.#isNamed = true;
    if (op !== 'state' && !this.#concerns(idKey(member))) return;
    const draft = this.#draftOf(member, { topic, partition, ...readOffset(offset) });
    if (op !== 'state') draft.op ??= op;
    draft.inMemory = { state, attempt, notBefore };
  }

  /** @param names all of one member, by `idKey`. */
  chainOf(names: ReadonlySet<string>, readingOf: ReadingOf): readonly Link[] {
    const links: Link[] = [];
    // Of two names in one event it says the same each time.
    for (const name of [...names].toSorted()) {
      for (const [at, draft] of this.#members.get(name) ?? []) {
        const state = this.#states.get(at);
        if (state === undefined) links.push(linkOf(draft, readingOf));
        // What it came to for this member is kept.
        else if (!this.#isShown(state) && isKnownOf(draft))
          links.push(this.#stateLink(at, state, { names, readingOf }));
      }
    }
    for (const [at, state] of this.#states)
      if (this.#isShown(state)) links.push(this.#stateLink(at, state, { names, readingOf }));
    return links.toSorted((a, b) => compareLinks(b, a));
  }

  /** The newest full state, with what became of it as a whole; null: none is known. */
  newestStateLink(readingOf: ReadingOf): Link | null {
    const [newest] = [...this.#states].toSorted(([, a], [, b]) => compareLinks(b, a));
    return newest === undefined ? null : this.#stateLink(...newest, { names: new Set(), readingOf });
  }

  /** Where all members are asked for, those before the newest are left out: there may be 1,000 for each of 100,000 members. */
  #isShown(state: StateDraft): boolean {
    return this.#isAsked !== null || this.#newestState === null || compareLinks(state, this.#newestState) >= 0;
  }

  /** What the state says of the member, with what was reported of it; of the state as a whole where there is no such report. */
  #stateLink(
    at: string,
    state: StateDraft,
    { names, readingOf }: { readonly names: ReadonlySet<string>; readonly readingOf: ReadingOf },
  ): Link {
    const own = [...names].flatMap((name) => this.#members.get(name)?.get(at) ?? []);
    // That the state as a whole has ended says nothing of a change of this member that it came to.
    const isOwn = own.some(isKnownOf);
    const { members } = state;
    const isNamed = members !== null && [...names].some((name) => members.has(name));
    const reportedOp = own.find(({ op }) => op !== null)?.op ?? null;
    const draft = {
      ...state,
      op: members === null ? reportedOp : isNamed ? ('add' as const) : ('remove' as const),
      reports: isOwn ? own.flatMap(({ reports }) => reports) : state.reports,
      waiting: own.find(({ waiting }) => waiting !== null)?.waiting ?? state.waiting,
      inMemory: own.find(({ inMemory }) => inMemory !== null)?.inMemory ?? state.inMemory,
    };
    return { ...linkOf(draft, readingOf), isState: true, changesOthers: this.#changed.has(at) && !isOwn };
  }

  #concerns(name: string): boolean {
    return this.#isAsked === null || this.#isAsked(name);
  }

  /** Of all members only the newest state decides, and its list alone is kept. */
  #noteMembers(draft: StateDraft, names: readonly string[]): void {
    const isNewest = this.#newestState === null || compareLinks(draft, this.#newestState) >= 0;
    const isKept = this.#isAsked !== null || isNewest;
    if (isNewest) {
      if (this.#isAsked === null && this.#newestState !== null && this.#newestState !== draft)
        this.#newestState.members = null;
      this.#newestState = draft;
    }
    if (!isKept) return;
    draft.members ??= new Set(names.map(idKey).filter((name) => this.#concerns(name)));
    for (const name of draft.members) this.#of(name);
  }

  /** A report names what has superseded it; the newer one may be known by nothing else. */
  #noteWinner(id: string): void {
    const winner = readIntentId(id);
    if (winner === null) return;
    if (winner.member === null) this.#state(winner.position);
    else this.#draft(idKey(winner.member), winner.position);
  }

  #noteInvalid(position: Position): void {
    const known = this.#invalid.get(position.partition);
    if (known === undefined || comparePositions(position, known) > 0) this.#invalid.set(position.partition, position);
  }

  #of(member: string): Map<string, Draft> {
    const known = this.#members.get(member) ?? new Map<string, Draft>();
    this.#members.set(member, known);
    return known;
  }

  #draftOf(member: string, position: Position): Draft {
    return member === WHOLE_GROUP ? this.#state(position) : this.#draft(idKey(member), position);
  }

  #draft(member: string, position: Position): Draft {
    const drafts = this.#of(member);
    const at = positionText(position);
    const draft = drafts.get(at) ?? emptyDraft(position);
    drafts.set(at, draft);
    return draft;
  }

  #state(position: Position): StateDraft {
    const at = positionText(position);
    const draft = this.#states.get(at) ?? { ...emptyDraft(position), members: null };
    this.#states.set(at, draft);
    return draft;
  }
}

/** Something became of it. */
const isKnownOf = ({ reports, waiting, inMemory }: Draft): boolean =>
  reports.length > 0 || waiting !== null || inMemory !== null;

const emptyDraft = ({ topic, partition, offset, index }: Position): Draft => ({
  position: { topic, partition, offset, index },
  eventId: null,
  timestamp: null,
  actor: null,
  isRetained: false,
  op: null,
  reports: [],
  waiting: null,
  inMemory: null,
});

function noteSource(draft: Draft, { eventId, timestamp }: ChangeSource, actor: string | null): void {
  draft.eventId = eventId;
  draft.timestamp = timestamp;
  draft.actor = actor;
  draft.isRetained = true;
}

const linkOf = ({ reports, ...known }: Draft, readingOf: ReadingOf): Link => ({
  ...known,
  isState: false,
  changesOthers: false,
  reading: readingOf(known.position),
  reports: reports.toSorted(newestFirst),
});

/** Of those that are final, and of the others, the newest. */
function newestOf(known: readonly ReportRecord[], record: ReportRecord): readonly ReportRecord[] {
  const rival = known.find(({ final }) => final === record.final);
  if (rival === undefined) return [...known, record];
  return newestFirst(rival, record) <= 0 ? known : known.map((each) => (each === rival ? record : each));
}

type Placed = Pick<Link, 'position' | 'timestamp'>;

/** Positive: `a` is newer. Where a key has moved between partitions the times of the records say so. */
function compareLinks(a: Placed, b: Placed): number {
  if (a.position.partition === b.position.partition) return comparePositions(a.position, b.position);
  return (a.timestamp ?? 0) - (b.timestamp ?? 0) || a.position.partition - b.position.partition;
}
