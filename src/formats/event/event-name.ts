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
import type { Op } from '../../core/change/change.ts';
import { memoized, NAME_LENGTH_MAX } from '../reading/memo.ts';

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
  return names.length === 1 ? read(only).meaning : together(names.map((name) => read(name).named));
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

function readName(name: string): ReadName {
  const named = grammarOf(name);
  return { named, meaning: together([named]) };
}

/** A topic has few names, and reading one costs as much as a short JSON.parse. */
const readShortName = memoized(readName, KEPT_MAX);

/** A longer name says nothing, and must not be kept. */
const read = (name: string): ReadName => (name.length <= NAME_LENGTH_MAX ? readShortName(name) : readName(name));

export const eventNamed = (name: string): Named => read(name).named;

/*
 * One name of an event → what it says. Each word is a symbol, and a name is taken only where the symbols of all of its words
 * are one of the sentences below; the rules stand at the head of this file.
 */

export interface Named {
  /**
   * `change`: of a membership; `membership`, `group`, `user`: only what it is about. `verb`: what happened, not to what.
   * `other`: a change of a group or a user that is none of a membership. `unclear`: it holds a word of groups or members, and
   * one that is not understood. `nothing`: it is not about groups or members, as far as its words tell.
   */
  readonly says:
    | 'change'
    | 'membership'
    | 'group'
    | 'user'
    | 'group_deleted'
    | 'verb'
    | 'other'
    | 'unclear'
    | 'nothing';
  readonly op: Op | null;
  /** Of `verb`: its symbol. */
  readonly verb: string | null;
}

const NOUNS = { G: 'group groups team teams', M: 'member members membership memberships', U: 'user users' };
const PREPOSITIONS = { T: 'to into in', F: 'from' };
const VERBS = {
  a: 'added add assigned assign',
  j: 'joined join',
  c: 'created create',
  n: 'granted grant',
  r: 'removed remove unassigned unassign',
  l: 'left leave',
  v: 'revoked revoke',
  d: 'deleted delete',
  o: 'updated update changed change renamed rename modified modify edited edit',
};
const COMPOUNDS = { GM: 'groupmember groupmembers groupmembership groupmemberships', UG: 'usergroup usergroups' };

const SYMBOLS: ReadonlyMap<string, string> = new Map(
  Object.entries({ ...NOUNS, ...PREPOSITIONS, ...VERBS, ...COMPOUNDS }).flatMap(([symbol, words]) =>
    words.split(' ').map((word): [string, string] => [word, symbol]),
  ),
);

const MEMBERSHIP = '(?:G|U|GU|UG)?M';
const ADDING = new RegExp(
  `^(?:${MEMBERSHIP}[ajcn]|M(?:aT|jT?)G|[acn]${MEMBERSHIP}(?:TG)?|U(?:aT|jT?)G|aUTG|GU[aj]|aGU)$`,
);
const REMOVING = new RegExp(
  `^(?:${MEMBERSHIP}[rlvd]|M(?:[rvd]F|lF?)G|[rvd]${MEMBERSHIP}(?:FG)?|U(?:[rvd]F|lF?)G|[rvd]UFG|GU[rl]|rGU)$`,
);
const MEMBERSHIP_ALONE = new RegExp(`^${MEMBERSHIP}$`);
const GROUP_DELETED = /^(?:G[dr]|[dr]G)$/;
/** What may happen to groups and users beside memberships: they are created, renamed; a user is deleted. */
const OTHER = /^(?:G[co]|[co]G|U[a-z]|[a-z]U)$/;
const VERB = /^[ajcnrlvdo]$/;

const ADDS = new Set('ajcn');

const nothing: Named = { says: 'nothing', op: null, verb: null };
const unclear: Named = { says: 'unclear', op: null, verb: null };

function grammarOf(name: string): Named {
  const segments = segmentsOf(name);
  // A letter beyond A to Z may be a word of its own, and a sign may be meant: `!MemberAdded`.
  for (let start = 0; start < segments.length && LEGIBLE.test(name); start += 1) {
    if (!isNamespace(segments.slice(0, start))) continue;
    const named = sentenceOf(segments.slice(start).flat());
    if (named !== null) return named;
  }
  const symbols = segments.flat().map((word) => SYMBOLS.get(word) ?? '');
  return symbols.some((symbol) => symbol.includes('G') || symbol.includes('M')) ? unclear : nothing;
}

function sentenceOf(words: readonly string[]): Named | null {
  let sentence = '';
  for (const word of words) {
    const symbol = SYMBOLS.get(word);
    if (symbol === undefined) return null;
    sentence += symbol;
  }
  if (ADDING.test(sentence)) return { says: 'change', op: 'add', verb: null };
  if (REMOVING.test(sentence)) return { says: 'change', op: 'remove', verb: null };
  if (MEMBERSHIP_ALONE.test(sentence)) return { says: 'membership', op: null, verb: null };
  if (GROUP_DELETED.test(sentence)) return { says: 'group_deleted', op: 'remove', verb: null };
  if (sentence === 'G' || sentence === 'U') return { says: sentence === 'G' ? 'group' : 'user', op: null, verb: null };
  if (VERB.test(sentence)) return { says: 'verb', op: opOf(sentence), verb: sentence };
  return OTHER.test(sentence) ? { says: 'other', op: null, verb: null } : null;
}

function opOf(verb: string): Op | null {
  if (verb === 'o') return null;
  return ADDS.has(verb) ? 'add' : 'remove';
}

/** Generic words that stand before names. */
const NAMESPACE = new Set('event events domain iam idp identity directory auth core public internal audit'.split(' '));
/** With what a reverse domain name, a URN or a URL begins; a country has two letters. */
const DOMAIN = /^(?:com|org|net|io|dev|app|edu|gov|info|cloud|urn|https?|[a-z]{2})$/;
/** Words that in a domain name may be meant of the event: `com.example.pending.group.member.added`. */
const SUSPECT =
  /^(?:cancel|request|command|cmd|fail|error|reject|den(?:y|ied)|pending|schedul|revert|attempt|will|would|should|propos|invit|approv|expir|undo|roll|not?$|never|dry|test|draft|preview|simulat|before|pre|try|start|begin|plan|want|desire|intent|dead|dlq|role|owner|admin|manager|permission|privilege|wait|queue|defer|delay|block|ban|suspend|candidate|prospect|applicant|tentative|unconfirm|shadow|mock|fake|sample|expected|offer|ask)/;

function isNamespace(segments: readonly (readonly string[])[]): boolean {
  const [first, ...others] = segments;
  if (first === undefined) return true;
  if (segments.every((words) => words.every((word) => NAMESPACE.has(word)))) return true;
  const isDomain = first.length === 1 && DOMAIN.test(first[0] ?? '') && others.length > 0;
  return isDomain && others.every((words) => !words.some((word) => SUSPECT.test(word)));
}

const LEGIBLE = /^[\w\-./:#?=\s]*$/;
/** `GROUP`, `Member`, `added`, `ID` of `IDAdded`. */
const WORD = /[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|\d+/g;
const SEPARATOR = /[./:#?=\s]+/;
const TRAILER = /^(?:v?\d+|events?)$/;

/** The words of each part between dots and the like, without `event` and a version at the end. */
function segmentsOf(name: string): readonly (readonly string[])[] {
  if (name.length > NAME_LENGTH_MAX) return [];
  const segments = name
    .split(SEPARATOR)
    .map((segment) => (segment.match(WORD) ?? []).map((word) => word.toLowerCase()));
  for (let last = segments.at(-1); last !== undefined; last = segments.at(-1)) {
    while (TRAILER.test(last.at(-1) ?? '')) last.pop();
    if (last.length > 0) break;
    segments.pop();
  }
  return segments.filter((words) => words.length > 0);
}
