/** One change that adds one member, through the real pipeline, Genesys adapter and memory log, until it is committed. */
import { createGroupApi } from '../../src/adapters/genesys/group-api.ts';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import { sha256, systemRandom } from '../../src/adapters/system.ts';
import { native } from '../../src/formats/native/native.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import type { Logger } from '../../src/ports.ts';
import { connectionsTo } from '../../test/fuzz/connections.ts';
import { ScimTarget } from '../../test/fuzz/scim-target.ts';
import { apiOptions, pipelineOptions, topics } from '../../test/fuzz/stream-options.ts';
import { ManualClock } from '../../test/support/manual-clock.ts';

const GROUP = 'good-group';
/** Of virtual time; the change takes its linger time. */
const STEPS_MAX = 1_000;
const ignored = (): void => undefined;
const logger: Logger = { debug: ignored, info: ignored, warn: ignored, error: ignored };

/** `arrives` is called when the service is ready and at rest, `isCommitted` when the change is. */
export async function addOne(arrives: () => Promise<void>, isCommitted: () => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  const broker = aBroker(clock);
  const target = new ScimTarget();
  const pipeline = aPipeline(broker, target, clock);
  await pipeline.start();
  // A request for the token, and the first heartbeats.
  await clock.advance(5_000);
  await arrives();
  const value = JSON.stringify({ group_id: GROUP, add_members: ['member'], remove_members: [] });
  broker.append([{ topic: topics.source, partition: null, key: GROUP, value, headers: [] }]);
  const committed = (): bigint | null => broker.group('rollcall').committed(0).offset;
  for (let step = 0; committed() !== 1n && step < STEPS_MAX; step += 1) await clock.advance(1);
  await isCommitted();
  if (committed() !== 1n || target.members(GROUP).length !== 1) throw new Error('the change was not applied');
  const drained = pipeline.drain();
  await clock.advance(60_000);
  await drained;
}

function aBroker(clock: ManualClock): MemoryBroker {
  const broker = new MemoryBroker(clock, systemRandom);
  for (const topic of Object.values(topics)) {
    const settings = { 'cleanup.policy': topic === topics.retry ? 'compact' : 'delete' };
    broker.createTopic({ topic, partitionCount: 1, replicationFactor: 1, settings });
  }
  return broker;
}

function aPipeline(broker: MemoryBroker, target: ScimTarget, clock: ManualClock): Pipeline {
  const connect = () => connectionsTo((asked) => ({ kind: 'answer', answer: target.respond(asked) }));
  const api = createGroupApi(apiOptions, { isShadow: false, clock, logger, random: systemRandom, connect });
  const log = new MemoryLog(broker, { groupId: 'rollcall', clientId: 'one', topics });
  const options = { ...pipelineOptions, topics, owner: 'one', publicApiUrl: apiOptions.apiUrl };
  return new Pipeline({ log, api, clock, random: systemRandom, logger, sha256, ids: null, format: native }, options);
}
