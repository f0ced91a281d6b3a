/**
 * Versions of a group that PATCHes of ours have replaced. Reads may lag behind what the target has accepted (facts.md 8): one
 * that shows such a version is old, so nothing that it shows is final, and a later read decides. Instants are monotonic ms.
 */
import { type Doubt, isPast } from './doubt.ts';
import { FIRST_LOOK_PAUSE_MS, nextLookPauseMs } from './unconfirmed.ts';
import { readEtag } from './version.ts';

export interface ReplacedVersions {
  readonly newest: string;
  readonly older: readonly string[];
  /** From then on every read is believed. */
  readonly untilMs: number;
  /** Before the next read after one that is old. */
  readonly pauseMs: number;
}

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
  known: ReplacedVersions | undefined,
  { version, by }: Replacement,
  untilMs: number,
): ReplacedVersions => ({
  newest: version,
  older: (known === undefined ? [] : [known.newest, ...known.older])
    .filter((each) => readEtag(each) !== readEtag(by))
    .slice(0, VERSIONS_MAX - 1),
  untilMs,
  pauseMs: FIRST_LOOK_PAUSE_MS,
});

export function isReplaced({ newest, older, untilMs }: ReplacedVersions, version: string, nowMs: number): boolean {
  if (nowMs >= untilMs) return false;
  const shown = readEtag(version);
  return [newest, ...older].some((each) => readEtag(each) === shown || isPast(each, version));
}

/** What an old read leaves: a doubt that the first newer version ends, or the next read, after 1, 2, 4, 8 s … */
export const doubtAfterOldRead = ({ newest, untilMs, pauseMs }: ReplacedVersions, nowMs: number): Doubt => ({
  kind: 'request',
  ifMatch: newest,
  untilMs: Math.min(untilMs, nowMs + pauseMs),
});

export const afterOldRead = (known: ReplacedVersions): ReplacedVersions => ({
  ...known,
  pauseMs: nextLookPauseMs(known.pauseMs),
});
