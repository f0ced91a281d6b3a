/** Several instances: partitions change hands in every way there is, and no group ends wrong. */
import { expect, test } from 'vitest';
import { describeNewestKafka } from '../support/broker.ts';
import { manyChanges } from '../support/changes.ts';
import { openKafkaHarness, type KafkaHarness } from '../support/kafka-harness.ts';
import { ownedAfter, type ServiceProcess } from '../support/service.ts';

const groups = Array.from({ length: 24 }, (_, i) => `g${i}`);
/** Nothing of theirs is accepted until the end. */
const parkedGroups = Array.from({ length: 6 }, (_, i) => `parked-${i}`);
const patient = { RETRY_MAX_ATTEMPTS: '1000' };

describeNewestKafka('several instances', ({ brokers }) => {
  test('hand their work over: one leaves, one is killed, one is frozen and wakes up', async () => {
    // given two instances at work, and something that is parked
    const harness = await openKafkaHarness(brokers, { latencyMs: { min: 5, max: 60 } });
    for (const group of [...groups, ...parkedGroups]) harness.group(group, ['m0', 'm1', 'm2']);
    const unavailable = { kind: 'status', status: 503 } as const;
    for (const group of parkedGroups)
      harness.sandbox.addRule({ match: { method: 'PATCH', group }, fault: unavailable });
    for (const fault of [unavailable, { kind: 'resetAfterApply' }, { kind: 'foreignWriter' }] as const) {
      harness.sandbox.addRule({ match: { method: 'PATCH', probability: 0.04 }, fault });
    }
    const changes = manyChanges(groups, { count: 1_200, members: 12 });
    const first = harness.process(patient);
    const second = harness.process(patient);
    await Promise.all([first.said('partition caught up'), second.said('partition caught up')]);
    await harness.send(...parkedGroups.map((group) => ({ group, add: ['joiner'], remove: ['m0'] })));
    await harness.send(...changes.slice(0, 400));
    for (const group of parkedGroups) await harness.parked(group);
    // when one leaves,
    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);
    await second.owns(3);
    // another comes, and the old one is killed,
    const third = harness.process(patient);
    const byThird = watchRequests(harness, third);
    await third.said('partition caught up');
    await harness.send(...changes.slice(400, 800));
    await second.kill();
    await third.owns(3);
    // and that one is frozen for longer than its session while requests of it are on their way
    const inFlight = harness.sandbox.pauseAt(({ method }) => method === 'PATCH');
    await harness.send(...changes.slice(800));
    await harness.unbroken(inFlight.arrivals(3));
    const lostBefore = third.linesOf('partition lost').length;
    third.signal('SIGSTOP');
    inFlight.release();
    const fourth = harness.process(patient);
    const byFourth = watchRequests(harness, fourth);
    await fourth.owns(3);
    const [sentBefore, linesBefore] = [byThird.length, third.lines.length];
    third.signal('SIGCONT');
    await third.said('partition lost', { count: lostBefore + 1 });
    // then
    harness.sandbox.clearRules();
    await harness.settled();
    for (const group of parkedGroups) expect(harness.outcomesOf(group, 'joiner')).toEqual(['recovered']);
    for (const service of [first, second, third, fourth]) expectOrder(service);
    expectOwned(harness, byThird.slice(0, sentBefore));
    // What it owned before it was frozen is not its own any more, but for a request of each group that was on its way then.
    const late = earlyAmong(harness, byThird.slice(sentBefore), linesBefore);
    expect(new Set(late).size).toBe(late.length);
    expectOwned(harness, byFourth);
    expect(byFourth.length).toBeGreaterThan(0);
  });
});

/** What was parked is restored first, then the source is caught up with. */
function expectOrder(service: ServiceProcess): void {
  const steps = service.lines.filter(({ msg }) => /^partition (restored|caught up|lost)$/.test(msg));
  for (const partition of [0, 1, 2]) {
    const own = steps.filter((step) => step.partition === partition).map(({ msg }) => msg);
    own.forEach((msg, i) => msg === 'partition caught up' && expect(own[i - 1]).toBe('partition restored'));
  }
}

interface Sent {
  readonly group: string;
  readonly by: ServiceProcess;
  /** Of its log, what it had written when the request arrived. */
  readonly lineCount: number;
}

/** The requests of an instance that was just started and has no token yet. */
function watchRequests(harness: KafkaHarness, by: ServiceProcess): readonly Sent[] {
  const sent: Sent[] = [];
  const first = harness.sandbox.stats.tokens + 1;
  let next: number | null = null;
  harness.sandbox.onRequest(({ phase, entry: { token, group } }) => {
    if (phase !== 'arrived' || token === null || group === null || token < first) return;
    next ??= token;
    if (token === next) void readLog().then(() => sent.push({ group, by, lineCount: by.lines.length }));
  });
  return sent;
}

/** What an instance logs before a request is in the pipe when the request arrives, so one round of reading brings it. */
async function readLog(): Promise<void> {
  for (let round = 0; round < 2; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** No request about a partition whose owner, by its own log, had not caught up with it. */
function expectOwned(harness: KafkaHarness, requests: readonly Sent[]): void {
  expect(earlyAmong(harness, requests)).toEqual([]);
}

/** The groups of those requests whose sender, by its own log since that line, had not caught up with their partition. */
function earlyAmong(harness: KafkaHarness, requests: readonly Sent[], since = 0): readonly string[] {
  const partitionOf = new Map(harness.reports.map(({ group, source }) => [group, source.partition]));
  const early = requests.filter(({ group, by, lineCount }) => {
    const partition = partitionOf.get(group);
    return partition !== undefined && !ownedAfter(by.lines.slice(since, lineCount)).includes(partition);
  });
  return early.map(({ group }) => group);
}
