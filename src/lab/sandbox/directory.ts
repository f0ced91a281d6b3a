// The groups, and what a PATCH does to one (RFC 7644 section 3.5.2, atomic), and the users. A group's version is a decimal that moves
// with every change (the vendor maps meta.version to the version of the directory's profile). Inactive users still resolve as
// members; the vendor's list hides them unless `active eq false` is asked.
import { z } from 'zod';
import { refuse, type Refusal } from './answer.ts';
import type { Behaviour } from './behaviour.ts';
import type { PatchOperation } from './request.ts';

export type Group = Readonly<{
  id: string;
  displayName: string;
  version: number;
  members: ReadonlySet<string>;
  /** Of them, those that are groups. */
  nested: ReadonlySet<string>;
  /** Epoch ms. */
  lastModifiedAt: number;
}>;

export type NewGroup = Readonly<{
  id: string;
  displayName?: string | undefined;
  members?: readonly string[] | undefined;
  /** Further members, which are groups. */
  nested?: readonly string[] | undefined;
  version?: number | undefined;
}>;

export type GroupWrite =
  | Readonly<{ kind: 'written'; group: Group; changed: boolean }>
  | Readonly<{ kind: 'refused'; refusal: Refusal }>;

/** What a write needs to know besides the group. */
export type WriteRules = Readonly<{
  behaviour: Behaviour;
  userExists: (id: string) => boolean;
  now: number;
}>;

export class GroupStore {
  readonly #groups = new Map<string, Group>();

  find(id: string): Group | null {
    return this.#groups.get(id) ?? null;
  }

  list(): readonly Group[] {
    return [...this.#groups.values()];
  }

  /** Creates or recreates the group; an existing one keeps counting versions unless one is given. */
  put(group: NewGroup, now: number): Group {
    const before = this.#groups.get(group.id);
    return this.#keep({
      id: group.id,
      displayName: group.displayName ?? before?.displayName ?? group.id,
      version: group.version ?? (before?.version ?? 0) + 1,
      members: new Set([...(group.members ?? before?.members ?? []), ...(group.nested ?? [])]),
      nested: new Set(group.nested ?? before?.nested ?? []),
      lastModifiedAt: now,
    });
  }

  remove(id: string): void {
    this.#groups.delete(id);
  }

  /** Another client's write: the version moves, and `members` replaces what was there if given. */
  overwrite(group: Group, members: ReadonlySet<string>, now: number): Group {
    return this.#keep({ ...group, members: new Set(members), version: group.version + 1, lastModifiedAt: now });
  }

  patch(group: Group, operations: readonly PatchOperation[], rules: WriteRules): GroupWrite {
    const refusal = tooManyMembers(operations, rules.behaviour);
    if (refusal) return { kind: 'refused', refusal };
    const draft = { displayName: group.displayName, members: new Set(group.members) };
    for (const operation of operations) {
      const failed = applyOperation(draft, operation, rules);
      if (failed) return { kind: 'refused', refusal: failed };
    }
    const changed = draft.displayName !== group.displayName || !sameMembers(draft.members, group.members);
    if (!changed && rules.behaviour.versionOnNoop === 'stays') return { kind: 'written', group, changed };
    const after = { ...group, ...draft, version: group.version + 1, lastModifiedAt: rules.now };
    return { kind: 'written', group: this.#keep(after), changed };
  }

  #keep(group: Group): Group {
    this.#groups.set(group.id, group);
    return group;
  }
}

/** The tag that a proxy, or a server of another kind, makes of a version. */
export function tagOf(version: number, behaviour: Behaviour): string {
  switch (behaviour.versionTag) {
    case 'strong':
      return `"${version}"`;
    case 'weak':
      return `W/"${version}"`;
    case 'suffixed':
    case 'unusable':
      return `"${version}-gzip"`;
    case 'hashed':
      return `"${((version * 2_654_435_761) % 4_294_967_296).toString(16)}"`;
  }
}

/** Whether If-Match, as it arrives, names the version. */
export function fitsVersion(header: string, version: number, behaviour: Behaviour): boolean {
  switch (behaviour.versionTag) {
    case 'strong':
      return matchesVersion(header, version);
    case 'weak':
      return header === tagOf(version, behaviour);
    case 'suffixed':
    case 'hashed':
      return header === `"${version}"`;
    case 'unusable':
      return false;
  }
}

/** Lenient, as proxies may weaken or strip: `"42"`, `W/"42"`, `42`, `*` and lists of these (RFC 9110 section 13.1.1). */
export function matchesVersion(header: string, version: number): boolean {
  return header.split(',').some((tag) => {
    const bare = tag.trim().replace(/^W\//i, '').replaceAll('"', '');
    return bare === '*' || bare === String(version);
  });
}

type Draft = { displayName: string; members: Set<string> };

function applyOperation(draft: Draft, operation: PatchOperation, rules: WriteRules): Refusal | null {
  switch (operation.effect) {
    case 'addMembers':
      return addMembers(draft, operation.members, rules);
    case 'replaceMembers':
      draft.members.clear();
      return addMembers(draft, operation.members, rules);
    case 'removeMembers':
      return removeMembers(draft, operation.members, rules);
    case 'clearMembers':
      draft.members.clear();
      return null;
    case 'setDisplayName':
      draft.displayName = operation.displayName ?? draft.displayName;
      return null;
  }
}

function addMembers(draft: Draft, members: readonly string[], rules: WriteRules): Refusal | null {
  for (const member of members) {
    // Which member it was is not said: nothing documents that the vendor does, so a client has to find out.
    if (!rules.userExists(member)) return unknownMember(rules.behaviour);
    if (spelledIn(draft.members, member, rules) === null) draft.members.add(member);
  }
  return null;
}

/** The spelling of a member that is there; null: it is not. */
function spelledIn(members: ReadonlySet<string>, id: string, { behaviour }: WriteRules): string | null {
  if (members.has(id) || behaviour.letterCase === 'exact') return members.has(id) ? id : null;
  const wanted = id.toLowerCase();
  return [...members].find((member) => member.toLowerCase() === wanted) ?? null;
}

function removeMembers(draft: Draft, members: readonly string[], rules: WriteRules): Refusal | null {
  const removed = members.map((member) => draft.members.delete(spelledIn(draft.members, member, rules) ?? member));
  if (removed.includes(true) || rules.behaviour.removeAbsent === 'ignored') return null;
  return refuse(400, 'noTarget', 'The filter of the path matches no member.');
}

function unknownMember(behaviour: Behaviour): Refusal {
  if (behaviour.unknownMember === '400') return refuse(400, 'invalidValue', 'A member value is not the id of a user.');
  return { status: 404, code: 'not.found', detail: 'The requested resource was not found.' };
}

function tooManyMembers(operations: readonly PatchOperation[], behaviour: Behaviour): Refusal | null {
  const count = operations.reduce((sum, operation) => sum + operation.members.length, 0);
  if (count <= behaviour.maxMembersPerPatch) return null;
  const detail = `A maximum of ${behaviour.maxMembersPerPatch} members are allowed per request.`;
  return refuse(400, 'tooMany', detail);
}

function sameMembers(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  if (left.size !== right.size) return false;
  for (const member of left) if (!right.has(member)) return false;
  return true;
}

export type User = Readonly<{
  id: string;
  userName: string;
  /** The main address; the vendor's is the userName unless one is given. */
  email: string;
  externalId: string | null;
  active: boolean;
}>;
/** What may be given of a user, by a seed or from another process. */
export const userFields = {
  userName: z.string().min(1).optional(),
  email: z.string().min(1).optional(),
  externalId: z.string().min(1).optional(),
  active: z.boolean().optional(),
};
const userShape = z.object(userFields);
export type NewUser = Readonly<{ id: string } & z.output<typeof userShape>>;

export class UserDirectory {
  readonly #users = new Map<string, User>();
  readonly #unknown: Set<string>;
  readonly #anybody: boolean;

  /** With `anybody` every id is a user except the `unknown` ones. */
  constructor(options: { anybody: boolean; unknown: readonly string[] }) {
    this.#anybody = options.anybody;
    this.#unknown = new Set(options.unknown);
  }

  find(id: string): User | null {
    const known = this.#users.get(id);
    if (known) return known;
    return this.#anybody && !this.#unknown.has(id) ? complete({ id }) : null;
  }

  /** Makes the user, or changes what is given of an existing one. */
  put(user: NewUser): void {
    this.#unknown.delete(user.id);
    const before = this.#users.get(user.id);
    const given = Object.fromEntries(Object.entries(user).filter(([, value]) => value !== undefined));
    this.#users.set(user.id, before === undefined ? complete(user) : { ...before, ...given });
  }

  remove(id: string): void {
    this.#users.delete(id);
    this.#unknown.add(id);
  }

  /** Users in the order they were put; where anybody exists only those that were put are listed. */
  list(): readonly User[] {
    return [...this.#users.values()];
  }
}

function complete(user: NewUser): User {
  const { id, userName = `${id}@example.com`, email = userName, externalId = null, active = true } = user;
  return { id, userName, email, externalId, active };
}
