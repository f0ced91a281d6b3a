/**
 * Groups, and ids that are looked up, that the target answers with 429. The gate is closed for all then; but the limit may be
 * that of one alone, so it goes behind the others when the gate opens, and waits 1 s, 2 s … 60 s until it is asked again.
 */
import type { RequestKind } from '../core/target/breaker.ts';
import type { Intent } from '../core/change/change.ts';
import { leftOutField, RepeatedCauses } from '../core/text/repeated-causes.ts';
import { throttledLeastMs } from '../core/target/retry.ts';
import type { Clock, Instant, Logger } from '../ports.ts';
import { BySubject, type Subject } from './by-subject.ts';
import type { Group } from './group.ts';
import type { LookUp } from './look-ups.ts';

/** From so many in a row on the log says so. */
const LOGGED_FROM = 3;

interface Refusals {
  readonly request: RequestKind;
  /** In a row. */
  readonly count: number;
  /** Of the last one. */
  readonly at: Instant;
}

export class Throttled {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #refusals = new BySubject<Refusals>();
  readonly #causes = new RepeatedCauses();
  /** Whether the last answer to a request of any was no 429. */
  #isPassing = true;

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** A request for it was answered. */
  note(subject: Subject, request: RequestKind, isThrottled: boolean): void {
    const known = this.#refusals.get(subject);
    this.#isPassing = !isThrottled;
    if (isThrottled) {
      const at = this.#clock.now();
      const count = (known?.count ?? 0) + 1;
      this.#refusals.set(subject, { request, count, at });
      if (count >= LOGGED_FROM) this.#log(subject, count, at.monotonic);
      return;
    }
    if (known?.request === request) this.#refusals.delete(subject);
  }

  /** It goes behind groups that are ready since earlier; epoch ms, 0: it is not throttled. */
  since(group: Group): number {
    const known = this.#refusals.get(group);
    return known === undefined ? 0 : Math.min(known.at.wall, this.#clock.now().wall);
  }

  /** Its last request was answered so, and since the last 429 to any none was answered otherwise: others are asked first. */
  yields(group: Group): boolean {
    return !this.#isPassing && this.#refusals.get(group) !== undefined;
  }

  /** No request is sent for it before; epoch ms, 0: it is not throttled. */
  notBefore(group: Group): number {
    const known = this.#refusals.get(group);
    return known === undefined ? 0 : this.#endOf(known);
  }

  /** It is not to be asked for yet. */
  isPaused(lookUp: LookUp): boolean {
    const known = this.#refusals.get(lookUp);
    return known !== undefined && this.#clock.now().wall < this.#endOf(known);
  }

  /** These wait for a look-up that was answered so; no attempt is used up. */
  postpone(lookUp: LookUp, group: Group, intents: readonly Intent[]): void {
    const known = this.#refusals.get(lookUp);
    if (known === undefined) return;
    // What the group answers says nothing of a user.
    const waits = lookUp.kind === 'group' ? 'group' : 'member';
    for (const intent of intents) group.postpone(intent, this.#endOf(known), waits);
  }

  /** By the wall clock as it is now: it may have been set meanwhile. */
  #endOf({ count, at }: Refusals): number {
    const { wall, monotonic } = this.#clock.now();
    return at.monotonic + throttledLeastMs(count) + (wall - monotonic);
  }

  #log(subject: Subject, refusals: number, nowMs: number): void {
    const { id } = subject;
    const leftOut = this.#causes.admit(id, nowMs);
    if (leftOut === null) return;
    const fields = {
      ...('kind' in subject ? { look_up: id } : { group: id }),
      refusals,
      advice: ADVICE,
      ...leftOutField(leftOut),
    };
    const whom = 'kind' in subject ? 'this look-up' : 'this group';
    this.#logger.warn(fields, `the target answers 429 to ${whom} again`);
  }
}

const ADVICE =
  'Its changes wait and use up no attempt; other groups go first. Where it is the only group, look for other programs that ' +
  'change it, or ask Genesys Cloud which limit it has reached.';
