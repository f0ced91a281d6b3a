/** One history from its first event to rest: what happened, and which promise it broke, if any. */
import { isDeepStrictEqual } from 'node:util';
import { finalVerdict } from '../oracle/final-verdict.ts';
import type { LiveIntent } from '../oracle/live-records.ts';
import { placeText } from '../oracle/places.ts';
import type { Report } from '../oracle/reports.ts';
import { countingReports } from '../oracle/reports.ts';
import { promises } from '../oracle/violation.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import { ReportRecord } from '../../src/core/report/report.ts';
import { summarize } from '../../src/core/report/summary.ts';
import { SaltedRandom } from '../support/random.ts';
import { applyEvent } from './events.ts';
import { topics } from './instance.ts';
import { seatOf } from './oracle/knowledge.ts';
import { Explaining } from './oracle/explain-oracle.ts';
import { comparisonsIn } from './oracle/compared-oracle.ts';
import { differingIn, Diffing } from './oracle/drift-oracle.ts';
import { TopicsReader } from './oracle/topics-now.ts';
import { leftIn } from './expectations.ts';
import { resumeAll } from './pausing-operator.ts';
import type { Scenario } from './scenarios.ts';
import { isDirected, directedPlan, saltOf } from './scenarios.ts';
import { settingsOf } from './drawn-scenarios.ts';
import type { Event } from './script.ts';
import { drawScript } from './script.ts';
import type { Settings } from './settings.ts';
import { drawSettings } from './settings.ts';
import type { NarratedLine } from './world.ts';
import { World } from './world.ts';
import { Violation } from './violation.ts';

export interface Plan {
  readonly seed: number;
  readonly settings: Settings;
  readonly events: readonly Event[];
}

export interface History {
  readonly violation: Violation | null;
  readonly narration: readonly NarratedLine[];
  readonly counts: ReadonlyMap<string, number>;
  readonly steps: number;
  readonly virtualMs: number;
  readonly requests: number;
  readonly intents: number;
}

/** After the last fault everything due must be final within so long: all schedules, the doubt and the breaker. */
const CONVERGE_MS = 3_600_000;
/** What a comparison of a few groups takes at most where nothing else happens. */
const PASS_MS = 600_000;
/** How long a world at rest is watched for what comes late. */
const QUIET_MS = 30_000;
/** Then a sweep may have written just now, and what it wrote is not read back yet. */
const SETTLED_MS = QUIET_MS + 5_000;

export function drawPlan(seed: number, scenario: Scenario): Plan {
  const random = new SaltedRandom(seed, saltOf(scenario));
  const drawn = drawSettings(random);
  if (isDirected(scenario)) return { seed, ...directedPlan(scenario, random, drawn) };
  const settings = { ...drawn, ...settingsOf[scenario]?.(random.fork('settings')) };
  return { seed, settings, events: drawScript(random, scenario, settings) };
}

/** @param narrates keep the history in words: slower. */
export async function play({ seed, settings, events }: Plan, narrates = false): Promise<History> {
  const world = new World(seed, settings, narrates);
  const violation = await run(world, events).catch((error: unknown) => {
    if (error instanceof Violation) return error;
    throw error;
  });
  for (const number of world.instances.keys()) world.kill(number);
  const { timeline, narration, counter, targetOracle, knowledge } = world;
  return {
    violation,
    narration,
    counts: counter.counts,
    steps: timeline.steps,
    virtualMs: timeline.now,
    requests: targetOracle.requests,
    intents: knowledge.intents.size + knowledge.states.size,
  };
}

async function run(world: World, events: readonly Event[]): Promise<Violation | null> {
  const { timeline, settings } = world;
  for (const event of events) timeline.after(event.at, () => applyEvent(world, event));
  const reader = new TopicsReader(world);
  const explaining = new Explaining(world, reader);
  const diffing = new Diffing(world, reader);
  const look = (): boolean => {
    world.look();
    explaining.now();
    diffing.now();
    return false;
  };
  await timeline.run(settings.durationMs, look);
  calm(world);
  let restSince = Infinity;
  const isDone = world.sourceOracle.isOther ? isRefused : isAtRest;
  const isOver = (): boolean => {
    world.look();
    if (!isDone(world)) restSince = Infinity;
    else if (restSince === Infinity) restSince = timeline.now;
    const restMs = timeline.now - restSince;
    return restMs > QUIET_MS && (restMs > SETTLED_MS || leftIn(world).length === 0);
  };
  const calmAt = timeline.now;
  if (!(await timeline.run(calmAt + CONVERGE_MS, isOver))) throw new Violation('converges', whatIsLeft(world));
  if (world.sourceOracle.isOther) return null;
  await compareAtRest(world);
  checkEnd(world);
  const known = reader.now();
  explaining.all(known);
  diffing.all(known);
  return null;
}

/** Until each instance has begun and ended a comparison of all its groups, and nothing has changed meanwhile: what they have found is judged. */
async function compareAtRest(world: World): Promise<void> {
  const { settings, topicOracle, targetOracle } = world;
  const { comparesEveryMs } = settings;
  // An open breaker stays open where there is nothing to ask for, and nothing is compared until a change comes.
  const isOpen = world.instances.some((instance) => (instance?.pipeline.stats().breaker ?? null) !== null);
  if (comparesEveryMs === undefined || isOpen) return;
  // Some faults have begun behind the last one.
  calm(world);
  for (let before = differingIn(world); ;) {
    const unansweredBefore = targetOracle.unansweredComparisons;
    await comparePasses(world, comparesEveryMs);
    const after = differingIn(world);
    const unanswered = targetOracle.unansweredComparisons - unansweredBefore;
    // What is dead is dropped by a sweep, and then it differs.
    if (isDeepStrictEqual(before, after)) return topicOracle.compared.checkEnd(world, after, unanswered);
    before = after;
  }
}

async function comparePasses(world: World, everyMs: number): Promise<void> {
  const { timeline } = world;
  const before = new Map(comparisonsIn(world).map((each) => [each, each.watch.figures.passes.finished]));
  const isOver = (): boolean => {
    world.look();
    // The first one may have begun before.
    const areDone = [...before].every(([{ watch }, count]) => watch.figures.passes.finished >= count + 2);
    return areDone && leftIn(world).length === 0;
  };
  if (await timeline.run(timeline.now + 3 * everyMs + PASS_MS, isOver)) return;
  throw new Violation('compares', 'a comparison does not come to its end');
}

/** The last fault is over. */
function calm(world: World): void {
  const { faults, target, instances } = world;
  world.narrate(() => '→ from now on nothing fails');
  faults.refuses.clear();
  for (const topic of Object.values(topics)) {
    for (let partition = 0; partition < world.settings.partitions; partition++)
      world.broker.topic(topic).heal(partition);
  }
  faults.broker = { done: 1 };
  faults.target = { answered: 1 };
  faults.receiver = { answered: 1 };
  target.state.tokens.refuseClient(null);
  target.state.denials.allow(undefined);
  target.sick.clear();
  target.refused.clear();
  for (const instance of instances) {
    instance?.host.disarm();
    instance?.host.thaw();
    instance?.link.reconnect();
  }
  if (instances.every((instance) => instance === null)) world.start(0);
  resumeAll(world);
}

function isAtRest(world: World): boolean {
  const { topicOracle, settings, instances } = world;
  if (instances.every((instance) => instance === null)) world.start(0);
  if (!topicOracle.isAllOver) return false;
  for (let partition = 0; partition < settings.partitions; partition++) {
    if (world.committed(partition) !== world.sourceEnd(partition)) return false;
  }
  if (topicOracle.live.some(({ all }) => all.some(isWaiting))) return false;
  return instances.every((instance) => instance === null || isIdle(instance.pipeline));
}

/** The owner of the partition refuses it. */
function isRefused({ instances }: World): boolean {
  const partitions = instances.flatMap((instance) => instance?.pipeline.stats().partitions ?? []);
  return partitions.length > 0 && partitions.every(({ phase }) => phase === 'refused');
}

const isWaiting = ({ dead, held }: LiveIntent): boolean => dead === null && held === null;

/**
 * What the guard holds rests; a place that could not be written to is tried again, and a group in flight may wait for the
 * gate, also where its partition is lost.
 */
function isIdle(pipeline: Pipeline): boolean {
  const { pending, held, unsettled, notifications } = pipeline.stats();
  if ((notifications?.waiting ?? 0) > 0) return false;
  return pending === held && unsettled.length === 0 && pipeline.sizes().locks === 0;
}

function whatIsLeft({ knowledge, topicOracle, instances }: World): string {
  const open = [...knowledge.open];
  const live = topicOracle.live.flatMap(({ all }) => all.filter(isWaiting));
  const states = instances.map(
    (instance) => instance && { ...instance.pipeline.stats(), requests: null, reports: null },
  );
  return `not final: ${open.join(', ')}; parked: ${live.map(({ member, place }) => `${placeText(place)}/${member}`).join(', ')}; ${JSON.stringify(states)}`;
}

function checkEnd(world: World): void {
  const { settings, knowledge, target, topicOracle } = world;
  const groups = target.state.groups.list();
  const partitions = Array.from({ length: settings.partitions }, (_, partition) => partition);
  const bystanders = ['bystander-1', 'bystander-2'];
  const touched = (group: string, member: string): boolean => {
    const newest = knowledge.newest(seatOf({ group, member }));
    return newest === undefined ? knowledge.foreign.has(seatOf({ group, member })) : knowledge.wasTouched(newest);
  };
  const violations = finalVerdict({
    topic: topics.source,
    source: world.produced.filter((record) => !knowledge.isLost(record)),
    reports: topicOracle.reports,
    retry: world.records(topics.retry),
    deadLetters: world.records(topics.deadLetter),
    sourceEnds: new Map(partitions.map((partition) => [partition, world.sourceEnd(partition)])),
    committed: new Map(partitions.map((partition) => [partition, world.committed(partition)])),
    memberships: new Map(groups.map(({ id, members }) => [id, members])),
    bystanders: new Map(groups.map(({ id }) => [id, new Set(bystanders.filter((member) => !touched(id, member)))])),
    foreign: touched,
  });
  const left = leftIn(world);
  if (left.length > 0) throw new Violation('bounded', left.join('; '));
  checkSummary(topicOracle.reports);
  if (settings.notifies === true) topicOracle.notices.checkEnd();
  // Also what has given way, before, to one that is lost.
  const isLost = ({ detail }: { readonly detail: string }): boolean =>
    [...knowledge.lost].some((id) => detail.startsWith(`${id} `) || detail.endsWith(` superseded by ${id}`));
  const [first] = violations.filter((violation) => !isLetOff(violation, settings) && !isLost(violation));
  checkLosses(world);
  if (first === undefined) return;
  const invariant = first.promise === promises.accounted ? 'one-true-report' : 'final-memberships';
  throw new Violation(invariant, first.detail);
}

/** What retention takes unread is lost, and its owner says so. */
function checkLosses({ knowledge, counter }: World): void {
  const messages = [
    'said: retention has passed the committed offset, changes may be lost: raise retention.ms of the source topic',
    'said: the next offset does not exist any more, changes may be lost',
  ];
  const isSaid = messages.some((message) => counter.counts.has(message));
  const isLost = [...knowledge.lost].some((id) => !knowledge.isFinal(id));
  if (isLost && !isSaid) throw new Violation('tells-losses', 'records were deleted unread, and nothing says so');
  // What retention has passed may have been committed, before the coordinator fell back.
  if (isSaid && knowledge.lost.size === 0 && !counter.counts.has('event: fall_back'))
    throw new Violation('tells-losses', 'a loss is reported, and nothing is lost');
}

/** Of each operation the service's own summary must show the report that counts. */
function checkSummary(reports: readonly Report[]): void {
  const { operations } = summarize(
    reports.map((report) => ReportRecord.parse(report)),
    0,
  );
  const counting = countingReports(reports);
  for (const { id, final, outcome } of operations) {
    const expected = counting.get(final ? id : id.slice(0, id.lastIndexOf('#')))?.outcome;
    if (outcome !== expected)
      throw new Violation('one-true-report', `the summary says ${outcome} of ${id}, not ${expected}`);
  }
}

/** Dead intents that were dropped by age, by number or for want of room cannot be replayed, and need not be. */
function isLetOff({ detail }: { readonly detail: string }, settings: Settings): boolean {
  const { deadKeepCount, deadKeepMs, retryRecordMaxBytes } = settings;
  const areDropped = deadKeepCount < 100 || deadKeepMs < 1_000_000 || retryRecordMaxBytes < 1_000_000;
  return areDropped && detail.endsWith('cannot be replayed');
}
