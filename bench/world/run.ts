/** One or more instances of a program, between topics and a sandbox of their own, and what the sandbox sees of them. */
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';
import { pause } from '../../src/time.ts';
import { context } from './service.ts';
import type { BenchKafka, KafkaEnvironment } from './kafka.ts';
import { MeasuredProcess } from './measured-process.ts';
import { checkMemberships, wrongGroupsAt, type Memberships } from './memberships.ts';
import type { Subject } from './subject.ts';

export type Target = Pick<SandboxOptions, 'limits' | 'latencyMs'>;

export interface RunOptions {
  readonly kafka: BenchKafka;
  readonly target: Target;
  readonly initial: Memberships;
  readonly partitions: number;
}

const LOOK_MS = 50;

export class Run {
  readonly topics: KafkaEnvironment;
  readonly sandbox: Sandbox;
  readonly #kafka: BenchKafka;
  readonly #processes: MeasuredProcess[] = [];
  /** Of `performance.now()`. */
  #firstRequestAt = Number.NaN;
  #lastWriteAt = Number.NaN;
  #requests = 0;
  #refused = 0;

  static async open({ kafka, target, initial, partitions }: RunOptions): Promise<Run> {
    const topics = await kafka.newTopics(partitions);
    const groups = [...initial].map(([id, members]) => ({ id, members: [...members] }));
    const sandbox = await startSandbox({ users: 'any', seed: { groups }, journalMax: 1, ...target });
    return new Run(kafka, topics, sandbox);
  }

  /** Use `open`. */
  constructor(kafka: BenchKafka, topics: KafkaEnvironment, sandbox: Sandbox) {
    this.#kafka = kafka;
    this.topics = topics;
    this.sandbox = sandbox;
    sandbox.onRequest(({ phase, entry }) => {
      if (entry.endpoint !== 'group') return;
      if (phase === 'arrived' && Number.isNaN(this.#firstRequestAt)) this.#firstRequestAt = performance.now();
      if (phase === 'applied') this.#lastWriteAt = performance.now();
      if (phase === 'ended') this.#requests += 1;
      if (phase === 'ended' && entry.status === 429) this.#refused += 1;
    });
  }

  /** Requests about groups that have ended; those that were answered with 429 count, too. */
  get requests(): number {
    return this.#requests;
  }

  /** Answers with status 429. */
  get refused(): number {
    return this.#refused;
  }

  /** Of all instances. */
  get processes(): readonly MeasuredProcess[] {
    return this.#processes;
  }

  /** From the start of the first instance to the first request about a group. */
  get startSeconds(): number {
    return this.#sinceStart(this.#firstRequestAt);
  }

  /** From the start of the first instance to the last write so far. */
  get seconds(): number {
    return this.#sinceStart(this.#lastWriteAt);
  }

  /** Since the start of the first instance. */
  get secondsUntilNow(): number {
    return this.#sinceStart(performance.now());
  }

  start({ program, environment }: Subject): MeasuredProcess {
    const process = new MeasuredProcess(program, { ...this.topics, ...environmentOf(this.sandbox), ...environment });
    this.#processes.push(process);
    return process;
  }

  /** Until the consumer group has committed so many source records. @throws Error as `until`. */
  async committed(records: number, limitSeconds: number): Promise<void> {
    const isDone = async () => (await this.#kafka.committed(this.topics)) >= records;
    await this.until(isDone, { what: `${records} records are committed`, limitSeconds });
  }

  /** @throws Error when an instance is gone, or it takes too long. */
  async until(
    isReached: () => boolean | Promise<boolean>,
    { what, limitSeconds }: { readonly what: string; readonly limitSeconds: number },
  ): Promise<void> {
    const deadline = performance.now() + limitSeconds * 1000;
    while (!(await isReached())) {
      for (const process of this.#processes) process.demandAlive();
      if (performance.now() > deadline)
        throw new Error(`it took more than ${limitSeconds} s until ${what}:\n${this.#processes[0]?.tail()}`);
      await pause(context.clock, LOOK_MS);
    }
  }

  /** How many groups have other members than these. @throws Error where Rollcall has left one so. */
  wrongGroups(expected: Memberships, { isPeer }: Subject): number {
    if (!isPeer) checkMemberships(this.sandbox, expected);
    return isPeer ? wrongGroupsAt(this.sandbox, expected).length : 0;
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.sandbox.stop();
  }

  #sinceStart(at: number): number {
    return (at - (this.#processes[0]?.startedAt ?? Number.NaN)) / 1000;
  }
}
