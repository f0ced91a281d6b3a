/**
 * Reads what is known of a group, or of one member of it, for `rollcall explain`.
 *
 * The group is read from the target before and after everything else: where its version has not moved meanwhile, no change took
 * effect while the rest was read, and what the evidence does not explain was done by others.
 */
import { askOfGroup, type InstanceReply } from '../adapters/admin-client.ts';
import { idKey, type Position } from '../core/change/change.ts';
import { Evidence, type ReadingOf } from '../core/explain/evidence.ts';
import type { GroupFacts } from '../core/explain/group-summary.ts';
import { InstanceMemory, together, withoutOthers, type InstanceAnswer } from '../core/explain/instance-answer.ts';
import type { FormerChanges } from '../core/explain/former-changes.ts';
import type { NamesOf } from '../core/explain/names.ts';
import { atTargetByReports, type AtTarget, type Known, type KnownChanges, type Link } from '../core/explain/verdict.ts';
import type { Outcome } from '../core/target/outcome.ts';
import type { Snapshot } from '../core/target/snapshot.ts';
import { isOlderVersion } from '../core/target/version.ts';
import { counted } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import { unlessStopped } from './command-context.ts';
import { GroupNames, type ListedMember } from './group-names.ts';
import type { Beginning, WantedEvents } from './group-records.ts';
import { readGroupTopics, type Question, type Sources } from './group-topics.ts';
import { getGroupWithRetries, whyNoGroup } from './target.ts';

/** The group as the target shows it. */
export type GroupRead =
  | { readonly kind: 'read'; readonly snapshot: Snapshot }
  /** `outcome`: of the answer that cannot be used, a look-up's too; null: as far as is known there is no such group, or it was not asked for. */
  | { readonly kind: 'unknown'; readonly why: string; readonly outcome: Outcome['kind'] | null };

export interface Explained {
  readonly names: GroupNames;
  readonly evidence: Evidence;
  readonly group: GroupRead;
  readonly replies: readonly InstanceReply<InstanceAnswer>[];
  /** Where the oldest records are gone. */
  readonly gone: readonly Beginning[];
  /** What could not be found out, each as a sentence. */
  readonly doubts: readonly string[];
  readonly facts: Omit<GroupFacts, 'memberCount'>;
  knownOf(member: NamesOf): Known;
  /** The names of the member that is asked for. */
  askedMember(name: string): NamesOf;
}

const TRIES_MAX = 3;
const CHANGING: GroupRead = {
  kind: 'unknown',
  why: 'the group is being changed just now; ask again',
  outcome: 'conflict',
};

/** @throws ExitError where a topic is missing, or it was asked to stop. */
export async function readExplained(question: Question, sources: Sources): Promise<Explained> {
  const names = await GroupNames.read(question, sources);
  for (let tries = 1; ; tries += 1) {
    const before = question.at === null ? await readGroup(names, sources) : null;
    const found = await readOnce(question, sources, names);
    const after = before === null ? null : await readGroup(names, sources);
    const isSteady = before === null || after === null || isUnmoved(before, after);
    if (isSteady || tries === TRIES_MAX) return found(after === null ? null : isSteady ? after : CHANGING);
  }
}

const isUnmoved = (before: GroupRead, after: GroupRead): boolean =>
  before.kind === 'unknown' || after.kind === 'unknown' || before.snapshot.version === after.snapshot.version;

/** Committed offsets first: what they pass was reported before them, so that its report is read. */
async function readOnce(question: Question, sources: Sources, names: GroupNames) {
  const { at } = question;
  const isNow = at === null;
  const committed = isNow ? await unlessStopped(sources.context, sources.committed()) : new Map<number, bigint>();
  const replies = isNow ? await askInstances(question, sources, names) : [];
  const memory = new InstanceMemory(
    replies.flatMap(({ answer }) => (answer === null ? [] : withoutOthers(answer, (group) => names.isOther(group)))),
  );
  const member = question.member === null ? null : names.member(question.member);
  const evidence = new Evidence(member === null ? null : (name) => names.means(name, member));
  const owned = new Set([...memory.intents()].map(({ partition }) => partition));
  const topics = await readGroupTopics(question, sources, {
    groups: [...names.group.sources],
    isOther: (group) => names.isOther(group),
    names: new Set([...names.group.all, ...(names.group.target === null ? [] : [idKey(names.group.target)])]),
    member: wantedOf(member, sources, names),
    evidence,
    owned,
  });
  for (const intent of memory.intents()) evidence.takeMemory(intent);
  const readingOf: ReadingOf = (position: Position) =>
    isNow ? memory.readingOf(position, committed.get(position.partition) ?? 0n) : 'past';
  const unknown = topics.partitions.filter((partition) => !memory.knows(partition));
  const { goneSource, goneReports, pauses } = topics;
  const ofGroup = {
    isMemoryKnown: unknown.length === 0,
    goneSource: new Map(goneSource.map(({ partition, offset }) => [partition, BigInt(offset)])),
    areReportsGone: goneReports.length > 0,
  };
  const changesIn = (links: readonly Link[]): KnownChanges => ({
    ...ofGroup,
    ...obstaclesOf(links, memory, pauses),
    links,
  });
  const state = evidence.newestStateLink(readingOf);
  const { lastVersion, openRequest, invalid, former } = evidence;
  const isListed = (group: GroupRead | null, name: string): ListedMember => {
    if (group?.kind !== 'read' || !group.snapshot.members.has(idKey(name))) return null;
    const isKnown = names.member(name).target !== null || [...evidence.members].includes(idKey(name));
    return isKnown ? 'too' : 'alone';
  };
  return (group: GroupRead | null): Explained => ({
    names,
    evidence,
    group: group ?? unasked(names),
    replies,
    gone: [...goneSource, ...goneReports],
    doubts: [
      ...names.doubtsOf(question, question.member === null ? null : isListed(group, question.member)),
      ...topics.doubts,
      ...formerDoubts(evidence.former),
      ...(isNow ? memoryDoubts(replies, unknown) : []),
    ],
    facts: {
      state: state === null ? null : changesIn([state]),
      pauses: [...new Set([...pauses.values()].flat())],
      isAnyGone: goneSource.length + goneReports.length > 0,
      invalid,
    },
    knownOf: (of) => {
      const links = evidence.chainOf(of.all, readingOf);
      const atTarget = group === null ? atTargetThen(links, of, names) : atTargetOf(of, { group, names, lastVersion });
      return { ...changesIn(links), atTarget, lastVersion, openRequest, invalid, former };
    },
    askedMember: (name) => (isListed(group, name) === 'alone' ? listedNames(name) : names.member(name)),
  });
}

/** What keeps the newest change, where it lies: other partitions may have other owners. */
function obstaclesOf(
  [newest]: readonly Link[],
  memory: InstanceMemory,
  pauses: ReadonlyMap<number, readonly string[]>,
): Pick<Known, 'obstacle' | 'intakeObstacle' | 'pause'> {
  if (newest === undefined) return { obstacle: null, intakeObstacle: null, pause: null };
  const { partition } = newest.position;
  const paused = pauses.get(partition);
  const pause = paused === undefined ? null : together(paused);
  return {
    obstacle: memory.obstacleOf(partition, pause) ?? pause,
    intakeObstacle: memory.intakeObstacleOf(partition),
    pause,
  };
}

/** Only its name may have been looked up. */
const unasked = ({ group, whyNoGroup: none }: GroupNames): GroupRead =>
  group.target === null && none.outcome !== null
    ? { kind: 'unknown', ...none }
    : { kind: 'unknown', why: 'it is asked as of a time that is over', outcome: null };

/** Under a name that could not be looked up there may be reports. */
function atTargetThen(links: readonly Link[], member: NamesOf, names: GroupNames): AtTarget {
  const found = atTargetByReports(links);
  if (found.kind !== 'unknown') return found;
  const missing = [
    ...(names.group.target === null ? [names.whyNoGroup] : []),
    ...(member.target === null ? [names.whyNoMember(member)] : []),
  ];
  const why = missing.find(({ outcome }) => outcome !== null)?.why;
  return why === undefined ? found : { ...found, why };
}

const wantedOf = (member: NamesOf | null, { ids }: Sources, names: GroupNames): WantedEvents['member'] =>
  member === null ? null : { names: member.all, means: ids === null ? null : (name) => names.isNameOf(name, member) };

async function askInstances(
  { member }: Question,
  { instances, context }: Sources,
  names: GroupNames,
): Promise<readonly InstanceReply<InstanceAnswer>[]> {
  const asking = instances.flatMap((instance) =>
    [...names.group.sources].map((group) =>
      askOfGroup(instance, { group, member: askedOf(names, member) }, context.clock),
    ),
  );
  return unlessStopped(context, Promise.all(asking));
}

/** An instance knows the target's name of each; where that is not known here, the one that was asked for. */
const askedOf = (names: GroupNames, member: string | null): string | null =>
  member === null ? null : (names.member(member).target ?? member);

const formerDoubts = ({ reportCount, waitingCount }: FormerChanges): readonly string[] => [
  ...(reportCount === 0
    ? []
    : [`${counted(reportCount, 'report')} of a former source topic left out: places of two topics have no order`]),
  ...(waitingCount === 0
    ? []
    : [
        `${counted(waitingCount, 'change')} of a former source topic left out, which no instance tries: set a new RETRY_TOPIC, and let the source write what is wanted again`,
      ]),
];

function memoryDoubts(replies: readonly unknown[], unknown: readonly number[]): readonly string[] {
  if (unknown.length === 0) return [];
  const partitions = `partition ${unknown.join(', ')}`;
  const isAsked = replies.length > 0;
  const why = isAsked
    ? `no instance that was asked has all of ${partitions} in its memory, or says so`
    : `no instance was asked about ${partitions}, since ADMIN_PORT is 0`;
  return [`${why}: what is only in memory is not known; name the others with --admin`];
}

async function readGroup(names: GroupNames, { api, context }: Sources): Promise<GroupRead> {
  const { target } = names.group;
  if (target === null) return { kind: 'unknown', ...names.whyNoGroup };
  const { outcome } = await unlessStopped(context, getGroupWithRetries(api, target, context));
  if (outcome.kind === 'applied' && outcome.snapshot !== null) return { kind: 'read', snapshot: outcome.snapshot };
  const none = whyNoGroup(outcome, target);
  if (none !== null) return { kind: 'unknown', why: none, outcome: null };
  const why = 'failure' in outcome ? outcome.failure.message : 'its answer holds no group';
  return { kind: 'unknown', why, outcome: outcome.kind };
}

interface ReadNow {
  readonly group: GroupRead;
  readonly names: GroupNames;
  readonly lastVersion: string | null;
}

function atTargetOf(member: NamesOf, { group, names, lastVersion }: ReadNow): AtTarget {
  if (group.kind === 'unknown') return { kind: 'unknown', why: group.why };
  const { target } = member;
  if (target === null) return { kind: 'unknown', why: names.whyNoMember(member).why };
  const { members, nested, version, isDoubtful } = group.snapshot;
  const key = idKey(target);
  if (nested.has(key)) return { kind: 'nested' };
  const isMember = members.has(key);
  if (!isMember && isDoubtful) return { kind: 'unknown', why: 'its answer may not name all members' };
  if (isOlderVersion(version, lastVersion))
    return { kind: 'unknown', why: `its answer shows version ${version}, which is older than ${lastVersion}` };
  return { kind: 'read', isMember, version };
}

/** Every member of the group that something is known of, or that the target shows: by each name that the source gives it. */
export function* membersOf({ names, evidence, group }: Explained): Generator<readonly [label: string, names: NamesOf]> {
  const named = new Set<string>();
  const targets = new Set<string>();
  for (const name of [...evidence.members].toSorted()) {
    if (named.has(name)) continue;
    const of = names.member(name);
    for (const each of of.all) named.add(each);
    if (of.target !== null) targets.add(idKey(of.target));
    yield [visible([...of.sources].toSorted().join(', ')), of];
  }
  if (group.kind === 'unknown') return;
  for (const target of [...group.snapshot.members].toSorted())
    if (!targets.has(target)) yield [visible(target), listedNames(target)];
}

/** Of a member whom the target alone names. */
const listedNames = (target: string): NamesOf => ({
  sources: new Set(),
  all: new Set([idKey(target)]),
  target: idKey(target),
});
