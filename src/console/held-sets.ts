/** What is held, one set a group: which digest names it, how much of the group it is, how it is shown, and how it is decided. */
import { sha256 } from '../adapters/system.ts';
import type { Intent } from '../core/change/change.ts';
import { idKey } from '../core/change/change.ts';
import { heldText } from '../core/group/guard.ts';
import { heldFacts, percentOf, type HeldFacts } from '../core/group/held-set.ts';
import { textHeader } from '../core/log/wire-intent.ts';
import { decisionValue, requestKey, type OperatorAnswer, type RequestRecord } from '../core/log/request-record.ts';
import { timeText } from '../core/report/reporting.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import { askOwners, byGroup, findWaiting, type RetryTopic } from './retry-topic.ts';

/** So many digits name a set for a decision: a few may fit one that the operator has not looked at. */
export const DECIDED_LENGTH_MIN = 12;

/** What is held of one group. */
export interface HeldSet extends HeldFacts {
  /** The beginning of the digest that no other set has. */
  readonly prefix: string;
  readonly partition: number;
  readonly intents: readonly Intent[];
}

/** Of a set before it is known which others there are. */
type LoneSet = Omit<HeldSet, 'prefix'>;

/** The oldest first. */
export async function heldSets(retry: RetryTopic): Promise<readonly HeldSet[]> {
  const waiting = (await findWaiting(retry, {})).filter(({ state }) => state === 'held').map(({ intent }) => intent);
  const sets = byGroup(waiting)
    .flatMap((intents) => setOf(intents) ?? [])
    .toSorted((a, b) => a.since - b.since);
  const prefixes = shortestPrefixes(sets.map(({ digest }) => digest));
  return sets.map((set) => ({ ...set, prefix: prefixes.get(set.digest) ?? set.digest }));
}

function setOf(intents: readonly Intent[]): LoneSet | null {
  const [first] = intents;
  if (first === undefined) return null;
  const facts = heldFacts(first.group, intents, sha256);
  return facts === null ? null : { ...facts, partition: first.source.partition, intents };
}

/** Long enough to decide by. In order, the nearest neighbours have the most in common. */
function shortestPrefixes(digests: readonly string[]): ReadonlyMap<string, string> {
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

/** Which sets are decided about. */
export interface HeldSelection {
  readonly digests: readonly string[];
  readonly groups: readonly string[];
  readonly by: readonly string[];
  readonly all: boolean;
}

export const isByDigest = ({ digests }: HeldSelection): boolean => digests.length > 0;

/** @throws ExitError where a digest names no set, or is too short to decide by. */
export function selected(sets: readonly HeldSet[], selection: HeldSelection): readonly HeldSet[] {
  const short = selection.digests.find(({ length }) => length < DECIDED_LENGTH_MIN);
  if (short !== undefined)
    throw new ExitError(EXIT.usage, `held: name at least ${DECIDED_LENGTH_MIN} digits of what is decided about`);
  if (isByDigest(selection)) return [...new Set(selection.digests.map((digest) => setWithDigest(sets, digest)))];
  const groups = selection.groups.map(idKey);
  return sets.filter(
    (set) =>
      (groups.length === 0 || groupsOf(set).some((group) => groups.includes(idKey(group)))) &&
      (selection.by.length === 0 || set.by.some((by) => selection.by.includes(by))),
  );
}

/** By the identity provider and by Genesys Cloud. */
const groupsOf = ({ group, intents }: HeldSet): readonly string[] => [
  group,
  ...new Set(intents.flatMap(({ guard }) => guard?.groupTarget ?? [])),
];

export const setLine = ({ intents, since, groupSize, ...set }: HeldSet) => ({
  ...set,
  since: timeText(since),
  count: intents.length,
  group_size: groupSize,
  percent: percentOf(intents.length, groupSize),
});

/** With the digits that name it. */
export const setText = ({ prefix, group, by, since, groupSize, intents }: HeldSet): string =>
  `${prefix}  group ${group}  ${sizeText(intents.length, groupSize)}  held since ${timeText(since)}\n` +
  by.map((each) => `    ${each}: ${heldText(each)}\n`).join('');

function sizeText(count: number, groupSize: number | null): string {
  const percent = percentOf(count, groupSize);
  return percent === null ? `${count} removals` : `${count} of ${groupSize} members (${percent} %)`;
}

/** What a decision that was carried out is called. */
export const DECIDED = { approve: 'approved', reject: 'rejected' } as const;

export type DecisionKind = keyof typeof DECIDED;

/** One request for each set. @returns whether all were decided so. */
export async function decideSets(
  retry: RetryTopic,
  sets: readonly HeldSet[],
  { kind, author }: { readonly kind: DecisionKind; readonly author: string },
  onAnswer: (answer: OperatorAnswer, set: HeldSet | undefined) => Promise<void>,
): Promise<ExitCode> {
  const byDigest = new Map(sets.map((set) => [set.digest, set]));
  const requests = new Map(
    sets.map(({ partition, digest }): [string, RequestRecord] => {
      const key = requestKey(retry.context.random.uuid());
      const value = decisionValue(digest, author);
      return [key, { topic: retry.topic, partition, key, value, headers: [textHeader('rollcall-type', kind)] }];
    }),
  );
  if (requests.size === 0) return EXIT.done;
  const answers = await askOwners(retry, requests, (answer) =>
    onAnswer(answer, 'digest' in answer ? byDigest.get(answer.digest) : undefined),
  );
  return answers.every((answer) => answer.kind !== 'replay' && answer.verdict === DECIDED[kind])
    ? EXIT.done
    : EXIT.someFailed;
}
