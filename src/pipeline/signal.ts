/** A latch for one waiter or many: `set` before `wait` is not forgotten, several `set` count once. */
export class Signal {
  #isSet = false;
  #waiters: (() => void)[] = [];

  get isSet(): boolean {
    return this.#isSet;
  }

  set(): void {
    this.#isSet = this.#waiters.length === 0;
    for (const wake of this.#waiters.splice(0)) wake();
  }

  /** Takes the signal. */
  async wait(): Promise<void> {
    if (this.#isSet) {
      this.#isSet = false;
      return;
    }
    await new Promise<void>((resolve) => {
      this.#waiters.push(resolve);
    });
  }
}
