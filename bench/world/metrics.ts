/** What an instance of Rollcall says of itself at /metrics. */
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import type { Environment } from './measured-process.ts';

export class Metrics {
  readonly #port: number;

  static async onFreePort(): Promise<Metrics> {
    const [port = 0] = await freePorts(1);
    return new Metrics(port);
  }

  /** Use `onFreePort`. */
  constructor(port: number) {
    this.#port = port;
  }

  /** For the instance. */
  get environment(): Environment {
    return { ADMIN_PORT: String(this.#port) };
  }

  /** Sum of all series of that name; 0 as long as it does not answer. */
  async sum(name: string): Promise<number> {
    const text = await fetch(`http://127.0.0.1:${this.#port}/metrics`).then(
      (response) => response.text(),
      () => '',
    );
    const values = [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? ([\\d.e+]+)$`, 'gm'))];
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }
}
