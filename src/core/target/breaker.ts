/**
 * The breaker: stops all dispatch while the target as a whole cannot be worked with.
 *
 *   closed ──5 transient failures over up to 3 groups──▶ open(target)      closed ──403 for 3 groups in a row──▶ open(permission)
 *   closed ──token refused, or 401 with a new token────▶ open(auth)        open ──probe that would not have opened it──▶ closed
 *                                                                          open ──success of any group──▶ closed
 *
 * What a group alone can be at fault for opens nothing: a refused PATCH of a group that can be read, and what has failed
 * again and again while the same request for other groups has succeeded in between.
 */
import type { Outcome } from './outcome.ts';

export type BreakerReason = 'target' | 'auth' | 'permission';

/** What was asked of the target: a group, a change of one, or an id. */
export type RequestKind = 'read' | 'write' | 'look_up';

/** A request that was answered, or failed. */
export interface Observation {
  readonly request: RequestKind;
  readonly outcome: Outcome['kind'];
  /** The answer itself: what shares one, as those that wait for one token do, is one failure. */
  readonly cause: object;
  /** HTTP status; null where nothing was answered. */
  readonly status: number | null;
  /** Which groups it was for; several may wait for one look-up. */
  readonly groups: readonly string[];
  /** The group of a write was read just before. */
  readonly isReadable: boolean;
  /** The groups fail alone: see `ALONE_AFTER`. */
  readonly isAlone: boolean;
  /** Sent to see whether the target can be worked with again. */
  readonly isProbe: boolean;
  /** Groups that have something to ask the target for; up to three suffice. */
  readonly pendingGroups: number;
  readonly failuresMax: number;
  /** Epoch ms. */
  readonly now: number;
}

/** How long the pauses between probes are by now; they outlive a closing that proves nothing of what failed. */
interface Pauses {
  readonly failed: RequestKind;
  /** Probes since a request of that kind has succeeded. */
  readonly probes: number;
}

export interface ClosedBreaker {
  readonly kind: 'closed';
  /** Failures in a row, by what they may be a sign of. */
  readonly transient: readonly Observation[];
  readonly denied: readonly Observation[];
  readonly pauses: Pauses | null;
}

export interface OpenBreaker {
  readonly kind: 'open';
  readonly reason: BreakerReason;
  /** Epoch ms. */
  readonly since: number;
  readonly openedBy: readonly Observation[];
  readonly pauses: Pauses;
}

export type Breaker = ClosedBreaker | OpenBreaker;

export const closedBreaker: ClosedBreaker = { kind: 'closed', transient: [], denied: [], pauses: null };

const GROUPS_MAX = 3;
/** Two groups that fail alone may do so for ever. */
const FAILURES_KEPT = 1_000;
/**
 * A group fails alone once so many of its failures came after a success of another group, and none of its own. A target that
 * comes and goes hardly lets others pass so often by chance.
 */
export const ALONE_AFTER = 5;

/**
 * What an answer says of the target as a whole. `own`: the group's own failure, so the target works. `alone`: the group's
 * own as well, and it does not show that the target works. `unclear`: only a read of the group can tell. `nothing`: neither
 * that it works nor that it does not.
 */
export type Sign = BreakerReason | 'own' | 'alone' | 'unclear' | 'nothing' | 'it_works';

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

export function signOf(seen: Observation): Sign {
  const sign = signOfAnswer(seen);
  return seen.isAlone && isOfTarget(sign) ? 'alone' : sign;
}

export const isOfTarget = (sign: Sign): sign is BreakerReason =>
  sign === 'target' || sign === 'auth' || sign === 'permission';

function signOfAnswer(seen: Observation): Exclude<Sign, 'alone'> {
  const sign = SIGNS[seen.outcome];
  if (seen.request !== 'write') return sign;
  if (sign === 'permission') return seen.isReadable ? 'own' : 'unclear';
  return sign === 'target' && isOwnFailure(seen) ? 'own' : sign;
}

/** Of one or two groups only a read can tell whether the target fails as a whole. */
const isOwnFailure = ({ isReadable, status, pendingGroups }: Observation): boolean =>
  pendingGroups < GROUPS_MAX || (isReadable && status !== null && status >= 500);

export const isSuccess = ({ outcome }: Observation): boolean => outcome === 'applied' || outcome === 'unchanged';

/** The same breaker where the answer decides nothing. */
export const observe = (breaker: Breaker, seen: Observation): Breaker =>
  breaker.kind === 'closed' ? whenClosed(breaker, seen) : whenOpen(breaker, seen);

function whenClosed(breaker: ClosedBreaker, seen: Observation): Breaker {
  const sign = signOf(seen);
  switch (sign) {
    case 'auth':
      return opened(breaker, sign, [seen]);
    case 'target': {
      const transient = [...breaker.transient, seen].slice(-FAILURES_KEPT);
      const isWide = groupCount(transient) >= Math.min(GROUPS_MAX, Math.max(1, seen.pendingGroups));
      const opens = isWide && failureCount(transient) >= seen.failuresMax;
      return opens ? opened(breaker, sign, transient) : { ...breaker, transient };
    }
    case 'permission': {
      const denied = [...breaker.denied, seen].slice(-FAILURES_KEPT);
      const opens = failureCount(denied) >= GROUPS_MAX && groupCount(denied) >= GROUPS_MAX;
      return opens ? opened(breaker, sign, denied) : { ...breaker, transient: [], denied };
    }
    case 'own':
    case 'alone':
    case 'unclear':
    case 'nothing':
      return breaker;
    case 'it_works': {
      const pauses = pausesAfter(breaker.pauses, seen);
      const isStill = breaker.transient.length + breaker.denied.length === 0 && pauses === breaker.pauses;
      return isStill ? breaker : { ...closedBreaker, pauses };
    }
  }
}

const failureCount = (failures: readonly Observation[]): number => new Set(failures.map(({ cause }) => cause)).size;
const groupCount = (failures: readonly Observation[]): number => new Set(failures.flatMap(({ groups }) => groups)).size;

function opened({ pauses }: ClosedBreaker, reason: BreakerReason, openedBy: readonly Observation[]): OpenBreaker {
  const kinds = new Set(openedBy.map(({ request }) => request));
  const [kind = 'read'] = kinds;
  // What fails in every way is seen by a read.
  const failed = kinds.size === 1 ? kind : 'read';
  const since = openedBy.at(-1)?.now ?? 0;
  return { kind: 'open', reason, since, openedBy, pauses: { failed, probes: pauses?.probes ?? 0 } };
}

/** Only a request of the kind that failed proves that it works again. */
const pausesAfter = (pauses: Pauses | null, seen: Observation): Pauses | null =>
  pauses !== null && isSuccess(seen) && seen.request === pauses.failed ? null : pauses;

function whenOpen(breaker: OpenBreaker, seen: Observation): Breaker {
  const sign = signOf(seen);
  // That a group can be read says nothing of writes.
  const isBesideIt = breaker.pauses.failed === 'write' && seen.request !== 'write' && sign === 'it_works';
  if (isBesideIt || sign === 'unclear') return breaker;
  if (!seen.isProbe) return isSuccess(seen) ? closedAfter(breaker, seen) : breaker;
  switch (sign) {
    case 'auth':
    case 'target':
      return probedAgain(breaker, sign);
    case 'permission':
      return breaker.reason === sign ? probedAgain(breaker, sign) : closedAfter(breaker, seen);
    case 'alone':
    case 'nothing':
      return probedAgain(breaker, breaker.reason);
    case 'own':
    case 'it_works':
      return closedAfter(breaker, seen);
  }
}

function closedAfter({ pauses }: OpenBreaker, seen: Observation): ClosedBreaker {
  const left = pausesAfter(pauses, seen);
  return { ...closedBreaker, pauses: left === null ? null : oneMore(left) };
}

const probedAgain = (breaker: OpenBreaker, reason: BreakerReason): OpenBreaker => ({
  ...breaker,
  reason,
  pauses: oneMore(breaker.pauses),
});

const oneMore = ({ failed, probes }: Pauses): Pauses => ({ failed, probes: probes + 1 });

/** A probe has ended and decided nothing. `answered`: the target works, and there was nothing to try what failed with. */
export function afterUndecidedProbe(breaker: OpenBreaker, ended: 'answered' | 'not_started'): Breaker {
  return ended === 'answered'
    ? { ...closedBreaker, pauses: oneMore(breaker.pauses) }
    : probedAgain(breaker, breaker.reason);
}

const PROBES: Readonly<Record<RequestKind, string>> = {
  read: 'a read of one group',
  write: 'a change of one group, since that groups can be read proves nothing',
  look_up: 'a look-up of one id',
};

/** What would close it, for operators. */
export const closedBy = ({ failed }: Pick<Pauses, 'failed'>): string =>
  `any change that succeeds, or a probe (${PROBES[failed]}) that is neither refused as before, nor throttled (429), nor failed (5xx, no answer)`;

/** A group, or an id, that may be asked for next. */
export interface ProbeCandidate {
  /** Grows with each failure of any group; 0: it has not failed since it succeeded last. */
  readonly failedAt: number;
}

/** The next to be probed: one that has not failed, else the one that failed longest ago, so that all have their turn. */
export function nextProbe<Candidate extends ProbeCandidate>(candidates: Iterable<Candidate>): Candidate | null {
  let next: Candidate | null = null;
  for (const candidate of candidates) {
    if (candidate.failedAt === 0) return candidate;
    if (next === null || candidate.failedAt < next.failedAt) next = candidate;
  }
  return next;
}
