/**
 * One Java virtual machine as a child process (its end, its signals, the tail of what it printed), and free TCP ports
 * for it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { within, type Timer } from '../../time.ts';
import { javaMissing } from './fetch.ts';

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
    const child = spawn('java', args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
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

/*
 * Lets a child process die with this process, however that ends: also by kill -9 or an uncaught exception, where no
 * handler of ours runs. A shell waits for the end of a pipe that only this process holds open, then kills the child.
 */

/** stdin: one line per change, the id of the process to kill, or an empty line for none. $1: a folder to delete, or ''. */
const script = `
pid=
while read -r line; do pid=$line; done
[ -z "$pid" ] || kill -9 "$pid"
[ -z "$1" ] || { sleep 1; rm -rf -- "$1"; }
`;

export class Guard {
  readonly #shell: ChildProcess;

  /** @param folder deleted after the child's death when this process ends without `release`. */
  constructor(folder: string | undefined) {
    // A session of its own: Ctrl-C on the terminal goes to this process, which may still need the broker to drain.
    const shell = spawn('/bin/sh', ['-c', script, 'rollcall-kafka-guard', folder ?? ''], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
    });
    // Without a shell there is only `stop` to end the child: a comfort is missing, nothing is broken.
    shell.on('error', () => undefined);
    shell.stdin?.on('error', () => undefined);
    shell.unref();
    this.#shell = shell;
  }

  watch(pid: number | undefined): void {
    this.#shell.stdin?.write(`${pid ?? ''}\n`);
  }

  release(): void {
    this.#shell.kill('SIGKILL');
  }
}

/** @param chosen ports that are taken already, though nothing listens there yet: the system may offer them again. */
export async function freePorts(count: number, chosen: readonly number[] = []): Promise<readonly number[]> {
  const servers: Server[] = [];
  const ports: number[] = [];
  // All are held until the last is found, so that no two are the same.
  while (ports.length < count) {
    const server = await listenAnywhere();
    servers.push(server);
    const { port } = server.address() as AddressInfo;
    if (!chosen.includes(port)) ports.push(port);
  }
  await Promise.all(servers.map(close));
  return ports;
}

async function listenAnywhere(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  await closed;
}
