/**
 * Whether a service at rest, after all faults, has kept its promises (protocol.md 1.1): judged by what lies in the topics and
 * at the target alone, with no code of `src`.
 */
import { deadLetterViolations } from './dead-letters.ts';
import { factsOf, newestOf, seat, type Facts, type Topics } from './facts.ts';
import { impliedById } from './full-states.ts';
import type { WantedIntent } from './intents.ts';
import { misplacedGroups } from './live-records.ts';
import { contradictions, isFailure, namedIn, operationOf, type Report } from './reports.ts';
import { stateViolations } from './state-verdict.ts';
import { broken, type Violation } from './violation.ts';

type Members = ReadonlyMap<string, ReadonlySet<string>>;

export interface EndState extends Topics {
  /** By source partition. */
  readonly committed: ReadonlyMap<number, bigint>;
  /** At the target, by group. */
  readonly memberships: Members;
  /** Who was there before and is named by no event, by group. */
  readonly bystanders: Members;
  /** Another writer may have touched it last. */
  readonly foreign?: (group: string, member: string) => boolean;
}

/** Empty where every promise is kept. */
export function finalVerdict(end: EndState): readonly Violation[] {
  const facts = factsOf(end);
  return [
    ...commitViolations(end),
    ...eventViolations(facts),
    ...[...facts.intents.values()].flatMap((intent) => intentViolations(end, facts, intent)),
    ...[...facts.states.values()].flatMap((state) => stateViolations(end, facts, state)),
    ...impliedReports(facts).flatMap((intent) => intentViolations(end, facts, intent)),
    ...strayReports(facts),
    ...contradictions(facts.reports).map((id) => broken('accounted', `one owner has reported two ends of ${id}`)),
    ...retryViolations(facts),
    ...deadLetterViolations(facts),
    ...bystanderViolations(end, facts),
  ];
}

function commitViolations({ committed, sourceEnds }: EndState): readonly Violation[] {
  return [...sourceEnds]
    .filter(([partition, sourceEnd]) => (committed.get(partition) ?? 0n) !== sourceEnd)
    .map(([partition, sourceEnd]) =>
      broken('kept', `partition ${partition} is committed to ${committed.get(partition)}, its end is ${sourceEnd}`),
    );
}

function eventViolations({ events, counting }: Facts): readonly Violation[] {
  return [...events.values()].flatMap(({ id, outcome }) => {
    const report = counting.get(id);
    if (report === undefined) return [broken('kept', `${id} has no final report`)];
    return report.outcome === outcome ? [] : [broken('accounted', `${id} is ${report.outcome}, not ${outcome}`)];
  });
}

const successes = new Set(['applied', 'recovered', 'already_synced']);

function intentViolations(end: EndState, facts: Facts, intent: WantedIntent): readonly Violation[] {
  const { id, group, member, op } = intent;
  const report = facts.counting.get(id);
  const isNewest = newestOf(facts, intent)?.id === id;
  // What the guard holds rests un-removed, for as long as its live record says so (protocol.md 11).
  if (facts.live.get(id)?.held && !(report?.final === true && !isFailure(report.outcome))) return [];
  const found: Violation[] = [];
  if (report?.final !== true) {
    // What a full state came to may be something else after a crash; then it is judged as a whole.
    if (intent.whole !== undefined) return [];
    found.push(broken('kept', `${id} has no final report`));
  } else {
    const named = namedIn(report);
    if (named.group !== group || named.member !== intent.name || report.op !== op) {
      found.push(broken('accounted', `${id} is reported as ${report.op} of ${report.member} in ${report.group}`));
    }
    if (report.outcome === 'superseded') found.push(...supersededViolations(facts, intent, report));
    else if (!successes.has(report.outcome) && !isFailure(report.outcome)) {
      found.push(broken('accounted', `${id} ends as ${report.outcome}`));
    }
  }
  if (!isNewest || end.foreign?.(group, member) === true) return found;
  const isSatisfied = end.memberships.get(group)?.has(member) === (op === 'add');
  const hasFailed = report !== undefined && isFailure(report.outcome);
  if (!isSatisfied && !hasFailed) {
    found.push(broken('newest', `${member} of ${group}: ${op} of ${id} is ${report?.outcome} and not so`));
  }
  if (!isSatisfied && hasFailed && !facts.live.has(id))
    found.push(broken('kept', `${id} has failed and cannot be replayed`));
  return found;
}

function supersededViolations(facts: Facts, intent: WantedIntent, report: Report): readonly Violation[] {
  if (newestOf(facts, intent)?.id === intent.id) {
    return [broken('newest', `${intent.id} is the newest, and reported as superseded by ${report.superseded_by}`)];
  }
  const id = report.superseded_by ?? '';
  const by = facts.intents.get(id) ?? impliedById(facts.states, id);
  const state = facts.states.get(id);
  const isTrue =
    (by !== undefined && seat(by) === seat(intent) && by.place > intent.place) ||
    (state !== undefined && state.group === intent.group && state.place > intent.place);
  return isTrue ? [] : [broken('accounted', `${intent.id} is not superseded by ${report.superseded_by}`)];
}

/** What full states came to: only what they changed is reported by member. */
function impliedReports({ counting, states }: Facts): readonly WantedIntent[] {
  return [...counting.keys()].flatMap((id) => impliedById(states, id) ?? []);
}

function strayReports({ reports, intents, events, states }: Facts): readonly Violation[] {
  const operations = new Set(reports.map(operationOf));
  return [...operations]
    .filter((id) => !intents.has(id) && !events.has(id) && !states.has(id) && !impliedById(states, id))
    .map((id) => broken('accounted', `${id} is reported, and no change asked for it`));
}

/** At rest a live record holds dead and held intents only, each the newest of its member. */
function retryViolations(facts: Facts): readonly Violation[] {
  const { retryPartitions, live, intents, states, counting } = facts;
  const found = [...retryPartitions].flatMap(([partition, records]) =>
    misplacedGroups(records).map((group) =>
      broken('kept', `compaction would keep another live record of ${group} in partition ${partition}`),
    ),
  );
  for (const [id, { dead, held }] of live) {
    if (states.has(id)) continue;
    const intent = intents.get(id) ?? impliedById(states, id);
    const outcome = counting.get(id)?.outcome ?? 'nothing';
    if (dead === null && held === null) found.push(broken('kept', `${id} is still pending in its live record`));
    else if (intent === undefined)
      found.push(broken('accounted', `${id} is in a live record, and no change asked for it`));
    else if (newestOf(facts, intent)?.id !== id)
      found.push(broken('newest', `${id} is dead or held, replaced, and kept`));
    else if (held === null && !isFailure(outcome))
      found.push(broken('accounted', `${id} is kept as dead, and reported as ${outcome}`));
  }
  return found;
}

/** Where a full state speaks for all members, there are no bystanders. */
function bystanderViolations(end: EndState, { newest, newestState }: Facts): readonly Violation[] {
  const left = [...end.bystanders].filter(([group]) => !newestState.has(group));
  return left.flatMap(([group, bystanders]) => {
    const there = end.memberships.get(group) ?? new Set<string>();
    const isForeign = (member: string): boolean => end.foreign?.(group, member) === true;
    const gone = [...bystanders].filter((member) => !there.has(member) && !isForeign(member));
    const uncalled = [...there].filter(
      (member) => !bystanders.has(member) && !newest.has(seat({ group, member })) && !isForeign(member),
    );
    return [
      ...gone.map((member) => broken('unwiped', `${member} is gone from ${group}, and no change asked for it`)),
      ...uncalled.map((member) => broken('accounted', `${member} is in ${group}, and no change asked for it`)),
    ];
  });
}
