/**
 * Pending + snapshot → nothing to do, or the PATCH that makes it so. Only the safe dialect of RFC 7644 3.5.2 is spoken:
 * one `add` of values, and one filtered `remove` per member. A bare `remove members` empties a group (genesys.md 3.2), so none
 * is built here.
 */
import { pathPart, type Intent } from '../change/change.ts';
import { isSatisfied, isUnseenRemoval, membersAfter, spellingOf, type Membership } from './snapshot.ts';
import type { Versioned } from './version.ts';

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
const memberFilter = (member: string): string => `members[value eq ${JSON.stringify(member)}]`;

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
