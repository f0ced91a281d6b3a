/**
 * Versions of a group that PATCHes of ours have replaced. Reads may lag behind what the target has accepted (facts.md 8): one
 * that shows such a version is old, so nothing that it shows is final, and a later read decides. Instants are monotonic ms.
 */
import { type Doubt, isPast } from './doubt.ts';
import { readEtag } from './version.ts';

export interface ReplacedVersions {
  /** The newest last. */
  readonly versions: readonly string[];
  /** From then on every read is believed. */
  readonly untilMs: number;
  /** Before the next read after one that is old. */
  readonly pauseMs: number;
}

/** Reads do not lag behind by more PATCHes than that, or their versions are integers, which have an order. */
const VERSIONS_MAX = 8;
const FIRST_PAUSE_MS = 1_000;
const PAUSE_MAX_MS = 30_000;

/** A PATCH with this `If-Match` was accepted, and has moved the version. */
export const afterReplacing = (
  known: ReplacedVersions | undefined,
  version: string,
  untilMs: number,
): ReplacedVersions => ({
  versions: [...(known?.versions ?? []), version].slice(-VERSIONS_MAX),
  untilMs,
  pauseMs: FIRST_PAUSE_MS,
});

export function isReplaced({ versions, untilMs }: ReplacedVersions, version: string, nowMs: number): boolean {
  if (nowMs >= untilMs) return false;
  const shown = readEtag(version);
  return versions.some((each) => readEtag(each) === shown || isPast(each, version));
}

/** What an old read leaves: a doubt that the first newer version ends, or the next read, after 1, 2, 4, 8 s … */
export function afterOldRead(known: ReplacedVersions, nowMs: number): { doubt: Doubt | null; known: ReplacedVersions } {
  const { versions, untilMs, pauseMs } = known;
  const ifMatch = versions.at(-1);
  const doubt: Doubt | null =
    ifMatch === undefined ? null : { kind: 'request', ifMatch, untilMs: Math.min(untilMs, nowMs + pauseMs) };
  return { doubt, known: { ...known, pauseMs: Math.min(2 * pauseMs, PAUSE_MAX_MS) } };
}
