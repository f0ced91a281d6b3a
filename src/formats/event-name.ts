/**
 * What the names of a made-up event say. A name is taken for a change only where **all** of it is understood: a noun of a
 * membership, a verb, what belongs to them, and nothing else. `group.member.add.requested`, `MemberRoleRevoked` and
 * `CancelMemberAdd` hold a word more, so they say no change; and since they speak of members, they are unclear.
 *
 *   [group] member VERB [to|from group]    group.member.added, GROUP_MEMBERSHIP_CREATED, MemberRemovedFromGroup
 *   VERB [group] member [to|from group]    addMember, remove_group_member
 *   user VERB to|from group, VERB user to|from group, user joined|left group, group user VERB
 *                                          UserAddedToGroup, REMOVE_USER_FROM_GROUP, UserLeftGroup
 *   group deleted|removed, delete|remove group
 *
 * Before it a namespace may stand: `com.example.iam.` (a reverse domain name), or words of NAMESPACE; after it `event` and a
 * version. Several names of one event are read together: `"type":"GroupMembership","action":"removed"`. What a user does to a
 * group is no membership: `UserDeletedGroup`.
 */
import type { Op } from '../core/change.ts';
import { grammarOf, NAME_LENGTH_MAX, type Named } from './event-grammar.ts';

export type Meaning =
  | Op
  | 'group_deleted'
  /** About members or a group, but not clearly said what. */
  | 'unclear'
  /** The names say different things. */
  | 'contradiction'
  /** Nothing about members, as far as the names tell. */
  | 'other';

export function meaningOf(names: readonly string[]): Meaning {
  const [only] = names;
  if (only === undefined) return 'other';
  return names.length === 1 ? read.of(only).meaning : together(names.map((name) => read.of(name).named));
}

function together(names: readonly Named[]): Meaning {
  const ops = new Set<Op>();
  const said = new Set<Named['says']>();
  for (const { says, op } of names) {
    said.add(says);
    if (op !== null) ops.add(op);
  }
  if (ops.size > 1) return 'contradiction';
  const isOfMembers = said.has('change') || said.has('membership');
  const isOfGroup = said.has('group') || said.has('group_deleted');
  // A word that is not understood may be the one that matters: `"action":"requested"`.
  if (said.has('unclear') || (said.has('nothing') && (isOfMembers || isOfGroup))) return 'unclear';
  const [op] = ops;
  if (isOfMembers) return said.has('group_deleted') || said.has('other') ? 'unclear' : (op ?? 'unclear');
  if (said.has('group_deleted')) return 'group_deleted';
  if (!said.has('group')) return 'other';
  return meaningForGroup(names.map(({ verb }) => verb).filter((verb) => verb !== null));
}

/** Of names that speak of a group, and others that say what happened: `"type":"group","action":"deleted"`. */
function meaningForGroup(verbs: readonly string[]): Meaning {
  if (verbs.length > 0 && verbs.every((verb) => verb === 'd' || verb === 'r')) return 'group_deleted';
  return verbs.every((verb) => verb === 'c' || verb === 'o') ? 'other' : 'unclear';
}

interface ReadName {
  readonly named: Named;
  /** Where it is the only one. */
  readonly meaning: Meaning;
}

const KEPT_MAX = 1_000;

/** Names that were read: a topic has few of them, and reading one costs as much as a short JSON.parse. */
class ReadNames {
  readonly #names = new Map<string, ReadName>();

  of(name: string): ReadName {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const named = grammarOf(name);
    const added = { named, meaning: together([named]) };
    if (this.#names.size >= KEPT_MAX) this.#names.clear();
    // What is longer says nothing, and must not be kept.
    if (name.length <= NAME_LENGTH_MAX) this.#names.set(name, added);
    return added;
  }
}

const read = new ReadNames();

export const eventNamed = (name: string): Named => read.of(name).named;
