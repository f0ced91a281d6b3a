/** A program that is started on a backlog, until all of it is committed: what it took, and whether the memberships are right. */
import { Run, type RunOptions } from './run.ts';
import { sendEvents } from './send-events.ts';
import type { Subject } from './subject.ts';
import type { Workload } from './workload.ts';

export interface Drained {
  /** From the start of the process to the first request about a group. */
  readonly startSeconds: number;
  /** From the start of the process to the last write. */
  readonly seconds: number;
  /** From the start of the process until all was committed. */
  readonly committedSeconds: number;
  /** About groups. */
  readonly requests: number;
  /** Answers with status 429. */
  readonly refused: number;
  /** From the start until all was committed, of all instances. */
  readonly cpuSeconds: number;
  /** Of the largest instance. */
  readonly peakMib: number;
  /** Of a peer. */
  readonly wrongGroups: number;
}

export interface DrainOptions extends Omit<RunOptions, 'initial'> {
  readonly workload: Workload;
  readonly limitSeconds: number;
  /** Default: one. */
  readonly instances?: number;
}

export async function drain(subject: Subject, options: DrainOptions): Promise<Drained> {
  const { kafka, workload, limitSeconds, instances = 1 } = options;
  const run = await Run.open({ ...options, initial: workload.initial });
  try {
    await sendEvents(kafka.tools, run.topics.SOURCE_TOPIC, workload.events);
    for (let i = 0; i < instances; i += 1) run.start(subject);
    await run.committed(workload.events.length, limitSeconds);
    const committedSeconds = run.secondsUntilNow;
    const cpu = await Promise.all(run.processes.map((process) => process.cpuSeconds()));
    const memory = await Promise.all(run.processes.map((process) => process.memoryMib()));
    return {
      startSeconds: run.startSeconds,
      seconds: run.seconds,
      committedSeconds,
      requests: run.requests,
      refused: run.refused,
      cpuSeconds: cpu.reduce((sum, each) => sum + each, 0),
      peakMib: Math.max(...memory.map(({ peak }) => peak)),
      wrongGroups: run.wrongGroups(workload.expected, subject),
    };
  } finally {
    await run.close();
  }
}
