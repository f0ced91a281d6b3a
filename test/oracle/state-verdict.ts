/** Whether full states have kept the promises at rest (protocol.md 5.3). What they came to is judged member by member elsewhere. */
import { newestOf, type Facts } from './facts.ts';
import type { EndState } from './final-verdict.ts';
import { recordIdOf } from './full-states.ts';
import type { WantedState } from './intents.ts';
import { isFailure, type Report, namedIn } from './reports.ts';
import { broken, type Violation } from './violation.ts';

const outcomes = new Set(['already_synced', 'recovered', 'superseded', 'failed', 'permanent_failure']);

export function stateViolations(end: EndState, facts: Facts, state: WantedState): readonly Violation[] {
  const { id } = state;
  const own = facts.counting.get(id);
  const final = own?.final === true ? own : undefined;
  const isExpanded = [...facts.counting.keys()].some((other) => other !== id && recordIdOf(other) === id);
  const found = [
    ...liveViolations(facts, state),
    ...(final === undefined ? [] : reportViolations(facts, state, final)),
  ];
  if (final === undefined && !isExpanded) found.push(broken('kept', `${id} has no final report`));
  const hasFailed = final !== undefined && isFailure(final.outcome);
  if (hasFailed && !isExpanded && !facts.live.has(id) && !isFollowed(facts, state))
    found.push(broken('kept', `${id} has failed and cannot be replayed`));
  return hasFailed || facts.newestState.get(state.group) !== state
    ? found
    : [...found, ...seatViolations(end, facts, state)];
}

function reportViolations(facts: Facts, { id, group, place }: WantedState, report: Report): readonly Violation[] {
  const found: Violation[] = [];
  if (namedIn(report).group !== group || report.member !== null || report.op !== null)
    found.push(broken('accounted', `${id} is reported as ${report.op} of ${report.member} in ${report.group}`));
  if (!outcomes.has(report.outcome)) found.push(broken('accounted', `${id} ends as ${report.outcome}`));
  const by = facts.states.get(report.superseded_by ?? '');
  const isTrue = by !== undefined && by.group === group && by.place > place;
  if (report.outcome === 'superseded' && !isTrue)
    found.push(broken('accounted', `${id} is not superseded by ${report.superseded_by}`));
  return found;
}

/** Dead, and the newest of its group: the next change takes its place, since it can no longer be applied as a whole. */
function liveViolations(facts: Facts, state: WantedState): readonly Violation[] {
  const live = facts.live.get(state.id);
  if (live === undefined) return [];
  if (live.dead === null) return [broken('kept', `${state.id} is still pending in its live record`)];
  return isFollowed(facts, state) ? [broken('newest', `${state.id} is dead, replaced, and kept`)] : [];
}

const isFollowed = ({ intents, states }: Facts, { group, place }: WantedState): boolean =>
  [...intents.values(), ...states.values()].some((other) => other.group === group && other.place > place);

/** Whom it left alone must be as it says; the others have a report each. */
function seatViolations(end: EndState, facts: Facts, state: WantedState): readonly Violation[] {
  const { group, members } = state;
  const there = end.memberships.get(group) ?? new Set();
  const named = [...facts.intents.values()].filter((intent) => intent.group === group).map(({ member }) => member);
  const everybody = new Set([...members, ...there, ...named, ...(end.bystanders.get(group) ?? [])]);
  return [...everybody].flatMap((member) => {
    const newest = newestOf(facts, { group, member });
    if (newest?.whole !== state || end.foreign?.(group, member) === true) return [];
    if (
      facts.counting.get(newest.id)?.final === true ||
      facts.live.has(newest.id) ||
      there.has(member) === members.has(member)
    )
      return [];
    return [broken('newest', `${member} of ${group}: ${newest.op} of ${state.id} is not so, and not reported`)];
  });
}
