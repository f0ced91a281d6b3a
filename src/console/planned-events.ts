/** What commands say of an event that they would write to the source topic, or have written: `rollcall resync` and `undo`. */
import type { ChangeEvent } from '../core/change/change.ts';
import type { RefusedRepair, Repair } from '../core/drift/repair.ts';
import type { SureResolution } from '../core/ids/resolution.ts';
import type { Snapshot } from '../core/target/snapshot.ts';
import { counted } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import { SOURCE_MOVED, type NamedGroup } from './drift.ts';
import { preview, type PlanOptions } from './dry-run.ts';
import { FILE_SOURCE } from './file-source.ts';
import { FoldedChanges } from './folded-changes.ts';
import type { SourceWriter, Writing, WrittenRepair } from './source-writer.ts';

interface Planning {
  readonly command: Writing['command'];
  /** As the service has it. */
  readonly guard: PlanOptions;
  readonly names: { memberTarget(name: string): string | null };
  readonly writer: Pick<SourceWriter, 'eventOf' | 'write'>;
  /** false: they are only shown. */
  readonly isWriting: boolean;
  readonly stop: AbortSignal;
}

/** Of which the event is. */
export type ShownGroup = Pick<NamedGroup, 'group' | 'target'> & { readonly snapshot: Snapshot | null };

/** What a group is to get; `held`: removals that the guard would hold, and for what reason (null: none). */
export interface PlannedEvent {
  readonly event: ChangeEvent;
  readonly held: number;
  readonly heldBy: string | null;
}

/** Events of several groups, each shown before it is written; the removals of one count for the next ones. */
export class PlannedEvents {
  readonly #planning: Planning;
  #removedBefore = 0;
  /** Removals that the guard would hold. */
  heldCount = 0;
  count = 0;
  triedCount = 0;
  writtenCount = 0;
  /** Members of the changes that are written; of full states none. */
  written = { adds: 0, removes: 0 };

  constructor(planning: Planning) {
    this.#planning = planning;
  }

  /** Of which nothing is known yet but what they would come to. */
  get untriedCount(): number {
    return this.count - this.triedCount;
  }

  get unwrittenCount(): number {
    return this.count - this.writtenCount;
  }

  /** `, of which the guard holds 2 removals`; empty: it holds none. */
  get heldText(): string {
    return this.heldCount === 0 ? '' : `, of which the guard holds ${counted(this.heldCount, 'removal')}`;
  }

  /** @param groupCount of which something was said */
  stoppedText(groupCount: number, all: number): string {
    const { untriedCount } = this;
    const unwritten = this.#planning.isWriting ? untriedCount : 0;
    const before =
      unwritten === 0 ? '' : `, before ${counted(unwritten, 'event')} ${unwritten === 1 ? 'was' : 'were'} written`;
    return `after ${groupCount} of ${counted(all, 'group')}${before}: ask again for the rest`;
  }

  planned(shown: ShownGroup, repair: Repair): PlannedEvent {
    this.count += 1;
    const event = this.#planning.writer.eventOf(shown.group, repair);
    const plan = this.#preview(shown, event);
    const held = plan?.predicted.filter(({ outcome }) => outcome === 'held') ?? [];
    this.heldCount += held.length;
    this.#removedBefore += plan?.removalCount ?? 0;
    return { event, held: held.length, heldBy: held[0]?.code ?? null };
  }

  plannedText(group: string, { event, held, heldBy }: PlannedEvent): string {
    const guard = held === 0 ? '' : `; the guard holds ${held} (${visible(heldBy ?? '')})`;
    return `${this.#planning.command}  ${visible(group)}  ${whatText(event)}${guard}\n`;
  }

  /** null: it was only to be shown, or the command was asked to stop. */
  async write(group: NamedGroup, repair: Repair): Promise<WrittenRepair | null> {
    const { isWriting, writer, stop } = this.#planning;
    if (!isWriting || stop.aborted) return null;
    this.triedCount += 1;
    const written = await writer.write(group, repair);
    if (written.kind !== 'written') return written;
    this.writtenCount += 1;
    if (repair.kind === 'delta') {
      this.written.adds += repair.add.length;
      this.written.removes += repair.remove.length;
    }
    return written;
  }

  #preview({ snapshot, target }: ShownGroup, event: ChangeEvent): ReturnType<typeof preview> | null {
    if (snapshot === null || target === null) return null;
    const changes = new FoldedChanges(FILE_SOURCE);
    changes.take(event, { offset: 0n, index: null });
    const [changed] = changes.takeGroups();
    if (changed === undefined) return null;
    const names = event.kind === 'state' ? event.members : [...event.add, ...event.remove];
    const members = new Map(names.map((name): [string, SureResolution] => [name, this.#resolved(name)]));
    return preview(
      changed.folded(),
      snapshot,
      { group: target, members },
      { ...this.#planning.guard, removedBefore: this.#removedBefore },
    );
  }

  #resolved(name: string): SureResolution {
    const id = this.#planning.names.memberTarget(name);
    return id === null ? { kind: 'unmapped' } : { kind: 'found', id, isActive: true };
  }
}

/** @param written null: the empty text */
export function writtenText(group: string, written: WrittenRepair | null): string {
  const name = visible(group);
  switch (written?.kind) {
    case undefined:
      return '';
    case 'written':
      return `written  ${name}  event ${written.eventId}${correctedText(written.corrections)}\n`;
    case 'moved':
      return `moved  ${name}  nothing is written: ${SOURCE_MOVED}\n`;
    case 'failed':
      return [
        `failed  ${name}  ${visible(written.why)}\n`,
        ...written.owed.map((event) => `write  ${name}  ${event}\n`),
      ].join('');
  }
}

/** What `--json` says of the event of a group; null: there is none. */
export function plannedJson(planned: PlannedEvent | RefusedRepair | null): object | null {
  if (planned === null) return null;
  if ('why' in planned) return { kind: 'refused', why: planned.why };
  const { event, held, heldBy } = planned;
  const guard = { held, held_by: heldBy };
  return event.kind === 'delta'
    ? { kind: 'delta', add: event.add, remove: event.remove, ...guard }
    : { kind: 'state', members: event.members, deleted: event.deleted, ...guard };
}

/** And of its writing; null: nothing was tried. */
export function writtenJson(written: WrittenRepair | null): object | null {
  switch (written?.kind) {
    case undefined:
      return null;
    case 'written':
      return { result: 'written', event_id: written.eventId, corrections: written.corrections };
    case 'moved':
      return { result: 'moved' };
    case 'failed':
      return { result: 'failed', why: written.why, owed: written.owed };
  }
}

const whatText = (event: ChangeEvent): string =>
  event.kind === 'delta'
    ? `adds ${event.add.length}, removes ${event.remove.length}`
    : `full state of ${counted(event.members.length, 'member')}`;

const correctedText = (corrections: number): string =>
  corrections === 0 ? '' : `, after ${counted(corrections, 'correction')}: the source wrote meanwhile`;
