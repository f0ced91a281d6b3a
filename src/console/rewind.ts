/**
 * Moves the committed offsets of the consumer group back, so that the instances read the source again from a time on. They send nothing
 * before they have read to its end (protocol.md 4.6), so that an older change never goes before a newer one, as long as all that is read
 * again has room in memory.
 */
import type { ConsumerGroup, GroupMember } from '../adapters/kafka/admin.ts';
import { messageOf } from '../adapters/kafka/errors.ts';
import { GroupInUseError } from '../adapters/kafka/tools.ts';
import type { SourceFormat } from '../core/change/change.ts';
import type { Rewind } from '../core/log/commit-metadata.ts';
import { ReadAgain, nextRead, rewound, type Rewound, type CommittedPlace } from '../core/log/rewind.ts';
import { timeText } from '../core/report/reporting.ts';
import { counted, numberText } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { Bounds, Commit, Committed, LogTools } from '../ports.ts';
import { intakeResumesAt } from '../pipeline/state/intake-limits.ts';
import { print, printJson, type CommandContext } from './command-context.ts';
import { changesIn } from './source-events.ts';
import { TopicReading } from './topic-reading.ts';
import { UnreadableRecords } from './unreadable-records.ts';

const COMMAND = 'rewind';

export interface RewindSources {
  readonly tools: LogTools;
  readonly topic: string;
  readonly format: SourceFormat;
  readonly consumerGroup: string;
  /** MAX_PENDING_INTENTS. */
  readonly pendingMax: number;
  readonly members: () => Promise<ConsumerGroup>;
  /** By partition. */
  readonly committed: () => Promise<ReadonlyMap<number, Committed>>;
  /** Of partitions of a topic. */
  readonly bounds: (topic: string, partitions: readonly number[]) => Promise<ReadonlyMap<number, Bounds>>;
  /** By partition, the first record since then; the end where there is none. */
  readonly offsetsSince: (timestamp: number) => Promise<ReadonlyMap<number, bigint>>;
  /** Rejects where the group has members. */
  readonly commit: (commits: readonly Commit[]) => Promise<void>;
}

export interface Rewinding {
  /** Epoch ms. */
  readonly to: number;
  /** What the commits keep of it; null: it is only shown. */
  readonly by: Rewind | null;
  /** One JSON object in place of the lines. */
  readonly isJson: boolean;
}

/** @throws ExitError where instances run, or what would be read again might be applied in another order than it was written. */
export async function rewindTo(
  { to, by, isJson }: Rewinding,
  sources: RewindSources,
  context: CommandContext,
): Promise<ExitCode> {
  demandStopped(await sources.members(), sources);
  const unreadable = new UnreadableRecords();
  const reading = new TopicReading('source', sources.topic, { ...sources, context }, unreadable);
  await reading.open();
  const offsets = await committedOffsets(to, sources);
  const places = sourcePlaces(offsets, await sources.bounds(reading.topic, reading.all));
  demandCommitted(places, { ...sources, command: COMMAND });
  const say = (text: string): Promise<void> => print(isJson ? context.stderr : context.stdout, text);
  const moves: Rewound[] = [];
  const partitions: object[] = [];
  for (const place of places) {
    const move = rewound(place, by);
    if (move !== null) moves.push(move);
    reading.startAt(place.partition, nextRead(place).from);
    partitions.push(placeJson(place, move));
    if (!isJson) await say(placeText(place, move));
  }
  if (moves.length === 0) {
    if (isJson)
      await printJson(context.stdout, { moved: false, partitions, read_again: readAgainJson(new ReadAgain()) });
    await say(`nothing to move: of what is committed of ${sources.topic} no record since ${timeText(to)} is left\n`);
    return EXIT.done;
  }
  const again = await readAgain(reading, sources);
  const what = readAgainText(again);
  const json = { partitions, read_again: readAgainJson(again) };
  for (const problem of unreadable.problems) await print(context.stderr, `warning: ${visible(problem)}\n`);
  if (by === null) {
    if (isJson) await printJson(context.stdout, { moved: false, ...json });
    await say(`${what} would be read again; --yes moves the offsets\n`);
    return EXIT.someFailed;
  }
  await commitMoves(moves, offsets, sources);
  if (isJson) await printJson(context.stdout, { moved: true, ...json });
  await say(
    `moved ${counted(moves.length, 'partition')}: ${what} are read again once instances run; they send nothing before they have read to the end\n`,
  );
  return EXIT.done;
}

/** The brokers do not compare what they replace, so this looks right before it, and right after it. @throws ExitError */
async function commitMoves(
  moves: readonly Rewound[],
  { committed: known }: CommittedOffsets,
  { commit, committed }: RewindSources,
): Promise<void> {
  const before = await committed();
  const moved = [...known].find(([partition, was]) => !isSameCommit(before.get(partition), was));
  if (moved !== undefined) throw movedByOthers(moved[0], 'nothing is moved');
  const commits = moves.map(({ partition, to: offset, metadata }) => ({ partition, offset, metadata }));
  await commit(commits).catch((error: unknown) => {
    throw error instanceof GroupInUseError ? notStopped(error.message) : error;
  });
  const after = await committed().catch((error: unknown) => {
    throw notReadBack(error);
  });
  const replaced = commits.find((each) => !isSameCommit(after.get(each.partition), each));
  if (replaced !== undefined)
    throw movedByOthers(replaced.partition, 'the offsets are not those that this command has committed');
}

const notReadBack = (cause: unknown): ExitError =>
  new ExitError(
    EXIT.unavailable,
    `rewind: the offsets were committed, and could not be read back (${messageOf(cause)})\n  \`rollcall status\` shows who has rewound last, and why.`,
    { cause },
  );

const isSameCommit = (one: Committed | undefined, { offset, metadata }: Committed): boolean =>
  one?.offset === offset && one.metadata === metadata;

const movedByOthers = (partition: number, what: string): ExitError =>
  new ExitError(
    EXIT.someFailed,
    `rewind: another command or an instance has committed partition ${partition} meanwhile, and ${what}\n  \`rollcall status\` shows who has rewound last; ask again.`,
  );

function demandStopped({ members }: ConsumerGroup, { consumerGroup }: RewindSources): void {
  if (members.length === 0) return;
  const names = members.map(({ clientId, host }: GroupMember) => `${visible(clientId)} at ${visible(host)}`);
  throw notStopped(`the consumer group ${consumerGroup} has members: ${names.join(', ')}`);
}

const notStopped = (why: string): ExitError =>
  new ExitError(
    EXIT.unavailable,
    `rewind: ${why}\n  Stop all instances first. One that was killed stays a member until its session has ended.`,
  );

export interface SourcePlace extends CommittedPlace {
  /** After the newest record. */
  readonly end: bigint;
}

/** By partition. */
export interface CommittedOffsets {
  readonly committed: ReadonlyMap<number, Committed>;
  /** The first record since a time; none: the end. */
  readonly since: ReadonlyMap<number, bigint>;
}

/** @param time where the group would be rewound to, epoch ms; null: nowhere */
export async function committedOffsets(
  time: number | null,
  sources: Pick<RewindSources, 'committed' | 'offsetsSince'>,
): Promise<CommittedOffsets> {
  const committed = await sources.committed();
  return { committed, since: time === null ? new Map() : await sources.offsetsSince(time) };
}

/** @param bounds of all partitions, as they are after the offsets: what is committed meanwhile may lie beyond earlier ends. */
export const sourcePlaces = (
  { committed, since }: CommittedOffsets,
  bounds: ReadonlyMap<number, Bounds>,
): readonly SourcePlace[] =>
  [...bounds].map(([partition, { start, end }]): SourcePlace => {
    const { offset = null, metadata = '' } = committed.get(partition) ?? {};
    return { partition, offset, metadata, since: since.get(partition) ?? end, start, end };
  });

/** @throws ExitError where nothing is committed. */
export function demandCommitted(
  places: readonly CommittedPlace[],
  { consumerGroup, topic, command }: Pick<RewindSources, 'consumerGroup' | 'topic'> & { readonly command: string },
): void {
  if (places.some(({ offset }) => offset !== null)) return;
  const why = `the consumer group ${consumerGroup} has committed nothing of ${topic}`;
  throw new ExitError(
    EXIT.configuration,
    `${command}: ${why}\n  Name the group of the instances in KAFKA_GROUP_ID. A group without offsets reads the topic from its beginning when instances start.`,
  );
}

function placeText({ partition, offset, since, start }: CommittedPlace, move: Rewound | null): string {
  const gone = start > 0n && since <= start ? '  older records are gone' : '';
  if (offset === null) return `partition ${partition}  nothing is committed: it is read from its beginning\n`;
  return `partition ${partition}  ${move === null ? `stays at ${offset}` : `${offset} → ${move.to}`}${gone}\n`;
}

/** `to` null: it stays. */
const placeJson = ({ partition, offset, since, start }: CommittedPlace, move: Rewound | null) => ({
  partition,
  committed: offset === null ? null : String(offset),
  to: move === null ? null : String(move.to),
  older_gone: start > 0n && since <= start,
});

const readAgainJson = ({ recordCount, groupCount, memberCount, stateCount }: ReadAgain) => ({
  records: recordCount,
  groups: groupCount,
  memberships: memberCount,
  full_states: stateCount,
});

function readAgainText({ recordCount, memberCount, stateCount, groupCount }: ReadAgain): string {
  const states = stateCount === 0 ? '' : `, ${counted(stateCount, 'full state')}`;
  return `${counted(recordCount, 'record')} of ${counted(groupCount, 'group')} (${counted(memberCount, 'membership')}${states})`;
}

/** What is unread counts, too: it needs room as well. */
async function readAgain(reading: TopicReading, { format, pendingMax }: RewindSources): Promise<ReadAgain> {
  const found = new ReadAgain();
  const { topic, partitionCount } = reading;
  for await (const record of reading.read()) {
    found.recordCount += 1;
    await format.prepare?.([record]);
    for (const { event } of changesIn({ record, topic, partitionCount, format })) found.take(event, record.partition);
    demandRoom(found, { pendingMax, command: COMMAND });
  }
  demandOnePartition(found, COMMAND);
  return found;
}

interface Room extends Pick<RewindSources, 'pendingMax'> {
  /** That refuses. */
  readonly command: string;
}

/** @throws ExitError */
export function demandRoom({ pendingCount }: ReadAgain, { pendingMax, command }: Room): void {
  if (pendingCount <= intakeResumesAt(pendingMax)) return;
  throw new ExitError(
    EXIT.someFailed,
    `${command}: more than ${numberText(intakeResumesAt(pendingMax))} changes would be pending, and where memory is full (MAX_PENDING_INTENTS) instances send older changes before they have read newer ones\n  Name a later time, or raise MAX_PENDING_INTENTS for this command and for all instances.`,
  );
}

/** @param command that refuses. @throws ExitError */
export function demandOnePartition({ groupsInTwoPartitions: groups }: ReadAgain, command: string): void {
  if (groups.size === 0) return;
  const names = [...groups].slice(0, NAMED_MAX).map(visible).join(', ');
  const more = groups.size > NAMED_MAX ? ` and ${groups.size - NAMED_MAX} more` : '';
  throw new ExitError(
    EXIT.someFailed,
    `${command}: records of one group would be read again of two partitions, which have no order: ${names}${more}\n  Name a time after partitions were added to the topic, or repair the groups by \`rollcall resync\`.`,
  );
}

const NAMED_MAX = 5;
