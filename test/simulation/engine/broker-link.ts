/** The network between one instance and the broker: requests and answers take their time, get lost, or come late. */
import type { Link } from '../../../src/adapters/memory-log/memory-broker.ts';
import type { SaltedRandom } from '../../support/random.ts';
import type { Counter } from './counter.ts';
import type { Host } from './host.ts';
import type { Timeline } from './timeline.ts';
import type { FaultModel } from './fault-model.ts';

/** After which a client gives a request up. */
const TIMEOUT_MS = 5_000;

export class BrokerLink implements Link {
  readonly clock: Host;
  readonly batchRecordsMax: number;
  readonly #timeline: Timeline;
  readonly #random: SaltedRandom;
  readonly #faults: FaultModel;
  readonly #counter: Counter;
  #isCut = false;
  #isCutFromAll = false;
  #held: (() => void)[] = [];

  constructor(host: Host, world: { timeline: Timeline; random: SaltedRandom; faults: FaultModel; counter: Counter }) {
    this.clock = host;
    this.#timeline = world.timeline;
    this.#random = world.random.fork(`link ${host.name}`);
    this.#faults = world.faults;
    this.#counter = world.counter;
    this.batchRecordsMax = this.#random.pick([1, 2, 7, 500]);
  }

  call<T>(act: () => T): Promise<T> {
    const host = this.clock;
    const fate = this.#isCut ? 'lost' : this.#random.weighted(this.#faults.broker);
    if (fate !== 'done') this.#counter.count(`broker: ${this.#isCut ? 'cut off' : fate}`);
    return new Promise((resolve, reject) => {
      const fail = (afterMs: number, message: string): void =>
        void this.#timeline.after(afterMs, () => host.run(() => reject(new Error(message))));
      const arrive = (): void => {
        if (host.state === 'running') host.reach('effect');
        try {
          const result = act();
          if (fate === 'answer_lost' || fate === 'late') return;
          this.#timeline.after(this.#travelMs(fate), () => host.run(() => resolve(result)));
        } catch (error) {
          this.#timeline.after(this.#travelMs(fate), () => host.run(() => reject(error)));
        }
        if (host.state === 'running') host.reach('answer');
      };
      host.reach('send');
      if (fate === 'refused') return fail(this.#travelMs(fate), 'NOT_LEADER_OR_FOLLOWER: nothing of it was done');
      if (fate === 'lost' || fate === 'answer_lost' || fate === 'late') fail(TIMEOUT_MS, 'REQUEST_TIMED_OUT');
      if (fate === 'lost') return;
      this.#timeline.after(fate === 'late' ? this.#random.between(0, 4 * TIMEOUT_MS) : this.#travelMs(fate), arrive);
    });
  }

  later(task: () => void): void {
    const message = (): void => void (this.#isCut ? this.#held.push(message) : this.clock.run(task));
    const fate = this.#random.weighted(this.#faults.broker);
    const isLate = fate !== 'done' && fate !== 'slow';
    this.#timeline.after(isLate ? this.#random.between(0, 4 * TIMEOUT_MS) : this.#travelMs(fate), message);
  }

  cut(only?: 'broker'): void {
    this.#isCut = true;
    this.#isCutFromAll = only === undefined;
  }

  reconnect(): void {
    this.#isCut = false;
    this.#isCutFromAll = false;
    for (const message of this.#held.splice(0)) this.#timeline.after(this.#travelMs('done'), message);
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  get isCutFromAll(): boolean {
    return this.#isCutFromAll;
  }

  #travelMs(fate: string): number {
    return fate === 'slow' ? this.#random.between(100, 4_000) : this.#random.between(0.1, 5);
  }
}
