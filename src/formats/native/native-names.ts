/**
 * Fields of a native record whose names are near to those of its lists: `addMembers`, `added_members`, `remove_member`.
 * What they hold would be lost, so the record is invalid, with the name that is meant.
 */
import type { Fields } from '../reading/reading.ts';

export interface Misspelt {
  readonly name: string;
  /** The field that it is near to. */
  readonly meant: string;
}

const KNOWN: ReadonlySet<string> = new Set([
  'group_id',
  'genesys_group_id',
  'add_members',
  'added',
  'remove_members',
  'removed',
  'members',
  'complete',
  'deleted',
  'event_id',
  'occurred_at',
]);

/** A field beside the known ones that can only be meant as one of them, and holds something; null: there is none. */
export const misspeltList = (fields: Fields): Misspelt | null =>
  firstOf(fields, (name) => {
    const value = fields[name];
    if (typeof value === 'string') return value === '' ? null : meantBy(name, OF_MEMBERS);
    return typeof value === 'object' && value !== null ? meantBy(name, OF_CHANGES) : null;
  }) ?? firstOf(fields, (name) => (fields[name] === true ? meantBy(name, OF_STATES) : null));

/** Of a record without any list: what is near to one, also where it holds no list; null: nothing. */
export const nearList = (fields: Fields): Misspelt | null =>
  firstOf(fields, (name) => meantBy(name, OF_CHANGES) ?? meantBy(name, OF_STATES));

function firstOf(fields: Fields, meant: (name: string) => string | null): Misspelt | null {
  for (const name in fields) {
    if (KNOWN.has(name) || name.length > NAME_LENGTH_MAX) continue;
    const field = meant(name);
    if (field !== null) return { name, meant: field };
  }
  return null;
}

const NAME_LENGTH_MAX = 40;

/** Words that a name is made of, without their endings, in the order of the alphabet → the field. */
type Words = ReadonlyMap<string, string>;

const OF_CHANGES: Words = new Map([
  ['add', 'add_members'],
  ['add member', 'add_members'],
  ['remove', 'remove_members'],
  ['member remove', 'remove_members'],
]);

/** What a text may be meant as: with the word for members only, since `adder` and `joined_by` name others. */
const OF_MEMBERS: Words = new Map([...OF_CHANGES].filter(([words]) => words.includes('member')));

const OF_STATES: Words = new Map([
  ['member', 'members'],
  ['complete', 'complete'],
  ['delete', 'deleted'],
  ['delete group', 'deleted'],
]);

const STEMS: readonly (readonly [stem: string, word: RegExp])[] = [
  ['add', /^(?:add|adds|adding|added|additions?|assign|assigned|grant|granted|join|joined|joiners?)$/],
  [
    'remove',
    /^(?:remove|removes|removing|removed|removals?|revoke|revoked|drop|dropped|unassign|unassigned|kick|kicked|left|leave|leavers?|del)$/,
  ],
  ['delete', /^(?:delete|deletes|deleted)$/],
  ['member', /^(?:members?|memberships?|users?|(?:user|member)ids?)$/],
  ['complete', /^(?:complete|completed)$/],
  ['group', /^groups?$/],
  ['', /^(?:id|ids|list|is|to)$/],
];

function meantBy(name: string, meanings: Words): string | null {
  const stems = new Set<string>();
  for (const [word] of name.matchAll(WORD)) {
    const stem = stemOf(word.toLowerCase());
    if (stem === null) return null;
    if (stem !== '') stems.add(stem);
  }
  // `delete_members` are members to remove; `deleted` alone is the group.
  if (stems.has('member') && stems.delete('delete')) stems.add('remove');
  return meanings.get([...stems].toSorted().join(' ')) ?? null;
}

function stemOf(word: string): string | null {
  for (const [stem, words] of STEMS) if (words.test(word)) return stem;
  // One letter too many, too few or another one: `ad_members`, `remove_memebrs`.
  const near = SPELLED.find((spelled) => isOneSlipFrom(word, spelled));
  return near === undefined ? null : (STEMS.find(([, words]) => words.test(near))?.[0] ?? null);
}

/** Long enough that a slip makes no other word of them. */
const SPELLED = ['added', 'members', 'member', 'remove', 'removed'] as const;

function isOneSlipFrom(word: string, spelled: string): boolean {
  if (Math.abs(word.length - spelled.length) > 1) return false;
  let start = 0;
  while (start < word.length && word[start] === spelled[start]) start += 1;
  let end = 0;
  while (end < word.length - start && end < spelled.length - start && word.at(-1 - end) === spelled.at(-1 - end))
    end += 1;
  const [left, expected] = [word.slice(start, word.length - end), spelled.slice(start, spelled.length - end)];
  if (left.length <= 1 && expected.length <= 1) return true;
  return left.length === 2 && left[0] === expected[1] && left[1] === expected[0];
}

/** `GROUP`, `Member`, `added`. */
const WORD = /[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+/g;
