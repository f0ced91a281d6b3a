/**
 * How long is waited, and how often something is tried: changes that failed, servers that ask for a pause (429), tokens that end,
 * writes to Kafka, and the requests of one run. Pure: now and chance are passed in. `attempt` counts failed tries; one counter for
 * both schedules. Durations and instants are milliseconds.
 */
import type { Failure, FailureKind } from './refusals.ts';
import { refusalsMax } from './isolation.ts';
import { ADVICE } from './refusals.ts';

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
      : fullJitterMs(doubledMs(baseMs, attempt, capMs), facts.random);
  const delayMs = Math.max(waitMs, facts.retryAfterMs ?? 0);
  return { kind: 'park', attempt, delayMs, notBefore: facts.now + delayMs };
}

/** No try waits longer. What a live record says to wait longer was written by a clock that was ahead, or under another schedule. */
export const longestWaitMs = ({ capMs, slowScheduleMs }: RetryPolicy): number =>
  Math.max(ASKED_MAX_MS, capMs, ...slowScheduleMs);

/** undefined: no further try. */
function fastWaitMs({ baseMs, capMs, attemptsMax }: RetryPolicy, attempt: number, random: number): number | undefined {
  return attempt >= attemptsMax ? undefined : fullJitterMs(doubledMs(baseMs, attempt, capMs), random);
}

/** The growth of every back-off: doubled each time, up to a cap. */
export const doubledMs = (baseMs: number, doublings: number, capMs: number): number =>
  Math.min(baseMs * 2 ** doublings, capMs);

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
  fullJitterMs(doubledMs(CONFLICT_BASE_MS, conflict, CONFLICT_CAP_MS), random);

const PROBE_BASE_MS = 1_000;
const PROBE_CAP_MS = 30_000;

/** Wait before probe number `probe` (from 1) of an open breaker: 1 s, 2 s, … 30 s. */
export const probeDelayMs = (probe: number): number => doubledMs(PROBE_BASE_MS, probe - 1, PROBE_CAP_MS);

/*
 * How long a server makes us wait: one reading of what its headers say, one rule for its 429s, one for a token's lifetime.
 * What it says is believed within bounds only, so that no server can make us hurry or stand still. Pure: now and chance
 * are passed in. Durations are milliseconds.
 */

/** The headers of an answer. `name` in lower case; null: there is none. */
export type ReadHeader = (name: string) => string | null;

/** Longer waits are mistakes: a date of another year, milliseconds for seconds. */
const ASKED_MAX_MS = 3_600_000;

/** null: it counts as not given (0, negative, past, no number, over an hour). */
export const saneWaitMs = (waitMs: number): number | null =>
  waitMs > 0 && waitMs <= ASKED_MAX_MS ? Math.ceil(waitMs) : null;

/** `Retry-After` (RFC 9110 10.2.3), seconds or an HTTP date. @param now epoch ms. */
export function retryAfterMs(header: ReadHeader, now: number): number | null {
  const text = (header('retry-after') ?? '').trim();
  return secondsMs(text) ?? saneWaitMs(httpDate(text) - now);
}

/** A header that counts seconds from now. */
export const secondsMs = (text: string | null): number | null =>
  /^\d+(\.\d+)?$/.test(text ?? '') ? saneWaitMs(Number(text) * 1_000) : null;

/** RFC 9110 5.6.7: the two forms that end in GMT, and that of asctime. NaN: none of them. */
function httpDate(text: string): number {
  if (text.endsWith(' GMT')) return Date.parse(text);
  return /^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}

export interface PauseFacts {
  /** What the server asked for; null: nothing, or nothing sane. */
  readonly askedMs: number | null;
  /** In a row, this one included; the gate counts 429s only. */
  readonly failuresInRow: number;
  /** In [0, 1). */
  readonly random: number;
}

const WAIT_MIN_MS = 1_000;
const WAIT_GROWS_TO_MS = 60_000;
/** A 429 that names no time: the length of the vendor's window. */
const NOT_GIVEN_MS = 60_000;
/** Part of the wait that chance adds, so that instances do not come back together. */
const JITTER = 0.1;

/** 1 s, 2 s, 4 s … 60 s. @param failuresInRow 429s in a row, the last one included. */
export const throttledPauseMinMs = (failuresInRow: number): number =>
  doubledMs(WAIT_MIN_MS, failuresInRow - 1, WAIT_GROWS_TO_MS);

/** After a 429. Never less than was asked for. */
export function throttledPauseMs({ askedMs, failuresInRow, random }: PauseFacts): number {
  return Math.ceil(Math.max(askedMs ?? NOT_GIVEN_MS, throttledPauseMinMs(failuresInRow)) * (1 + JITTER * random));
}

/** After any other failure that may pass: a random time below a growing limit, at least 1 s, never less than was asked for. */
export function backoffMs({ askedMs, failuresInRow, random }: PauseFacts): number {
  const limitMs = doubledMs(WAIT_MIN_MS, failuresInRow, WAIT_GROWS_TO_MS);
  return Math.ceil(Math.max(askedMs ?? 0, WAIT_MIN_MS, limitMs * random));
}

const NOTICE_GROWS_TO_MS = 300_000;

/** Before a notification is sent again: 1 s, 2 s, 4 s … 5 min, and a part by chance. Never less than was asked for. */
export function noticePauseMs({ askedMs, failuresInRow, random }: PauseFacts): number {
  const growingMs = doubledMs(WAIT_MIN_MS, failuresInRow - 1, NOTICE_GROWS_TO_MS);
  return Math.ceil(Math.max(askedMs ?? 0, growingMs) * (1 + JITTER * random));
}

const LIFETIME_MIN_SECONDS = 10;
const LIFETIME_MAX_SECONDS = 30 * 86_400;
/** A token is renewed this long before its end, or at half of a lifetime that is shorter than twice that. */
const RENEW_EARLY_MS = 30_000;
const RENEW_UNKNOWN_MS = 3_600_000;

export interface TokenLifetime {
  /** Counted from when the token was asked for. */
  readonly renewAfterMs: number;
  /** Infinity: not known; a 401 tells. */
  readonly expiresAfterMs: number;
}

/** @param expiresInSeconds as the server says; what is no sane lifetime must not make every request ask for a token. */
export function tokenLifetime(expiresInSeconds: unknown): TokenLifetime {
  const seconds = typeof expiresInSeconds === 'string' ? Number(expiresInSeconds) : expiresInSeconds;
  const isSane = typeof seconds === 'number' && seconds >= LIFETIME_MIN_SECONDS && seconds <= LIFETIME_MAX_SECONDS;
  if (!isSane) return { renewAfterMs: RENEW_UNKNOWN_MS, expiresAfterMs: Number.POSITIVE_INFINITY };
  const expiresAfterMs = seconds * 1_000;
  return { renewAfterMs: Math.max(expiresAfterMs - RENEW_EARLY_MS, expiresAfterMs / 2), expiresAfterMs };
}

/* How long to wait before a write to the log is tried again. */

const FIRST_MS = 500;
/** Longer pauses would keep what waits from going out once the log works again. */
const LONGEST_MS = 10_000;

/** 500 ms, 1 s, 2 s … 10 s. @param failures failed tries in a row, the last one included. */
export const writePauseMs = (failures: number): number => doubledMs(FIRST_MS, failures - 1, LONGEST_MS);

/*
 * How many requests one run of a group may take. No sequence of honest answers takes so many: until a change lands or is
 * refused alone, its part is halved log2(n) times, each refusal with a read after it; a conflict costs a PATCH and a GET, and
 * a last look one GET. Where a target answers in a way that the table of answers does not foresee, the run ends here, as a
 * try that failed.
 */

const BESIDES = 4;

export const requestsMax = (intentCount: number, conflictsMax: number): number =>
  refusalsMax(intentCount) * (intentCount + conflictsMax + BESIDES);

export const budgetFailure = (requestCount: number): Failure => ({
  code: 'no_progress',
  message: `${requestCount} requests in a row have not settled these changes of the group.`,
  status: null,
  scimType: null,
  advice: ADVICE.unreadable,
});
