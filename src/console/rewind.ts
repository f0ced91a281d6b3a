/**
 * Moves the committed offsets of the consumer group back, so that the instances read the source again from a time on. They send nothing
 * before they have read to its end (protocol.md 4.6), so that an older change never goes before a newer one, as long as all that is read
 * again has room in memory.
 */
import type { ConsumerGroup, GroupMember, PartitionBounds } from '../adapters/kafka/admin.ts';
import { GroupInUseError } from '../adapters/kafka/tools.ts';
import type { SourceFormat } from '../core/change/change.ts';
import type { ReadProgress } from '../core/log/reading.ts';
import { Memberships, rewound, type Rewound } from '../core/log/rewind.ts';
import { timeText } from '../core/report/reporting.ts';
import { counted, numberText } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { Commit, Committed, LogTools } from '../ports.ts';
import { endIfStopped, print, readProgress, showProgress, type CommandContext } from './command-context.ts';
import { changesIn } from './group-topics.ts';

export interface RewindSources {
  readonly tools: Pick<LogTools, 'read'>;
  readonly topic: string;
  readonly format: SourceFormat;
  readonly consumerGroup: string;
  /** MAX_PENDING_INTENTS. */
  readonly pendingMax: number;
  readonly members: () => Promise<ConsumerGroup>;
  /** By partition. */
  readonly committed: () => Promise<ReadonlyMap<number, Committed>>;
  /** Of all partitions. */
  readonly bounds: () => Promise<readonly PartitionBounds[]>;
  /** By partition, the first record since then. */
  readonly offsetsSince: (timestamp: number) => Promise<ReadonlyMap<number, bigint>>;
  /** Rejects where the group has members. */
  readonly commit: (commits: readonly Commit[]) => Promise<void>;
}

export interface Rewinding {
  /** Epoch ms. */
  readonly to: number;
  /** false: it is only shown. */
  readonly isMeant: boolean;
}

/** @throws ExitError where instances run, or there is no room for all that would be read again. */
export async function rewindTo(
  { to, isMeant }: Rewinding,
  sources: RewindSources,
  context: CommandContext,
): Promise<ExitCode> {
  demandStopped(await sources.members(), sources);
  const bounds = await sources.bounds();
  const moves = await movesTo(to, bounds, sources);
  for (const move of moves) await print(context.stdout, moveText(move));
  if (moves.length === 0) {
    await print(
      context.stdout,
      `nothing to move: all that is committed of ${sources.topic} is older than ${timeText(to)}\n`,
    );
    return EXIT.done;
  }
  const { recordCount, memberships } = await readAgain({ moves, partitionCount: bounds.length }, sources, context);
  const what = `${counted(recordCount, 'record')} about ${counted(memberships.count, 'membership')} of ${counted(memberships.groupCount, 'group')}`;
  if (!isMeant) {
    await print(context.stdout, `${what} would be read again; --yes moves the offsets\n`);
    return EXIT.someFailed;
  }
  const commits = moves.map(({ partition, to: offset, metadata }) => ({ partition, offset, metadata }));
  await sources.commit(commits).catch((error: unknown) => {
    throw error instanceof GroupInUseError ? notStopped(error.message) : error;
  });
  await print(
    context.stdout,
    `moved ${counted(moves.length, 'partition')}: ${what} are read again once instances run; they send nothing before they have read to the end\n`,
  );
  return EXIT.done;
}

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

async function movesTo(
  time: number,
  bounds: readonly PartitionBounds[],
  sources: RewindSources,
): Promise<readonly Rewound[]> {
  const [committed, since] = [await sources.committed(), await sources.offsetsSince(time)];
  return bounds.flatMap(({ partition, start }) => {
    const { offset = null, metadata = '' } = committed.get(partition) ?? {};
    return rewound({ partition, offset, metadata, since: since.get(partition) ?? null, start }) ?? [];
  });
}

const moveText = ({ partition, from, to, isCut }: Rewound): string =>
  `partition ${partition}  ${from} → ${to}${isCut ? `  older records are gone` : ''}\n`;

interface ReadAgain {
  readonly recordCount: number;
  readonly memberships: Memberships;
}

/** @throws ExitError where it has no room, or it was asked to stop. */
async function readAgain(
  { moves, partitionCount }: { readonly moves: readonly Rewound[]; readonly partitionCount: number },
  { tools, topic, format, pendingMax }: RewindSources,
  context: CommandContext,
): Promise<ReadAgain> {
  const memberships = new Memberships();
  const from = { offsets: new Map(moves.map(({ partition, to }) => [partition, to])) };
  const partitions = moves.map(({ partition }) => partition);
  let [recordCount, read]: [number, ReadProgress] = [0, { passed: 0, total: 0 }];
  const end = showProgress(context.stderr, context.clock, () => readProgress(read, topic));
  const onProgress = (progress: ReadProgress): void => void (read = progress);
  const options = { from, partitions, follow: false, signal: context.stop, unreadable: 'tell', onProgress } as const;
  try {
    for await (const record of tools.read(topic, options)) {
      recordCount += 1;
      await format.prepare?.([record]);
      for (const { event } of changesIn({ record, topic, partitionCount, format })) memberships.take(event);
      if (memberships.count > pendingMax) throw noRoom(pendingMax);
    }
  } finally {
    end();
  }
  endIfStopped(context, `before the end of ${topic}`);
  return { recordCount, memberships };
}

const noRoom = (pendingMax: number): ExitError =>
  new ExitError(
    EXIT.someFailed,
    `rewind: more than ${numberText(pendingMax)} memberships would be read again (MAX_PENDING_INTENTS), so that instances would send older changes before they have read newer ones\n  Name a later time, or raise MAX_PENDING_INTENTS for this command and for all instances.`,
  );
