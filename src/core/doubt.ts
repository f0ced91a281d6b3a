/**
 * In doubt: a request of a group without a sure answer may still land, and a version fences it only once it has moved.
 * Until then a no-op of the group is not final and nothing of it is given up (spec: doubt, hold, noop, last-look).
 * Instants are monotonic ms.
 */

export type Doubt =
  | OwnDoubt
  /**
   * The last read showed a version that is known to be replaced: until the next one nothing is known of the group. What was in
   * doubt before stays so beneath it.
   */
  | (OldRead & { readonly under: OwnDoubt | null });

export interface OldRead {
  readonly kind: 'old_read';
  readonly untilMs: number;
}

type OwnDoubt =
  /** A request of our own with this `If-Match`. */
  | { readonly kind: 'request'; readonly ifMatch: string; readonly untilMs: number }
  /** Whatever a former owner may have sent: of unknown version, so only time or a PATCH of ours ends it. */
  | { readonly kind: 'gained'; readonly untilMs: number };

export const gained = (nowMs: number, lateApplyMs: number): OwnDoubt => ({
  kind: 'gained',
  untilMs: nowMs + lateApplyMs,
});

export interface UnansweredRequest {
  readonly ifMatch: string;
  readonly sentAtMs: number;
}

export function afterNoAnswer(known: Doubt | null, request: UnansweredRequest, lateApplyMs: number): Doubt {
  const doubt = withoutOldRead(known);
  const untilMs = Math.max(request.sentAtMs + lateApplyMs, doubt?.untilMs ?? 0);
  if (doubt === null) return { kind: 'request', ifMatch: request.ifMatch, untilMs };
  if (doubt.kind === 'gained') return { kind: 'gained', untilMs };
  // Both may still land: only what is past the later of the two is past both.
  const ifMatch = isPast(request.ifMatch, doubt.ifMatch) ? request.ifMatch : doubt.ifMatch;
  const comparable = ifMatch === request.ifMatch || isPast(ifMatch, request.ifMatch);
  return comparable ? { kind: 'request', ifMatch, untilMs } : { kind: 'gained', untilMs };
}

/** A read that began after the request was sent shows `version`; `oldRead`: the version is known to be replaced. */
export function afterRead(known: Doubt | null, version: string, oldRead: OldRead | null = null): Doubt | null {
  const doubt = withoutOldRead(known);
  const left = doubt?.kind === 'request' && isPast(version, doubt.ifMatch) ? null : doubt;
  return oldRead === null ? left : { ...oldRead, under: left };
}

/** Time is over; then a fresh read decides, so the caller drops its snapshot. */
export const isOver = (doubt: Doubt, nowMs: number): boolean => nowMs >= doubt.untilMs;

/** What is left of a doubt, or of an old read, that is over. */
export const afterEnd = (doubt: Doubt | null): Doubt | null => (doubt?.kind === 'old_read' ? doubt.under : null);

const withoutOldRead = (doubt: Doubt | null): OwnDoubt | null => (doubt?.kind === 'old_read' ? doubt.under : doubt);

/** Versions are opaque but for decimal integers (genesys.md 2.1), and only those have an order. */
export function isPast(version: string, other: string): boolean {
  const [a, b] = [numberOf(version), numberOf(other)];
  return a !== null && b !== null && a > b;
}

export const isNumbered = (version: string): boolean => numberOf(version) !== null;

function numberOf(etag: string): bigint | null {
  const digits = /^(?:W\/)?"?(\d{1,30})"?$/.exec(etag)?.[1];
  return digits === undefined ? null : BigInt(digits);
}
