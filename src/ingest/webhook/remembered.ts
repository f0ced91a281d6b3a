/**
 * Requests that were taken, by what they tell. A sender that repeats one gets the answer of the first: written again, an
 * old change would stand behind a newer one of the same member. Only for as long as the process lives, and so many.
 */
export class Remembered<T> {
  readonly #results = new Map<string, T>();
  readonly #countMax: number;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get(name: string): T | undefined {
    return this.#results.get(name);
  }

  /** Unless another result stands for the name by now: too many others may have come in between. */
  delete(name: string, result: T): void {
    if (this.#results.get(name) === result) this.#results.delete(name);
  }

  set(name: string, result: T): void {
    this.#results.set(name, result);
    const [oldest] = this.#results.keys();
    if (this.#results.size > this.#countMax && oldest !== undefined) this.#results.delete(oldest);
  }
}
