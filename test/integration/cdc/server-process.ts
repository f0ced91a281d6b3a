/** A server as a child process in a process group of its own; it dies with this process, however that ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { Guard } from '../../../src/lab/kafka-broker/java-process.ts';

const TAIL_MAX = 200;
/** Keycloak makes all of its tables at its first start. */
const START_MAX_MS = 300_000;

export interface ServerCommand {
  readonly name: string;
  readonly command: string;
  readonly parameters: readonly string[];
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** As another user than this process. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

export class ServerProcess {
  /** Resolves with the end; never rejects. */
  readonly exited: Promise<number | null>;
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #guard = new Guard(undefined);
  readonly #tail: string[] = [];
  readonly #lines = new EventEmitter();
  #isOver = false;

  constructor({ name, command, parameters, folder, environment = {}, user }: ServerCommand) {
    this.#name = name;
    const { PATH = '', HOME = '' } = process.env;
    this.#child = spawn(command, [...parameters], {
      cwd: folder,
      env: { PATH, HOME, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      ...user,
    });
    this.#guard.watch(this.#child.pid);
    this.exited = new Promise((resolve) => {
      const end = (code: number | null): void => {
        this.#isOver = true;
        this.#lines.emit('line');
        resolve(code);
      };
      this.#child.once('close', end);
      this.#child.once('error', (error) => {
        this.#take(String(error));
        end(null);
      });
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#take(line));
  }

  /** Resolves when a line with this text has been printed. @throws where the process ends before. */
  async said(text: string): Promise<void> {
    const isThere = (): boolean => this.#isOver || this.#tail.some((line) => line.includes(text));
    const limit = AbortSignal.timeout(START_MAX_MS);
    while (!isThere()) {
      if (limit.aborted) throw new Error(`${this.#name} has not said "${text}":\n${this.tail()}`);
      await this.#printed(limit);
    }
    if (this.#isOver) throw new Error(`${this.#name} ended:\n${this.tail()}`);
  }

  tail(): string {
    return this.#tail.slice(-60).join('\n');
  }

  /** kill -9 of the process and all of its children. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  async end(signal: 'SIGKILL' | 'SIGINT' | 'SIGTERM'): Promise<void> {
    const { pid } = this.#child;
    if (!this.#isOver && pid !== undefined) process.kill(signal === 'SIGKILL' ? -pid : pid, signal);
    await this.exited;
    this.#guard.release();
  }

  /** Resolves with the next line, or at the limit. */
  async #printed(limit: AbortSignal): Promise<void> {
    await once(this.#lines, 'line', { signal: limit }).catch(() => undefined);
  }

  #take(line: string): void {
    this.#tail.push(line);
    if (this.#tail.length > TAIL_MAX) this.#tail.shift();
    this.#lines.emit('line');
  }
}
