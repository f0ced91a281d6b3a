/**
 * Judges the comparisons beside the service (protocol.md 14): what they report, and, once all is at rest, whether the instances together
 * have found just what differs, with one request for each group.
 */
import type { WantedIntent } from '../../oracle/intents.ts';
import { recordIdOf } from '../../oracle/full-states.ts';
import type { Report } from '../../oracle/reports.ts';
import type { Comparisons } from '../comparisons.ts';
import { EPOCH_MS } from '../engine/host.ts';
import { Violation } from '../violation.ts';
import type { World } from '../world.ts';
import type { Differing } from './drift-oracle.ts';
import { isSuccess, seatOf } from './knowledge.ts';
import type { LiveView } from './live-view.ts';
import { isOnItsWay } from './on-its-way.ts';

const KINDS = ['missing', 'extra', 'undone'] as const;
/** Of a newest change that was never done. */
const KIND_OF = { add: 'missing', remove: 'extra' } as const;

/** How often the target is asked for a group at most. */
const REQUESTS_MAX = 1.02;

interface Judged extends Pick<World, 'knowledge' | 'broker' | 'memberships'> {
  readonly members: (group: string) => ReadonlySet<string>;
  readonly live: readonly LiveView[];
}

export class ComparedOracle {
  readonly #world: Judged;
  /** Kind, group and member of what was reported. */
  readonly #reported = new Set<string>();
  /** By group: when the request of a comparison was sent, ms of the history. */
  readonly #asked = new Map<string, number[]>();

  constructor(world: Judged) {
    this.#world = world;
  }

  asked(group: string, at: number): void {
    const known = this.#asked.get(group) ?? [];
    this.#asked.set(group, [...known, at]);
  }

  reported(report: Report): void {
    const { id, final, group, member, reason } = report;
    const [, kind = ''] = id.split('/');
    if (!final || reason?.code !== kind || !KINDS.some((each) => each === kind))
      throw new Violation('compares', `${id} is reported as drift of ${reason?.code}`);
    this.#checkTruth(report, kind);
    this.#reported.add(`${kind} ${group}\n${member}`);
  }

  /** The member has differed in just that way at some time between the request and its answer, and nothing was on its way. */
  #checkTruth(report: Report, kind: string): void {
    const { id, op } = report;
    const [group, member] = [report.group ?? '', report.member ?? ''];
    const seat = seatOf({ group, member });
    const until = Date.parse(report.reported_at) - EPOCH_MS;
    const from = this.#asked.get(group)?.findLast((at) => at <= until);
    if (from === undefined) throw new Violation('compares', `${id} is reported, and the target was not asked`);
    const wanted = this.#world.knowledge.line(seat).map((intent) => ({ at: this.#producedAt(intent), intent }));
    const effects = this.#world.memberships.of(seat);
    const isMemberAt = (time: number): boolean => {
      const last = effects.findLast(({ at }) => at <= time);
      if (last !== undefined) return last.op === 'add';
      return effects[0] === undefined ? this.#world.members(group).has(member) : effects[0].op === 'remove';
    };
    const ended = wanted.flatMap(({ intent }) => this.#endedAt(intent) ?? []);
    const moments = [...[...wanted, ...effects].map(({ at }) => at), ...ended];
    const times = [from, ...moments.filter((at) => at > from && at <= until)];
    const isTrue = times.some((time) => {
      const newest = wanted.findLast(({ at }) => at <= time)?.intent;
      if (newest === undefined || newest.op !== op || isMemberAt(time) === (op === 'add')) return false;
      if (!this.#isEnded(newest, time)) return false;
      return kind === 'undone' ? this.#isUndone(newest, seat, time) : kind === KIND_OF[newest.op];
    });
    if (!isTrue)
      throw new Violation('compares', `${id} is reported, and ${group} ${member} was never ${kind} while it was read`);
  }

  /** It was done, and what has made it the opposite is of another client, and came after the change was wanted. */
  #isUndone(newest: WantedIntent, seat: string, time: number): boolean {
    const final = this.#finalOf(newest);
    const last = this.#world.memberships.of(seat).findLast(({ at }) => at <= time);
    const isByOthers = last?.isForeign === true && last.at >= this.#producedAt(newest);
    return isByOthers && (final === undefined || isSuccess(final.outcome));
  }

  /** What was given up may wait again: an operator replays it. Of what has no report it is judged as it is now. */
  #isEnded(newest: WantedIntent, time: number): boolean {
    const endedAt = this.#endedAt(newest);
    if (endedAt !== null) return endedAt <= time;
    const live = this.#world.live.flatMap(({ all }) => all);
    return !isOnItsWay(this.#world, live, newest);
  }

  /** When its first final report was made, or that of its full state; null: there is none. */
  #endedAt({ id, whole }: WantedIntent): number | null {
    const { finalAt } = this.#world.knowledge;
    return finalAt.get(id) ?? (whole === undefined ? undefined : finalAt.get(whole.id)) ?? null;
  }

  #finalOf({ id, whole }: WantedIntent): Report | undefined {
    const { finals } = this.#world.knowledge;
    return finals.get(id) ?? (whole && finals.get(whole.id));
  }

  #producedAt({ id }: WantedIntent): number {
    const { producedAt } = this.#world.knowledge;
    return producedAt.get(id) ?? producedAt.get(recordIdOf(id)) ?? 0;
  }

  /**
   * Of a world at rest, after passes that nothing has disturbed.
   * @param unanswered how many of their requests had no answer in time
   */
  checkEnd(world: World, differing: Differing, unanswered: number): void {
    const running = comparisonsIn(world);
    for (const [seat, kind] of differing)
      if (!this.#reported.has(`${kind} ${seat}`))
        throw new Violation('compares', `${seat.replace('\n', ' ')} is ${kind}, and no report says so`);
    for (const kind of KINDS) {
      const expected = [...differing.values()].filter((each) => each === kind).length;
      const found = sum(running, ({ watch }) => watch.figures.found?.members[kind] ?? 0);
      if (expected > 0) world.counter.count(`compared: ${kind}`, expected);
      if (found !== expected)
        throw new Violation('compares', `${found} members are found ${kind}, and ${expected} are`);
    }
    const [groupsFound, groupsDiffering] = [
      sum(running, ({ watch }) => watch.figures.found?.groups ?? 0),
      new Set([...differing.keys()].map((seat) => seat.slice(0, seat.indexOf('\n')))).size,
    ];
    if (groupsFound !== groupsDiffering)
      throw new Violation('compares', `${groupsFound} groups are found to differ, and ${groupsDiffering} do`);
    const { groups } = world.settings;
    const requests = sum(running, ({ lastPassRequests }) => lastPassRequests);
    if (requests > REQUESTS_MAX * groups + unanswered)
      throw new Violation('compares', `${requests} requests are sent to compare ${groups} groups`);
  }
}

/** Of the instances that own something: the others have nothing to compare, and begin no pass. */
export const comparisonsIn = ({ instances }: World): readonly Comparisons[] =>
  instances.flatMap((instance) =>
    instance !== null && instance.pipeline.stats().partitions.length > 0 ? (instance.comparisons ?? []) : [],
  );

const sum = (all: readonly Comparisons[], of: (one: Comparisons) => number): number =>
  all.reduce((total, each) => total + of(each), 0);
