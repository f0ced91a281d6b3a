/** Looks from time to time, while a service runs, whether Kafka still permits what it needs; what is missing is a reason not to be ready. */
import { logLasting } from '../adapters/lasting-lines.ts';
import type { KafkaConnectionOptions, KafkaHost } from '../adapters/kafka/options.ts';
import { createLogTools, type KafkaLogTools } from '../adapters/kafka/tools.ts';
import { type AccessFinding, type Need, whileRunning } from '../core/authorization.ts';
import type { PipelineStats } from '../pipeline/stats.ts';
import type { Clock, Logger } from '../ports.ts';
import { withObstacles } from '../admin/readiness.ts';
import { accessFindings } from './access.ts';

const LOOK_EVERY_MS = 10_000;

interface Surroundings {
  readonly tools: Pick<KafkaLogTools, 'permitted' | 'close'>;
  readonly connection: KafkaConnectionOptions;
  readonly clock: Clock;
  readonly log: Logger;
}

export class AccessWatch {
  readonly #needs: readonly Need[];
  readonly #around: Surroundings;
  #missing: readonly AccessFinding[] = [];
  #isClosed = false;
  #cancel: () => void = () => undefined;

  /** With connections of its own. */
  static open(needs: readonly Need[], connection: KafkaConnectionOptions, host: KafkaHost): AccessWatch {
    return new AccessWatch(needs, { ...host, connection, tools: createLogTools(connection, host) });
  }

  constructor(needs: readonly Need[], around: Surroundings) {
    this.#needs = whileRunning(needs);
    this.#around = around;
    this.#lookLater();
  }

  /** The statistics of the pipeline, with what is not permitted. */
  judge(stats: PipelineStats | null): PipelineStats | null {
    return stats === null ? null : withObstacles(stats, this.#reasons());
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    return this.#around.tools.close();
  }

  /** Each with its remedy. */
  #reasons(): readonly string[] {
    return this.#missing.map(({ message, mend }) => `${message} ${mend.replaceAll('\n', ' ')}`);
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#cancel = this.#around.clock.schedule(LOOK_EVERY_MS, () => {
      void this.#look().finally(() => this.#lookLater());
    });
  }

  /** An unanswered question changes nothing: that the brokers are away is said elsewhere. */
  async #look(): Promise<void> {
    const { tools, connection } = this.#around;
    try {
      this.#take((await accessFindings(this.#needs, tools, connection)) ?? []);
    } catch {
      return;
    }
  }

  #take(missing: readonly AccessFinding[]): void {
    const { clock, log } = this.#around;
    if (missing.length === 0 && this.#missing.length > 0) log.info({}, 'Kafka permits again what is needed');
    this.#missing = missing;
    for (const { resource, message, mend } of missing) {
      const fields = { [resource.kind]: resource.name, problem: message, mend };
      logLasting(
        { clock, log },
        { level: 'warn', cause: message, fields, message: 'Kafka does not permit what is needed' },
      );
    }
  }
}
