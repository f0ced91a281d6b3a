/**
 * Versions of a group: the `ETag` header and `meta.version`, which say the same at Genesys Cloud (genesys.md 2.1). On the
 * way a proxy may change the header (`-gzip`, a hash, `W/`); what `If-Match` has to say then can only be tried.
 */
import type { Failure } from './refusals.ts';
import { ADVICE } from './refusals.ts';

export interface VersionTags {
  /** The `ETag` header as it was received; null: none, or one that no header can hold. */
  readonly etag: string | null;
  /** `meta.version` as it stands in the body; null as above. */
  readonly meta: string | null;
}

export interface Versioned {
  /** What `If-Match` says. */
  readonly version: string;
  readonly tags: VersionTags;
}

/** @param etag the response header. @param meta `meta.version` of the body: a text or a number. */
export const readTags = (etag: string | null, meta: unknown): VersionTags => ({
  etag: received(etag),
  meta: received(meta),
});

const received = (version: unknown): string | null => (readEtag(version) === null ? null : String(version).trim());

/**
 * The `If-Match` form (`"42"`) of a version as servers and proxies write it: `"42"`, `W/"42"`, `42`, a number.
 * null: none, or one that cannot be sent in a header (RFC 9110 8.8.3).
 */
export function readEtag(version: unknown): string | null {
  if (Number.isSafeInteger(version)) return `"${String(version)}"`;
  if (typeof version !== 'string') return null;
  const bare = version
    .trim()
    .replace(/^W\//i, '')
    .replace(/^"(.*)"$/, '$1');
  return /^[!#-~]{1,256}$/.test(bare) ? `"${bare}"` : null;
}

/**
 * What `If-Match` may have to say, in the order in which it is tried: more than one form only where the header is suspect.
 * Then the header may have been changed, and a weak tag may be wanted as it was received.
 */
export function versionForms({ etag, meta }: VersionTags): readonly string[] {
  const [tag, version] = [readEtag(etag), readEtag(meta)];
  const isSuspect = etag !== null && (isWeak(etag) || (version !== null && version !== tag));
  const forms = isSuspect ? [tag, version, etag] : [tag ?? version, ...(isWeak(meta) ? [meta] : [])];
  return [...new Set(forms.flatMap((form) => form ?? []))];
}

/** It fences nothing by the standard (RFC 9110 13.1.1), and some servers fence by it all the same. */
const isWeak = (tag: string | null): boolean => tag !== null && /^W\//i.test(tag);

/** In the form that is tried first; null: there is no version. */
export function versionedBy(tags: VersionTags): Versioned | null {
  const [version] = versionForms(tags);
  return version === undefined ? null : { version, tags };
}

/** What the target has called stale. */
export interface RefusedVersion {
  readonly tags: VersionTags;
  /** The forms that it was sent in. */
  readonly tried: readonly string[];
}

export const isSameVersion = (one: VersionTags, other: VersionTags): boolean =>
  one.etag === other.etag && one.meta === other.meta;

/**
 * A read that follows a version conflict. Where it shows the very version that was refused, and the header is suspect, the
 * next form is tried; null: the target has refused every form.
 */
export function afterConflict<T extends Versioned>(read: T, { tags, tried }: RefusedVersion): T | null {
  const forms = versionForms(read.tags);
  // A read that lags behind looks the same, so a header that is not suspect is believed.
  if (!isSameVersion(read.tags, tags) || forms.length < 2) return read;
  const version = forms.find((form) => !tried.includes(form));
  return version === undefined ? null : { ...read, version };
}

/** The newer one in the form in which the target has taken the older one; null: its answer does not tell that form. */
export function inFormOf<T extends Versioned>(newer: T, { version, tags }: Versioned): T | null {
  if (version === versionForms(tags)[0]) return newer;
  const { etag, meta } = newer.tags;
  const form = version === readEtag(tags.meta) ? readEtag(meta) : (etag ?? meta);
  return form === null ? null : { ...newer, version: form };
}

/** Like is compared with like: a proxy may change one answer and not the other. */
export function hasMoved({ tags: before }: Versioned, { tags: after }: Versioned): boolean {
  const [from, to] =
    before.meta !== null && after.meta !== null ? [before.meta, after.meta] : [before.etag, after.etag];
  return from !== null && to !== null && readEtag(from) !== readEtag(to);
}

/** Where versions are numbers, as Genesys Cloud's are (docs/genesys.md). */
export function isOlderVersion(version: string | null, lastVersion: string | null): boolean {
  const [shown, last] = [version, lastVersion].map((text) => /^(?:W\/)?"(\d+)"$/.exec(text ?? '')?.[1]);
  return shown !== undefined && last !== undefined && BigInt(shown) < BigInt(last);
}

/** The target has refused its own version in every form. */
export const etagChanged = ({ etag, meta }: VersionTags, status: number | null): Failure => ({
  code: 'etag_changed',
  message: `The target calls its own version stale in every form (ETag ${etag}, meta.version ${meta}): the ETag is changed on the way.`,
  status,
  scimType: null,
  advice: ADVICE.etag,
});
