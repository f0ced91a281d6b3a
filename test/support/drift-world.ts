/** What `rollcall diff`, `resync` and `undo` read, over the memory log and a sandbox. */
import type { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import type { DiffSources } from '../../src/commands/diff.ts';
import type { SourceFormat } from '../../src/core/change/change.ts';
import { native } from '../../src/formats/native/native.ts';
import type { GuardLimits } from '../../src/core/group/guard.ts';
import type { IdMap, LogTools } from '../../src/ports.ts';
import { startsIn } from './an-index.ts';
import { anApi } from './genesys.ts';
import type { TestContext } from './command-context.ts';
import { commandLogOf } from './retry-topic-of.ts';
import { timestampsIn } from './timestamps-in.ts';
import { quickOptions, topics, type World } from './world.ts';

export interface DriftOptions {
  readonly ids?: IdMap;
  readonly format?: SourceFormat;
  readonly partitionCount?: number;
  readonly onComparing?: () => void;
}

export function driftSources(
  world: World,
  context: TestContext,
  options: DriftOptions = {},
): DiffSources & { readonly tools: MemoryLog } {
  const { broker } = world;
  const partitions = Array.from({ length: options.partitionCount ?? 1 }, (_, partition) => partition);
  return {
    tools: commandLogOf(world),
    topics,
    format: options.format ?? native,
    committed: async () =>
      new Map(partitions.map((partition) => [partition, broker.group('rollcall').committed(partition).offset ?? 0n])),
    starts: startsIn(broker),
    bounds: async (topic, asked) =>
      new Map(asked.map((partition) => [partition, broker.topic(topic).partition(partition)])),
    timestampsAt: timestampsIn(broker),
    ids: options.ids ?? null,
    api: anApi(world.sandbox),
    rateLimitPerMinute: null,
    consumerGroup: 'rollcall',
    targetOrigin: 'https://target',
    onComparing: options.onComparing ?? (() => undefined),
    context,
  };
}

export interface RepairOptions extends DriftOptions {
  /** In place of its own. */
  readonly tools?: (tools: LogTools) => Partial<LogTools>;
  readonly guard?: Partial<GuardLimits>;
}

/** What `resync` and `undo` need. As in the program, a signal does not end what is read any more. */
export function repairSources(world: World, context: TestContext, options: RepairOptions) {
  const reading = { ...context, stop: new AbortController().signal };
  const { tools, ...sources } = driftSources(world, reading, options);
  const real: LogTools = {
    describeTopic: (topic) => tools.describeTopic(topic),
    createTopic: (topic) => tools.createTopic(topic),
    read: (topic, how) => tools.read(topic, how),
    send: (records) => tools.send(records),
    close: () => tools.close(),
  };
  const { membersPerPatchMax, retry } = quickOptions;
  const guard = { ...quickOptions.guard, ...options.guard };
  return {
    ...sources,
    tools: { ...real, ...options.tools?.(real) },
    guard: { publicApiUrl: 'https://api.example', membersPerPatchMax, retry, guard, removedBefore: 0 },
  };
}

/** As fast as it can. */
export const FAST = 100_000;
