/** A program that is measured, as a child process: its processor time and memory as Linux counts them, and the end of its log. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Guard } from '../../src/lab/kafka-broker/java-process.ts';
import { memoryOf, type ProcessMemory } from './process-memory.ts';

/** What to spawn. */
export interface Program {
  readonly file: string;
  readonly args: readonly string[];
}

export type Environment = Readonly<Record<string, string>>;

const TAIL_LINES = 20;
/** Linux counts processor time in hundredths of a second (man 5 proc, USER_HZ). */
const TICKS_PER_SECOND = 100;
/** In /proc/PID/stat, counted from the state, which follows the name in brackets: utime, stime. */
const [USER_TICKS, SYSTEM_TICKS] = [11, 12];

export class MeasuredProcess {
  /** Of `performance.now()`. */
  readonly startedAt = performance.now();
  readonly #child: ChildProcess;
  readonly #guard = new Guard(undefined);
  readonly #tail: string[] = [];
  #isStopped = false;

  /** It gets this environment alone, and PATH. */
  constructor({ file, args }: Program, environment: Environment) {
    const child = spawn(file, args, {
      env: { ...environment, PATH: process.env['PATH'] },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.#tail.push(line);
      if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    });
    this.#guard.watch(child.pid);
    this.#child = child;
  }

  /** The end of what it wrote to standard error. */
  tail(): string {
    return this.#tail.join('\n');
  }

  /** @throws Error when it is gone, and was not stopped. */
  demandAlive(): void {
    const { exitCode, signalCode } = this.#child;
    if (this.#isStopped) return;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`the program has ended (${exitCode ?? signalCode}):\n${this.tail()}`);
  }

  /** Of all its threads, from its start. */
  async cpuSeconds(): Promise<number> {
    const stat = await readFile(`/proc/${this.#child.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) / TICKS_PER_SECOND;
  }

  /** Resident memory now and at its peak. @throws Error when it is gone */
  async memoryMib(): Promise<ProcessMemory> {
    const memory = await memoryOf(this.#child.pid);
    if (memory === null) throw new Error(`the program has ended before its memory was read:\n${this.tail()}`);
    return memory;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const closed = once(this.#child, 'close');
      this.#child.kill('SIGTERM');
      await closed;
    }
    this.#guard.release();
  }
}
