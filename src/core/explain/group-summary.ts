/** What became of the last changes of a group's members, counted, in one sentence. */
import { counted } from '../text/counted.ts';
import { visible } from '../text/visible.ts';
import { timeText } from '../report/reporting.ts';
import { lastOutcome, nextTryAt, type Verdict } from './sentence.ts';
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
}

/** Of the standings of what a resume lets go on. */
const PAUSABLE: ReadonlySet<Standing> = new Set<Standing>(['waits', 'queued', 'unread']);

export function memberStateOf({ links: [newest], pause }: Known, { standing }: Verdict): MemberState {
  const isPaused = pause !== null && PAUSABLE.has(standing);
  if (newest === undefined) return { lastOutcome: null, reason: null, nextTryAt: null, isPaused };
  const waits = standing === 'waits' && !isPaused;
  return { ...lastOutcome(newest), nextTryAt: waits ? nextTryAt(newest) : null, isPaused };
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
  #nextTryAt = Infinity;

  take({ standing }: Verdict, { isPaused, nextTryAt: next }: MemberState): void {
    if (next !== null) this.#nextTryAt = Math.min(this.#nextTryAt, next);
    if (standing === 'done') return;
    const counts = isPaused ? 'paused' : standing;
    this.#counts.set(counts, (this.#counts.get(counts) ?? 0) + 1);
  }

  /**
   * @param memberCount at the target; null: not known
   * @param pause by whom and why the group is paused; null: it is not
   */
  sentence(memberCount: number | null, pause: string | null): string {
    const members = memberCount === null ? 'Not known how many members' : counted(memberCount, 'member');
    const open = ORDER.filter((each) => each !== 'nothing').flatMap((each) => this.#said(each) ?? []);
    const unnamed = this.#counts.get('nothing') ?? 0;
    const clauses = [
      ...(open.length === 0 ? [unnamed === memberCount && unnamed > 0 ? 'no event names any' : 'all as asked'] : open),
      ...(unnamed > 0 && unnamed !== memberCount ? [`no event names ${unnamed} of the members`] : []),
      ...(pause === null ? [] : [visible(pause)]),
    ];
    return `${members}: ${clauses.join('; ')}.`;
  }

  #said(each: Counted): string | null {
    const count = this.#counts.get(each) ?? 0;
    if (count === 0) return null;
    const [one, several] = SAYINGS[each];
    const isTimed = each === 'waits' && this.#nextTryAt < Infinity;
    return `${counted(count, 'change')} ${count === 1 ? one : several}${isTimed ? `, the next at ${timeText(this.#nextTryAt)}` : ''}`;
  }
}
