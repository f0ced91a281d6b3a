/**
 * What fails again and again while the same request for others succeeds: see `ALONE_AFTER` in core/breaker.ts. A look-up asks for
 * an id, so its failures are those of the id, not of the groups that wait for it.
 */
import { ALONE_AFTER, type RequestKind } from '../core/breaker.ts';
import { BySubject, type Subject } from './by-subject.ts';

interface Failures {
  readonly request: RequestKind;
  /** Of all, when it failed last. */
  readonly successes: number;
  /** So many of its failures came after a success of another one. */
  readonly alone: number;
}

export class LoneFailures {
  readonly #failures = new BySubject<Failures>();
  readonly #successes = new Map<RequestKind, number>();

  isAlone(subject: Subject, request: RequestKind): boolean {
    const known = this.#failures.get(subject);
    return known?.request === request && known.alone >= ALONE_AFTER;
  }

  noteFailure(subject: Subject, request: RequestKind): void {
    const known = this.#failures.get(subject);
    const successes = this.#successes.get(request) ?? 0;
    const alone = known?.request === request ? known.alone + (successes > known.successes ? 1 : 0) : 0;
    this.#failures.set(subject, { request, successes, alone });
  }

  noteSuccess(subject: Subject, request: RequestKind): void {
    if (this.#failures.get(subject)?.request === request) this.#failures.delete(subject);
    this.#count(request);
    // A group that was read before is changed without another read.
    if (request === 'write') this.#count('read');
  }

  #count(request: RequestKind): void {
    this.#successes.set(request, (this.#successes.get(request) ?? 0) + 1);
  }
}
