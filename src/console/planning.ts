/**
 * From events to plans: what is read is folded per group, each group and the ids that it names are looked up, and the dry run says what
 * follows. Sends GETs only.
 */
import { isChange, isUnread, type SourceEvent, type SourceFormat } from '../core/change/change.ts';
import { renamedGroup, unresolvedFailure } from '../core/ids/resolution.ts';
import type { HttpAnswer } from '../core/target/refusals.ts';
import { shownName, type Snapshot } from '../core/target/snapshot.ts';
import { visible } from '../core/text/visible.ts';
import type { Config } from '../config/config.ts';
import { EXIT, ExitError } from '../exit-codes.ts';
import type { GroupApi, IdMap } from '../ports.ts';
import { print, showProgress, type CommandContext } from './command-context.ts';
import {
  chunks,
  foreseeRefused,
  preview,
  refusedBy,
  type GroupIntents,
  type GroupPlan,
  type Names,
  type Refused,
} from './dry-run.ts';
import { FILE_SOURCE, readLines } from './file-source.ts';
import { FoldedChanges } from './folded-changes.ts';
import { namesFor } from './plan-text.ts';
import type { PlanTotals } from './plan-totals.ts';
import { getGroupWithRetries, targetExitCode } from './target.ts';

const NAMED_MAX = 20;

export async function readChanges(
  file: string,
  format: SourceFormat,
  { totals, context }: { readonly totals: PlanTotals; readonly context: CommandContext },
): Promise<FoldedChanges> {
  const changes = new FoldedChanges(FILE_SOURCE);
  let [lineCount, invalidCount] = [0, 0];
  const endProgress = showProgress(context.stderr, context.clock, () => {
    return { settled: lineCount, total: lineCount, unit: 'lines', detail: `read, ${changes.groupCount} groups` };
  });
  try {
    for await (const { index, bytes } of readLines(file, context)) {
      lineCount = index + 1;
      const events = bytes === null ? [] : await eventsIn(bytes, format);
      for (const event of events.filter(isChange)) changes.take(event);
      const unread = events.filter(isUnread);
      for (const { code, message } of unread.slice(0, Math.max(0, NAMED_MAX - invalidCount)))
        await print(context.stderr, `line ${lineCount}: ${code}: ${visible(message)}\n`);
      invalidCount += unread.length;
    }
  } finally {
    endProgress();
  }
  if (invalidCount > NAMED_MAX)
    await print(context.stderr, `… and ${invalidCount - NAMED_MAX} more that are not valid\n`);
  totals.count('invalid', invalidCount);
  return changes;
}

async function eventsIn(bytes: Uint8Array, format: SourceFormat): Promise<readonly SourceEvent[]> {
  const record = { key: null, value: bytes, headers: [] };
  await format.prepare?.([record]);
  return format.decode(record, { partitionCount: 1 });
}

export interface Planning {
  readonly changes: FoldedChanges;
  readonly config: Config<'genesys' | 'pipeline'>;
  readonly api: GroupApi;
  readonly ids: IdMap | null;
  readonly reads: ReadTimes;
}

/** What is planned, and what it is planned from. */
export interface PlannedGroup {
  readonly wanted: GroupIntents;
  /** null: the group is not known by a name of the target. */
  readonly names: Names | null;
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
  let removedBefore = 0;
  for (const part of chunks(planning.changes.takeGroups(), concurrency)) {
    const groups = await Promise.all(
      part.map(async (wanted) => ({ wanted, seen: await look(wanted, planning, context) })),
    );
    for (const { wanted, seen } of groups) {
      const plan =
        'failure' in seen
          ? foreseeRefused(wanted, seen, retry)
          : preview(wanted, seen.snapshot, seen.names, {
              publicApiUrl,
              membersPerPatchMax,
              guard,
              retry,
              removedBefore,
            });
      removedBefore += plan.removalCount;
      yield { wanted, names: 'failure' in seen ? null : seen.names, plan };
    }
  }
}

interface Seen {
  readonly names: Names;
  readonly snapshot: Snapshot;
}

async function look(
  wanted: GroupIntents,
  { api, ids, reads }: Pick<Planning, 'api' | 'ids' | 'reads'>,
  context: CommandContext,
): Promise<Seen | Refused> {
  const names = await namesFor(ids, wanted, context);
  if ('failure' in names) return names;
  const { answer, outcome } = await getGroupWithRetries(api, names.group, context);
  reads.note(answer);
  const named = { target: names.group, targetName: names.groupName ?? null };
  const renamed = renamedGroup(named, answer.kind === 'response' ? shownName(answer.body) : null);
  if (renamed !== null) return { failure: unresolvedFailure('group', { kind: 'renamed', ...renamed }), rule: 'slow' };
  switch (outcome.kind) {
    case 'applied':
      if (outcome.snapshot !== null) return { names, snapshot: outcome.snapshot };
      throw new ExitError(EXIT.unavailable, `plan: the answer for group ${wanted.group} holds no group`);
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
