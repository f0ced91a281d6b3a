/** How the cases of the ChangeLog suite drive a log: fresh topics and a fresh group for each test. */
import { expect } from 'vitest';
import type { ChangeLog, InputTopic, LogRecord, LogTools, OutRecord, TopicRecord } from '../../../src/ports.ts';
import { RecordingHandler, untilAny, waitMaxMs } from '../recording-handler.ts';

/** Topics and a consumer group for one test. */
export interface LogUnderTest {
  readonly sourceTopic: string;
  readonly retryTopic: string;
  /** A topic without consumers, with as many partitions; `cleanup.policy` delete, `max.message.bytes` ≤ 1 MiB. */
  readonly outputTopic: string;
  readonly tools: LogTools;
  /** One more instance for the group; it has not joined. */
  instance(): Promise<ChangeLog>;
  /** As kill -9: no leave, no handler is called any more. The group drops it by its session timeout. */
  kill(log: ChangeLog): Promise<void>;
  /** Makes the group drop the instance behind its back; it lives on and finds out. */
  evict(log: ChangeLog): Promise<void>;
  /** Deletes the source topic and creates it again, empty. */
  recreateSource(): Promise<void>;
  /** Runs the cleaner over the retry topic until it has done its work; absent where that takes too long. */
  compactRetry?(): Promise<void>;
  /** Ends all instances and the tools. */
  stop(): Promise<void>;
}

export interface ChangeLogHarness {
  /** Makes source and retry (`compact`) with so many partitions. */
  open(partitionCount: number): Promise<LogUnderTest>;
  readonly canCompact: boolean;
}

export type Open = (partitionCount: number) => Promise<LogUnderTest>;

export interface Joined {
  readonly log: ChangeLog;
  readonly handler: RecordingHandler;
}

/** Joins a new instance; `prepare` sets what its handler does, before the first call. */
export async function join(
  it: LogUnderTest,
  prepare: (joined: Joined, handler: RecordingHandler) => void = () => {},
): Promise<Joined> {
  const log = await it.instance();
  const handler = new RecordingHandler();
  prepare({ log, handler }, handler);
  await log.join(handler);
  return { log, handler };
}

/** Resolves when these members share all partitions, each has had a heartbeat since, and no other member has any. */
export async function settled(members: readonly Joined[], partitionCount: number): Promise<void> {
  const handlers = members.map(({ handler }) => handler);
  const isShared = (): boolean => {
    const owned = handlers.flatMap((handler) => handler.assignment?.partitions ?? []).toSorted((a, b) => a - b);
    const isComplete = owned.length === partitionCount && owned.every((partition, index) => partition === index);
    const generations = new Set(handlers.map((handler) => generationsOf(handler).at(-1)));
    return isComplete && generations.size === 1 && handlers.every(hasHeartbeat);
  };
  await untilAny(handlers, 'a shared assignment', isShared);
}

/** A heartbeat came after the last assignment. */
function hasHeartbeat({ events }: RecordingHandler): boolean {
  const types = events.map(({ type }) => type);
  return types.lastIndexOf('heartbeat') > types.lastIndexOf('assigned');
}

export async function heartbeats(handler: RecordingHandler, count: number): Promise<void> {
  const heard = (): number => handler.events.filter(({ type }) => type === 'heartbeat').length;
  const before = heard();
  await handler.until('heartbeats', () => heard() >= before + count);
}

/** The generation that the first heartbeat after each assignment named. */
export function generationsOf({ events }: RecordingHandler): readonly number[] {
  return events.flatMap((event, index) => {
    if (event.type !== 'assigned') return [];
    const first = events.slice(index).find(({ type }) => type === 'heartbeat');
    return first?.type === 'heartbeat' ? [first.heartbeat.generation] : [];
  });
}

/** One record into each partition of both topics: its owner, and no one else, gets it. */
export async function producedReachesOneOwner(it: LogUnderTest, members: readonly Joined[]): Promise<void> {
  const mark = `mark of ${members.map(({ handler }) => handler.assignment?.memberId).join()}`;
  const partitions = members.flatMap(({ handler }) => handler.assignment?.partitions ?? []);
  for (const topic of ['source', 'retry'] as const) {
    await produce(
      it,
      topic,
      partitions.map((partition) => ({ partition, key: mark, value: mark, headers: [] })),
    );
  }
  const marked = ({ handler }: Joined, topic: InputTopic): readonly number[] =>
    partitions.filter((partition) => texts(handler.recordsOf(topic, partition)).includes(mark));
  for (const member of members) {
    const owned = member.handler.assignment?.partitions ?? [];
    await member.handler.until(
      'the marks',
      () => marked(member, 'source').length >= owned.length && marked(member, 'retry').length >= owned.length,
    );
    expect(marked(member, 'source')).toEqual(partitions.filter((partition) => owned.includes(partition)));
    expect(marked(member, 'retry')).toEqual(marked(member, 'source'));
  }
}

export async function produce(
  it: LogUnderTest,
  topic: InputTopic,
  records: readonly Omit<OutRecord, 'topic'>[],
): Promise<void> {
  const name = topic === 'source' ? it.sourceTopic : it.retryTopic;
  await it.tools.send(records.map((record) => ({ ...record, topic: name })));
}

export async function readAll(it: LogUnderTest, topic: string): Promise<readonly TopicRecord[]> {
  const records: TopicRecord[] = [];
  const signal = AbortSignal.timeout(waitMaxMs);
  for await (const record of it.tools.read(topic, { from: 'beginning', follow: false, signal })) records.push(record);
  return records;
}

export function numbered(partition: number, from: number, to: number) {
  return Array.from({ length: to - from }, (_, index) => ({
    partition,
    key: 'k',
    value: `${partition}:${from + index}`,
    headers: [],
  }));
}

export function offsets(from: number, to: number): readonly bigint[] {
  return Array.from({ length: to - from }, (_, index) => BigInt(from + index));
}

export function texts(records: readonly LogRecord[]): readonly (string | null)[] {
  return records.map(({ value }) => (value === null ? null : Buffer.from(value).toString()));
}

/** A record in a form that can be compared, however its bytes are held. */
export function plain({ key, value, headers }: Pick<OutRecord, 'key' | 'value' | 'headers'>): object {
  const hex = (content: Uint8Array | string | null): string | null =>
    content === null ? null : Buffer.from(content).toString('hex');
  return { key: hex(key), value: hex(value), headers: headers.map(([name, content]) => [name, hex(content)]) };
}
