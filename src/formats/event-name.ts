/**
 * What the names of a made-up event say. A name is split into words: `com.example.groupMember_ADDED` → com, example, group,
 * member, added. Its verb counts where a noun stands beside it (`member added`, `add user`), or where it is the whole
 * name (`"action":"added"`): so neither `member role revoked` nor `removed from group` is taken for what it is not.
 * Nouns: member, members, membership, memberships; user and users where a name also has group or groups.
 * The group itself is gone where a verb of deletion stands beside `group` and no name speaks of members or users.
 */
import type { Op } from '../core/change.ts';

export type Meaning =
  | Op
  | 'group_deleted'
  /** About members, but not clearly said what. */
  | 'unclear'
  /** The names say different things. */
  | 'contradiction'
  /** Nothing about members, as far as the names tell. */
  | 'other';

export function meaningOf(names: readonly string[]): Meaning {
  const split = names.map(wordsOf);
  const has = (nouns: ReadonlySet<string>): boolean => split.some((words) => words.some((word) => nouns.has(word)));
  const isOfUsers = has(USER);
  if (!has(MEMBER) && !(isOfUsers && has(GROUP))) return isOfUsers ? 'other' : meaningForGroup(split.flat());
  const verbs = new Set(split.map((words) => verbOf(words)).filter((op) => op !== null));
  if (verbs.size > 1) return 'contradiction';
  const [verb] = verbs;
  return verb ?? 'unclear';
}

const MEMBER: ReadonlySet<string> = new Set(['member', 'members', 'membership', 'memberships']);
const USER: ReadonlySet<string> = new Set(['user', 'users']);
const GROUP: ReadonlySet<string> = new Set(['group', 'groups']);

const ADDING = ['added', 'add', 'joined', 'join', 'assigned', 'assign', 'granted', 'grant', 'created', 'create'];
const REMOVING = ['removed', 'remove', 'left', 'leave', 'unassigned', 'unassign', 'revoked', 'revoke'];
const DELETING = ['deleted', 'delete'];

const VERBS: ReadonlyMap<string, Op> = new Map([
  ...ADDING.map((verb): [string, Op] => [verb, 'add']),
  ...[...REMOVING, ...DELETING].map((verb): [string, Op] => [verb, 'remove']),
]);

/** The last verb that counts. */
function verbOf(words: readonly string[]): Op | null {
  const isNoun = (word: string | undefined): boolean => word !== undefined && (MEMBER.has(word) || USER.has(word));
  for (let at = words.length - 1; at >= 0; at -= 1) {
    const verb = VERBS.get(words[at] ?? '');
    if (verb !== undefined && (words.length === 1 || isNoun(words[at - 1]) || isNoun(words[at + 1]))) return verb;
  }
  return null;
}

const ENDING: ReadonlySet<string> = new Set([...DELETING, 'removed', 'remove']);

/** Of all names one after the other, since some say `"type":"group","action":"deleted"`. */
function meaningForGroup(words: readonly string[]): Meaning {
  const isGroup = (word: string | undefined): boolean => word !== undefined && GROUP.has(word);
  const ends = words.some((word, at) => ENDING.has(word) && (isGroup(words[at - 1]) || isGroup(words[at + 1])));
  return ends ? 'group_deleted' : 'other';
}

const NAME_LENGTH_MAX = 256;

const wordsOf = (name: string): readonly string[] =>
  (name.slice(0, NAME_LENGTH_MAX).match(WORD) ?? []).map((word) => word.toLowerCase());

/** `GROUP`, `Member`, `added`, `ID` of `IDAdded`. */
const WORD = /[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|\d+/g;
