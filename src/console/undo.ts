/** What `rollcall undo` reads: what was applied within some time, by whom, and what each group is like now. */
import { AppliedChanges, namedByItself, type Window } from '../core/drift/applied-changes.ts';
import { undoOf, undoable, type ChangesOfMembers, type Undo, type UndoOptions } from '../core/drift/undo.ts';
import { actorsIn } from '../formats/actor.ts';
import { CertainNames } from './certain-names.ts';
import type { CommandContext } from './command-context.ts';
import { readGroup, readInTurn, type Comparing, type NamedGroup, type ReadGroup, type NotReadGroup } from './drift.ts';
import { groupReader, type ComparedSources } from './drift-command.ts';
import { DriftEvidence } from './drift-evidence.ts';
import { checkReports, startsOf } from './kept-reports.ts';

/** Which changes are undone. */
export interface UndoScope extends Window {
  /** By the source or by the target; null: all. */
  readonly groups: readonly string[] | null;
  /** Who made the event, or approved it; null: any. */
  readonly author: string | null;
  /** As `NeededReports` has it. */
  readonly areReportsKept: boolean;
}

export type PlannedUndo = NamedGroup &
  Pick<ReadGroup, 'snapshot'> & { readonly status: 'planned'; readonly undo: Undo };

interface Knowing {
  /** By partition of the source, the oldest record that is left. */
  readonly starts: ReadonlyMap<number, bigint>;
  readonly names: CertainNames;
  /** null: any. */
  readonly author: string | null;
}

export class Undoing {
  readonly applied: AppliedChanges;
  /** Of which something may have to be undone; by `idKey`, as the source names them. */
  readonly groups: readonly string[];
  readonly comparing: Comparing;
  readonly #author: string | null;
  /** By partition of the source, the oldest record that is left. */
  readonly #starts: ReadonlyMap<number, bigint>;
  readonly #names: CertainNames;

  private constructor(read: Pick<Undoing, 'applied' | 'comparing'>, { starts, names, author }: Knowing) {
    this.applied = read.applied;
    this.comparing = read.comparing;
    this.#starts = starts;
    this.#names = names;
    this.#author = author;
    this.groups = read.applied.groups.filter((group) => this.#undoable(group).length > 0);
  }

  /** Reads the topics. @throws ExitError where reports of the time are gone, a topic is missing, or it was asked to stop. */
  static async begin(
    scope: UndoScope,
    flags: { readonly rate?: number },
    sources: ComparedSources,
    context: CommandContext,
  ): Promise<Undoing> {
    const applied = new AppliedChanges(scope);
    // An event that no instance has read must not be replaced, wherever it is.
    const evidence = new DriftEvidence(sources, { groups: scope.groups, allPartitions: true, since: scope.since });
    evidence.listenToReports((record, group, of) =>
      applied.takeReport(sources.ids === null ? namedByItself(record, group) : record, group, of),
    );
    evidence.listen(({ event, source, eventCount }, { value }) =>
      applied.takeEvent(source, () => actorsIn(value, eventCount)(event.eventId)),
    );
    await evidence.refresh();
    // Once they are read, since retention may have taken some meanwhile.
    await checkReports({ since: scope.since, areKept: scope.areReportsKept }, sources);
    const starts = await startsOf(sources.topics.source, sources);
    sources.onComparing();
    const target = groupReader(flags, sources, context);
    const names = new CertainNames(sources.ids, target);
    const comparing = { evidence, target, wanted: null, context };
    return new Undoing({ applied, comparing }, { starts, names, author: scope.author });
  }

  get #options(): UndoOptions {
    return {
      author: this.#author,
      madeBy: (change) => this.applied.madeBy(change),
      nameOf: (member, target) => this.comparing.evidence.nameOf(member, target),
      isNamed: (kind, name, target) => this.#names.isNamed(kind, name, target),
      isGoneAfter: ({ partition, offset }, partitions) =>
        this.#startOf(partition) > offset + 1n ||
        // Of records that are gone elsewhere it is not known how new they were.
        [...partitions].some((other) => other !== partition && this.#startOf(other) > 0n),
    };
  }

  #startOf(partition: number): bigint {
    return this.#starts.get(partition) ?? 0n;
  }

  #undoable(group: string): ChangesOfMembers {
    return undoable(this.applied.ofGroup(group), this.#options);
  }

  /** Each of the groups, one GET each, and look-ups of the names that its event would have; as `readInTurn` says. */
  plans(): AsyncGenerator<PlannedUndo | NotReadGroup> {
    return readInTurn<PlannedUndo | NotReadGroup>(this.groups, this.comparing, {
      look: (group) => this.#plan(group),
      isUrgent: (found) => found.status === 'planned' && found.undo.repair !== null,
    });
  }

  async #plan(group: string): Promise<PlannedUndo | NotReadGroup | null> {
    const { evidence } = this.comparing;
    if (!(await this.#names.ask('group', [evidence.known(group, null).facts.spelling]))) return null;
    const read = await readGroup(group, this.comparing);
    if (read === null || 'status' in read) return read;
    const { known, snapshot, ...named } = read;
    if (snapshot === null) return { ...named, status: 'failed', code: 'group_gone', message: GONE };
    const plan = (): Undo => undoOf(this.#undoable(group), known, snapshot, this.#options);
    const names = plan().undone.map(({ name }) => name);
    if (!(await this.#names.ask('user', names))) return null;
    return { ...named, snapshot, status: 'planned', undo: this.#unlessCut(group, plan()) };
  }

  #unlessCut(group: string, undo: Undo): Undo {
    const cut = this.applied.cutReport(group);
    if (cut === null || undo.repair === null) return undo;
    return { ...undo, repair: { kind: 'refused', why: cutText(cut) } };
  }

  /** What is missing of the evidence, each as a sentence without a full stop. */
  get problems(): readonly string[] {
    const { problems, unreadReports } = this.comparing.evidence;
    return [...problems, ...unreadReports, ...this.applied.cutReports.map(cutText)];
  }
}

const cutText = (report: string): string =>
  `report ${report} was too large for its topic and names no member, so it is not known who was changed: raise max.message.bytes for later ones, and change the members of its event at Genesys Cloud`;

const GONE = 'the source has deleted the group, and Genesys Cloud has it no more: it has to be created again first';
