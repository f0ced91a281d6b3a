// A request, read: the endpoint that its path means, its SCIM PATCH body (RFC 7644 section 3.5.2) as what it does to a group, and what
// lists have in common. Pure.
import { z } from 'zod';
import { refuse, scimAnswer, type Refusal, type SandboxAnswer } from './answer.ts';

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

// The filters of RFC 7644 section 3.4.2.2 that the vendor documents: `attribute eq value`, values quoted as JSON strings.
// Lists also take the unquoted form of the vendor's own example, `id eq 5f4bc742-…`.

export type Equality = Readonly<{ attribute: string; value: string }>;

/** `attribute eq value` of a list; null where it is anything else. The attribute comes back in lower case. */
export function parseListFilter(text: string): Equality | null {
  const match = /^\s*([A-Za-z][\w.:-]*)\s+eq\s+(.+?)\s*$/is.exec(text);
  const attribute = match?.[1];
  const raw = match?.[2];
  if (attribute === undefined || raw === undefined) return null;
  const value = raw.startsWith('"') ? parseJsonString(raw) : raw;
  return value === null ? null : { attribute: attribute.toLowerCase(), value };
}

/** The values of `value eq "a"` or `value eq "a" or value eq "b"`; null where it is anything else. */
export function parseMemberFilter(text: string): readonly string[] | null {
  const term = /\s*value\s+eq\s+("(?:[^"\\]|\\.)*")\s*(or\b|$)/isy;
  const values: string[] = [];
  while (term.lastIndex < text.length) {
    const match = term.exec(text);
    const value = match?.[1] === undefined ? null : parseJsonString(match[1]);
    if (match === null || value === null) return null;
    values.push(value);
    if (match[2] === '') return values;
  }
  return null;
}

function parseJsonString(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}

export type PatchOperation = Readonly<{
  op: 'add' | 'remove' | 'replace';
  /** As sent. */
  path: string | null;
  /** What it does: `clearMembers` is a remove of the bare attribute, which takes every member and ignores its value. */
  effect: 'addMembers' | 'removeMembers' | 'clearMembers' | 'replaceMembers' | 'setDisplayName';
  members: readonly string[];
  displayName: string | null;
}>;

export type ReadPatch = Readonly<{
  operations: readonly PatchOperation[];
  /** Asks for members to go that it does not name: a bare remove, a replace of members, a remove without a path. */
  dangerous: boolean;
  refusal: Refusal | null;
}>;

type WireOperation = z.infer<typeof wireOperation>;

const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const GROUP_PREFIX = /^urn:ietf:params:scim:schemas:core:2\.0:group:/i;

const wireOperation = z.object({
  op: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['add', 'remove', 'replace'])),
  path: z.string().optional(),
  value: z.unknown().optional(),
});
const wirePatch = z.object({ schemas: z.array(z.string()), Operations: z.array(wireOperation).min(1) });
const memberValues = z.union([
  z.array(z.object({ value: z.string().min(1) })),
  z.object({ value: z.string().min(1) }).transform((one) => [one]),
]);

export function readPatch(body: unknown): ReadPatch {
  const parsed = wirePatch.safeParse(body);
  if (!parsed.success) {
    return refused(refuse(400, 'invalidSyntax', z.prettifyError(parsed.error)));
  }
  const results = parsed.data.Operations.map(readOperation);
  const wrongSchema = parsed.data.schemas.includes(PATCH_SCHEMA)
    ? null
    : refuse(400, 'invalidSyntax', `schemas must contain ${PATCH_SCHEMA}.`);
  const whole = joined(results);
  return { ...whole, refusal: wrongSchema ?? whole.refusal };
}

function joined(results: readonly ReadPatch[]): ReadPatch {
  return {
    operations: results.flatMap((result) => result.operations),
    dangerous: results.some((result) => result.dangerous),
    refusal: results.find((result) => result.refusal !== null)?.refusal ?? null,
  };
}

/** A PUT replaces the whole group with all its members. */
export function readPut(body: unknown): ReadPatch {
  const parsed = z.object({ displayName: z.string().min(1), members: memberValues.default([]) }).safeParse(body);
  if (!parsed.success) {
    return { ...refused(refuse(400, 'invalidSyntax', z.prettifyError(parsed.error))), dangerous: true };
  }
  const members = parsed.data.members.map((member) => member.value);
  const whole = { op: 'replace', path: null, displayName: parsed.data.displayName } as const;
  return {
    operations: [
      { ...whole, effect: 'setDisplayName', members: [] },
      { ...whole, effect: 'replaceMembers', members },
    ],
    dangerous: true,
    refusal: null,
  };
}

function readOperation(wire: WireOperation): ReadPatch {
  if (wire.path === undefined) return readWithoutPath(wire);
  const path = wire.path.replace(GROUP_PREFIX, '');
  const filtered = /^members\[(.*)\](.*)$/is.exec(path);
  if (filtered) return readFiltered(wire, filtered[1] ?? '', filtered[2] ?? '');
  switch (path.toLowerCase()) {
    case 'members':
      return readMembers(wire, wire.value);
    case 'displayname':
      return readDisplayName(wire, wire.value);
    default:
      return refused(refuse(400, 'invalidPath', `The path ${JSON.stringify(wire.path)} is not supported.`));
  }
}

// RFC 7644 section 3.5.2.2: "If 'path' is unspecified, the operation fails with … 'noTarget'."
function readWithoutPath(wire: WireOperation): ReadPatch {
  if (wire.op === 'remove') {
    return { ...refused(refuse(400, 'noTarget', 'A remove operation requires a path.')), dangerous: true };
  }
  const value = z.record(z.string(), z.unknown()).safeParse(wire.value);
  if (!value.success) return refused(refuse(400, 'invalidValue', 'Without a path the value must be an object.'));
  const results = Object.entries(value.data).map(([name, attribute]) => {
    if (name.toLowerCase() === 'members') return readMembers(wire, attribute);
    if (name.toLowerCase() === 'displayname') return readDisplayName(wire, attribute);
    return refused(refuse(400, 'invalidPath', `The attribute ${JSON.stringify(name)} is not supported.`));
  });
  return joined(results);
}

function readFiltered(wire: WireOperation, filter: string, rest: string): ReadPatch {
  if (wire.op !== 'remove' || rest !== '') {
    const refusal = refuse(400, 'invalidPath', 'A filtered path of members is supported in a remove operation only.');
    return { ...refused(refusal), dangerous: wire.op === 'replace' };
  }
  const members = parseMemberFilter(filter);
  if (members === null)
    return refused(refuse(400, 'invalidFilter', `The filter ${JSON.stringify(filter)} is not supported.`));
  return done(wire, 'removeMembers', { members });
}

function readMembers(wire: WireOperation, value: unknown): ReadPatch {
  if (wire.op === 'remove') return done(wire, 'clearMembers', {});
  const effect = wire.op === 'add' ? 'addMembers' : 'replaceMembers';
  const parsed = memberValues.safeParse(value);
  if (parsed.success) return done(wire, effect, { members: parsed.data.map((member) => member.value) });
  const refusal = refuse(400, 'invalidValue', 'The value of members must be an array of objects with a value.');
  return { ...refused(refusal), dangerous: wire.op === 'replace' };
}

function readDisplayName(wire: WireOperation, value: unknown): ReadPatch {
  if (wire.op === 'remove') return refused(refuse(400, 'mutability', 'displayName is required.'));
  const parsed = z.string().min(1).safeParse(value);
  if (!parsed.success) return refused(refuse(400, 'invalidValue', 'displayName must be a text.'));
  return done(wire, 'setDisplayName', { displayName: parsed.data });
}

function done(
  wire: WireOperation,
  effect: PatchOperation['effect'],
  what: { members?: readonly string[]; displayName?: string },
): ReadPatch {
  const { op, path = null } = wire;
  const { members = [], displayName = null } = what;
  const dangerous = effect === 'clearMembers' || effect === 'replaceMembers';
  return { operations: [{ op, path, effect, members, displayName }], refusal: null, dangerous };
}

function refused(refusal: Refusal): ReadPatch {
  return { operations: [], refusal, dangerous: false };
}
