/** What `rollcall undo` prints: of each group the members, why others are left, and what it comes to. */
import type { AppliedChange, AppliedChanges } from '../core/drift/applied-changes.ts';
import type { RefusedRepair } from '../core/drift/repair.ts';
import { isSettled, type UndoLeft, type UndoLeftReason } from '../core/drift/undo.ts';
import { timeText } from '../core/report/reporting.ts';
import { counted } from '../core/text/counted.ts';
import { jsonText, visible } from '../core/text/visible.ts';
import type { NotReadGroup } from './drift.ts';
import { namesText } from './drift-text.ts';
import { plannedJson, writtenJson, type PlannedEvent, type PlannedEvents } from './planned-events.ts';
import type { WrittenRepair } from './source-writer.ts';
import type { PlannedUndo, UndoScope } from './undo.ts';

const DONE = { add: 'added', remove: 'removed' } as const;
const OPPOSITE = { add: 'remove', remove: 'add' } as const;

const WHY: Readonly<Record<UndoLeftReason, string>> = {
  changed_since: 'since then an event says something of the member',
  not_there: 'Genesys Cloud does not show that any more: it is undone already, or others have changed it',
  pending: 'Genesys Cloud does not show that, but it will be applied again; ask again once it is',
  not_shown: 'Genesys Cloud may not list all members; look for the member there, and change it there',
  is_group: 'Genesys Cloud shows a group by this id, which is no user; look at it there',
  unsure: 'others may have made it so, or the member was so before; change it at Genesys Cloud',
  source_gone: 'source records after that are gone, and may say something of the member; change it at Genesys Cloud',
  former_source:
    'it was applied from a former source topic, which may have said something of the member since; change it at Genesys Cloud',
  author_unknown: 'no record says who made the change; ask without --author',
  renamed: 'it is not certain that the id map names the same user, and the same group; change it at Genesys Cloud',
  no_name: 'the source has no name for the member; change it at Genesys Cloud',
};

type FoundUndo = PlannedUndo | NotReadGroup;

/** A line of `--json`. */
export function undoJson(
  found: FoundUndo,
  planned: PlannedEvent | RefusedRepair | null,
  written: WrittenRepair | null,
): string {
  const { group, target, status } = found;
  const { undone, left } = found.status === 'planned' ? found.undo : { undone: [], left: [] };
  return `${jsonText({
    group,
    group_target: target,
    status,
    undone: undone.map(changeJson),
    left: left.map(leftJson),
    repair: plannedJson(planned),
    written: writtenJson(written),
    error: found.status === 'planned' ? null : { code: found.code, message: found.message },
  })}\n`;
}

const changeJson = ({ name, target, op, at, report }: AppliedChange) => ({
  member: name,
  target,
  op,
  applied_at: timeText(at),
  report,
});

const leftJson = ({ change, why, newer, unknown }: UndoLeft) => ({
  ...changeJson(change),
  why,
  newer,
  unknown_report: unknown?.report ?? null,
});

/** Counts what is undone, and says of each group what that comes to. */
export class UndoTotals {
  readonly #events: PlannedEvents;
  readonly #left = new Map<UndoLeftReason, number>();
  #groups = 0;
  #refused = 0;
  #notRead = 0;
  #adds = 0;
  #removes = 0;
  #isUnsettled = false;

  constructor(events: PlannedEvents) {
    this.#events = events;
  }

  get groupCount(): number {
    return this.#groups + this.#notRead;
  }

  /** Who are undone, or left. */
  get memberCount(): number {
    return this.#adds + this.#removes + [...this.#left.values()].reduce((sum, count) => sum + count, 0);
  }

  get undoneCount(): number {
    return this.#events.count;
  }

  /** Something is not undone, though nothing newer stands against it. */
  get isLeft(): boolean {
    return this.#isUnsettled || this.#refused + this.#notRead + this.#events.unwrittenCount > 0;
  }

  /** The event of the group; null: it gets none. */
  take(found: FoundUndo): PlannedEvent | RefusedRepair | null {
    if (found.status !== 'planned') {
      this.#notRead += 1;
      return null;
    }
    const { group, target, snapshot, undo } = found;
    const { repair } = undo;
    this.#groups += 1;
    for (const left of undo.left) this.#note(left);
    if (repair === null) return null;
    if (repair.kind === 'refused') {
      this.#refused += 1;
      return repair;
    }
    this.#adds += repair.add.length;
    this.#removes += repair.remove.length;
    return this.#events.planned({ group, target, snapshot }, repair);
  }

  groupText(found: FoundUndo, planned: PlannedEvent | RefusedRepair | null): string {
    const name = visible(found.group);
    if (found.status !== 'planned') return `${found.status}  ${name}  ${visible(found.message)}\n`;
    const { undone, left } = found.undo;
    return [
      ...undone.map((change) => `${OPPOSITE[change.op]}  ${name}  ${changeText(change)}\n`),
      ...left.map((each) => `left  ${name}  ${changeText(each.change)}; ${whyText(each)}\n`),
      ...(planned === null ? [] : [this.#plannedText(found.group, planned)]),
    ].join('');
  }

  #plannedText(group: string, planned: PlannedEvent | RefusedRepair): string {
    return 'why' in planned
      ? `refused  ${visible(group)}  ${visible(planned.why)}\n`
      : this.#events.plannedText(group, planned);
  }

  #note(left: UndoLeft): void {
    this.#left.set(left.why, (this.#left.get(left.why) ?? 0) + 1);
    this.#isUnsettled ||= !isSettled(left);
  }

  /** @param changedCount of groups of which something was applied then */
  text(isWritten: boolean, changedCount: number, requestCount: number): string {
    const left = [...this.#left].map(([why, members]) => `${members} ${why}`).join(', ');
    return `${[
      `${counted(changedCount, 'group')} changed then, ${this.#eventsText(isWritten)}`,
      ...(left === '' ? [] : [`left: ${left}`]),
      ...(this.#refused === 0 ? [] : [`${this.#refused} refused`]),
      ...(this.#notRead === 0 ? [] : [`${this.#notRead} could not be read, or moved meanwhile`]),
      counted(requestCount, 'request'),
      ...(isWritten || this.#events.count === 0 ? [] : ['--yes writes it']),
    ].join('; ')}\n`;
  }

  #eventsText(isWritten: boolean): string {
    const { count, writtenCount, written, heldText } = this.#events;
    const { adds, removes } = isWritten ? written : { adds: this.#adds, removes: this.#removes };
    const events = isWritten ? `${writtenCount} written` : `${count} to undo`;
    return (isWritten ? writtenCount : count) === 0 ? events : `${events}: adds ${adds}, removes ${removes}${heldText}`;
  }
}

const AUTHORS_MAX = 5;

/** Where nothing is undone or left. */
export function nothingText(
  { since, until, author, groups }: UndoScope,
  applied: Pick<AppliedChanges, 'groups' | 'authors'>,
): string {
  const when = `from ${timeText(since)} until ${timeText(until)}`;
  if (applied.groups.length === 0)
    return `nothing to undo: no report says that Rollcall has changed a member${ofGroups(groups ?? [])} ${when}\n`;
  const by = applied.authors.slice(0, AUTHORS_MAX).map(visible).join(', ');
  const others =
    by === '' ? 'no record says by whom' : `they are by ${by}${applied.authors.length > AUTHORS_MAX ? ', …' : ''}`;
  const whose = author === null ? '' : `, or is not by ${visible(author)}: ${others}`;
  return `nothing to undo: what Rollcall has changed ${when} is as before${whose}\n`;
}

const ofGroups = (groups: readonly string[]): string =>
  groups.length === 0 ? '' : ` of group ${groups.map(visible).join(', ')}`;

const changeText = ({ name, target, op, at, report }: AppliedChange): string =>
  `${namesText(name, target)}  ${DONE[op]} ${timeText(at)}, report ${visible(report)}`;

function whyText({ change, why, newer, unknown }: UndoLeft): string {
  if (newer !== null) return `${WHY[why]}, at ${visible(newer)}`;
  // It is undone together with the changes before it.
  return unknown === null || unknown.report === change.report ? WHY[why] : earlierText(unknown);
}

const earlierText = ({ op, at, report }: AppliedChange): string =>
  `no record says who has ${DONE[op]} the member before, at ${timeText(at)} by report ${visible(report)}; ask without --author`;
