/** Lets a test wait until something holds: looked at whenever something has happened, never slept for. */
export class Condition {
  readonly #waiting = new Set<() => void>();

  /** Something has happened. */
  look(): void {
    for (const check of this.#waiting) check();
  }

  until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`waited too long for ${what}`));
      }, WAIT_MAX_MS);
      const check = (): void => {
        if (!holds()) return;
        clearTimeout(limit);
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
    });
  }
}

/** How long a test waits for anything before it fails. */
const WAIT_MAX_MS = 60_000;
