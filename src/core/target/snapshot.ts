/**
 * The members of a group as one answer of the target shows them, what that proves of an intent, and what is left to do: nothing, or
 * the PATCH that makes it so.
 */
import { idKey, pathPart, type Intent } from '../change/change.ts';
import { isObject } from '../text/json.ts';
import { readTags, type Versioned, versionedBy } from './version.ts';

/** A set of keys, or a version of one (MemberSet). */
type MemberKeys = Pick<ReadonlySet<string>, 'has' | 'size'> & Iterable<string>;

export interface Membership {
  /** By `idKey`. */
  readonly members: MemberKeys;
  /** By `idKey`: how the target spells a member, where that differs. */
  readonly spellings: ReadonlyMap<string, string>;
  /** Members that are no users (`type` is neither absent nor `User`), by `idKey`: nested groups. */
  readonly nested: ReadonlySet<string>;
  /**
   * The list may leave members out: there is none, or its length is a multiple of 100, where lists are cut. Who is shown
   * is a member all the same; who is not may be one.
   */
  readonly isDoubtful: boolean;
}

/** What the target calls the member; an intent is planned only once that is known. */
export function targetOf({ member, target }: Pick<Intent, 'member' | 'target'>): string {
  if (target === null) throw new Error(`member ${member} is not resolved`);
  return target;
}

export type Sight = 'so' | 'not_so' | 'unknown';

/** Whether what the intent wants is so. */
export function sightOf(intent: Intent, membership: Membership): Sight {
  const isShown = shows(membership, intent);
  if (!isShown && membership.isDoubtful) return 'unknown';
  return isShown === (intent.op === 'add') ? 'so' : 'not_so';
}

export const isSatisfied = (intent: Intent, membership: Membership): boolean => sightOf(intent, membership) === 'so';

/** A removal of a member that a doubtful list does not show: only the target knows whether there is anything to remove. */
export const isUnseenRemoval = (intent: Intent, membership: Membership): boolean =>
  membership.isDoubtful && intent.op === 'remove' && sightOf(intent, membership) === 'unknown';

/** As the target spells it where it has shown the member, so that its filter finds it. */
export function spellingOf(intent: Intent, { spellings }: Membership): string {
  const target = targetOf(intent);
  return spellings.get(idKey(target)) ?? target;
}

const shows = ({ members }: Membership, intent: Intent): boolean => members.has(idKey(targetOf(intent)));

/** The members after a PATCH that was accepted, where its answer does not list them all. */
export function membersAfter(before: Membership, part: readonly Intent[]): Membership {
  const members = memberSet(before.members).with(
    part.map((intent) => [idKey(targetOf(intent)), intent.op === 'add'] as const),
  );
  const { spellings, nested, isDoubtful } = before;
  return { members, spellings, nested, isDoubtful };
}

const memberSet = (members: MemberKeys): MemberSet =>
  members instanceof MemberSet ? members : new MemberSet(new Set(members));

/**
 * The member keys of a group at one version. A version that a few changes make of another one shares its keys, so that a PATCH
 * of 50 members costs 50 steps and not one for each of the 100,000 others.
 */
export class MemberSet {
  readonly #base: ReadonlySet<string>;
  /** What differs from `#base`: key → is it in? */
  readonly #changes: ReadonlyMap<string, boolean>;
  readonly size: number;

  constructor(base: ReadonlySet<string>, changes: ReadonlyMap<string, boolean> = new Map()) {
    this.#base = base;
    this.#changes = changes;
    let { size } = base;
    for (const isIn of changes.values()) size += isIn ? 1 : -1;
    this.size = size;
  }

  has(key: string): boolean {
    return this.#changes.get(key) ?? this.#base.has(key);
  }

  *[Symbol.iterator](): Iterator<string> {
    for (const key of this.#base) if (this.#changes.get(key) !== false) yield key;
    for (const [key, isIn] of this.#changes) if (isIn) yield key;
  }

  /** @param wanted key → is it in afterwards? */
  with(wanted: Iterable<readonly [key: string, isIn: boolean]>): MemberSet {
    const changes = new Map(this.#changes);
    for (const [key, isIn] of wanted) {
      if (this.#base.has(key) === isIn) changes.delete(key);
      else changes.set(key, isIn);
    }
    const changed = new MemberSet(this.#base, changes);
    // Copying both costs least in all where the changes are about the root of the members.
    return changes.size ** 2 > CHANGES_PER_ROOT ** 2 * (this.#base.size + 1)
      ? new MemberSet(new Set(changed))
      : changed;
  }
}

const CHANGES_PER_ROOT = 8;

/*
 * Reads a ScimV2Group and its version. Lenient where proxies and serialisers differ, strict where a wrong reading would
 * plan a wrong PATCH. Total: what is not a group is null.
 */

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

/** A list of so many may leave members out. An empty one says that there are none. */
export const isCutAt = (count: number): boolean => count > 0 && count % CUT_AT === 0;

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
  let isWhole = !isAbsent && !isCutAt(references.length);
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

/*
 * Pending + snapshot → nothing to do, or the PATCH that makes it so. Only the safe dialect of RFC 7644 3.5.2 is spoken:
 * one `add` of values, and one filtered `remove` per member. A bare `remove members` empties a group (genesys.md 3.2), so none
 * is built here.
 */

/** The group as it was at one version. */
export type Snapshot = Membership & Versioned;

interface PatchOperation {
  readonly op: 'add' | 'remove';
  readonly path: string;
  readonly value?: readonly { readonly value: string; readonly $ref: string }[];
}

/** ScimV2PatchRequest (RFC 7644 3.5.2). */
export interface PatchBody {
  readonly schemas: readonly ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
  readonly Operations: readonly PatchOperation[];
}

export interface Plan {
  /** Already so in the snapshot. */
  readonly noop: readonly Intent[];
  /** To be sent; removals first, oldest first. */
  readonly todo: readonly Intent[];
}

/** What a doubtful snapshot does not show is sent: a removal of a member who is not there does no harm, a missed one does. */
export function plan(due: readonly Intent[], snapshot: Membership): Plan {
  const noop: Intent[] = [];
  const removes: Intent[] = [];
  const adds: Intent[] = [];
  for (const intent of due) {
    if (isSatisfied(intent, snapshot)) noop.push(intent);
    else (intent.op === 'remove' ? removes : adds).push(intent);
  }
  return { noop, todo: [...removes, ...adds] };
}

/** Where requests go by their names. */
export interface PatchTarget {
  /** How the target spells its members. */
  readonly snapshot: Membership;
  /** Of the API of the region, without a trailing slash; it prefixes `$ref`, behind a gateway too. */
  readonly publicApiUrl: string;
}

export function patchBody(part: readonly Intent[], { snapshot, publicApiUrl }: PatchTarget): PatchBody {
  const removes = part
    .filter((intent) => intent.op === 'remove')
    .map((intent): PatchOperation => ({ op: 'remove', path: memberFilter(spellingOf(intent, snapshot)) }));
  const value = part
    .filter((intent) => intent.op === 'add')
    .map((intent) => spellingOf(intent, snapshot))
    .map((member) => ({ value: member, $ref: `${publicApiUrl}${userPath(member)}` }));
  const adds: PatchOperation[] = value.length === 0 ? [] : [{ op: 'add', path: 'members', value }];
  return { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: [...removes, ...adds] };
}

/** A string in a SCIM filter is a JSON string (RFC 7644 3.4.2.2, compValue). */
const memberFilter = (member: string): string => `${FILTER_START}${JSON.stringify(member)}]`;

const FILTER_START = 'members[value eq ';

/** The member that the path of a filtered `remove`, as `patchBody` makes it, names. */
export const filteredMember = (path: string): string => JSON.parse(path.slice(FILTER_START.length, -1)) as string;

export const groupPath = (group: string): string => `/api/v2/scim/v2/groups/${pathPart(group)}`;
/** The endpoint is called `Users` (RFC 7644 3.2), however a server spells its own paths. */
const userPath = (user: string): string => `/api/v2/scim/v2/Users/${pathPart(user)}`;

/** The snapshot after a PATCH whose answer does not list all members: they are computed. */
export const afterPatch = (snapshot: Snapshot, part: readonly Intent[], { version, tags }: Versioned): Snapshot => ({
  ...membersAfter(snapshot, part),
  version,
  tags,
});

/**
 * What goes together: removals of members that the snapshot does not show go apart from the rest, since the target may
 * refuse them (`noTarget`), and last, since the answer to the rest may show whether they are there.
 */
export function apart(todo: readonly Intent[], snapshot: Membership): { seen: Intent[]; unseen: Intent[] } {
  const seen: Intent[] = [];
  const unseen: Intent[] = [];
  for (const intent of todo) (isUnseenRemoval(intent, snapshot) ? unseen : seen).push(intent);
  return { seen, unseen };
}
