/**
 * Pending + snapshot → nothing to do, or the PATCH that makes it so. Only the safe dialect of RFC 7644 3.5.2 is spoken:
 * one `add` of values, and one filtered `remove` per member. A bare `remove members` empties a group, so none is built here.
 */
import type { Intent } from './change.ts';

export interface Snapshot {
  /** ETag, quotes included. */
  readonly version: string;
  readonly members: ReadonlySet<string>;
}

export interface PatchOperation {
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

export function plan(due: readonly Intent[], snapshot: Snapshot): Plan {
  const noop: Intent[] = [];
  const removes: Intent[] = [];
  const adds: Intent[] = [];
  for (const intent of due) {
    if (isSo(intent, snapshot)) noop.push(intent);
    else (intent.op === 'remove' ? removes : adds).push(intent);
  }
  return { noop, todo: [...removes, ...adds] };
}

/** Is what the intent wants already so? */
export const isSo = (intent: Intent, snapshot: Snapshot): boolean =>
  snapshot.members.has(targetOf(intent)) === (intent.op === 'add');

/** What the target calls the member; an intent is planned only once that is known. */
export function targetOf({ member, target }: Intent): string {
  if (target === null) throw new Error(`member ${member} is not resolved`);
  return target;
}

/** `apiUrl` without a trailing slash; it prefixes `$ref`. */
export function patchBody(part: readonly Intent[], apiUrl: string): PatchBody {
  const removes = part
    .filter((intent) => intent.op === 'remove')
    .map((intent): PatchOperation => ({ op: 'remove', path: memberFilter(targetOf(intent)) }));
  const value = part
    .filter((intent) => intent.op === 'add')
    .map(targetOf)
    .map((value) => ({ value, $ref: `${apiUrl}${userPath(value)}` }));
  const adds: PatchOperation[] = value.length === 0 ? [] : [{ op: 'add', path: 'members', value }];
  return { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: [...removes, ...adds] };
}

/** A string in a SCIM filter is a JSON string (RFC 7644 3.4.2.2, compValue). */
const memberFilter = (member: string): string => `members[value eq ${JSON.stringify(member)}]`;

export const groupPath = (group: string): string => `/api/v2/scim/v2/groups/${encodeURIComponent(group)}`;
const userPath = (user: string): string => `/api/v2/scim/v2/users/${encodeURIComponent(user)}`;

/** The snapshot after a PATCH that was answered without a body (204): the version is the ETag's, the members are computed. */
export function afterPatch(snapshot: Snapshot, part: readonly Intent[], version: string): Snapshot {
  const members = new Set(snapshot.members);
  for (const intent of part) {
    if (intent.op === 'add') members.add(targetOf(intent));
    else members.delete(targetOf(intent));
  }
  return { version, members };
}

/**
 * What is left to send of a group. `suspects` is known to hold a bad member: halving it isolates one of n in about
 * log2(n) requests, and when one half lands, the other is split unsent. `untried` rests go together afterwards.
 */
export interface Unsent {
  readonly suspects: readonly Intent[];
  readonly untried: readonly Intent[];
}

/** The next request; empty when nothing is left. A part of one that is refused has isolated its bad member. */
export function nextPart({ suspects, untried }: Unsent, membersMax: number): readonly Intent[] {
  if (suspects.length === 1) return suspects;
  if (suspects.length > 1) return suspects.slice(0, Math.min(Math.ceil(suspects.length / 2), membersMax));
  return untried.slice(0, membersMax);
}
