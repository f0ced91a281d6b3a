/** One program, started on a backlog, until all of it is committed: what it took, and whether the memberships are right. */
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { printEnvironment } from '../../src/lab/sandbox/server.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';
import { pause } from '../../src/time.ts';
import { context, requestCount } from '../service.ts';
import type { BenchKafka } from './kafka.ts';
import { MeasuredProcess, type Environment } from './measured-process.ts';
import type { Subject } from './subject.ts';
import { differences, type Workload } from './workload.ts';

export interface Drained {
  readonly subject: string;
  /** From the start of the process to the first request for a group. */
  readonly startSeconds: number;
  /** From the start of the process to the write after which nothing was written any more. */
  readonly seconds: number;
  readonly requests: number;
  /** Answers with status 429. */
  readonly refused: number;
  /** Of the process, from its start until all was committed. */
  readonly cpuSeconds: number;
  readonly peakMib: number;
  readonly wrongGroups: number;
}

export interface DrainOptions {
  readonly kafka: BenchKafka;
  readonly workload: Workload;
  readonly target: Pick<SandboxOptions, 'limits' | 'latencyMs'>;
  readonly partitions: number;
  readonly limitSeconds: number;
}

const LOOK_MS = 50;

export async function drain(subject: Subject, options: DrainOptions): Promise<Drained> {
  const { kafka, workload, target, partitions } = options;
  const topics = await kafka.newTopics(partitions);
  await kafka.send(topics.SOURCE_TOPIC, workload.events);
  const sandbox = await startSandbox({ users: 'any', seed: { groups: seedGroups(workload) }, ...target });
  const times = watchTimes(sandbox);
  const process = new MeasuredProcess(subject.program, {
    ...topics,
    ...targetEnvironment(sandbox),
    ...subject.environment,
  });
  try {
    await committed(process, { ...options, count: () => kafka.committed(topics) });
    const cpuSeconds = await process.cpuSeconds();
    const { peak: peakMib } = await process.memoryMib();
    return {
      subject: subject.name,
      startSeconds: (times.firstRequest - process.startedAt) / 1000,
      seconds: (times.lastWrite - process.startedAt) / 1000,
      requests: requestCount(sandbox),
      refused: refusedCount(sandbox),
      cpuSeconds,
      peakMib,
      wrongGroups: wrongGroups(sandbox, workload),
    };
  } finally {
    await process.stop();
    await sandbox.stop();
  }
}

/** Until the consumer group has committed the whole backlog. @throws Error when the program is gone, or takes too long. */
async function committed(
  process: MeasuredProcess,
  { workload, limitSeconds, count }: DrainOptions & { readonly count: () => Promise<number> },
): Promise<void> {
  const deadline = process.startedAt + limitSeconds * 1000;
  while ((await count()) < workload.events.length) {
    process.demandAlive();
    if (performance.now() > deadline)
      throw new Error(`the backlog was not done within ${limitSeconds} s:\n${process.tail()}`);
    await pause(context.clock, LOOK_MS);
  }
}

function watchTimes(sandbox: Sandbox): { readonly firstRequest: number; readonly lastWrite: number } {
  const times = { firstRequest: Number.NaN, lastWrite: Number.NaN };
  sandbox.onRequest(({ phase, entry }) => {
    if (entry.endpoint !== 'group') return;
    if (phase === 'arrived' && Number.isNaN(times.firstRequest)) times.firstRequest = performance.now();
    if (phase === 'applied') times.lastWrite = performance.now();
  });
  return times;
}

export const seedGroups = ({ initial }: Workload) =>
  [...initial].map(([id, members]) => ({ id, members: [...members] }));

/** What a program is told of the target. */
export function targetEnvironment(sandbox: Sandbox): Environment {
  const lines = printEnvironment(sandbox).trim().split('\n');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

const refusedCount = ({ stats }: Sandbox): number =>
  Object.values(stats.requests).reduce((sum, byStatus) => sum + (byStatus['429'] ?? 0), 0);

const wrongGroups = (sandbox: Sandbox, { expected }: Workload): number =>
  [...expected].filter(([group, members]) => differences(new Set(sandbox.members(group)), members) > 0).length;
