/** A service in virtual time before a target in the process, which a test answers for; it ends with the test. */
import { createGroupApi } from '../../src/adapters/genesys/group-api.ts';
import { ScimIdMap } from '../../src/adapters/ids/scim.ts';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { sha256, systemRandom } from '../../src/adapters/system.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import { native } from '../../src/formats/native/native.ts';
import type { PipelineOptions } from '../../src/pipeline/state/options.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { RawAnswer } from '../fuzz/answers.ts';
import { type Asked, connectionsTo } from '../fuzz/connections.ts';
import { aLog, atEnd } from './genesys.ts';
import { ManualClock } from './manual-clock.ts';
import { TappedLog } from './tapped-log.ts';
import { quickOptions, topics } from './world.ts';

export type Respond = (asked: Asked) => RawAnswer;

export const isLogin = ({ method }: Asked): boolean => method === 'POST';

export const aToken = (fields: object = {}): RawAnswer => ({
  status: 200,
  headers: {},
  body: Buffer.from(JSON.stringify({ access_token: 'token', expires_in: 86_400, ...fields })),
});

export interface ServiceOptions {
  /** Users and groups are looked up at the target. */
  readonly isMapped?: boolean;
  /** By what groups are looked up then. */
  readonly groupAttribute?: 'id' | 'displayName';
  readonly clock?: ManualClock;
  readonly pipeline?: Partial<PipelineOptions>;
}

/** What the target is asked is kept. */
export async function aService(
  respond: Respond,
  { isMapped = false, groupAttribute = 'id', clock = new ManualClock(), ...more }: ServiceOptions = {},
) {
  const asked: Asked[] = [];
  const connect = () =>
    connectionsTo((one) => {
      asked.push(one);
      return { kind: 'answer', answer: respond(one) };
    });
  const urls = { apiUrl: 'https://api.example.com', loginUrl: 'https://login.example.com' };
  const limits = { requestTimeoutMs: 10_000, concurrency: 5, rateLimitPerMinute: null };
  const logger = aLog();
  const api = createGroupApi(
    { ...urls, ...limits, clientId: 'client', clientSecret: 'hush' },
    { isShadow: false, clock, logger, random: { next: () => 0 }, connect },
  );
  const broker = new MemoryBroker(clock, systemRandom);
  for (const topic of Object.values(topics))
    broker.createTopic({ topic, partitionCount: 1, replicationFactor: 1, settings: { 'cleanup.policy': 'compact' } });
  const log = new TappedLog(broker, { groupId: 'rollcall', clientId: 'one', heartbeatIntervalMs: 1_000, topics });
  const attributes = { userAttribute: 'userName', groupAttribute } as const;
  const ids = isMapped ? new ScimIdMap(attributes, { api, clock, logger }) : null;
  const pipeline = new Pipeline(
    { log, api, clock, random: systemRandom, logger, sha256, ids, format: native },
    { ...quickOptions, topics, owner: 'one', publicApiUrl: urls.apiUrl, ...more.pipeline },
  );
  atEnd(async () => {
    const drained = pipeline.drain();
    await clock.advance(60_000);
    await drained;
  });
  const starting = pipeline.start();
  await clock.settle();
  await starting;
  const records = (topic: string) => broker.topic(topic).partition(0).read(0n, Number.MAX_SAFE_INTEGER).records;
  return {
    clock,
    asked,
    api,
    pipeline,
    produce: (group: string, value: object): void => {
      const text = JSON.stringify({ group_id: group, ...value });
      broker.append([{ topic: topics.source, partition: null, key: group, value: text, headers: [] }]);
    },
    /** Fields of the lines with this message. */
    lines: (message: string): readonly object[] =>
      logger.lines.filter((line) => line.message === message).map(({ fields }) => fields),
    reports: (): readonly ReportRecord[] =>
      records(topics.report).map(({ value }) => JSON.parse(String(Buffer.from(value ?? []))) as ReportRecord),
  };
}
