/** What `plan --from-topic` and `--replay` print is what the service then sends, byte for byte, in random worlds: TOPIC_WORLDS says in how many. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aPlanWorld, PlanTarget, type PatchFault, type PlanMade, type SentRequest } from '../support/plan-world.ts';
import { TopicPlanWorld } from '../support/topic-plan-world.ts';

const WORLDS = Number(process.env['TOPIC_WORLDS'] ?? 100);

type Shown = Omit<SentRequest, 'if_match'>;

/** By group, since groups are sent side by side. */
function byPath(requests: readonly Shown[]): Record<string, readonly string[]> {
  const paths: Record<string, string[]> = {};
  for (const { path, body } of requests) (paths[path] ??= []).push(body);
  return paths;
}

const requestsOf = ({ groups }: PlanMade): readonly Shown[] =>
  groups.flatMap(({ plan: { requests } }) =>
    requests.map(({ method, path, body }) => ({ method, path, body: JSON.stringify(body) })),
  );

const faults = fc.array(fc.constantFrom<PatchFault>('none', '503', 'refused'), { maxLength: 6 });

/** What has failed once waits for long. */
const patient = { RETRY_BASE_MS: '3600000', RETRY_CAP_MS: '3600000' };

const aHistory = fc.record({
  world: aPlanWorld.map((world) => ({ ...world, environment: { ...world.environment, ...patient } })),
  drawn: faults,
  /** So many lines are read by an instance that is gone. */
  readCount: fc.nat({ max: 8 }),
  /** That instance was stopped early. */
  isCut: fc.boolean(),
  seed: fc.nat(),
});

async function afterHistory({
  world,
  drawn,
  readCount,
  isCut,
  seed,
}: typeof aHistory extends fc.Arbitrary<infer T> ? T : never) {
  const history = new TopicPlanWorld(world, new PlanTarget(world, drawn), seed);
  history.append(world.lines.slice(0, readCount));
  const former = await history.start();
  if (isCut) await history.clock.advance(25);
  else await history.quiet();
  await history.stop(former);
  await history.endWindow();
  history.append(world.lines.slice(readCount));
  history.target.endFaults();
  // In which order the rest of it goes is not foretold.
  fc.pre(!(await history.isBetweenLooks()));
  return history;
}

test('plan --from-topic: its requests are those that run then sends', { timeout: 1_800_000 }, async () => {
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
      expect(byPath(requestsOf(plan))).toEqual(byPath(sent));
    }),
    { numRuns: WORLDS },
  );
});

test('plan --replay: its requests are those that replay now then has sent', { timeout: 1_800_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(aHistory, fc.constantFrom(undefined, ['g'], ['h']), async (drawn, groups) => {
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
      expect(byPath(requestsOf(plan))).toEqual(byPath(sent));
    }),
    { numRuns: WORLDS },
  );
});
