/**
 * How the target has answered for each group, and for each id that is looked up: `Throttled`, with 429; `LoneFailures`, with failures
 * while the same request for others succeeds.
 *
 * After a 429 the gate is closed for all; but the limit may be that of one alone, so it goes behind the others when the gate
 * opens, and waits 1 s, 2 s … 60 s until it is asked again.
 */
import { LRUCache } from 'lru-cache';
import type { Intent } from '../../core/change/change.ts';
import { ALONE_AFTER, type RequestKind } from '../../core/target/breaker.ts';
import { throttledPauseMinMs } from '../../core/target/retry.ts';
import { RepeatedCauses, leftOutField } from '../../core/text/repeated-causes.ts';
import type { Clock, Instant, Logger } from '../../ports.ts';
import type { Group } from './group.ts';
import { isLookUp, type LookUp, type Subject } from './look-ups.ts';

/** From so many in a row on the log says so. */
const LOGGED_FROM = 3;

interface Streak {
  readonly request: RequestKind;
  /** In a row. */
  readonly count: number;
  /** Of the last one. */
  readonly at: Instant;
}

export class Throttled {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #streaks = new BySubject<Streak>();
  readonly #causes = new RepeatedCauses();
  /** Whether the last answer to a request of any was no 429. */
  #isPassing = true;

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** A request for it was answered. */
  note(subject: Subject, request: RequestKind, isThrottled: boolean): void {
    const known = this.#streaks.get(subject);
    this.#isPassing = !isThrottled;
    if (isThrottled) {
      const at = this.#clock.now();
      const count = (known?.count ?? 0) + 1;
      this.#streaks.set(subject, { request, count, at });
      if (count >= LOGGED_FROM) this.#log(subject, count, at.monotonic);
      return;
    }
    if (known?.request === request) this.#streaks.delete(subject);
  }

  /** It goes behind groups that are ready since earlier; epoch ms, 0: it is not throttled. */
  since(group: Group): number {
    const known = this.#streaks.get(group);
    return known === undefined ? 0 : Math.min(known.at.wall, this.#clock.now().wall);
  }

  /** Its last request was answered so, and since the last 429 to any none was answered otherwise: others are asked first. */
  yields(group: Group): boolean {
    return !this.#isPassing && this.#streaks.get(group) !== undefined;
  }

  /** No request is sent for it before; epoch ms, 0: it is not throttled. */
  notBefore(group: Group): number {
    const known = this.#streaks.get(group);
    return known === undefined ? 0 : this.#endOf(known);
  }

  /** It is not to be asked for yet. */
  isPaused(lookUp: LookUp): boolean {
    const known = this.#streaks.get(lookUp);
    return known !== undefined && this.#clock.now().wall < this.#endOf(known);
  }

  /** These wait for a look-up that was answered so; no attempt is used up. */
  postpone(lookUp: LookUp, group: Group, intents: readonly Intent[]): void {
    const known = this.#streaks.get(lookUp);
    if (known === undefined) return;
    // What the group answers says nothing of a user.
    const waits = lookUp.kind === 'group' ? 'group' : 'member';
    for (const intent of intents) group.postpone(intent, this.#endOf(known), waits);
  }

  /** By the wall clock as it is now: it may have been set meanwhile. */
  #endOf({ count, at }: Streak): number {
    const { wall, monotonic } = this.#clock.now();
    return at.monotonic + throttledPauseMinMs(count) + (wall - monotonic);
  }

  #log(subject: Subject, refusals: number, nowMs: number): void {
    const { id } = subject;
    const leftOut = this.#causes.admit(id, nowMs);
    if (leftOut === null) return;
    const [named, whom] = isLookUp(subject) ? [{ look_up: id }, 'this look-up'] : [{ group: id }, 'this group'];
    const fields = { ...named, refusals, advice: ADVICE, ...leftOutField(leftOut) };
    this.#logger.warn(fields, `the target answers 429 to ${whom} again`);
  }
}

const ADVICE =
  'Its changes wait and use up no attempt; other groups go first. Where it is the only group, look for other programs that ' +
  'change it, or ask Genesys Cloud which limit it has reached.';

/* Something that is known of each group, and of each id that is looked up; of ids no more than there is room for. */

const IDS_MAX = 10_000;

class BySubject<T extends object> {
  readonly #ofGroups = new WeakMap<Group, T>();
  /** It takes the memory of all its entries from the beginning. null: no id was looked up yet. */
  #ofIds: LRUCache<string, T> | null = null;

  get(subject: Subject): T | undefined {
    return isLookUp(subject) ? this.#ofIds?.get(subject.key) : this.#ofGroups.get(subject);
  }

  set(subject: Subject, value: T): void {
    if (isLookUp(subject)) (this.#ofIds ??= new LRUCache({ max: IDS_MAX })).set(subject.key, value);
    else this.#ofGroups.set(subject, value);
  }

  delete(subject: Subject): void {
    if (isLookUp(subject)) this.#ofIds?.delete(subject.key);
    else this.#ofGroups.delete(subject);
  }
}

/*
 * What fails again and again while the same request for others succeeds: see `ALONE_AFTER` in core/target/breaker.ts. A look-up asks for
 * an id, so its failures are those of the id, not of the groups that wait for it.
 */

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
