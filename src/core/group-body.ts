/**
 * Reads a ScimV2Group and its version. Lenient where proxies and serialisers differ, strict where a wrong reading would
 * plan a wrong PATCH. Total: what is not a group is null.
 */
import { isObject } from './error-body.ts';
import { idKey } from './id-key.ts';
import type { Membership } from './membership.ts';
import { readTags, type Versioned, versionedBy } from './version.ts';

export interface GroupBody {
  readonly members: Membership;
  /** null: neither header nor body names a version. */
  readonly version: Versioned | null;
}

/** `etag` is the response header, which wins over `meta.version`. */
export function readGroupBody(body: unknown, etag: string | null): GroupBody | null {
  if (!isObject(body) || typeof body['id'] !== 'string') return null;
  const meta = body['meta'];
  const members = readMembers(body['members']);
  const tags = readTags(etag, isObject(meta) ? meta['version'] : null);
  return members === null ? null : { members, version: versionedBy(tags) };
}

/** What a body that shows a group calls it; null: it shows no group, or leaves the name out. */
export function shownName(body: unknown): string | null {
  const name = isObject(body) && typeof body['id'] === 'string' ? body['displayName'] : null;
  return typeof name === 'string' && name !== '' ? name : null;
}

/** Lists are cut at multiples of this (SCIM servers page by 100, and members have no pages: genesys.md 3.7). */
const CUT_AT = 100;

/**
 * Absent and null mean unassigned (RFC 7643 2.5), but some servers leave `members` out of their answers. A reference whose
 * value is no text names a member whom we cannot tell, so a list with one leaves a member out.
 */
function readMembers(list: unknown): Membership | null {
  const isAbsent = list === undefined || list === null;
  if (!isAbsent && !Array.isArray(list)) return null;
  const references: readonly unknown[] = isAbsent ? [] : list;
  const members = new Set<string>();
  const spellings = new Map<string, string>();
  const nested = new Set<string>();
  let isWhole = !isAbsent && (references.length === 0 || references.length % CUT_AT !== 0);
  for (const reference of references) {
    const value = isObject(reference) ? reference['value'] : null;
    if (!isObject(reference) || typeof value !== 'string' || value === '') {
      isWhole = false;
      continue;
    }
    const key = idKey(value);
    members.add(key);
    if (key !== value) spellings.set(key, value);
    if (!isUser(reference)) nested.add(key);
  }
  return { members, spellings, nested, isDoubtful: !isWhole };
}

/** `type` may be left out (RFC 7643 4.2), and is not case exact (RFC 7643 2.2); then the endpoint in `$ref` tells. */
function isUser({ type, $ref }: Readonly<Record<string, unknown>>): boolean {
  if (type === undefined || type === null) return typeof $ref !== 'string' || !GROUPS_ENDPOINT.test($ref);
  return typeof type === 'string' && type.toLowerCase() === 'user';
}

const GROUPS_ENDPOINT = /(^|\/)groups\/[^/]*$/i;
