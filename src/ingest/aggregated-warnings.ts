/** What happens to requests, counted: the log gets one line at once, and then at most one every ten seconds. */
import type { Clock, Logger } from '../ports.ts';

const QUIET_MS = 10_000;

/** Since a stranger can cause some of these as often as they like, the log must not grow with them. */
export class AggregatedWarnings {
  readonly #clock: Pick<Clock, 'schedule'>;
  readonly #write: (counts: Readonly<Record<string, number>>) => void;
  #counts: Record<string, number> = {};
  #cancel: (() => void) | null = null;

  constructor(clock: Pick<Clock, 'schedule'>, write: (counts: Readonly<Record<string, number>>) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  /** @param names of a bounded set. */
  count(name: string, by = 1): void {
    this.#counts[name] = (this.#counts[name] ?? 0) + by;
    if (this.#cancel === null) this.#flush();
  }

  /** Writes what is left, and lets no timer live on. */
  close(): void {
    this.#cancel?.();
    this.#cancel = null;
    if (Object.keys(this.#counts).length > 0) this.#write(this.#counts);
    this.#counts = {};
  }

  #flush(): void {
    if (Object.keys(this.#counts).length === 0) {
      this.#cancel = null;
      return;
    }
    this.#write(this.#counts);
    this.#counts = {};
    this.#cancel = this.#clock.schedule(QUIET_MS, () => this.#flush());
  }
}

export type Warnings<N extends string> = Readonly<Record<N, AggregatedWarnings>> & { close(): void };

/** For each name the line that its counts are written in, and what to do about them. */
export function warningsOf<N extends string>(
  lines: Readonly<Record<N, { readonly message: string; readonly advice?: string }>>,
  clock: Pick<Clock, 'schedule'>,
  logger: Pick<Logger, 'warn'>,
): Warnings<N> {
  const all = Object.entries<(typeof lines)[N]>(lines).map(
    ([name, { message, ...advice }]) =>
      [name, new AggregatedWarnings(clock, (counts) => logger.warn({ counts, ...advice }, message))] as const,
  );
  const close = (): void => {
    for (const [, warnings] of all) warnings.close();
  };
  return { ...(Object.fromEntries(all) as Record<N, AggregatedWarnings>), close };
}
