// What lists have in common: paging (RFC 7644 section 3.4.2.4) and the choice of attributes (section 3.9).
import { scimAnswer } from './answer.ts';
import { answered, refusedWith, type Handled } from './request.ts';
import { refuse } from './scim-error.ts';

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
