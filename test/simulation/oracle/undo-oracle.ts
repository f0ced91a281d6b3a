/**
 * Judges, at the end of a history, whom `rollcall undo` would change of some time: each member is afterwards as the target had the member
 * before the first change of that time, as the target itself has noted it. Who is left out is compared with the reports as they were
 * written, the newest change of each member, and who is in the group.
 */
import { undoOf, undoable } from '../../../src/core/drift/undo.ts';
import { keyOf, type WantedIntent } from '../../oracle/intents.ts';
import { offsetOf } from '../../oracle/places.ts';
import { isFailure, namedIn, operationOf, type Report } from '../../oracle/reports.ts';
import type { SaltedRandom } from '../../support/random.ts';
import { topics } from '../instance.ts';
import { Violation } from '../violation.ts';
import { groupName, type World } from '../world.ts';
import { seatOf } from './knowledge.ts';
import type { Topics } from './topics-now.ts';

type Found = 'add' | 'remove' | 'none';

/** By `reported_at`, epoch ms. */
interface Window {
  readonly since: number;
  readonly until: number;
}

/** @throws Violation where a member is changed who is not to be, or the other way round. */
export function checkUndo(world: World, known: Topics, random: SaltedRandom): void {
  const { topicOracle, settings } = world;
  const times = topicOracle.reports.map(({ reported_at: at }) => Date.parse(at)).toSorted((a, b) => a - b);
  if (times.length === 0) return;
  const drawn = [random.below(times.length), random.below(times.length)].map((index) => times[index] ?? 0);
  const window = { since: Math.min(...drawn), until: Math.max(...drawn) + 1 };
  const applied = known.applied(window);
  const options = {
    author: null,
    madeBy: () => null,
    nameOf: (name: string | null) => name,
    isGoneAfter: () => false,
    isNamed: () => true,
  };
  for (let number = 0; number < settings.groups; number++) {
    const group = groupName(number);
    const changes = undoable(applied.ofGroup(group), options);
    const { repair } = undoOf(changes, known.known(group), known.shown(group), options);
    // An event of the group could not be read.
    if (repair?.kind === 'refused') continue;
    const found = new Map<string, Found>();
    for (const op of ['add', 'remove'] as const) for (const name of repair?.[op] ?? []) found.set(keyOf(name), op);
    for (const [member, op] of found)
      if (!isAsBefore(world, { group, member }, { op, window }))
        throw new Violation('undoes-exactly', `${group} ${member}: after the undo it is not as before the time`);
    for (const [member, expected] of expectedOf(world, group, window)) {
      const said = found.get(member) ?? 'none';
      world.counter.count(`undo: ${expected}`);
      found.delete(member);
      if (said !== expected && !isDecidedByGone(world, { group, member }))
        throw new Violation('undoes-exactly', `${group} ${member}: the undo says ${said}, and it is ${expected}`);
    }
    for (const [member, op] of found)
      throw new Violation('undoes-exactly', `${group} ${member}: the undo says ${op}, and nothing was applied`);
  }
}

/** Of each member of the group of whom something was applied then. */
function expectedOf(world: World, group: string, { since, until }: Window): ReadonlyMap<string, Found> {
  const { knowledge, target, topicOracle } = world;
  const members = new Map<string, Map<string, { readonly intent: WantedIntent; isSure: boolean }>>();
  for (const report of topicOracle.reports) {
    const at = Date.parse(report.reported_at);
    const intent = isApplied(report) && namedIn(report).group === group ? knowledge.find(report.id) : undefined;
    if (intent === undefined || at < since || at >= until) continue;
    const ofMember =
      members.get(intent.member) ?? new Map<string, { readonly intent: WantedIntent; isSure: boolean }>();
    members.set(intent.member, ofMember);
    const isSent = report.outcome === 'applied' || typeof report.request?.patch_id === 'string';
    const isSure = isSent && report.request?.unseen !== true;
    ofMember.set(intent.id, { intent, isSure: isSure || ofMember.get(intent.id)?.isSure === true });
  }
  return new Map(
    [...members].map(([member, changes]): [string, Found] => {
      const line = [...changes.values()].toSorted((a, b) => (a.intent.place < b.intent.place ? -1 : 1));
      const [first, last] = [line[0]?.intent, line.at(-1)?.intent];
      const newest = knowledge.newest(seatOf({ group, member }));
      const isLast = last !== undefined && (newest === undefined || newest.place <= last.place);
      const isThere = last !== undefined && target.members(group).has(member) === (last.op === 'add');
      if (first !== undefined && isDoubted(world, { group, member, since }, { first, applied: changes }))
        return [member, 'none'];
      if (!isLast || !isThere || first?.op !== last.op || line.some(({ isSure }) => !isSure)) return [member, 'none'];
      return [member, last.op === 'add' ? 'remove' : 'add'];
    }),
  );
}

const isApplied = ({ final, outcome }: Report): boolean => final && (outcome === 'applied' || outcome === 'recovered');

interface Seated {
  readonly group: string;
  readonly member: string;
}

/** A request may have made the opposite just before, though no report says so. */
function isDoubted(
  { knowledge, topicOracle }: World,
  { group, member, since }: Seated & Pick<Window, 'since'>,
  { first, applied }: { readonly first: WantedIntent; readonly applied: { has(id: string): boolean } },
): boolean {
  const reports = topicOracle.reports.filter((report) => namedIn(report).group === group);
  const isSettled = ({ id }: WantedIntent): boolean =>
    reports.some(
      (report) =>
        operationOf(report) === id &&
        (isApplied(report) || report.outcome === 'already_synced') &&
        Date.parse(report.reported_at) < since,
    );
  return reports.some((report) => {
    const intent = isTried(report) ? knowledge.find(operationOf(report)) : undefined;
    if (intent === undefined || intent.member !== member || intent.op === first.op) return false;
    return intent.place < first.place && !applied.has(intent.id) && !isSettled(intent);
  });
}

const isTried = ({ outcome }: Report): boolean =>
  isFailure(outcome) || ['superseded', 'retry_scheduled', 'already_synced'].includes(outcome);

/** By the target's own history. */
function isAsBefore(
  { knowledge, memberships, topicOracle, target }: World,
  { group, member }: Seated,
  { op, window: { since } }: { readonly op: Found; readonly window: Window },
): boolean {
  const seat = seatOf({ group, member });
  const times = topicOracle.reports.map(({ reported_at: at }) => Date.parse(at));
  const begin = times.findIndex((at) => at >= since);
  // Clocks that differ: it is not certain which effects are of the time.
  const isClear = times.slice(begin).every((at) => at >= since);
  if (knowledge.foreign.has(seat) || !isClear) return true;
  const effects = memberships.of(seat);
  const last = effects.findLast(({ reportCount }) => reportCount < begin);
  const first = effects.find(({ reportCount }) => reportCount >= begin);
  const wasIn = first === undefined ? target.members(group).has(member) : first.op === 'remove';
  if (wasIn === (op === 'add')) return true;
  // An effect from before the time that was reported within it is of the time, too.
  const isReported = topicOracle.reports
    .slice(last?.reportCount ?? 0, begin)
    .some(
      (report) => isApplied(report) && knowledge.find(report.id)?.member === member && namedIn(report).group === group,
    );
  return last !== undefined && !isReported;
}

/** A record that says something of the member is gone. */
function isDecidedByGone({ knowledge, broker }: World, seated: Seated): boolean {
  const isGone = ({ partition, place }: WantedIntent): boolean =>
    offsetOf(place) < broker.topic(topics.source).partition(partition).start;
  return knowledge.line(seatOf(seated)).some(isGone);
}
