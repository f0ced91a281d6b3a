/** The members of a compared group that differ, as they are reported; and the figures of all that were found. */
import { idKey, positionText } from '../change/change.ts';
import type { DriftFacts, DriftKind } from '../report/drift-report.ts';
import type { Differences, Undone, Unmet } from './differences.ts';
import type { GroupFacts } from './group-facts.ts';
import { comparePlaces, type Place } from './place.ts';

export interface DriftFinding extends DriftFacts {
  /** Of the newest event about the member; null: no event is known. */
  readonly place: Place | null;
}

/** What an operator has refused is none. @param version of the group, as the target has shown it */
export function findingsOf(facts: GroupFacts, differences: Differences, version: string | null): DriftFinding[] {
  const shared = { version, isDoubtful: differences.obstacles.length > 0 };
  const unmet = (kind: 'missing' | 'extra', list: readonly Unmet[]): DriftFinding[] =>
    list.flatMap(({ member, target, evidence, report }) => {
      // Without another list of who is wanted the source says nothing against itself.
      if (evidence === 'refused' || evidence === 'source_says_otherwise') return [];
      const op = kind === 'missing' ? 'add' : 'remove';
      return [{ ...shared, kind, op, member, target, evidence, report, place: placeOf(facts, member) }];
    });
  const undone = ({ member, target, op, report }: Undone): DriftFinding => {
    const place = placeOf(facts, member);
    return { ...shared, kind: 'undone', op, member, target, evidence: 'done', report, place };
  };
  return [
    ...unmet('missing', differences.missing),
    ...unmet('extra', differences.extra),
    ...differences.undone.map(undone),
  ];
}

/** One that names the member no more is about the group. */
function placeOf({ members, state, newest }: GroupFacts, member: string | null): Place | null {
  const own = member === null ? undefined : members.get(idKey(member))?.place;
  const ofState = member === null ? undefined : state?.place;
  if (own === undefined || ofState === undefined) return own ?? ofState ?? newest;
  return comparePlaces(own, ofState) > 0 ? own : ofState;
}

/** The same as long as the member differs in the same way, by the same event. */
export const findingKey = ({ kind, member, target, place }: DriftFinding): string =>
  [kind, place === null ? '' : positionText(place), idKey(member ?? target ?? '')].join(' ');

/** Of the comparisons of one instance. */
export interface DriftFigures {
  /** Of its groups, as each was compared last; null: no pass has ended yet. */
  readonly found: { readonly members: Readonly<Record<DriftKind, number>>; readonly groups: number } | null;
  /** Since the start. */
  readonly passes: Readonly<Record<'finished' | 'failed', number>>;
  readonly requests: number;
  /** Of its groups, which the pass under way has not come to; 0: none is under way. */
  readonly groupsLeft: number;
  /** Epoch ms; null: none has. */
  readonly lastFinishedAt: number | null;
}
