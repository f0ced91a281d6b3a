/**
 * What fails again and again while the same request for others succeeds: see `ALONE_AFTER` in core/breaker.ts. A look-up asks for
 * an id, so its failures are those of the id, not of the groups that wait for it.
 */
import { LRUCache } from 'lru-cache';
import { ALONE_AFTER, type RequestKind } from '../core/breaker.ts';
import type { Group, LookUp } from './state.ts';

interface Failures {
  readonly request: RequestKind;
  /** Of all, when it failed last. */
  readonly successes: number;
  /** So many of its failures came after a success of another one. */
  readonly alone: number;
}

const IDS_MAX = 10_000;

export class LoneFailures {
  readonly #ofGroups = new WeakMap<Group, Failures>();
  readonly #ofIds = new LRUCache<string, Failures>({ max: IDS_MAX });
  readonly #successes = new Map<RequestKind, number>();

  isAlone(subject: Group | LookUp, request: RequestKind): boolean {
    const known = this.#of(subject);
    return known?.request === request && known.alone >= ALONE_AFTER;
  }

  noteFailure(subject: Group | LookUp, request: RequestKind): void {
    const known = this.#of(subject);
    const successes = this.#successes.get(request) ?? 0;
    const alone = known?.request === request ? known.alone + (successes > known.successes ? 1 : 0) : 0;
    const failures = { request, successes, alone };
    if (isLookUp(subject)) this.#ofIds.set(keyOf(subject), failures);
    else this.#ofGroups.set(subject, failures);
  }

  noteSuccess(subject: Group | LookUp, request: RequestKind): void {
    if (this.#of(subject)?.request === request) this.#forget(subject);
    this.#count(request);
    // A group that was read before is changed without another read.
    if (request === 'write') this.#count('read');
  }

  #of(subject: Group | LookUp): Failures | undefined {
    return isLookUp(subject) ? this.#ofIds.get(keyOf(subject)) : this.#ofGroups.get(subject);
  }

  #forget(subject: Group | LookUp): void {
    if (isLookUp(subject)) this.#ofIds.delete(keyOf(subject));
    else this.#ofGroups.delete(subject);
  }

  #count(request: RequestKind): void {
    this.#successes.set(request, (this.#successes.get(request) ?? 0) + 1);
  }
}

const isLookUp = (subject: Group | LookUp): subject is LookUp => 'isAsked' in subject;
const keyOf = ({ kind, id }: LookUp): string => `${kind}/${id}`;
