import type { SandboxAnswer } from './answer.ts';
import { scimAnswer } from './answer.ts';
import type { ReadPatch } from './patch.ts';
import type { Refusal } from './scim-error.ts';
import { refuse } from './scim-error.ts';

// Which endpoint a path means. Identity providers append `/Groups` and `/Users` to the tenant URL, so these two also
// come in upper case.

export type Endpoint = 'token' | 'group' | 'groups' | 'user' | 'users' | 'config';
export type Route = Readonly<{ endpoint: Endpoint; id: string | null }>;

export const SCIM_BASE = '/api/v2/scim/v2';

const RESOURCE = /^\/api\/v2\/scim\/v2\/([Gg]roups|[Uu]sers)(?:\/([^/]+))?\/?$/;

/** null where nothing is there; an id that cannot be percent-decoded is no id. */
export function routeOf(path: string): Route | null {
  if (path === '/oauth/token') return { endpoint: 'token', id: null };
  if (path.toLowerCase() === `${SCIM_BASE}/serviceproviderconfig`) return { endpoint: 'config', id: null };
  const match = RESOURCE.exec(path);
  if (!match) return null;
  const plural = match[1]?.toLowerCase() === 'groups' ? 'groups' : 'users';
  if (match[2] === undefined) return { endpoint: plural, id: null };
  const id = decode(match[2]);
  return id === null ? null : { endpoint: plural === 'groups' ? 'group' : 'user', id };
}

export function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

// A request read in full, and what came of handling it.

export type SandboxRequest = Readonly<{
  method: string;
  route: Route | null;
  query: URLSearchParams;
  authorization: string | null;
  contentType: string;
  ifMatch: string | null;
  ifNoneMatch: string | null;
  body: string;
  /** The body was larger than allowed and was not read. */
  tooLarge: boolean;
  /** Of a PATCH or PUT of a group. */
  patch: ReadPatch | null;
}>;

export type Handled =
  | Readonly<{ kind: 'answered'; answer: SandboxAnswer; written: Readonly<{ version: number }> | null }>
  | Readonly<{ kind: 'refused'; refusal: Refusal }>;

export function answered(answer: SandboxAnswer): Handled {
  return { kind: 'answered', answer, written: null };
}

export function refusedWith(refusal: Refusal): Handled {
  return { kind: 'refused', refusal };
}

// What lists have in common: paging (RFC 7644 section 3.4.2.4) and the choice of attributes (section 3.9).

export type Resource = Readonly<Record<string, unknown>>;
export type Attributes = Readonly<{ only: ReadonlySet<string>; without: ReadonlySet<string> }>;

/** The vendor: "Always returns id, active, and meta". */
const ALWAYS: ReadonlySet<string> = new Set(['schemas', 'id', 'active', 'meta']);
const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const PAGE_DEFAULT = 25;

export function attributesOf(query: URLSearchParams): Attributes {
  return { only: names(query, 'attributes'), without: names(query, 'excludedAttributes') };
}

export function includes(attributes: Attributes, name: string): boolean {
  const key = name.toLowerCase();
  if (ALWAYS.has(key)) return true;
  return attributes.only.size > 0 ? attributes.only.has(key) : !attributes.without.has(key);
}

export function project(resource: Resource, attributes: Attributes): Resource {
  if (attributes.only.size === 0 && attributes.without.size === 0) return resource;
  return Object.fromEntries(Object.entries(resource).filter(([name]) => includes(attributes, name)));
}

/** How many a page may hold as asked; null where that is no number. */
export function pageSize(query: URLSearchParams): number | null {
  return wholeNumber(query.get('count'), PAGE_DEFAULT);
}

export function listAnswer<T>(found: readonly T[], query: URLSearchParams, render: (one: T) => Resource): Handled {
  const count = pageSize(query);
  const startIndex = wholeNumber(query.get('startIndex'), 1);
  if (count === null || startIndex === null) {
    return refusedWith(refuse(400, 'invalidValue', 'count and startIndex must be whole numbers.'));
  }
  const from = Math.max(1, startIndex);
  const page = found.slice(from - 1, from - 1 + count).map(render);
  const list = {
    schemas: [LIST_SCHEMA],
    totalResults: found.length,
    startIndex: from,
    itemsPerPage: page.length,
  };
  return answered(scimAnswer(200, { ...list, Resources: page }));
}

function wholeNumber(text: string | null, otherwise: number): number | null {
  if (text === null) return otherwise;
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

// Repeated or separated by commas; `urn:…:Group:members` and `meta.version` come down to the attribute's own name.
function names(query: URLSearchParams, parameter: string): ReadonlySet<string> {
  const values = query.getAll(parameter).flatMap((value) => value.split(','));
  return new Set(
    values
      .map((value) =>
        value
          .trim()
          .replace(/^urn:.*:/i, '')
          .replace(/\..*$/, '')
          .toLowerCase(),
      )
      .filter(Boolean),
  );
}
