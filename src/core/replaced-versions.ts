/**
 * Versions of a group that are known to be replaced. Reads may lag behind what the target has accepted (genesys.md 8.1): one that
 * shows such a version is old, so nothing follows from it, and a later read decides. Instants are monotonic ms.
 */
import { isNumbered, isPast, type OldRead } from './doubt.ts';
import { FIRST_LOOK_PAUSE_MS, nextLookPauseMs } from './unconfirmed.ts';
import { readEtag } from './version.ts';

export interface ReplacedVersions {
  /** By PATCHes of ours, the latest first. */
  readonly versions: readonly string[];
  /** The highest version that was seen, and every one below it is replaced; null: versions have no order. */
  readonly highest: string | null;
  /** `If-Match` of a PATCH of ours of which no answer has told the version since; null: there is none. */
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

/** A read that is not old shows this version, whoever has made it. */
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
