/** One process of the service in a history: the real pipeline, memory log and Genesys adapter on a host of its own. */
import { createGroupApi } from '../../src/adapters/genesys/group-api.ts';
import type { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { operatorKey } from '../../src/adapters/private-file.ts';
import { sha256 } from '../../src/adapters/system.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { Logger } from '../../src/ports.ts';
import { BrokerLink } from './engine/broker-link.ts';
import type { SaltedRandom } from '../support/random.ts';
import type { Counter } from './engine/counter.ts';
import { Host } from './engine/host.ts';
import type { Receiver } from './engine/receiver.ts';
import type { IdTable } from './engine/id-table.ts';
import type { Target } from './engine/target.ts';
import { credentials, targetUrl } from './engine/target.ts';
import type { Traffic } from './engine/target-network.ts';
import { targetConnect } from './engine/target-network.ts';
import type { Timeline } from './engine/timeline.ts';
import type { FaultModel } from './engine/fault-model.ts';
import { OwnerOracle } from './oracle/owner-oracle.ts';
import type { Knowledge } from './oracle/knowledge.ts';
import type { TopicOracle } from './oracle/topic-oracle.ts';
import { startComparisons, type Comparisons } from './comparisons.ts';
import type { TargetOracle } from './oracle/target-oracle.ts';
import { formatOf } from './list-format.ts';
import type { Settings } from './settings.ts';
import { fixed, guardOf } from './settings.ts';
import type { Violation } from './violation.ts';
import { WatchedLog } from './watched-log.ts';

export const topics = { source: 'source', retry: 'retry', deadLetter: 'dead-letter', report: 'reports' };

export interface Dependencies {
  readonly timeline: Timeline;
  readonly random: SaltedRandom;
  readonly faults: FaultModel;
  readonly counter: Counter;
  readonly broker: MemoryBroker;
  readonly target: Target;
  readonly ids: IdTable;
  readonly receiver: Receiver;
  readonly traffic: Traffic;
  readonly latestMs: number;
  readonly narrate: (line: () => string) => void;
  readonly heard: (message: string) => void;
  readonly knowledge: Knowledge;
  readonly topicOracle: TopicOracle;
  readonly targetOracle: Pick<TargetOracle, 'comparing'>;
  readonly accuse: (violation: Violation) => void;
}

export interface Instance {
  readonly host: Host;
  readonly link: BrokerLink;
  readonly pipeline: Pipeline;
  /** null: there are none. */
  readonly comparisons: Comparisons | null;
  /** null: it runs. */
  ended: Error | 'drained' | null;
}

export function startInstance(name: string, settings: Settings, around: Dependencies): Instance {
  const { timeline, broker, narrate } = around;
  const host = new Host(name, timeline);
  const link = new BrokerLink(host, around);
  const { pendingIntentsMax } = settings;
  const oracle = new OwnerOracle({ ...around, name, topics, pendingIntentsMax, now: () => timeline.now });
  const log = new WatchedLog(
    broker,
    {
      groupId: 'rollcall',
      clientId: name,
      topics,
      sessionTimeoutMs: fixed.sessionTimeoutMs,
      heartbeatIntervalMs: fixed.heartbeatIntervalMs,
      ...(settings.rebalanceTimeoutMs !== undefined && { rebalanceTimeoutMs: settings.rebalanceTimeoutMs }),
    },
    { ...around, host, link, oracle },
  );
  const logger = loggerOf(name, around);
  const random = around.random.fork(`random ${name}`);
  const api = createGroupApi(
    {
      ...credentials,
      apiUrl: targetUrl,
      loginUrl: targetUrl,
      requestTimeoutMs: fixed.requestTimeoutMs,
      concurrency: settings.concurrency,
      rateLimitPerMinute: null,
    },
    { isShadow: false, clock: host, logger, random, connect: targetConnect(host, around, () => link.isCutFromAll) },
  );
  const ids = settings.idMap === undefined ? null : around.ids.for(host);
  const pipeline = new Pipeline(
    {
      log,
      api,
      clock: host,
      random,
      logger,
      sha256,
      ids,
      format: formatOf(settings, { clock: host, random: around.random.fork(`format ${name}`) }),
      ...(settings.notifies === true && {
        notifier: around.receiver.notifierFor({
          host,
          isCut: () => link.isCutFromAll,
          isBreakerOpen: () => pipeline.stats().breaker !== null,
        }),
      }),
      ...(settings.operatorKey === true && { operatorKey: operatorKey(() => OPERATOR_KEY) }),
    },
    { ...pipelineOptions(settings), owner: `${name}-${random.uuid()}` },
  );
  const { comparesEveryMs } = settings;
  const onRequest = (): void => around.targetOracle.comparing(name);
  const comparing = { ...around, host, link, topics, api, pipeline, logger, onRequest };
  const comparisons = comparesEveryMs === undefined ? null : startComparisons(settings, comparesEveryMs, comparing);
  const instance: Instance = { host, link, pipeline, comparisons, ended: null };
  void pipeline.ended.then((error) => {
    instance.ended = error ?? 'drained';
    narrate(() => `${name} has ended${error === null ? '' : `: ${error.message}`}`);
  });
  void pipeline.start();
  return instance;
}

/** Shared with the operators. */
export const OPERATOR_KEY = 'the-key-of-the-operators';

const pipelineOptions = (settings: Settings): Omit<ConstructorParameters<typeof Pipeline>[1], 'owner'> => ({
  topics,
  publicApiUrl: targetUrl,
  isShadow: false,
  concurrency: settings.concurrency,
  lingerMs: 20,
  maxWaitMs: 30_000,
  membersPerPatchMax: settings.membersPerPatchMax,
  conflictsMax: settings.conflictsMax,
  retry: {
    baseMs: fixed.retryBaseMs,
    capMs: fixed.retryCapMs,
    attemptsMax: settings.attemptsMax,
    slowScheduleMs: settings.slowScheduleMs,
  },
  guard: guardOf(settings),
  lateApplyMs: fixed.lateApplyMs,
  deadKeepMs: settings.deadKeepMs,
  deadKeepCount: settings.deadKeepCount,
  breakerFailures: settings.breakerFailures,
  pendingIntentsMax: settings.pendingIntentsMax,
  snapshotMembersMax: settings.snapshotMembersMax,
  requestsPerPiece: 4,
  leaseMs: fixed.leaseMs,
  drainTimeoutMs: 5_000,
});

function loggerOf(name: string, { counter, narrate, heard }: Dependencies): Logger {
  const write = (fields: object, message: string): void => {
    counter.count(`said: ${message}`);
    heard(message);
    narrate(() => `${name} says: ${message} ${JSON.stringify(fields)}`);
  };
  return { debug: write, info: write, warn: write, error: write };
}
