/**
 * Virtual time. Whatever happens in a history is a task at an instant; equal instants come in an order drawn by lot. Each
 * task has a turn of the event loop of its own, so that every promise it settles has run to its end before the next one.
 */
import { Heap } from './heap.ts';
import type { Chance } from './chance.ts';

interface Task {
  readonly at: number;
  readonly lot: number;
  run: (() => void) | null;
}

export class Timeline {
  /** Milliseconds since the start of the history. */
  now = 0;
  /** Tasks that have run. */
  steps = 0;
  readonly #lots: Chance;
  readonly #tasks = new Heap<Task>((a, b) => a.at - b.at || a.lot - b.lot);

  constructor(chance: Chance) {
    this.#lots = chance.fork('order');
  }

  /** The returned function cancels it. */
  after(delayMs: number, run: () => void): () => void {
    const task: Task = { at: this.now + Math.max(0, delayMs), lot: this.#lots.next(), run };
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
