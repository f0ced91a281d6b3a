/** Each step of the course: something goes wrong or comes back, really, and is counted only if it was seen to. */
import { shortTimes } from '../support/service.ts';
import { COMPACTION_LAG_MIN_MS } from '../../src/core/log/topics.ts';
import type { Brokers } from './brokers.ts';
import { UNKNOWN_USERS } from './changes.ts';
import type { Fleet } from './fleet.ts';
import type { SeededRandom } from '../support/random.ts';
import type { ChaosHarness } from './chaos-harness.ts';
import type { Step } from './scale.ts';
import { comesTrue, rest } from './waiting.ts';
import type { Watch } from './watch.ts';

export interface FaultContext {
  readonly harness: ChaosHarness;
  readonly fleet: Fleet;
  readonly brokers: Brokers;
  readonly watch: Watch;
  readonly random: SeededRandom;
  readonly targetDownMs: number;
}

export interface Taken {
  /** 0: it was tried, and nothing of it was seen. */
  readonly seen: number;
  /** Resolves when final reports come again. */
  readonly recovered: Promise<number>;
}

export function take(step: Step, context: FaultContext): Promise<Taken> {
  switch (step) {
    case 'kill':
      return kill(context);
    case 'rebalanceStorm':
      return rebalanceStorm(context);
    case 'freeze':
      return freeze(context);
    case 'brokerStop':
      return restartBroker(context, 'terminate');
    case 'brokerKill':
      return restartBroker(context, 'kill');
    case 'targetDown':
      return targetDown(context);
    case 'replay':
      return replay(context);
    case 'leaderElection':
      return leaderElection(context);
    case 'retryRefused':
      return retryRefused(context);
  }
}

async function kill({ fleet, watch, random }: FaultContext): Promise<Taken> {
  const victim = fleet.any();
  const lost = [...victim.partitions];
  await fleet.kill(victim);
  const recovered = watch.takenOver(lost);
  await rest(random.between(0, 1_500));
  fleet.start();
  return { seen: 1, recovered };
}

const STORM_ROUNDS = 3;

/** Instances come and leave before their work has found its place. */
async function rebalanceStorm({ fleet, watch, random }: FaultContext): Promise<Taken> {
  const lostBefore = fleet.said('partition lost');
  for (let round = 0; round < STORM_ROUNDS; round += 1) {
    const newcomer = fleet.start();
    await comesTrue(8_000, () => newcomer.partitions.length > 0);
    await rest(random.between(0, 400));
    const leaver = fleet.oldest();
    if (leaver !== undefined) await fleet.stop(leaver);
  }
  const seen = fleet.said('partition lost') > lostBefore ? 1 : 0;
  return { seen, recovered: watch.recovered() };
}

const SESSION_MS = Number(shortTimes.KAFKA_SESSION_TIMEOUT_MS);

/** It learns only when it wakes up that it owns nothing any more. */
async function freeze({ fleet, watch }: FaultContext): Promise<Taken> {
  const frozen = fleet.any();
  const owned = [...frozen.partitions];
  const lostBefore = frozen.linesOf('partition lost').length;
  frozen.signal('SIGSTOP');
  const recovered = watch.takenOver(owned);
  await rest(SESSION_MS + 3_000);
  frozen.signal('SIGCONT');
  const hasLost = await comesTrue(15_000, () => frozen.linesOf('partition lost').length > lostBefore);
  return { seen: hasLost ? 1 : 0, recovered };
}

async function restartBroker({ brokers, watch }: FaultContext, how: 'terminate' | 'kill'): Promise<Taken> {
  await brokers.restartOne(how);
  return { seen: 1, recovered: watch.recovered() };
}

async function targetDown({ harness, watch, targetDownMs, fleet }: FaultContext): Promise<Taken> {
  const openedBefore = fleet.said(BREAKER_OPENS);
  await harness.sandbox.goDown('refused');
  await rest(targetDownMs);
  await harness.sandbox.goUp();
  const seen = fleet.said(BREAKER_OPENS) > openedBefore ? 1 : 0;
  return { seen, recovered: watch.recovered() };
}

const REPLAY_LIMIT_MS = 30_000;

/** Some of the unknown users come to be known, so that some of the woken changes land. */
async function replay({ harness, fleet, watch, random }: FaultContext): Promise<Taken> {
  for (const id of UNKNOWN_USERS.slice(UNKNOWN_USERS.length / 2)) {
    if (random.happens(0.3)) harness.sandbox.putUser({ id });
  }
  // At first nothing is given up yet, and while partitions change hands no owner answers.
  const hasWoken = await comesTrue(REPLAY_LIMIT_MS, async () => (await fleet.replay()) > 0);
  return { seen: hasWoken ? 1 : 0, recovered: watch.recovered() };
}

async function leaderElection({ harness, brokers, watch }: FaultContext): Promise<Taken> {
  const moved = await brokers.moveLeaders(Object.values(harness.topics));
  return { seen: moved > 0 ? 1 : 0, recovered: watch.recovered() };
}

async function retryRefused({ harness, brokers, watch, fleet }: FaultContext): Promise<Taken> {
  const refusals = (): number =>
    fleet.said(
      RECORDS_NOT_WRITTEN,
      ({ topic, error }) => topic === harness.topics.retry && /in-sync replicas/i.test(String(error)),
    );
  const before = refusals();
  await brokers.refuseWrites(harness.topics.retry, {
    'cleanup.policy': 'compact',
    'min.compaction.lag.ms': String(COMPACTION_LAG_MIN_MS),
  });
  return { seen: refusals() > before ? 1 : 0, recovered: watch.recovered() };
}

const BREAKER_OPENS = 'breaker opened';
const RECORDS_NOT_WRITTEN = 'records cannot be written, trying again; what depends on them is not committed';
