/** What became of the last changes of a group's members, counted, in one sentence. */
import type { Position } from '../change/change.ts';
import { counted } from '../text/counted.ts';
import { visible } from '../text/visible.ts';
import { together } from './instance-answer.ts';
import { timeText } from '../report/reporting.ts';
import {
  lastOutcome,
  mayBeNewer,
  mayBeOutdated,
  NEWER_GONE,
  nextTryAt,
  openStateOf,
  unreadEventText,
  type Verdict,
} from './sentence.ts';
import type { KnownChanges, Standing } from './verdict.ts';

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
  /** With its newest full state as the only link, and what keeps that where it lies; null: none is known. */
  readonly state: KnownChanges | null;
  /** By whom and why the group is paused, in some of its partitions at least; none: it is not, or that is not known. */
  readonly pauses: readonly string[];
  /** Records of the source, or reports, are gone that may have been about the group. */
  readonly isAnyGone: boolean;
  /** Of each partition the newest event of the group that could not be read. */
  readonly invalid: readonly Position[];
}

/** Of the standings of what a resume lets go on. */
const PAUSABLE: ReadonlySet<Standing> = new Set<Standing>(['waits', 'queued', 'unread']);

export function memberStateOf(known: KnownChanges, { standing }: Pick<Verdict, 'standing'>): MemberState {
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

  sentence({ memberCount, state, pauses, isAnyGone, invalid }: GroupFacts): string {
    const members = memberCount === null ? 'Not known how many members' : counted(memberCount, 'member');
    const openState = state === null ? null : openStateOf(state);
    const changes = ORDER.filter((each) => each !== 'nothing').flatMap((each) => this.#said(each) ?? []);
    const open = [...changes, ...(openState === null ? [] : [openState.text])];
    // A newer full state says all that an event before it could have said.
    const unread = mayBeNewer(invalid, state?.links[0]).map((position) => unreadEventText(position, 'an event'));
    const doubts = [...(this.#mayBeOutdated ? [NEWER_GONE] : []), ...unread];
    const unnamed = this.#counts.get('nothing') ?? 0;
    const isNoneNamed = unnamed > 0 && unnamed === memberCount;
    const event = isAnyGone ? 'no event that is left' : 'no event';
    const isDone = this.#doneCount > 0 || state !== null;
    const rest = isNoneNamed || !isDone ? `${event} names any` : this.#asAsked(memberCount, doubts);
    const clauses = [
      ...(open.length === 0 ? [rest] : open),
      ...(unnamed > 0 && (!isNoneNamed || open.length > 0) ? [`${event} names ${unnamed} of the members`] : []),
      ...doubts,
    ];
    const unnamedPauses = pauses.filter((pause) => openState?.pause?.includes(pause) !== true).map(visible);
    return `${members}: ${[...clauses, ...(unnamedPauses.length === 0 ? [] : [together(unnamedPauses)])].join('; ')}.`;
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
