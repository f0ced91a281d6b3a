/**
 * Whether a service at rest, after all faults, has kept its promises (design 2): judged by what lies in the topics and
 * at the target alone, with no code of `src`.
 */
import { deadLetterViolations } from './dead-letters.ts';
import { factsOf, seat, type Facts, type Topics } from './facts.ts';
import type { WantedIntent } from './intents.ts';
import { misplacedGroups } from './live-records.ts';
import { contradictions, isFailure, operationOf, type Report } from './reports.ts';
import { broken, type Violation } from './violation.ts';

type Members = ReadonlyMap<string, ReadonlySet<string>>;

export interface EndState extends Topics {
  /** By source partition. */
  readonly committed: ReadonlyMap<number, bigint>;
  /** At the target, by group. */
  readonly memberships: Members;
  /** Who was there before and is named by no event, by group. */
  readonly bystanders: Members;
  /** Somebody else may have touched it last. */
  readonly foreign?: (group: string, member: string) => boolean;
}

/** Empty where every promise is kept. */
export function finalVerdict(end: EndState): readonly Violation[] {
  const facts = factsOf(end);
  return [
    ...commitViolations(end),
    ...eventViolations(facts),
    ...[...facts.intents.values()].flatMap((intent) => intentViolations(end, facts, intent)),
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
  const isNewest = facts.newest.get(seat(intent)) === intent;
  const found: Violation[] = [];
  if (report?.final !== true) found.push(broken('kept', `${id} has no final report`));
  else {
    if (report.group !== group || report.member !== member || report.op !== op) {
      found.push(broken('accounted', `${id} is reported as ${report.op} of ${report.member} in ${report.group}`));
    }
    if (report.outcome === 'superseded') found.push(...supersededViolations(facts, intent, report));
    else if (!successes.has(report.outcome) && !isFailure(report.outcome)) {
      found.push(broken('accounted', `${id} ends as ${report.outcome}`));
    }
  }
  if (!isNewest || end.foreign?.(group, member) === true) return found;
  const isSo = end.memberships.get(group)?.has(member) === (op === 'add');
  const hasFailed = report !== undefined && isFailure(report.outcome);
  if (!isSo && !hasFailed) {
    found.push(broken('newest', `${member} of ${group}: ${op} of ${id} is ${report?.outcome} and not so`));
  }
  if (!isSo && hasFailed && !facts.live.has(id)) found.push(broken('kept', `${id} has failed and cannot be replayed`));
  return found;
}

function supersededViolations(facts: Facts, intent: WantedIntent, report: Report): readonly Violation[] {
  if (facts.newest.get(seat(intent)) === intent) {
    return [broken('newest', `${intent.id} is the newest, and reported as superseded by ${report.superseded_by}`)];
  }
  const by = facts.intents.get(report.superseded_by ?? '');
  const isTrue = by !== undefined && seat(by) === seat(intent) && by.offset > intent.offset;
  return isTrue ? [] : [broken('accounted', `${intent.id} is not superseded by ${report.superseded_by}`)];
}

function strayReports({ reports, intents, events }: Facts): readonly Violation[] {
  const operations = new Set(reports.map(operationOf));
  return [...operations]
    .filter((id) => !intents.has(id) && !events.has(id))
    .map((id) => broken('accounted', `${id} is reported, and nobody wanted it`));
}

/** At rest a live record holds dead intents only, each the newest of its member. */
function retryViolations({ retryPartitions, live, intents, newest, counting }: Facts): readonly Violation[] {
  const found = [...retryPartitions].flatMap(([partition, records]) =>
    misplacedGroups(records).map((group) =>
      broken('kept', `compaction would keep another live record of ${group} in partition ${partition}`),
    ),
  );
  for (const [id, { dead }] of live) {
    const intent = intents.get(id);
    const outcome = counting.get(id)?.outcome ?? 'nothing';
    if (dead === null) found.push(broken('kept', `${id} is still pending in its live record`));
    else if (intent === undefined) found.push(broken('accounted', `${id} is in a live record, and nobody wanted it`));
    else if (newest.get(seat(intent)) !== intent) found.push(broken('newest', `${id} is dead, replaced, and kept`));
    else if (!isFailure(outcome)) found.push(broken('accounted', `${id} is kept as dead, and reported as ${outcome}`));
  }
  return found;
}

function bystanderViolations(end: EndState, { newest }: Facts): readonly Violation[] {
  return [...end.bystanders].flatMap(([group, bystanders]) => {
    const there = end.memberships.get(group) ?? new Set<string>();
    const isForeign = (member: string): boolean => end.foreign?.(group, member) === true;
    const gone = [...bystanders].filter((member) => !there.has(member) && !isForeign(member));
    const uncalled = [...there].filter(
      (member) => !bystanders.has(member) && !newest.has(seat({ group, member })) && !isForeign(member),
    );
    return [
      ...gone.map((member) => broken('unwiped', `${member} is gone from ${group}, and nobody asked for it`)),
      ...uncalled.map((member) => broken('accounted', `${member} is in ${group}, and nobody asked for it`)),
    ];
  });
}
