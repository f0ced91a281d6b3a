/**
 * Searching users and groups at the target: the path that asks, and the list that answers (RFC 7644 3.4.2; the vendor's
 * ScimUserListResponse, ScimGroupListResponse). Total: what is no such list is null.
 */
import { z } from 'zod';
import { isId } from './change.ts';

export interface Search {
  readonly resource: 'users' | 'groups';
  /** As `equals` writes it. */
  readonly filter: string;
  /** Only these, besides what is always there; without them the vendor looks up members, roles and skills too. */
  readonly attributes: readonly string[];
  /** From 1. */
  readonly startIndex: number;
}

/** The vendor: a larger page "may exceed internal resource limits and return a 429" (genesys.md 4.2). */
export const PAGE_ROWS_MAX = 25;

/** A value in a filter is JSON (RFC 7644 3.4.2.2, compValue), so quotes and backslashes of an id end nothing. */
export const equals = (attribute: string, value: string | boolean): string =>
  `${attribute} eq ${JSON.stringify(value)}`;

export function searchPath({ resource, filter, attributes, startIndex }: Search): string {
  const query = { filter, attributes: attributes.join(','), startIndex, count: PAGE_ROWS_MAX };
  const parameters = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `/api/v2/scim/v2/${resource}?${parameters.join('&')}`;
}

export interface ListedResource {
  readonly id: string;
  /** null: not said, as of groups. */
  readonly active: boolean | null;
  readonly userName: string | null;
  readonly externalId: string | null;
  readonly displayName: string | null;
  readonly emails: readonly string[];
}

export interface ScimList {
  /** Of all pages. */
  readonly total: number;
  readonly resources: readonly ListedResource[];
}

/** null where it is no list, contradicts itself, or holds a resource without an id: nothing may be concluded then. */
export function readScimList(body: unknown): ScimList | null {
  const parsed = listShape.safeParse(body);
  if (!parsed.success) return null;
  const { totalResults: total, Resources: resources } = parsed.data;
  return resources.length > total ? null : { total, resources };
}

/** What a resource says strangely is taken as not said: it then equals nothing that is asked for. */
const text = z.string().nullable().catch(null).default(null);

const emailsShape = z
  .array(z.object({ value: z.string() }).catch({ value: '' }))
  .catch([])
  .default([])
  .transform((emails) => emails.map(({ value }) => value).filter((value) => value !== ''));

const resourceShape = z.object({
  id: z.string().refine(isId),
  active: z.boolean().nullable().catch(null).default(null),
  userName: text,
  externalId: text,
  displayName: text,
  emails: emailsShape,
});

const listShape = z.object({
  totalResults: z.int().min(0),
  Resources: z
    .array(resourceShape)
    .nullish()
    .transform((resources) => resources ?? []),
});
