/** The comparisons of one instance with the target, beside its pipeline, as `run` makes them with DRIFT_EVERY_MS. */
import { DriftWatch, type WatchedSources } from '../../src/console/drift-watch.ts';
import type { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import type { PartitionLog } from '../../src/adapters/memory-log/partition-log.ts';
import type { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { GroupApi, Logger, LogTools, ReadOptions, TopicRecord } from '../../src/ports.ts';
import type { BrokerLink } from './engine/broker-link.ts';
import type { Host } from './engine/host.ts';
import { timestampsIn } from '../support/timestamps-in.ts';
import { preparedFormatOf } from './list-format.ts';
import type { Settings } from './settings.ts';
import { Violation } from './violation.ts';

export interface Comparisons {
  readonly watch: Pick<DriftWatch, 'figures'>;
  /** Of the last pass that has come to its end. */
  readonly lastPassRequests: number;
  stop(): void;
}

interface Around {
  readonly host: Host;
  readonly link: BrokerLink;
  readonly broker: MemoryBroker;
  readonly topics: WatchedSources['topics'];
  readonly api: Pick<GroupApi, 'gate' | 'getGroup'>;
  readonly pipeline: Pipeline;
  readonly logger: Logger;
  /** The request that begins now is one of a comparison. */
  readonly onRequest: () => void;
  readonly accuse: (violation: Violation) => void;
}

export function startComparisons(settings: Settings, everyMs: number, around: Around): Comparisons {
  const { host, pipeline } = around;
  const ending = new AbortController();
  let lastPassRequests = 0;
  const info: Logger['info'] = (fields, message) => {
    lastPassRequests = requestsIn(fields) ?? lastPassRequests;
    around.logger.info(fields, message);
  };
  const watch = new DriftWatch(sourcesOf(settings, around), {
    pipeline: pipeline.compared,
    everyMs,
    evidenceBytesMax: Infinity,
    clock: host,
    logger: { ...around.logger, info },
    stop: ending.signal,
  });
  void watch.run();
  return {
    watch,
    get lastPassRequests() {
      return lastPassRequests;
    },
    stop: () => ending.abort(),
  };
}

/** null: the line does not say that a pass has ended. */
function requestsIn(fields: object): number | null {
  const { compared, requests } = fields as Readonly<Record<string, number | undefined>>;
  return compared === undefined || requests === undefined ? null : requests;
}

function sourcesOf(settings: Settings, around: Around): WatchedSources {
  const { link, broker, topics } = around;
  const all = Array.from({ length: settings.partitions }, (_, partition) => partition);
  const ask = async <T>(partitions: readonly number[], of: (partition: number) => T): Promise<Map<number, T>> =>
    link.call(() => new Map(partitions.map((partition) => [partition, of(partition)])));
  const logOf = (topic: string, partition: number): PartitionLog => broker.topic(topic).partition(partition);
  return {
    tools: toolsOf(all, around),
    topics,
    format: preparedFormatOf(settings),
    committed: () => ask(all, (partition) => broker.group('rollcall').committed(partition).offset ?? 0n),
    bounds: (topic, partitions) =>
      ask(partitions, (partition) => ({ start: logOf(topic, partition).start, end: logOf(topic, partition).end })),
    starts: (topic, partitions) => ask(partitions, (partition) => logOf(topic, partition).start),
    timestampsAt: (topic, from) => link.call(() => undefined).then(() => timestampsIn(broker)(topic, from)),
    ids: null,
    api: watchedApi(around),
    rateLimitPerMinute: null,
    diagnosed: async (error) => error,
  };
}

/** A request that starts meets nothing of the pipeline that is on its way or has its turn. */
function watchedApi({ api, pipeline, onRequest, accuse, host }: Around): WatchedSources['api'] {
  return {
    gate: api.gate,
    getGroup: (request) => {
      const mayStart = (): boolean => {
        if (!request.mayStart()) return false;
        const { ready, locks, lookUps, outbox } = pipeline.sizes();
        if (ready + locks + lookUps + outbox > 0)
          accuse(new Violation('compares', `${host.name} asks for ${request.group} while something is due`));
        onRequest();
        return true;
      };
      return api.getGroup({ ...request, mayStart });
    },
  };
}

function toolsOf(all: readonly number[], { link, broker }: Around): LogTools {
  const isNotNeeded = (): never => {
    throw new Error('a comparison only reads');
  };
  return {
    describeTopic: (topic) => link.call(() => broker.topic(topic).description),
    createTopic: isNotNeeded,
    send: isNotNeeded,
    close: async () => undefined,
    async *read(topic: string, { from, partitions, signal, onProgress }: ReadOptions): AsyncGenerator<TopicRecord> {
      const offsets = typeof from === 'object' && 'offsets' in from ? from.offsets : new Map<number, bigint>();
      const asked = partitions ?? all;
      const ends = await link.call(() => asked.map((partition) => broker.topic(topic).partition(partition).end));
      onProgress?.({ passed: 0, total: 0 });
      for (const [at, partition] of asked.entries()) {
        const log = broker.topic(topic).partition(partition);
        const { records } = await link.call(() => log.read(offsets.get(partition) ?? 0n, Number.MAX_SAFE_INTEGER));
        for (const record of records) {
          if (record.offset >= (ends[at] ?? 0n)) break;
          if (signal.aborted) return;
          yield { ...record, partition };
        }
      }
    },
  };
}
