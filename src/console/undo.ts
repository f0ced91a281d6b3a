/** What `rollcall undo` reads: what was applied within some time, by whom, and what each group is like now. */
import { AppliedChanges, type Window } from '../core/drift/applied-changes.ts';
import { undoOf, undoable, type ChangesOfMembers, type Undo, type UndoOptions } from '../core/drift/undo.ts';
import { timeText } from '../core/report/reporting.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import { actorsIn } from '../formats/actor.ts';
import { endIfStopped, unlessStopped, type CommandContext } from './command-context.ts';
import { readGroup, readInTurn, type Comparing, type NamedGroup, type ReadGroup, type UnsaidGroup } from './drift.ts';
import { groupReader, type ComparedSources } from './drift-command.ts';
import { DriftEvidence, type DriftSources } from './drift-evidence.ts';
import { existingTopic } from './kafka-tools.ts';
import { CLOCK_MARGIN_MS } from './report-search.ts';

/** Which changes are undone. */
export interface UndoScope extends Window {
  /** By the source or by the target; null: all. */
  readonly groups: readonly string[] | null;
  /** Who made the event, or approved it; null: any. */
  readonly author: string | null;
}

export type PlannedUndo = NamedGroup &
  Pick<ReadGroup, 'snapshot'> & { readonly status: 'planned'; readonly undo: Undo };

export class Undoing {
  readonly applied: AppliedChanges;
  /** Of which something may have to be undone; by `idKey`, as the source names them. */
  readonly groups: readonly string[];
  readonly comparing: Comparing;
  readonly #author: string | null;
  /** By partition of the source, the oldest record that is left. */
  readonly #starts: ReadonlyMap<number, bigint>;

  private constructor(
    read: Pick<Undoing, 'applied' | 'comparing'>,
    starts: ReadonlyMap<number, bigint>,
    author: string | null,
  ) {
    this.applied = read.applied;
    this.comparing = read.comparing;
    this.#starts = starts;
    this.#author = author;
    this.groups = read.applied.groups.filter((group) => this.#undoable(group).size > 0);
  }

  /** Reads the topics. @throws ExitError where reports of the time are gone, a topic is missing, or it was asked to stop. */
  static async begin(
    scope: UndoScope,
    flags: { readonly rate?: number },
    sources: ComparedSources,
    context: CommandContext,
  ): Promise<Undoing> {
    await checkReports(scope, sources);
    const applied = new AppliedChanges(scope);
    // An event that no instance has read must not be replaced, wherever it is.
    const evidence = new DriftEvidence(sources, { groups: scope.groups, allPartitions: true, since: scope.since });
    evidence.listenToReports((record, group) => applied.takeReport(record, group));
    evidence.listen(({ event, source, eventCount }, { value }) =>
      applied.takeEvent(source, () => actorsIn(value, eventCount)(event.eventId)),
    );
    await evidence.refresh();
    const starts = await startsOf(sources.topics.source, sources);
    sources.onComparing();
    const target = groupReader(flags, sources, context);
    return new Undoing({ applied, comparing: { evidence, target, wanted: null, context } }, starts, scope.author);
  }

  get #options(): UndoOptions {
    return {
      author: this.#author,
      madeBy: (change) => this.applied.madeBy(change),
      nameOf: (member, target) => this.comparing.evidence.nameOf(member, target),
      isGoneAfter: ({ partition, offset }) => (this.#starts.get(partition) ?? 0n) > offset + 1n,
    };
  }

  #undoable(group: string): ChangesOfMembers {
    return undoable(this.applied.ofGroup(group), this.#options);
  }

  /** Each group that was changed within the time, one GET each; as `readInTurn` says. */
  plans(): AsyncGenerator<PlannedUndo | UnsaidGroup> {
    return readInTurn<PlannedUndo | UnsaidGroup>(this.groups, this.comparing, {
      look: (group) => this.#plan(group),
      isUrgent: (found) => found.status === 'planned' && found.undo.repair !== null,
    });
  }

  async #plan(group: string): Promise<PlannedUndo | UnsaidGroup | null> {
    const read = await readGroup(group, this.comparing);
    if (read === null || 'status' in read) return read;
    const { known, snapshot, ...named } = read;
    if (snapshot === null) return { ...named, status: 'failed', code: 'group_gone', message: GONE };
    const undo = undoOf(this.#undoable(group), known, snapshot, this.#options);
    return { ...named, snapshot, status: 'planned', undo };
  }
}

const GONE = 'the source has deleted the group, and Genesys Cloud has it no more: it has to be created again first';

async function startsOf(topic: string, sources: DriftSources): Promise<ReadonlyMap<number, bigint>> {
  const { partitionCount } = await existingTopic(topic, sources);
  const partitions = Array.from({ length: partitionCount }, (_, partition) => partition);
  return await unlessStopped(sources.context, sources.starts(topic, partitions));
}

/** @throws ExitError where retention may have taken reports of the time. */
async function checkReports({ since }: Window, sources: DriftSources): Promise<void> {
  const topic = sources.topics.report;
  const from = since - CLOCK_MARGIN_MS;
  const shortened = [...(await startsOf(topic, sources))].flatMap(([at, start]) => (start > 0n ? [at] : []));
  const oldest = await oldestOf(topic, shortened, sources);
  // What time alone deletes is older than that; where nothing is left of a partition, nothing else says what it had.
  const isEmptied = shortened.some((partition) => !oldest.has(partition));
  const areGone = isEmptied && !(await isKeptSince(topic, from, sources));
  const latest = Math.max(...oldest.values());
  if (!areGone && latest <= from) return;
  const remedy = areGone
    ? 'of a partition none is left; look at its retention.ms and retention.bytes'
    : `ask with a --since from ${timeText(latest + CLOCK_MARGIN_MS)} on`;
  const text = `undo: reports of ${timeText(since)} may be gone from ${topic}, so it is not known what was applied: ${remedy}`;
  throw new ExitError(EXIT.someFailed, text);
}

/** By partition, the time of the oldest record that is left; none: the partition is empty. */
async function oldestOf(
  topic: string,
  partitions: readonly number[],
  { tools, context }: DriftSources,
): Promise<ReadonlyMap<number, number>> {
  const oldest = new Map<number, number>();
  if (partitions.length === 0) return oldest;
  const options = { from: 'beginning', follow: false, signal: context.stop, unreadable: 'tell' } as const;
  for await (const { partition, timestamp } of tools.read(topic, { ...options, partitions })) {
    if (!oldest.has(partition)) oldest.set(partition, timestamp);
    if (oldest.size === partitions.length) break;
  }
  endIfStopped(context, `before ${topic} was read`);
  return oldest;
}

async function isKeptSince(topic: string, from: number, sources: DriftSources): Promise<boolean> {
  const { settings } = await existingTopic(topic, sources);
  const [keptMs, bytes] = ['retention.ms', 'retention.bytes'].map((name) => Number(settings.get(name)));
  const isLongEnough = keptMs === -1 || (keptMs ?? NaN) > sources.context.clock.now().wall - from;
  return bytes === -1 && isLongEnough;
}
