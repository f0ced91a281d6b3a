/** The version of a group that Rollcall's requests have left, as far as reports say, and the request that may have moved it since. */
import type { ReportRecord } from '../report/report.ts';
import { isRefusal } from '../target/outcome.ts';
import { isOlderVersion } from '../target/version.ts';

/** What one report says of the version. `open`: its request may have changed the group, and no answer names the version since. */
export type VersionSaid =
  | { readonly kind: 'known'; readonly version: string; readonly at: number }
  | { readonly kind: 'open'; readonly patchId: string; readonly etagBefore: string | null; readonly at: number };

/** null: nothing. */
export function versionSaid({ request, shadow, reported_at: reportedAt }: ReportRecord): VersionSaid | null {
  if (request === null || shadow === true) return null;
  const { patch_id: patchId, etag_before: etagBefore, etag_after: version, status } = request;
  const at = Date.parse(reportedAt);
  if (version !== null) return { kind: 'known', version, at };
  // Whether an answer was a proxy's page, or a request was sent at all, no report says.
  const isRefused = status !== null && isRefusal(status);
  return patchId === null || isRefused ? null : { kind: 'open', patchId, etagBefore, at };
}

export class GroupVersions {
  #last: Extract<VersionSaid, { kind: 'known' }> | null = null;
  #open: Extract<VersionSaid, { kind: 'open' }> | null = null;

  /** In any order. */
  take(said: VersionSaid): void {
    if (said.kind === 'known') this.#last = newerOf(this.#last, said);
    else this.#open = newerOf(this.#open, said);
  }

  /** After Rollcall's last request; null: no report says. */
  get last(): string | null {
    return this.#last?.version ?? null;
  }

  /** `patch_id` of a request that may have changed the group after that; null: there is none. */
  get openRequest(): string | null {
    return this.#open === null || this.#isPast(this.#open) ? null : this.#open.patchId;
  }

  /** A version that is newer than its `If-Match` fences it: it landed before, or cannot any more. */
  #isPast({ etagBefore, at }: Extract<VersionSaid, { kind: 'open' }>): boolean {
    if (this.#last === null) return false;
    const { version, at: knownAt } = this.#last;
    if (isOlderVersion(etagBefore, version)) return true;
    // Versions that are no numbers have no order.
    return at < knownAt && etagBefore !== version && !isOlderVersion(version, etagBefore);
  }
}

const newerOf = <T extends { readonly at: number }>(known: T | null, said: T): T =>
  known === null || said.at >= known.at ? said : known;
