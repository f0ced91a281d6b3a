/**
 * The breaker: stops all dispatch while the target as a whole cannot be worked with.
 *
 *   closed ──5 transient failures over up to 3 groups──▶ open(target)      closed ──403 for 3 groups in a row──▶ open(permission)
 *   closed ──token refused, or 401 with a new token────▶ open(auth)        open ──any answer that would not have opened it──▶ closed
 */
import type { Outcome } from './outcome.ts';

export type BreakerReason = 'target' | 'auth' | 'permission';

export type Breaker =
  | {
      readonly kind: 'closed';
      /** Groups of the transient failures since the last success, one entry per failure. */
      readonly transient: readonly string[];
      /** Groups in a row that were denied. */
      readonly denied: readonly string[];
    }
  | {
      readonly kind: 'open';
      readonly reason: BreakerReason;
      /** Epoch ms. */
      readonly since: number;
      /** The group whose failure opened it. */
      readonly group: string;
      readonly probes: number;
    };

export const closedBreaker: Breaker = { kind: 'closed', transient: [], denied: [] };

const GROUPS_MAX = 3;

export interface Observation {
  readonly outcome: Outcome['kind'];
  readonly group: string;
  /** Groups with pending intents, this one included. */
  readonly pendingGroups: number;
  readonly failuresMax: number;
  /** Epoch ms. */
  readonly now: number;
}

/** What an answer says of the target as a whole. */
const SIGNS: Readonly<Record<Outcome['kind'], BreakerReason | 'nothing' | 'it_works'>> = {
  unauthorized: 'auth',
  transient: 'target',
  denied: 'permission',
  throttled: 'nothing',
  not_started: 'nothing',
  applied: 'it_works',
  unchanged: 'it_works',
  conflict: 'it_works',
  not_found: 'it_works',
  rejected_member: 'it_works',
  no_target: 'it_works',
  too_large: 'it_works',
  rejected: 'it_works',
};

export function observe(breaker: Breaker, seen: Observation): Breaker {
  if (breaker.kind === 'open') return breaker;
  const open = (reason: BreakerReason): Breaker => ({
    kind: 'open',
    reason,
    since: seen.now,
    group: seen.group,
    probes: 0,
  });
  switch (SIGNS[seen.outcome]) {
    case 'auth':
      return open('auth');
    case 'target': {
      const transient = [...breaker.transient, seen.group];
      const isWide = new Set(transient).size >= Math.min(GROUPS_MAX, Math.max(1, seen.pendingGroups));
      return transient.length >= seen.failuresMax && isWide ? open('target') : { ...breaker, transient };
    }
    case 'permission': {
      const denied = breaker.denied.includes(seen.group) ? breaker.denied : [...breaker.denied, seen.group];
      return denied.length >= GROUPS_MAX ? open('permission') : { ...breaker, transient: [], denied };
    }
    case 'nothing':
      return breaker;
    case 'it_works':
      return breaker.transient.length + breaker.denied.length === 0 ? breaker : closedBreaker;
  }
}

/** What the answer to a probe makes of an open breaker. */
export function afterProbe(breaker: Breaker, outcome: Outcome['kind']): Breaker {
  if (breaker.kind === 'closed') return breaker;
  const again = (reason: BreakerReason): Breaker => ({ ...breaker, reason, probes: breaker.probes + 1 });
  const sign = SIGNS[outcome];
  switch (sign) {
    case 'auth':
    case 'target':
      return again(sign);
    case 'permission':
      return breaker.reason === sign ? again(sign) : closedBreaker;
    case 'nothing':
      return again(breaker.reason);
    case 'it_works':
      return closedBreaker;
  }
}
