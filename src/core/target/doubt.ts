/**
 * In doubt: a request of a group without a sure answer may still land, and a version fences it only once it has moved.
 * Until then a no-op of the group is not final and nothing of it is given up (spec: doubt, hold, noop, last-look).
 * Instants are monotonic ms.
 */
import type { RequestFacts } from './refusals.ts';
import type { Intent } from '../change/change.ts';
import { sightOf, type Membership } from './snapshot.ts';
import { readEtag } from './version.ts';

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
  /** Any request that a former owner may have sent: of unknown version, so only time or a PATCH of ours ends it. */
  | { readonly kind: 'gained'; readonly untilMs: number };

export const afterTakeover = (nowMs: number, lateApplyMs: number): OwnDoubt => ({
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
function isPast(version: string, other: string): boolean {
  const [a, b] = [numberOf(version), numberOf(other)];
  return a !== null && b !== null && a > b;
}

const isNumbered = (version: string): boolean => numberOf(version) !== null;

function numberOf(etag: string): bigint | null {
  const digits = /^(?:W\/)?"?(\d{1,30})"?$/.exec(etag)?.[1];
  return digits === undefined ? null : BigInt(digits);
}

/*
 * Unconfirmed: the target has accepted a change, and its answer does not show it, since its services may lag behind each other
 * (genesys.md 8.1). Fresh reads decide, after 1, 2, 4, 8 s … and for the last time LATE_APPLY_MS after the answer (protocol.md 7.6).
 * Instants are monotonic ms.
 */

export interface Unconfirmed {
  readonly intent: Intent;
  /** The PATCH that was accepted. */
  readonly request: RequestFacts;
  readonly lookAtMs: number;
  /** Before the look after the next one. */
  readonly pauseMs: number;
  /** A look from then on is the last one. */
  readonly untilMs: number;
}

/** Before the second look; each further pause is `nextLookPauseMs` of the one before. */
const FIRST_LOOK_PAUSE_MS = 1_000;
const LOOK_PAUSE_MAX_MS = 30_000;

const nextLookPauseMs = (pauseMs: number): number => Math.min(2 * pauseMs, LOOK_PAUSE_MAX_MS);

export interface Acceptance {
  readonly intent: Intent;
  readonly request: RequestFacts;
  /** The answer shows the group without the change; else it shows nothing, and the first look is due. */
  readonly isShownOtherwise: boolean;
}

export function accepted({ isShownOtherwise, ...change }: Acceptance, nowMs: number, lateApplyMs: number): Unconfirmed {
  const first = { ...change, lookAtMs: nowMs, pauseMs: FIRST_LOOK_PAUSE_MS, untilMs: nowMs + lateApplyMs };
  return isShownOtherwise ? postponed(first, nowMs) : first;
}

/** Its next look. Past the last one, where that had no sure answer or a doubt goes on, the pauses grow on. */
export function postponed(unconfirmed: Unconfirmed, nowMs: number): Unconfirmed {
  const { pauseMs, untilMs } = unconfirmed;
  const lookAtMs = nowMs + pauseMs;
  return {
    ...unconfirmed,
    lookAtMs: nowMs < untilMs ? Math.min(lookAtMs, untilMs) : lookAtMs,
    pauseMs: nextLookPauseMs(pauseMs),
  };
}

/**
 * What a look comes to. A shown change counts only out of doubt: an older request may still undo it. A list that may leave
 * the member out does not contradict the answer.
 */
export type Look = 'shown' | 'not_effective' | 'look_again';

export interface Sight {
  /** null: the read had no sure answer. */
  readonly snapshot: Membership | null;
  readonly isDoubted: boolean;
  readonly nowMs: number;
}

export function judgeLook({ intent, untilMs }: Unconfirmed, { snapshot, isDoubted, nowMs }: Sight): Look {
  if (snapshot !== null && sightOf(intent, snapshot) !== 'not_so') return isDoubted ? 'look_again' : 'shown';
  return nowMs >= untilMs ? 'not_effective' : 'look_again';
}

/** What a plan has to know of a group's unconfirmed changes. */
export interface UnconfirmedView {
  /** When the next look is due. */
  readonly lookAtMs: number;
  /** Of those that are due: accepted already, so that they are not sent again. */
  readonly intents: Pick<ReadonlySet<Intent>, 'has'>;
  /** By `idKey` of what the target calls them: what a read shows of them may be old. */
  readonly members: Pick<ReadonlySet<string>, 'has'>;
}

/*
 * Versions of a group that are known to be replaced. Reads may lag behind what the target has accepted (genesys.md 8.1): one that
 * shows such a version is old, so nothing follows from it, and a later read decides. Instants are monotonic ms.
 */

export interface ReplacedVersions {
  /** By PATCHes of ours, the latest first. */
  readonly versions: readonly string[];
  /** The highest version that was seen, and every one below it is replaced; null: versions have no order. */
  readonly highest: string | null;
  /** `If-Match` of a PATCH of ours of which no answer has shown the version since; null: there is none. */
  readonly sent: string | null;
  /** From then on every read is believed. */
  readonly untilMs: number;
  /** Before the next read after one that is old. */
  readonly pauseMs: number;
}

const NONE: ReplacedVersions = {
  versions: [],
  highest: null,
  sent: null,
  untilMs: Number.NEGATIVE_INFINITY,
  pauseMs: FIRST_LOOK_PAUSE_MS,
};

/** Reads do not lag behind by more PATCHes than that, or their versions are integers, which have an order. */
const VERSIONS_MAX = 8;

/** A PATCH was accepted, and has moved the version. */
export interface Replacement {
  /** `If-Match` of the PATCH. */
  readonly version: string;
  /** The version since then. One that is a hash of the members may have been there before; it is replaced no longer. */
  readonly by: string;
}

export const afterReplacing = (
  known: ReplacedVersions = NONE,
  { version, by }: Replacement,
  untilMs: number,
): ReplacedVersions => ({
  versions: [version, ...known.versions.filter((each) => readEtag(each) !== readEtag(by))].slice(0, VERSIONS_MAX),
  highest: isNumbered(by) ? by : null,
  sent: null,
  untilMs,
  pauseMs: FIRST_LOOK_PAUSE_MS,
});

/** The target calls the version of `sent` stale. */
export const afterRefusing = (known: ReplacedVersions, version: string, untilMs: number): ReplacedVersions => ({
  ...known,
  versions: [version, ...known.versions].slice(0, VERSIONS_MAX),
  sent: null,
  untilMs,
});

/** The target may have accepted a PATCH with this `If-Match`. */
export const afterSending = (known: ReplacedVersions = NONE, version: string): ReplacedVersions => ({
  ...known,
  sent: version,
});

/** A read that is not old shows this version, from any writer. */
export function afterSeeing(known: ReplacedVersions = NONE, version: string, untilMs: number): ReplacedVersions {
  const { sent, highest } = known;
  if (sent !== null && readEtag(sent) !== readEtag(version))
    return afterReplacing(known, { version: sent, by: version }, untilMs);
  const isHigher = highest === null ? isNumbered(version) : isPast(version, highest);
  return isHigher ? { ...known, highest: version, untilMs, pauseMs: FIRST_LOOK_PAUSE_MS } : known;
}

export function isReplaced(known: ReplacedVersions, version: string, nowMs: number): boolean {
  const { versions, highest, untilMs } = known;
  if (nowMs >= untilMs) return false;
  const shown = readEtag(version);
  return (
    versions.some((each) => readEtag(each) === shown || isPast(each, version)) ||
    (highest !== null && isPast(highest, version))
  );
}

/** What an old read leaves, until the next read after 1, 2, 4, 8 s … */
export const doubtAfterOldRead = ({ untilMs, pauseMs }: ReplacedVersions, nowMs: number): OldRead => ({
  kind: 'old_read',
  untilMs: Math.min(untilMs, nowMs + pauseMs),
});

export const afterOldRead = (known: ReplacedVersions): ReplacedVersions => ({
  ...known,
  pauseMs: nextLookPauseMs(known.pauseMs),
});
