/**
 * Virtual time. Whatever happens in a history is a task at an instant; equal instants come in an order drawn at random. Each
 * task has a turn of the event loop of its own, so that every promise it settles has run to its end before the next one.
 */
import { Heap } from './heap.ts';
import type { SaltedRandom } from '../../support/random.ts';

interface Task {
  readonly at: number;
  readonly order: number;
  run: (() => void) | null;
}

export class Timeline {
  /** Milliseconds since the start of the history. */
  now = 0;
  /** Tasks that have run. */
  steps = 0;
  readonly #order: SaltedRandom;
  readonly #tasks = new Heap<Task>((a, b) => a.at - b.at || a.order - b.order);

  constructor(random: SaltedRandom) {
    this.#order = random.fork('order');
  }

  /** The returned function cancels it. */
  after(delayMs: number, run: () => void): () => void {
    const task: Task = { at: this.now + Math.max(0, delayMs), order: this.#order.next(), run };
    this.#tasks.push(task);
    return () => {
      task.run = null;
    };
  }

  /** Runs what comes until `isOver` says so; false: nothing was left, or `untilMs` has come. */
  async run(untilMs: number, isOver: () => boolean): Promise<boolean> {
    for (;;) {
      if (isOver()) return true;
      const task = this.#tasks.peek();
      if (task === undefined || task.at > untilMs) return false;
      this.#tasks.pop();
      if (task.run === null) continue;
      this.now = task.at;
      this.steps += 1;
      task.run();
      await turn();
    }
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
