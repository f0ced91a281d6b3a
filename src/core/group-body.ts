/**
 * Reads a ScimV2Group and its version. Lenient where proxies and serialisers differ, strict where a wrong reading would
 * plan a wrong PATCH. Total: what is not a group is null.
 */
import { isObject } from './error-body.ts';
import type { Snapshot } from './plan.ts';

/** `etag` is the response header, which wins over `meta.version`. No version at all: null, since no PATCH could be fenced. */
export function readGroupBody(body: unknown, etag: string | null): Snapshot | null {
  if (!isObject(body) || typeof body['id'] !== 'string') return null;
  const meta = body['meta'];
  const version = readEtag(etag) ?? (isObject(meta) ? readEtag(meta['version']) : null);
  const members = readMembers(body['members']);
  return version === null || members === null ? null : { version, members };
}

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

/** Absent and null mean unassigned (RFC 7643 2.5). A reference without a text as value names nobody. */
function readMembers(members: unknown): ReadonlySet<string> | null {
  if (members === undefined || members === null) return new Set();
  if (!Array.isArray(members)) return null;
  const references: readonly unknown[] = members;
  const values = references.map((reference) => (isObject(reference) ? reference['value'] : null));
  return new Set(values.filter((value) => typeof value === 'string'));
}
