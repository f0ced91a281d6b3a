/** The members of a group as one answer of the target shows them, and what that proves of an intent. */
import type { Intent } from './change.ts';
import { idKey } from './id-key.ts';
import { MemberSet } from './member-set.ts';

/** A set of keys, or a version of one (member-set.ts). */
export type MemberKeys = Pick<ReadonlySet<string>, 'has' | 'size'> & Iterable<string>;

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

export const isSo = (intent: Intent, membership: Membership): boolean => sightOf(intent, membership) === 'so';

/** A removal of a member that a doubtful list does not show: only the target knows whether there is anything to remove. */
export const isUnseenRemoval = (intent: Intent, membership: Membership): boolean =>
  intent.op === 'remove' && sightOf(intent, membership) === 'unknown';

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
