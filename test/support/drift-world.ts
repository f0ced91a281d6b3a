/** What `rollcall diff`, `resync` and `undo` read, over the memory log and a sandbox. */
import type { MemoryLog } from '../../src/adapters/memory-log/memory-log.ts';
import type { DiffSources } from '../../src/commands/diff.ts';
import type { SourceFormat } from '../../src/core/change/change.ts';
import { native } from '../../src/formats/native/native.ts';
import type { IdMap } from '../../src/ports.ts';
import { anApi } from './genesys.ts';
import type { TestContext } from './command-context.ts';
import { commandLogOf } from './retry-topic-of.ts';
import { topics, type World } from './world.ts';

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
    starts: async (topic) =>
      new Map(partitions.map((partition) => [partition, broker.topic(topic).partition(partition).start])),
    bounds: async (topic, asked) =>
      new Map(asked.map((partition) => [partition, broker.topic(topic).partition(partition)])),
    ids: options.ids ?? null,
    api: anApi(world.sandbox),
    rateLimitPerMinute: null,
    consumerGroup: 'rollcall',
    targetOrigin: 'https://target',
    onComparing: options.onComparing ?? (() => undefined),
    context,
  };
}

/** As fast as it can. */
export const FAST = 100_000;
