/**
 * What fails again and again while the same request for others succeeds: see `ALONE_AFTER` in core/target/breaker.ts. A look-up asks for
 * an id, so its failures are those of the id, not of the groups that wait for it.
 */
import { ALONE_AFTER, type RequestKind } from '../core/target/breaker.ts';
import { BySubject, type Subject } from './by-subject.ts';

interface Failures {
  /** Of all, when it failed last. */
  readonly successes: number;
  /** So many of its failures came after a success of another one. */
  readonly alone: number;
}

export class LoneFailures {
  readonly #failures = new BySubject<Map<RequestKind, Failures>>();
  readonly #successes = new Map<RequestKind, number>();

  isAlone(subject: Subject, request: RequestKind): boolean {
    return (this.#failures.get(subject)?.get(request)?.alone ?? 0) >= ALONE_AFTER;
  }

  noteFailure(subject: Subject, request: RequestKind): void {
    const known = this.#failures.get(subject) ?? new Map<RequestKind, Failures>();
    const successes = this.#successes.get(request) ?? 0;
    const last = known.get(request);
    const alone = last === undefined ? 0 : last.alone + (successes > last.successes ? 1 : 0);
    known.set(request, { successes, alone });
    this.#failures.set(subject, known);
  }

  noteSuccess(subject: Subject, request: RequestKind): void {
    const known = this.#failures.get(subject);
    // A group that can be read, and not be changed, has not recovered: reads and changes may fail in turn.
    const isRecovered = request !== 'read' || known?.has('write') !== true;
    if (isRecovered) this.#failures.delete(subject);
    this.#count(request);
    // A group that was read before is changed without another read.
    if (request === 'write') this.#count('read');
  }

  #count(request: RequestKind): void {
    this.#successes.set(request, (this.#successes.get(request) ?? 0) + 1);
  }
}
