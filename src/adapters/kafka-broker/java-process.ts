/** One Java virtual machine as a child process: its end, its signals and the tail of what it printed. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Timer } from '../time-limit.ts';
import { within } from '../time-limit.ts';
import { javaMissing } from './setup-error.ts';

const tailLinesMax = 200;

export interface JavaExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class JavaProcess {
  readonly pid: number;
  /** After the last line was read; never rejects. */
  readonly exited: Promise<JavaExit>;
  readonly #child: ChildProcess;
  readonly #tail: string[] = [];
  readonly #awaited = new Map<string, () => void>();

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child;
    this.pid = pid;
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    for (const stream of [child.stdout, child.stderr]) this.#read(stream);
  }

  /** @throws KafkaSetupError where there is no Java. */
  static async launch(args: readonly string[], directory: string): Promise<JavaProcess> {
    // A session of its own, see Guard.
    const child = spawn('java', args, {
      cwd: directory,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const { pid } = child;
    if (pid !== undefined) return new JavaProcess(child, pid);
    const cause = await new Promise((resolve) => child.once('error', resolve));
    throw javaMissing(cause);
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  tail(): readonly string[] {
    return [...this.#tail];
  }

  /** Resolves when a line with this text is printed; call it before that can happen. */
  printed(text: string): Promise<void> {
    return new Promise((resolve) => this.#awaited.set(text, resolve));
  }

  send(signal: NodeJS.Signals): void {
    if (this.alive) this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    this.send('SIGKILL');
    await this.exited;
  }

  /** SIGTERM; after the limit SIGKILL. */
  async terminate(timer: Timer, limitMs: number): Promise<void> {
    this.send('SIGCONT');
    this.send('SIGTERM');
    if ((await within(timer, limitMs, this.exited)) === 'timed_out') await this.kill();
  }

  #read(stream: Readable | null): void {
    if (stream === null) return;
    createInterface({ input: stream }).on('line', (line) => {
      this.#tail.push(line);
      if (this.#tail.length > tailLinesMax) this.#tail.shift();
      for (const [text, resolve] of this.#awaited) if (line.includes(text)) resolve();
    });
  }
}
