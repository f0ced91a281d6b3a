/** `rollcall run`, built and run as it is installed: without a loader, which would count in its memory. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Guard, freePorts } from '../src/lab/kafka-broker/java-process.ts';

/** Below the project, where the built program finds its modules. */
const BUILD = '.cache/bench';
const TAIL_LINES = 20;

/** Path of the built `rollcall`. */
export async function buildProgram(): Promise<string> {
  await promisify(execFile)('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', `${BUILD}/dist`]);
  await copyFile('package.json', `${BUILD}/package.json`);
  return `${BUILD}/dist/cli.js`;
}

export class RunProcess {
  readonly #child: ChildProcess;
  readonly #metricsUrl: string;
  readonly #guard = new Guard(undefined);
  readonly #tail: string[] = [];

  static async start(environment: Readonly<Record<string, string>>): Promise<RunProcess> {
    const program = await buildProgram();
    const [port = 0] = await freePorts(1);
    return new RunProcess(program, { ...environment, ADMIN_PORT: String(port) }, port);
  }

  /** Use `start`. */
  constructor(program: string, environment: Readonly<Record<string, string>>, port: number) {
    const child = spawn(process.execPath, [program, 'run'], {
      env: { ...environment, PATH: process.env['PATH'] },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.#tail.push(line);
      if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    });
    this.#guard.watch(child.pid);
    this.#child = child;
    this.#metricsUrl = `http://127.0.0.1:${port}/metrics`;
  }

  tail(): string {
    return this.#tail.join('\n');
  }

  /** Changes pending; 0 as long as it does not answer. @throws Error when it is gone. */
  async pending(): Promise<number> {
    if (this.#child.exitCode !== null) throw new Error(`\`rollcall run\` has ended:\n${this.tail()}`);
    const text = await fetch(this.#metricsUrl).then(
      (response) => response.text(),
      () => '',
    );
    return Number(/^rollcall_pending (\d+)$/m.exec(text)?.[1] ?? 0);
  }

  /** Resident memory now and at its peak, as Linux tells it. */
  async memoryMib(): Promise<{ readonly resident: number; readonly peak: number }> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8');
    const mib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
    return { resident: mib('VmRSS'), peak: mib('VmHWM') };
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const closed = once(this.#child, 'close');
      this.#child.kill('SIGTERM');
      await closed;
    }
    this.#guard.release();
  }
}
