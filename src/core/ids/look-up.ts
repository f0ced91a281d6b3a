/**
 * What is asked of the target for an id of the identity provider, and what the answer means. A resource counts only if
 * it shows the very value that was asked for: a server that ignores the filter must not map everybody to its first user.
 * Below: the path that asks, and the list that answers (RFC 7644 3.4.2; the vendor's ScimUserListResponse,
 * ScimGroupListResponse).
 */
import { z } from 'zod';
import { isId } from '../change/change.ts';
import type { SureResolution } from './resolution.ts';

export type UserAttribute = 'externalId' | 'userName' | 'email';
export type GroupAttribute = 'displayName' | 'id';

/** What is looked up: by `displayName` groups, by the others users. */
export type LookUpAttribute = UserAttribute | Exclude<GroupAttribute, 'id'>;

export interface Sought {
  readonly attribute: LookUpAttribute;
  readonly value: string;
}

export type LookedUp = Extract<SureResolution, { kind: 'found' | 'missing' | 'ambiguous' }>;

interface AttributeRules {
  readonly resource: Search['resource'];
  readonly returned: readonly string[];
  /** RFC 7643 8.7.1 (caseExact), and of externalId the vendor too. */
  readonly isCaseExact: boolean;
  readonly valuesOf: (resource: ListedResource) => readonly (string | null)[];
}

const ATTRIBUTES: Readonly<Record<LookUpAttribute, AttributeRules>> = {
  externalId: {
    resource: 'users',
    returned: ['id', 'active', 'userName', 'externalId'],
    isCaseExact: true,
    valuesOf: ({ externalId }) => [externalId],
  },
  userName: {
    resource: 'users',
    returned: ['id', 'active', 'userName'],
    isCaseExact: false,
    valuesOf: ({ userName }) => [userName],
  },
  // userName is the main email address (genesys.md 4.5).
  email: {
    resource: 'users',
    returned: ['id', 'active', 'userName', 'emails'],
    isCaseExact: false,
    valuesOf: ({ emails, userName }) => [...emails, userName],
  },
  displayName: {
    resource: 'groups',
    returned: ['id', 'displayName'],
    isCaseExact: false,
    valuesOf: ({ displayName }) => [displayName],
  },
};

export function searchFor({ attribute, value }: Sought): Search {
  const { resource, returned: attributes } = ATTRIBUTES[attribute];
  return { resource, filter: equals(attribute, value), attributes, startIndex: 1 };
}

/** A page of the users whom the vendor's lists hide unless they are asked for like this. */
export function searchInactive(attribute: LookUpAttribute, startIndex: number): Search {
  const { resource, returned: attributes } = ATTRIBUTES[attribute];
  return { resource, filter: equals('active', false), attributes, startIndex };
}

/**
 * The same among inactive users only. The vendor documents no filter of two conditions, so it has to be tried whether
 * the target understands this one.
 */
export function searchOneInactive({ attribute, value }: Sought): Search {
  const search = searchFor({ attribute, value });
  return { ...search, filter: `${search.filter} and ${equals('active', false)}` };
}

/** Several that differ in case only: the one that is spelled as asked, else none of them. */
export function judgeResources(resources: readonly ListedResource[], { attribute, value }: Sought): LookedUp {
  const wanted = foldedValue(attribute, value);
  const equal = distinct(resources.filter((resource) => foldedValues(attribute, resource).includes(wanted)));
  const same = equal.filter((resource) => ATTRIBUTES[attribute].valuesOf(resource).includes(value));
  const [one, ...more] = same.length > 0 ? same : equal;
  if (one === undefined) return { kind: 'missing' };
  return more.length > 0 ? { kind: 'ambiguous' } : { kind: 'found', id: one.id, isActive: one.active !== false };
}

/** Of names of groups, which have no case (RFC 7643 2.2). */
export const isSameName = (one: string, other: string): boolean =>
  foldedValue('displayName', one) === foldedValue('displayName', other);

/** Resources were listed, but none shows the attribute: this answer identifies no user. */
export const hidesAttribute = ({ resources }: ScimList, attribute: LookUpAttribute): boolean =>
  resources.length > 0 && resources.every((resource) => foldedValues(attribute, resource).length === 0);

/** Values in the form in which equal ones are the same text. */
export const foldedValues = (attribute: LookUpAttribute, resource: ListedResource): readonly string[] =>
  ATTRIBUTES[attribute].valuesOf(resource).flatMap((value) => (value === null ? [] : [foldedValue(attribute, value)]));

export const foldedValue = (attribute: LookUpAttribute, value: string): string =>
  ATTRIBUTES[attribute].isCaseExact ? value : value.toLowerCase();

/** A list that moves while it is paged may show a resource twice. */
const distinct = (resources: readonly ListedResource[]): readonly ListedResource[] => [
  ...new Map(resources.map((resource) => [resource.id, resource])).values(),
];

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
const PAGE_ROWS_MAX = 25;

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
