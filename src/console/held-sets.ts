/** What is held, one set a group: which digest names it, why and since when it is held, and which sets, or parts, an operator means. */
import { sha256 } from '../adapters/system.ts';
import {
  comparePositions,
  idKey,
  isSameId,
  positionText,
  type ChangeSource,
  type Held,
  type Intent,
} from '../core/change/change.ts';
import { isHeld, type HeldIntent } from '../core/change/pending.ts';
import { HELD_BY } from '../core/group/guard.ts';
import { heldFacts, type HeldFacts } from '../core/group/held-set.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { byGroup, findWaiting, groupedBy, type RetryTopic } from './retry-topic.ts';

/** So many digits name a set for a decision: a few may fit one that the operator has not looked at. */
export const DECIDED_LENGTH_MIN = 12;

/** What is held of one group. */
export interface HeldSet extends HeldFacts {
  /** The beginning of the digest that no other set has. */
  readonly prefix: string;
  readonly partition: number;
  readonly intents: readonly HeldIntent[];
  /** What holds most of it first. */
  readonly causes: readonly HeldCause[];
}

/** What is held of one group by one cause. */
export interface HeldCause {
  readonly by: Held['by'];
  readonly intents: readonly HeldIntent[];
  /** The event that was read last. */
  readonly newest: ChangeSource;
  readonly eventCount: number;
}

/** Of a set before it is known which others there are. */
type LoneSet = Omit<HeldSet, 'prefix'>;

/** The oldest first. */
export const heldSets = async (retry: RetryTopic): Promise<readonly HeldSet[]> =>
  heldSetsIn((await findWaiting(retry, {})).map(({ intent }) => intent));

/** @param waiting all that waits */
export function heldSetsIn(waiting: readonly Intent[]): readonly HeldSet[] {
  const sets = byGroup(waiting.filter(isHeld))
    .flatMap((intents) => setOf(intents) ?? [])
    .toSorted((a, b) => a.since - b.since);
  const prefixes = shortestPrefixes(sets.map(({ digest }) => digest));
  return sets.map((set) => ({ ...set, prefix: prefixes.get(set.digest) ?? set.digest }));
}

function setOf(intents: readonly HeldIntent[]): LoneSet | null {
  const [first] = intents;
  if (first === undefined) return null;
  const facts = heldFacts(first.group, intents, sha256);
  if (facts === null) return null;
  const byCause = groupedBy(intents, ({ guard }) => guard.by);
  const causes = facts.by.map((by) => causeOf(by, byCause.get(by) ?? []));
  return { ...facts, partition: first.source.partition, intents, causes };
}

/** @param intents at least one */
function causeOf(by: Held['by'], intents: readonly HeldIntent[]): HeldCause {
  const events = intents.map(({ source }) => source);
  return {
    by,
    intents,
    newest: events.reduce((a, b) => (comparePositions(b, a) > 0 ? b : a)),
    eventCount: new Set(events.map(positionText)).size,
  };
}

/** Long enough to decide by. In order, the nearest neighbours have the most in common. */
export function shortestPrefixes(digests: readonly string[]): ReadonlyMap<string, string> {
  const sorted = [...new Set(digests)].toSorted();
  return new Map(
    sorted.map((digest, at) => {
      const common = Math.max(commonLength(digest, sorted[at - 1]), commonLength(digest, sorted[at + 1]));
      return [digest, digest.slice(0, Math.max(DECIDED_LENGTH_MIN, common + 1))];
    }),
  );
}

function commonLength(one: string, other = ''): number {
  let length = 0;
  while (length < other.length && one[length] === other[length]) length += 1;
  return length;
}

/** @throws ExitError where it names none, or several. */
export function setWithDigest(sets: readonly HeldSet[], digest: string): HeldSet {
  const found = sets.filter((set) => digest !== '' && set.digest.startsWith(digest.toLowerCase()));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const why =
    found.length === 0 ? 'nothing is held under this digest; its set may have changed' : 'several digests begin so';
  throw new ExitError(EXIT.someFailed, `held: ${digest}: ${why}; see \`rollcall held list\``);
}

/** Which removals are meant: of each criterion that is given any value has to fit. None is given: all. */
export interface HeldSelection {
  readonly digests: readonly string[];
  readonly groups: readonly string[];
  readonly causes: readonly string[];
  readonly members: readonly string[];
}

export const isByDigest = ({ digests }: HeldSelection): boolean => digests.length > 0;

/** What is meant of a set: all of it, or a part. */
export interface SelectedPart {
  readonly set: HeldSet;
  readonly intents: readonly HeldIntent[];
}

export const wholeOf = (set: HeldSet): SelectedPart => ({ set, intents: set.intents });

export const isWhole = ({ set, intents }: SelectedPart): boolean => intents.length === set.intents.length;

/** @throws ExitError where a digest names no set, or is too short to decide by, and where a group, member or cause that is named is none. */
export function selected(sets: readonly HeldSet[], selection: HeldSelection): readonly SelectedPart[] {
  const short = selection.digests.find(({ length }) => length < DECIDED_LENGTH_MIN);
  if (short !== undefined)
    throw new ExitError(EXIT.usage, `held: name at least ${DECIDED_LENGTH_MIN} digits of what is decided about`);
  for (const cause of selection.causes) checkCause(cause, sets);
  const named = isByDigest(selection)
    ? [...new Set(selection.digests.map((digest) => setWithDigest(sets, digest)))]
    : setsOf(sets, selection.groups);
  const parts = named.map((set) => ({ set, intents: set.intents.filter((intent) => isMeant(intent, selection)) }));
  for (const member of selection.members) checkMember(member, parts);
  return parts.filter(({ intents }) => intents.length > 0);
}

/** One that a newer version has given is known by what it holds. @throws ExitError */
function checkCause(cause: string, sets: readonly HeldSet[]): void {
  if (Object.hasOwn(HELD_BY, cause) || sets.some(({ by }) => by.includes(cause))) return;
  throw new ExitError(EXIT.usage, `held: ${visible(cause)} is no cause; there are ${Object.keys(HELD_BY).join(', ')}`);
}

/** @param groups by the ids of the source, as far as those are known; none: all. */
function setsOf(sets: readonly HeldSet[], groups: readonly string[]): readonly HeldSet[] {
  const byName = groups.map((group) => {
    const found = sets.find((set) => isSameId(set.group, group));
    if (found !== undefined) return found;
    throw new ExitError(EXIT.someFailed, `held: nothing of group ${group} is held; see \`rollcall held list\``);
  });
  return groups.length === 0 ? sets : byName;
}

const isMeant = (intent: HeldIntent, { causes, members }: HeldSelection): boolean =>
  (causes.length === 0 || causes.includes(intent.guard.by)) &&
  (members.length === 0 || members.some((member) => goesBy(member)(intent)));

/** By the identity provider's id or by Genesys Cloud's. */
const goesBy = (member: string): ((intent: HeldIntent) => boolean) => {
  const key = idKey(member);
  return (intent) => intent.member === key || targetOf(intent) === key;
};

const targetOf = ({ guard, member }: HeldIntent): string => idKey(guard.target ?? member);

/** @throws ExitError where nothing is held of the member. */
function checkMember(member: string, parts: readonly SelectedPart[]): void {
  if (parts.some(({ intents }) => intents.some(goesBy(member)))) return;
  throw new ExitError(
    EXIT.someFailed,
    `held: no removal of ${member} is held there; \`rollcall held show\` names the members of a set`,
  );
}
