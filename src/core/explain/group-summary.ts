/** What became of the last changes of a group's members, counted, in one sentence. */
import { comparePositions, positionText } from '../change/change.ts';
import { counted } from '../text/counted.ts';
import { visible } from '../text/visible.ts';
import { timeText } from '../report/reporting.ts';
import { lastOutcome, mayBeOutdated, NEWER_GONE, nextTryAt, openStateText, type Verdict } from './sentence.ts';
import type { Known, Standing } from './verdict.ts';

/** Of one member, what the sentence about it says in a few words. */
export interface MemberState {
  /** Of the newest report of the newest change; null: there is none. */
  readonly lastOutcome: string | null;
  /** Code of its reason; null: it has none. */
  readonly reason: string | null;
  /** Epoch ms; null: no try is due at a known time. */
  readonly nextTryAt: number | null;
  /** It waits for a resume. */
  readonly isPaused: boolean;
  /** A newer event may be gone. */
  readonly mayBeOutdated: boolean;
}

/** What the sentence about the group needs beside its members. */
export interface GroupFacts {
  /** At the target; null: not known. */
  readonly memberCount: number | null;
  /** With its newest full state, if any is known, as the only link. */
  readonly whole: Known;
}

/** Of the standings of what a resume lets go on. */
const PAUSABLE: ReadonlySet<Standing> = new Set<Standing>(['waits', 'queued', 'unread']);

export function memberStateOf(known: Known, { standing }: Pick<Verdict, 'standing'>): MemberState {
  const {
    links: [newest],
    pause,
  } = known;
  const isPaused = pause !== null && PAUSABLE.has(standing);
  const doubt = { isPaused, mayBeOutdated: mayBeOutdated(known) };
  if (newest === undefined) return { lastOutcome: null, reason: null, nextTryAt: null, ...doubt };
  const waits = standing === 'waits' && !isPaused;
  return { ...lastOutcome(newest), nextTryAt: waits ? nextTryAt(newest) : null, ...doubt };
}

type Counted = Exclude<Standing, 'done'> | 'paused';

/** Of one change, and of several; in the order in which they are said. */
const SAYINGS: Readonly<Record<Counted, readonly [one: string, several: string]>> = {
  waits: ['waits for another try', 'wait for another try'],
  paused: ['waits for a resume', 'wait for a resume'],
  held: [
    'is held until an operator decides: rollcall held list',
    'are held until an operator decides: rollcall held list',
  ],
  given_up: ['was given up', 'were given up'],
  queued: ['waits for its request', 'wait for their requests'],
  unread: ['is not read yet', 'are not read yet'],
  unfinished: ['is not finished', 'are not finished'],
  undone: ['was done and is not so any more', 'were done and are not so any more'],
  unreported: ['has no report that says what became of it', 'have no report that says what became of them'],
  nothing: ['', ''],
};
const ORDER = Object.keys(SAYINGS) as readonly Counted[];

export class GroupSummary {
  readonly #counts = new Map<Counted, number>();
  #doneCount = 0;
  #nextTryAt = Infinity;
  /** Of one that is done it is not known whether the target has it still. */
  #isByReports = false;
  #mayBeOutdated = false;

  take({ standing, isMember }: Verdict, { isPaused, nextTryAt: next, mayBeOutdated: outdated }: MemberState): void {
    if (next !== null) this.#nextTryAt = Math.min(this.#nextTryAt, next);
    this.#mayBeOutdated ||= outdated;
    if (standing === 'done') {
      this.#doneCount += 1;
      this.#isByReports ||= isMember === null;
      return;
    }
    const counts = isPaused ? 'paused' : standing;
    this.#counts.set(counts, (this.#counts.get(counts) ?? 0) + 1);
  }

  sentence({ memberCount, whole }: GroupFacts): string {
    const members = memberCount === null ? 'Not known how many members' : counted(memberCount, 'member');
    const state = openStateText(whole);
    const changes = ORDER.filter((each) => each !== 'nothing').flatMap((each) => this.#said(each) ?? []);
    const open = [...changes, ...(state === null ? [] : [state])];
    const doubts = [...(this.#mayBeOutdated ? [NEWER_GONE] : []), ...unreadDoubts(whole)];
    const unnamed = this.#counts.get('nothing') ?? 0;
    const isNoneNamed = unnamed > 0 && unnamed === memberCount;
    const event = isAnyGone(whole) ? 'no event that is left' : 'no event';
    const isDone = this.#doneCount > 0 || whole.links.length > 0;
    const rest = isNoneNamed || !isDone ? `${event} names any` : this.#asAsked(memberCount, doubts);
    const clauses = [
      ...(open.length === 0 ? [rest] : open),
      ...(unnamed > 0 && (!isNoneNamed || open.length > 0) ? [`${event} names ${unnamed} of the members`] : []),
      ...doubts,
    ];
    const isPauseSaid = whole.pause === null || state?.includes(visible(whole.pause)) === true;
    return `${members}: ${[...clauses, ...(isPauseSaid ? [] : [visible(whole.pause ?? '')])].join('; ')}.`;
  }

  #asAsked(memberCount: number | null, doubts: readonly string[]): string {
    const what = doubts.length > 0 ? 'what is known is as asked' : 'all as asked';
    return this.#isByReports || memberCount === null ? `${what} by the reports` : what;
  }

  #said(each: Counted): string | null {
    const count = this.#counts.get(each) ?? 0;
    if (count === 0) return null;
    const [one, several] = SAYINGS[each];
    const isTimed = each === 'waits' && this.#nextTryAt < Infinity;
    return `${counted(count, 'change')} ${count === 1 ? one : several}${isTimed ? `, the next at ${timeText(this.#nextTryAt)}` : ''}`;
  }
}

const isAnyGone = ({ goneSource, areReportsGone }: Known): boolean => goneSource.size > 0 || areReportsGone;

/** A newer full state says all that an event before it could have said. */
function unreadDoubts({ invalid, links: [state] }: Known): readonly string[] {
  if (invalid === null || (state !== undefined && comparePositions(state.position, invalid) > 0)) return [];
  return [`an event of the group, at ${visible(positionText(invalid))}, could not be read: see its dead letter`];
}
