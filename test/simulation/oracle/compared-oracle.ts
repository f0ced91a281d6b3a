/**
 * Judges the comparisons beside the service (protocol.md 14): what they report, and, once all is at rest, whether the instances together
 * have found just what differs, with one request for each group.
 */
import type { Report } from '../../oracle/reports.ts';
import type { Comparisons } from '../comparisons.ts';
import { Violation } from '../violation.ts';
import type { World } from '../world.ts';

const KINDS = ['missing', 'extra', 'undone'] as const;

/** By the group and the member, as the target names them. */
export type Differing = ReadonlyMap<string, (typeof KINDS)[number]>;

/** How often the target is asked for a group at most. */
const REQUESTS_MAX = 1.02;

export class ComparedOracle {
  /** Kind, group and member of what was reported. */
  readonly #reported = new Set<string>();

  reported({ id, final, group, member, reason }: Report): void {
    const [, kind = ''] = id.split('/');
    if (!final || reason?.code !== kind || !KINDS.some((each) => each === kind))
      throw new Violation('compares', `${id} is reported as drift of ${reason?.code}`);
    this.#reported.add(`${kind} ${group}\n${member}`);
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
