/** `rollcall run`, whole, on real brokers: as a process that can be killed and frozen, or inside the test. */
import { spawn, type ChildProcess } from 'node:child_process';
import { Writable } from 'node:stream';
import { Guard } from '../../src/lab/kafka-broker/java-process.ts';
import { runService } from '../../src/commands/run.ts';
import { aContext } from './command-context.ts';
import { Condition } from './condition.ts';
import { program } from './program.ts';

export type LogLine = Readonly<{ msg: string; [field: string]: unknown }>;

export type Environment = Readonly<Record<string, string>>;

/** Short enough to wait for. A test's sandbox is never later than `LATE_APPLY_MS`. */
export const shortTimes: Environment = {
  KAFKA_SESSION_TIMEOUT_MS: '5000',
  KAFKA_HEARTBEAT_INTERVAL_MS: '300',
  KAFKA_REBALANCE_TIMEOUT_MS: '8000',
  REQUEST_TIMEOUT_MS: '1000',
  LATE_APPLY_MS: '2000',
  RETRY_BASE_MS: '100',
  RETRY_CAP_MS: '500',
  SLOW_RETRY_SCHEDULE_MS: '300,300',
  DRAIN_TIMEOUT_MS: '10000',
  // Removals at random, in small groups; what the guard does has tests of its own.
  GUARD_GROUP_PERCENT: '100',
  ADMIN_PORT: '0',
};

/** Of a test in which nothing is late: a busy machine must not make it so. */
export const longTimes: Environment = {
  KAFKA_SESSION_TIMEOUT_MS: '60000',
  KAFKA_REBALANCE_TIMEOUT_MS: '60000',
  REQUEST_TIMEOUT_MS: '50000',
  LATE_APPLY_MS: '50000',
  DRAIN_TIMEOUT_MS: '60000',
};

/** What an instance has logged. */
abstract class Service {
  readonly lines: LogLine[] = [];
  /** Standard error that is no JSON. */
  text = '';
  readonly #condition = new Condition();
  #rest = '';

  /** Everything of this message, or of this message and these fields. */
  linesOf(message: string, fields: object = {}): readonly LogLine[] {
    const wanted = Object.entries(fields);
    return this.lines.filter((line) => line.msg === message && wanted.every(([name, value]) => line[name] === value));
  }

  /** Resolves when the message has been logged so often. */
  said(message: string, { count = 1, fields = {} }: { count?: number; fields?: object } = {}): Promise<void> {
    return this.until(`"${message}"`, () => this.linesOf(message, fields).length >= count);
  }

  /** Partitions that it may dispatch, to the best of its knowledge. */
  get partitions(): readonly number[] {
    return ownedAfter(this.lines);
  }

  /** Resolves when it may dispatch so many partitions. */
  owns(count: number): Promise<void> {
    return this.until(`${count} partitions`, () => this.partitions.length === count);
  }

  protected until(what: string, holds: () => boolean): Promise<void> {
    return this.#condition.until(what, holds).catch((error: Error) => {
      throw new Error(`${error.message}; the end of the log:\n${this.tail()}`);
    });
  }

  tail(): string {
    return [this.text, ...this.lines.slice(-60).map((line) => JSON.stringify(line))].join('\n');
  }

  protected take(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('{')) this.lines.push(JSON.parse(line) as LogLine);
      else this.text += `${line}\n`;
    }
    this.#condition.look();
  }
}

/** Partitions that an instance may dispatch once it has logged these lines. */
export function ownedAfter(lines: readonly LogLine[]): readonly number[] {
  const last = new Map<number, string>();
  for (const { msg, partition } of lines) {
    if (msg.startsWith('partition ') && typeof partition === 'number') last.set(partition, msg);
  }
  return [...last].filter(([, msg]) => msg === 'partition caught up').map(([partition]) => partition);
}

/** A process of its own. */
export class ServiceProcess extends Service {
  readonly exited: Promise<number | null>;
  /** Rejects when it ends unasked. */
  readonly broken: Promise<void>;
  /** All of it, standard output too, as it was written. */
  printed = '';
  readonly #child: ChildProcess;
  readonly #guard = new Guard(undefined);
  #isAsked = false;

  /** @param command of `rollcall`, with its arguments. */
  constructor(environment: Environment, command: readonly string[] = ['run']) {
    super();
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [...program, ...command], {
      env: { PATH, HOME, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.printed += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.printed += chunk;
      this.take(chunk);
    });
    this.#guard.watch(child.pid);
    this.#child = child;
    this.exited = new Promise((resolve, reject) => {
      child.once('close', resolve);
      child.once('error', reject);
    });
    this.broken = this.exited.then((code) => {
      if (!this.#isAsked) throw new Error(`rollcall ${command.join(' ')} ended with ${code}:\n${this.tail()}`);
    });
    this.broken.catch(() => undefined);
  }

  signal(name: 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#isAsked ||= name === 'SIGTERM';
    this.#child.kill(name);
  }

  /** kill -9; resolves when it is dead. */
  async kill(): Promise<void> {
    this.#isAsked = true;
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.exited;
    this.#guard.release();
  }
}

/** In the process of the test. */
export class ServiceInside extends Service {
  /** Rejects when the service cannot go on. */
  readonly ended: Promise<void>;
  readonly #ask: () => void;

  constructor(environment: Environment) {
    super();
    const context = aContext({ environment });
    const stderr = new Writable({
      write: (chunk: Buffer, _, done) => {
        this.take(chunk.toString());
        done();
      },
    });
    this.#ask = () => context.ask();
    this.ended = runService({ ...context, stderr });
    // The caller of stop sees it.
    this.ended.catch(() => undefined);
  }

  /** Lets it drain. */
  async stop(): Promise<void> {
    this.#ask();
    await this.ended;
  }
}
