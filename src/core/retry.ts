/**
 * When something that failed is tried again, and when it is given up. Pure: now and chance are passed in.
 * `attempt` counts failed tries; one counter for both schedules. Durations and instants are milliseconds.
 */
import type { FailureKind } from './outcome.ts';
import { ASKED_MAX_MS } from './server-wait.ts';

export interface RetryPolicy {
  readonly baseMs: number;
  readonly capMs: number;
  /** Failure number `attemptsMax` gives up. */
  readonly attemptsMax: number;
  /** Failure n waits entry n; the one after the last gives up; empty: given up at the first failure. */
  readonly slowScheduleMs: readonly number[];
}

export type Schedule = 'fast' | 'slow';

export interface RetryFacts {
  readonly schedule: Schedule;
  /** Failed tries before this one. */
  readonly attempt: number;
  /** Epoch ms. */
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: number;
  readonly retryAfterMs: number | null;
}

export type RetryDecision =
  | {
      readonly kind: 'park';
      /** Failed tries, this one included. */
      readonly attempt: number;
      readonly delayMs: number;
      /** Epoch ms. */
      readonly notBefore: number;
    }
  | { readonly kind: 'give_up'; readonly attempt: number };

export function decideRetry(policy: RetryPolicy, facts: RetryFacts): RetryDecision {
  const attempt = facts.attempt + 1;
  const waitMs =
    facts.schedule === 'slow' ? policy.slowScheduleMs[attempt - 1] : fastWaitMs(policy, attempt, facts.random);
  if (waitMs === undefined) return { kind: 'give_up', attempt };
  const delayMs = Math.max(waitMs, facts.retryAfterMs ?? 0);
  return { kind: 'park', attempt, delayMs, notBefore: facts.now + delayMs };
}

/**
 * As `decideRetry`, of what was refused together with others and never alone: where its schedule has no further entry it
 * waits the last one again, so that it is not given up untested (protocol.md 7.7).
 */
export function parkUntested(policy: RetryPolicy, facts: RetryFacts): RetryDecision & { readonly kind: 'park' } {
  const decision = decideRetry(policy, facts);
  if (decision.kind === 'park') return decision;
  const { slowScheduleMs, baseMs, capMs } = policy;
  const attempt = Math.max(1, facts.attempt);
  const waitMs =
    facts.schedule === 'slow'
      ? (slowScheduleMs.at(-1) ?? capMs)
      : fullJitterMs(Math.min(baseMs * 2 ** attempt, capMs), facts.random);
  const delayMs = Math.max(waitMs, facts.retryAfterMs ?? 0);
  return { kind: 'park', attempt, delayMs, notBefore: facts.now + delayMs };
}

/** No try waits longer. What a live record says to wait longer was written by a clock that was ahead, or under another schedule. */
export const longestWaitMs = ({ capMs, slowScheduleMs }: RetryPolicy): number =>
  Math.max(ASKED_MAX_MS, capMs, ...slowScheduleMs);

/** undefined: no further try. */
function fastWaitMs({ baseMs, capMs, attemptsMax }: RetryPolicy, attempt: number, random: number): number | undefined {
  return attempt >= attemptsMax ? undefined : fullJitterMs(Math.min(baseMs * 2 ** attempt, capMs), random);
}

/** Whole milliseconds in (0, boundMs], so that groups that failed together do not come back together. */
const fullJitterMs = (boundMs: number, random: number): number => Math.ceil((1 - random) * boundMs);

/** `free`: no attempt is used up, since it says nothing of the change; gate or breaker holds it back, or it is sent in halves. */
export type RetryRule = Schedule | 'never' | 'free';

/** On which schedule a failure is tried again. */
const RETRY_RULES: Readonly<Record<FailureKind, RetryRule>> = {
  transient: 'fast',
  conflict: 'fast',
  // Provisioning may be under way, and a permission may be granted.
  not_found: 'slow',
  denied: 'slow',
  rejected_member: 'slow',
  no_target: 'slow',
  throttled: 'free',
  unauthorized: 'free',
  // Halved; a single member that is still too large is refused for good, which the caller sees.
  too_large: 'free',
  rejected: 'never',
};

export const scheduleOf = (kind: FailureKind): RetryRule => RETRY_RULES[kind];

/** The same of what was refused together with others: which of them is meant was not found, so none is at its end. */
export const scheduleOfUntested = (kind: FailureKind): Schedule => (scheduleOf(kind) === 'fast' ? 'fast' : 'slow');

const CONFLICT_BASE_MS = 50;
const CONFLICT_CAP_MS = 1_000;

/** Wait before the re-plan after conflict number `conflict` (from 1), so that two writers do not keep meeting. */
export const conflictDelayMs = (conflict: number, random: number): number =>
  fullJitterMs(Math.min(CONFLICT_BASE_MS * 2 ** conflict, CONFLICT_CAP_MS), random);

const PROBE_BASE_MS = 1_000;
const PROBE_CAP_MS = 30_000;

/** Wait before probe number `probe` (from 1) of an open breaker: 1 s, 2 s, … 30 s. */
export const probeDelayMs = (probe: number): number => Math.min(PROBE_BASE_MS * 2 ** (probe - 1), PROBE_CAP_MS);
