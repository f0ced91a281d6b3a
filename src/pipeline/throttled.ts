/**
 * Groups that the target answers with 429. The gate is closed for all then; but the limit may be one group's alone, so it goes
 * behind the others when the gate opens, and waits 1 s, 2 s … 60 s until it is asked again.
 */
import type { RequestKind } from '../core/breaker.ts';
import type { Intent } from '../core/change.ts';
import { leftOutField, RepeatedCauses } from '../core/repeated-causes.ts';
import { throttledLeastMs } from '../core/server-wait.ts';
import type { Clock, Instant, Logger } from '../ports.ts';
import { postpone } from './give-back.ts';
import type { Group } from './state.ts';

/** From so many in a row on the log says so. */
const LOGGED_FROM = 3;

interface Refusals {
  readonly request: RequestKind;
  /** In a row. */
  readonly count: number;
  /** Of the last one. */
  readonly at: Instant;
}

export class ThrottledGroups {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #refusals = new WeakMap<Group, Refusals>();
  readonly #causes = new RepeatedCauses();

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** A request for it was answered. */
  note(group: Group, request: RequestKind, isThrottled: boolean): void {
    const known = this.#refusals.get(group);
    if (isThrottled) {
      const at = this.#clock.now();
      const count = (known?.count ?? 0) + 1;
      this.#refusals.set(group, { request, count, at });
      if (count >= LOGGED_FROM) this.#log(group, count, at.monotonic);
    } else if (known?.request === request) this.#refusals.delete(group);
  }

  /** It goes behind groups that are ready since earlier; epoch ms, 0: it is not throttled. */
  since(group: Group): number {
    const known = this.#refusals.get(group);
    return known === undefined ? 0 : Math.min(known.at.wall, this.#clock.now().wall);
  }

  /** No request about the group itself is sent before; epoch ms, 0: it is not throttled. */
  notBefore(group: Group): number {
    const known = this.#refusals.get(group);
    return known === undefined || known.request === 'look_up' ? 0 : this.#endOf(known);
  }

  /** These wait for a look-up that was answered so; no attempt is used up. */
  postpone(group: Group, intents: readonly Intent[]): void {
    const known = this.#refusals.get(group);
    if (known === undefined) return;
    for (const intent of intents) postpone(group, intent, this.#endOf(known));
  }

  /** By the wall clock as it is now: it may have been set meanwhile. */
  #endOf({ count, at }: Refusals): number {
    const { wall, monotonic } = this.#clock.now();
    return at.monotonic + throttledLeastMs(count) + (wall - monotonic);
  }

  #log(group: Group, refusals: number, nowMs: number): void {
    const leftOut = this.#causes.admit(group.id, nowMs);
    if (leftOut === null) return;
    const fields = { group: group.id, refusals, advice: ADVICE, ...leftOutField(leftOut) };
    this.#logger.warn(fields, 'the target answers 429 to this group again');
  }
}

const ADVICE =
  'Its changes wait and use up no attempt; other groups go first. Where it is the only group, look for other programs that ' +
  'change it, or ask Genesys Cloud which limit it has reached.';
