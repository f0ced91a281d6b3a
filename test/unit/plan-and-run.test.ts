/** What `plan --from-topic`, `--since` and `--replay` print is what the service then sends, byte for byte, in random worlds: TOPIC_WORLDS says in how many. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PatchBody } from '../../src/core/target/snapshot.ts';
import {
  aPlanWorld,
  PlanTarget,
  type PatchFault,
  type PlanMade,
  type PlanWorld,
  type SentRequest,
} from '../support/plan-world.ts';
import { TopicPlanWorld } from '../support/topic-plan-world.ts';

const WORLDS = Number(process.env['TOPIC_WORLDS'] ?? 100);

type Shown = Omit<SentRequest, 'if_match'>;

/** By group, since groups are sent side by side. */
function byPath(requests: readonly Shown[]): Record<string, readonly string[]> {
  const paths: Record<string, string[]> = {};
  for (const { path, body } of requests) (paths[path] ??= []).push(body);
  return paths;
}

/** What a full state comes to now shares a request with what was recorded of it before where its record is acknowledged soon enough. */
function changesByPath(requests: readonly Shown[]): Record<string, readonly string[]> {
  const paths: Record<string, string[]> = {};
  for (const { path, body } of requests) {
    const { Operations: operations } = JSON.parse(body) as PatchBody;
    const changes = operations.flatMap(({ op, path: of, value = [of] }) =>
      value.map((each) => JSON.stringify([op, each])),
    );
    (paths[path] ??= []).push(...changes);
  }
  return paths;
}

const requestsOf = ({ groups }: PlanMade): readonly Shown[] =>
  groups.flatMap(({ plan: { requests } }) =>
    requests.map(({ method, path, body }) => ({ method, path, body: JSON.stringify(body) })),
  );

const faults = fc.array(fc.constantFrom<PatchFault>('none', '503', 'refused'), { maxLength: 6 });
/** What is given up is what a replay wakes. */
const refusals = fc.array(fc.constantFrom<PatchFault>('refused', 'refused', 'refused', 'none', '503'), {
  minLength: 4,
  maxLength: 12,
});

/** What has failed once waits for long. */
const patient = { RETRY_BASE_MS: '3600000', RETRY_CAP_MS: '3600000' };

const historyWith = (drawn: fc.Arbitrary<PatchFault[]>, readCountMin = 0) =>
  fc.record({
    world: aPlanWorld.map((world) => ({ ...world, environment: { ...world.environment, ...patient } })),
    drawn,
    /** So many lines are read by an instance that is gone. */
    readCount: fc.integer({ min: readCountMin, max: 8 }),
    /** That instance was stopped early. */
    isCut: fc.boolean(),
    seed: fc.nat(),
  });
const aHistory = historyWith(faults);
type History = typeof aHistory extends fc.Arbitrary<infer T> ? T : never;

async function afterHistory(drawn: History) {
  const { world, readCount } = drawn;
  const history = new TopicPlanWorld(world, new PlanTarget(world, drawn.drawn), drawn.seed);
  history.append(world.lines.slice(0, readCount));
  await readBefore(history, drawn);
  history.append(world.lines.slice(readCount));
  return history;
}

/** An instance has read what there is, and is gone; from then on each PATCH is taken. */
async function readBefore(history: TopicPlanWorld, { isCut }: Pick<History, 'isCut'>): Promise<void> {
  const former = await history.start();
  if (isCut) await history.clock.advance(25);
  else await history.quiet();
  await history.stop(former);
  await history.endWindow();
  history.target.endFaults();
  // In which order the rest of it goes is not foretold.
  fc.pre(!(await history.isBetweenLooks()));
}

/** In how many worlds something is sent: a comparison of nothing with nothing proves nothing. */
class Comparisons {
  #count = 0;
  #sendingCount = 0;

  compare(plan: PlanMade, sent: readonly Shown[], shownOf = byPath): void {
    this.#count += 1;
    this.#sendingCount += Number(sent.length > 0);
    expect(shownOf(requestsOf(plan))).toEqual(shownOf(sent));
  }

  /** Once the worlds are drawn. */
  expectSending(percentMin: number): void {
    expect(this.#sendingCount / this.#count).toBeGreaterThan(percentMin / 100);
  }
}

test('plan --from-topic: its requests are those that run then sends', { timeout: 1_800_000 }, async () => {
  const comparisons = new Comparisons();
  await fc.assert(
    fc.asyncProperty(aHistory, async (drawn) => {
      const history = await afterHistory(drawn);
      const before = history.target.sent.length;
      const plan = await history.plan({ since: null, replay: null });
      expect(history.target.sent).toHaveLength(before);
      const pipeline = await history.start();
      await history.waitForTries();
      const sent = history.target.sent.slice(before);
      await history.stop(pipeline);
      comparisons.compare(plan, sent);
    }),
    { numRuns: WORLDS },
  );
  comparisons.expectSending(25);
});

test('plan --replay: its requests are those that replay now then has sent', { timeout: 1_800_000 }, async () => {
  const comparisons = new Comparisons();
  await fc.assert(
    fc.asyncProperty(historyWith(refusals, 5), fc.constantFrom(undefined, ['g'], ['h']), async (drawn, groups) => {
      const history = await afterHistory(drawn);
      const pipeline = await history.start();
      await history.quiet();
      const before = history.target.sent.length;
      const filter = groups === undefined ? {} : { groups };
      const plan = await history.plan({ since: null, replay: filter });
      await history.replay(filter);
      await history.quiet();
      const sent = history.target.sent.slice(before);
      await history.stop(pipeline);
      comparisons.compare(plan, sent);
    }),
    { numRuns: WORLDS },
  );
  comparisons.expectSending(15);
});

/** In which order a full state that is read again goes where reads do not show all members is not foretold. */
const listed = ({ groups, ...world }: PlanWorld): PlanWorld => ({
  ...world,
  groups: Object.fromEntries(
    Object.entries(groups).map(([id, group]): [string, typeof group] => [id, { ...group, kind: 'listed' }]),
  ),
});

test(
  'plan --since: its changes are those that run sends after a rewind, in this order',
  { timeout: 1_800_000 },
  async () => {
    const comparisons = new Comparisons();
    await fc.assert(
      fc.asyncProperty(aHistory, fc.boolean(), async (drawn, isLater) => {
        const [world, { readCount }] = [listed(drawn.world), drawn];
        const history = new TopicPlanWorld(world, new PlanTarget(world, drawn.drawn), drawn.seed);
        history.append(world.lines.slice(0, 3));
        await history.clock.advance(1000);
        const since = isLater ? history.clock.now().wall : 0;
        history.append(world.lines.slice(3, 3 + readCount));
        await readBefore(history, drawn);
        for (const group of ['g', 'h']) history.target.change(group);
        const before = history.target.sent.length;
        const plan = await history.plan({ since, replay: null });
        await history.rewind(since);
        const pipeline = await history.start();
        await history.waitForTries();
        const sent = history.target.sent.slice(before);
        await history.stop(pipeline);
        comparisons.compare(plan, sent, changesByPath);
      }),
      { numRuns: WORLDS },
    );
    comparisons.expectSending(25);
  },
);
