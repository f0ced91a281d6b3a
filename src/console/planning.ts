/**
 * From events to plans: what is read is folded per group, each group and the ids that it names are looked up, and the dry run says what
 * follows. Sends GETs only.
 */
import type { RunningSha256 } from '../adapters/system.ts';
import {
  idKey,
  isChange,
  isUnread,
  sourceMember,
  type Intent,
  type SourceEvent,
  type SourceFormat,
} from '../core/change/change.ts';
import { pausesText } from '../core/explain/instance-answer.ts';
import { renamedGroup, unresolvedFailure, type IdKind, type SureResolution } from '../core/ids/resolution.ts';
import { NO_PAUSES } from '../core/log/pause-record.ts';
import { classify } from '../core/target/outcome.ts';
import type { HttpAnswer } from '../core/target/refusals.ts';
import { shownName, type Snapshot } from '../core/target/snapshot.ts';
import { visible } from '../core/text/visible.ts';
import type { Config } from '../config/config.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { GroupApi, IdMap } from '../ports.ts';
import { print, showProgress, type CommandContext } from './command-context.ts';
import {
  chunks,
  foreseePaused,
  foreseeRefused,
  preview,
  refusedBy,
  type ChangedGroup,
  type GroupIntents,
  type GroupPlan,
  type Names,
  type PlanOptions,
  type Refused,
} from './dry-run.ts';
import { FILE_SOURCE, readLines } from './file-source.ts';
import { FoldedChanges } from './folded-changes.ts';
import { InvalidEvents } from './invalid-events.ts';
import type { PlanTotals } from './plan-totals.ts';
import { getGroupWithRetries, targetExitCode } from './target.ts';

interface ReadingChanges {
  readonly totals: PlanTotals;
  readonly context: CommandContext;
  /** Takes the bytes of the file; absent: they are not hashed. */
  readonly hash?: RunningSha256;
}

export async function readChanges(
  file: string,
  format: SourceFormat,
  { totals, context, hash }: ReadingChanges,
): Promise<FoldedChanges> {
  const changes = new FoldedChanges(FILE_SOURCE);
  const invalid = new InvalidEvents();
  let lineCount = 0;
  const endProgress = showProgress(context.stderr, context.clock, () => {
    return { settled: lineCount, total: lineCount, unit: 'lines', detail: `read, ${changes.groupCount} groups` };
  });
  try {
    for await (const { index, bytes } of readLines(file, context, hash ?? null)) {
      lineCount = index + 1;
      const events = bytes === null ? [] : await eventsIn(bytes, format);
      takeEach(changes, events, index);
      for (const event of events.filter(isUnread)) invalid.note(`line ${lineCount}`, event);
    }
  } finally {
    endProgress();
  }
  await print(context.stderr, invalid.text);
  totals.count('invalid', invalid.count);
  return changes;
}

function takeEach(changes: FoldedChanges, events: readonly SourceEvent[], offset: number): void {
  for (const [i, event] of events.entries())
    if (isChange(event)) changes.take(event, { offset: BigInt(offset), index: events.length > 1 ? i : null });
}

async function eventsIn(bytes: Uint8Array, format: SourceFormat): Promise<readonly SourceEvent[]> {
  const record = { key: null, value: bytes, headers: [] };
  await format.prepare?.([record]);
  return format.decode(record, { partitionCount: 1 });
}

/** Folded per group. */
export type PlannedChanges = Pick<FoldedChanges, 'groupCount' | 'takeGroups'>;

export interface Planning {
  readonly changes: PlannedChanges;
  readonly config: Config<'genesys' | 'pipeline'>;
  readonly api: GroupApi;
  readonly ids: IdMap | null;
  readonly reads: ReadTimes;
  /** As of PlanOptions. */
  readonly held?: PlanOptions['held'];
  readonly tries?: PlanOptions['tries'];
}

/** What an id map says of a group, and of the members that its changes name. */
interface LookedUpNames {
  /** The reason where nothing can be planned, since the group is not known. */
  readonly names: Names | Refused;
  /** null: there is no id map. */
  readonly group: SureResolution | null;
}

/** What is planned, and what it is planned from. */
export interface PlannedGroup extends LookedUpNames {
  readonly wanted: GroupIntents;
  readonly plan: GroupPlan;
}

/** How long the reads of this plan took, which its requests are taken to take as well. */
export class ReadTimes {
  #count = 0;
  #sumMs = 0;

  note(answer: HttpAnswer): void {
    if (!('durationMs' in answer)) return;
    this.#count += 1;
    this.#sumMs += answer.durationMs;
  }

  /** null: nothing was answered. */
  get meanMs(): number | null {
    return this.#count === 0 ? null : this.#sumMs / this.#count;
  }
}

/** In the order of the groups' first changes, as many at a time as may be read at a time. */
export async function* plansOf(planning: Planning, context: CommandContext): AsyncGenerator<PlannedGroup> {
  const { concurrency, publicApiUrl } = planning.config.genesys;
  const { membersPerPatchMax, retry, guard } = planning.config.pipeline;
  const { held, tries } = planning;
  let removedBefore = 0;
  for (const part of chunks(planning.changes.takeGroups(), concurrency)) {
    const groups = await Promise.all(
      part.map(async (changed) => ({ changed, seen: await look(changed, planning, context) })),
    );
    for (const { changed, seen } of groups) {
      const { names, snapshot, group } = seen;
      const wanted = changed.folded();
      const options: PlanOptions = {
        publicApiUrl,
        membersPerPatchMax,
        guard,
        retry,
        removedBefore,
        ...(held !== undefined && { held }),
        ...(tries !== undefined && { tries }),
      };
      const plan =
        typeof snapshot === 'string'
          ? foreseePaused(wanted, snapshot, options)
          : 'failure' in snapshot
            ? foreseeRefused(wanted, snapshot, options)
            : 'failure' in names
              ? foreseeRefused(wanted, names, options)
              : preview(wanted, snapshot, names, options);
      removedBefore += plan.removalCount;
      yield { wanted, names, group, plan };
    }
  }
}

interface Seen extends LookedUpNames {
  /** A text: the group is paused, and was not read. */
  readonly snapshot: Snapshot | Refused | string;
}

/** Members of a paused group are not looked up. @throws ExitError where the target gives no answer. */
async function look(
  changed: ChangedGroup,
  { api, ids, reads }: Pick<Planning, 'api' | 'ids' | 'reads'>,
  context: CommandContext,
): Promise<Seen> {
  const group = ids === null ? null : await resolve(ids, 'group', changed.group, context);
  const pause = pauseOf(changed, group);
  if (pause !== null) return { names: { group: idKey(changed.group), members: new Map() }, group, snapshot: pause };
  const names = await namesFor(ids, group, changed, context);
  const snapshot = 'failure' in names ? names : await read(changed.group, names, { api, reads, context });
  return { names, group, snapshot };
}

/** null: it is not paused. */
function pauseOf({ group, pauses = NO_PAUSES }: ChangedGroup, resolution: SureResolution | null): string | null {
  const target = resolution?.kind === 'found' ? [idKey(resolution.id)] : [];
  return pausesText(pauses, new Set([idKey(group), ...target]));
}

/** @param group what the id map says of it; null: there is no id map */
async function namesFor(
  ids: IdMap | null,
  group: SureResolution | null,
  changed: ChangedGroup,
  context: Pick<CommandContext, 'stop'>,
): Promise<Names | Refused> {
  if (ids === null || group === null) return { group: idKey(changed.group), members: new Map() };
  if (group.kind !== 'found') return { failure: unresolvedFailure('group', group), rule: 'slow' };
  const { intents, complete = [] } = changed.folded();
  const named = new Set([...intents.values(), ...complete].flatMap(namesIn));
  const members = new Map<string, SureResolution>();
  for (const member of named) members.set(member, await resolve(ids, 'user', member, context));
  return { group: group.id, groupName: ids.groupNames?.lookedUp(changed.group) ?? null, isMapped: true, members };
}

/** By the source; whom a full state removes goes by the target's name, which no id map is to be asked for. */
function namesIn(intent: Intent): readonly string[] {
  if (intent.op === 'state') return intent.whole?.members ?? [];
  return intent.namedBy === 'target' ? [] : [sourceMember(intent)];
}

async function resolve(
  ids: IdMap,
  kind: IdKind,
  id: string,
  { stop }: Pick<CommandContext, 'stop'>,
): Promise<SureResolution> {
  const known = ids.known(kind, id);
  if (known !== null && known.kind !== 'unanswered') return known;
  const resolution = await ids.lookUp(kind, id, () => !stop.aborted);
  if (resolution.kind !== 'unanswered') return resolution;
  const outcome = classify(resolution.answer, 'GET');
  const why = 'failure' in outcome ? outcome.failure.message : 'stopped before every id was looked up';
  throw new ExitError(targetExitCode(outcome.kind), `plan: the ${kind} ${id} could not be looked up: ${visible(why)}`);
}

interface Reading extends Pick<Planning, 'api' | 'reads'> {
  readonly context: CommandContext;
}

async function read(group: string, names: Names, { api, reads, context }: Reading): Promise<Snapshot | Refused> {
  const { answer, outcome } = await getGroupWithRetries(api, names.group, context);
  reads.note(answer);
  const named = { target: names.group, targetName: names.groupName ?? null };
  const renamed = renamedGroup(named, answer.kind === 'response' ? shownName(answer.body) : null);
  if (renamed !== null) return { failure: unresolvedFailure('group', { kind: 'renamed', ...renamed }), rule: 'slow' };
  switch (outcome.kind) {
    case 'applied':
      if (outcome.snapshot !== null) return outcome.snapshot;
      throw new ExitError(EXIT.unavailable, `plan: the answer for group ${group} holds no group`);
    case 'denied':
    case 'not_found':
    case 'rejected':
      return refusedBy(outcome);
    case 'not_started':
      throw new ExitError(EXIT.someFailed, 'plan: stopped before every group was read');
    case 'unchanged':
      throw new Error('304 to a GET without a condition');
    case 'conflict':
    case 'transient':
    case 'unauthorized':
    case 'rejected_member':
    case 'no_target':
    case 'too_large':
      throw new ExitError(
        targetExitCode(outcome.kind),
        `plan: ${visible(outcome.failure.message)}\n  ${outcome.failure.advice}`,
      );
  }
}
