// The rate limit of each token: so many requests in a fixed window that opens with the first of them.

export type LimitOptions = Readonly<{
  allowed: number;
  windowSeconds: number;
  /** Not enforced: counted and told in the headers, never refused. */
  enforced: boolean;
}>;

export type Spent = Readonly<{
  refused: boolean;
  count: number;
  allowed: number;
  resetSeconds: number;
}>;

export class RateLimits {
  readonly #options: LimitOptions;
  readonly #windows = new Map<string, { opensAt: number; count: number }>();

  constructor(options: LimitOptions) {
    this.#options = options;
  }

  /** Counts one request of the token; a refused one does not count. */
  spend(token: string, now: number): Spent {
    const { allowed, windowSeconds, enforced } = this.#options;
    const window = this.#windowOf(token, now);
    const refused = enforced && window.count >= allowed;
    if (!refused) window.count += 1;
    const resetSeconds = Math.max(1, Math.ceil((window.opensAt + windowSeconds * 1000 - now) / 1000));
    return { refused, count: window.count, allowed, resetSeconds };
  }

  forget(): void {
    this.#windows.clear();
  }

  #windowOf(token: string, now: number): { opensAt: number; count: number } {
    const open = this.#windows.get(token);
    if (open && now < open.opensAt + this.#options.windowSeconds * 1000) return open;
    const fresh = { opensAt: now, count: 0 };
    this.#windows.set(token, fresh);
    return fresh;
  }
}

/** The header names of the platform; reset counts seconds from now, it is no epoch. */
export function limitHeaders(spent: Spent): Readonly<Record<string, string>> {
  return {
    'inin-ratelimit-count': String(spent.count),
    'inin-ratelimit-allowed': String(spent.allowed),
    'inin-ratelimit-reset': String(spent.resetSeconds),
  };
}
