// Waiting for what happens in a sandbox, instead of sleeping.
import type { Journal, JournalEntry, Phase, RequestPredicate } from './journal.ts';

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
    // Whoever waits sees the rejection; a signal that nobody waits for any more must not end the process.
    promise.catch(() => {});
    return promise;
  }
}
