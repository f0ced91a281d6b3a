/** The instances of the service: they are started, killed, frozen and stopped; none may end unasked. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Environment, ServiceProcess } from '../support/service.ts';
import type { SeededRandom } from '../support/random.ts';
import { comesTrue } from './waiting.ts';
import { program } from '../support/program.ts';

export class Fleet {
  /** What has ended unasked, or not as it was asked. */
  readonly failures: string[] = [];
  readonly #environment: Environment;
  readonly #random: SeededRandom;
  readonly #running = new Set<ServiceProcess>();
  readonly #all: ServiceProcess[] = [];

  constructor(environment: Environment, random: SeededRandom) {
    this.#environment = environment;
    this.#random = random;
  }

  get size(): number {
    return this.#running.size;
  }

  start(): ServiceProcess {
    const service = new ServiceProcess(this.#environment);
    this.#running.add(service);
    this.#all.push(service);
    service.broken.catch((error: Error) => {
      this.#running.delete(service);
      this.failures.push(error.message);
    });
    return service;
  }

  /** One that owns something, if there is one. */
  any(): ServiceProcess {
    const running = [...this.#running];
    const owners = running.filter(({ partitions }) => partitions.length > 0);
    return this.#random.pick(owners.length > 0 ? owners : running);
  }

  oldest(): ServiceProcess | undefined {
    return [...this.#running][0];
  }

  /** kill -9. */
  async kill(service: ServiceProcess): Promise<void> {
    this.#running.delete(service);
    await service.kill();
  }

  /** SIGTERM; what does not drain in time is a failure. */
  async stop(service: ServiceProcess): Promise<void> {
    this.#running.delete(service);
    service.signal('SIGTERM');
    let code: number | null | undefined;
    void service.exited.then((exit) => (code = exit));
    await comesTrue(STOP_LIMIT_MS, () => code !== undefined);
    if (code !== 0) this.failures.push(`SIGTERM was answered with ${code ?? 'nothing'}:\n${service.tail()}`);
    await service.kill();
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((service) => this.stop(service)));
  }

  /** For the end of a run that has failed. */
  async killAll(): Promise<void> {
    await Promise.all([...this.#running].map((service) => this.kill(service)));
  }

  /** How often the message was logged, by all instances that ever were. */
  said(message: string, holds: (line: Readonly<Record<string, unknown>>) => boolean = () => true): number {
    return this.#all.reduce((sum, service) => sum + service.linesOf(message).filter(holds).length, 0);
  }

  /** `rollcall replay now --all --yes`. @returns how many changes were woken. */
  async replay(): Promise<number> {
    const args = [...program, 'replay', 'now', '--all', '--yes'];
    const { PATH = '', HOME = '' } = process.env;
    const env = { PATH, HOME, ...this.#environment };
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
    const [code] = (await once(child, 'close')) as [number | null];
    // 1: some were superseded meanwhile. 69: not all were answered in time, as when a partition changes hands.
    if (code !== 0 && code !== 1 && code !== 69) this.failures.push(`replay ended with ${code}: ${errors}`);
    return out.split('\n').filter((line) => line.startsWith('woken')).length;
  }
}

const STOP_LIMIT_MS = 30_000;
