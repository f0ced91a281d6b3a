// Gates hold matching requests inside the server, before or after they are applied, until they are released.
import type { Journal, JournalEntry, Phase, RequestPredicate } from './journal.ts';

export type PausePoint = 'before' | 'after';

export type PausedRequests = Readonly<{
  /** The first request that came to the gate. Never settles if none does. */
  arrived: Promise<JournalEntry>;
  /** Resolves when so many have come to the gate. */
  arrivals: (count: number) => Promise<void>;
  /** Those held, in the order they came. */
  paused: readonly JournalEntry[];
  /** Lets all go and takes the gate away. */
  release: () => void;
}>;

type Gate = {
  predicate: RequestPredicate;
  point: PausePoint;
  paused: JournalEntry[];
  opened: Promise<void>;
  waiting: { count: number; resolve: () => void }[];
};

export class Gates {
  readonly #gates = new Map<Gate, () => void>();

  pauseAt(predicate: RequestPredicate, point: PausePoint): PausedRequests {
    const opening = signal();
    const gate: Gate = { predicate, point, paused: [], opened: opening.promise, waiting: [] };
    const release = (): void => {
      this.#gates.delete(gate);
      opening.resolve();
    };
    this.#gates.set(gate, release);
    const arrivals = (count: number): Promise<void> => {
      const coming = signal();
      if (gate.paused.length >= count) coming.resolve();
      else gate.waiting.push({ count, resolve: coming.resolve });
      return coming.promise;
    };
    const arrived = arrivals(1).then(() => first(gate.paused));
    return { arrived, arrivals, paused: gate.paused, release };
  }

  /** Waits at every gate that matches; null where there is none, so that the usual request does not wait a tick. */
  pass(entry: JournalEntry, point: PausePoint): Promise<unknown> | null {
    const matching = [...this.#gates.keys()].filter((gate) => gate.point === point && gate.predicate(entry));
    if (matching.length === 0) return null;
    for (const gate of matching) {
      gate.paused.push(entry);
      for (const waiter of gate.waiting) if (gate.paused.length >= waiter.count) waiter.resolve();
    }
    return Promise.all(matching.map((gate) => gate.opened));
  }

  releaseAll(): void {
    for (const release of this.#gates.values()) release();
  }
}

function first(entries: readonly JournalEntry[]): JournalEntry {
  const entry = entries[0];
  if (!entry) throw new Error('a gate announced an arrival without one');
  return entry;
}

function signal(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

// Waiting for what happens in a sandbox, instead of sleeping.

export class Signals {
  readonly #journal: Journal;
  readonly #rejections = new Set<(reason: Error) => void>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** The next request, from now on, that comes into this phase and matches. Rejects when the sandbox stops first. */
  next(predicate: RequestPredicate, phase: Phase): Promise<JournalEntry> {
    return this.#wait((resolve) =>
      this.#journal.listen((event) => {
        if (event.phase === phase && predicate(event.entry)) resolve(event.entry);
      }),
    );
  }

  /** Resolves as soon as the condition holds: looked at now and after every event. Rejects when the sandbox stops first. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return this.#wait((resolve) =>
      this.#journal.listen(() => {
        if (condition()) resolve();
      }),
    );
  }

  stop(): void {
    for (const reject of this.#rejections) reject(new Error('the sandbox stopped'));
  }

  #wait<T>(listen: (resolve: (value: T) => void) => () => void): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      const settle = (finish: () => void): void => {
        stopListening();
        this.#rejections.delete(fail);
        finish();
      };
      const fail = (reason: Error): void => settle(() => reject(reason));
      const stopListening = listen((value) => settle(() => resolve(value)));
      this.#rejections.add(fail);
    });
    // A waiting caller sees the rejection; a signal without one must not end the process.
    promise.catch(() => {});
    return promise;
  }
}
