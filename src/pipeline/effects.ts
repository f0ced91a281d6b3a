/** What becomes of a PATCH that was accepted: it lands where an answer shows it, else looks decide (core/target/doubt.ts). */
import type { RequestFacts } from '../core/target/answer.ts';
import type { Intent } from '../core/change/change.ts';
import { isSatisfied, type Membership, sightOf } from '../core/target/snapshot.ts';
import { isSamePosition } from '../core/change/change.ts';
import type { Unconfirmed } from '../core/target/doubt.ts';
import { finish, markApplied, noteRemoved, supersedeIfReplaced } from './conclude.ts';
import type { GroupRun, Next } from './group-run.ts';
import { notEffective } from './failed-tries.ts';
import { readAfterConflict, readFailed } from './failures.ts';
import { readGroup } from './request.ts';
import type { Group } from './group.ts';
import type { Owners } from './owners.ts';

export interface Landing {
  readonly part: readonly Intent[];
  readonly request: RequestFacts;
  /** The group as the answer shows it; null: it does not. */
  readonly seen: Membership | null;
  /** An answer without a body is believed where it names the new version. */
  readonly isTrusted: boolean;
}

/** Lands what is seen to be so; the rest is unconfirmed, and its slot does not wait for it. */
export function verify(owners: Owners, group: Group, { part, request, seen, isTrusted }: Landing): void {
  const { clock, options } = owners;
  const isLanded = (intent: Intent): boolean => (seen === null ? isTrusted : sightOf(intent, seen) !== 'not_so');
  for (const intent of part) {
    if (isLanded(intent)) {
      group.unconfirmed?.forget(intent);
      markApplied(owners, group, intent, { ...request, verified: seen !== null && isSatisfied(intent, seen) });
      continue;
    }
    // It was accepted, so that it counts for the guard although nothing shows it yet.
    noteRemoved(owners, group, intent);
    const acceptance = { intent, request, isShownOtherwise: seen !== null };
    group.noteAccepted(acceptance, clock.now().monotonic, options.lateApplyMs);
    supersedeIfReplaced(owners, group, intent);
  }
  group.dropConfirmed();
}

/** One fresh read, for all that is unconfirmed of the group. */
export async function look(owners: Owners, group: Group, run: GroupRun): Promise<Next> {
  const asked = await readGroup(owners, group, run, null);
  if (asked === null) return 'stop';
  const { snapshot } = asked;
  concludeLook(owners, group, snapshot);
  if (snapshot === null) return readFailed(owners, group, run, asked);
  run.noteRead(snapshot);
  return readAfterConflict(owners, group, run);
}

function concludeLook(owners: Owners, group: Group, snapshot: Membership | null): void {
  const nowMs = owners.clock.now().monotonic;
  const looked = group.unconfirmed?.look({ snapshot, isDoubted: group.doubt !== null, nowMs });
  for (const { intent, request } of pendingOf(group, looked?.shown ?? []))
    landShown(owners, group, intent, { ...request, verified: snapshot !== null && isSatisfied(intent, snapshot) });
  for (const { intent, request } of pendingOf(group, looked?.ineffective ?? [])) notEffective(group, intent, request);
  group.dropConfirmed();
}

/** Something newer may have taken its place. */
const pendingOf = ({ members }: Group, changes: readonly Unconfirmed[]): Unconfirmed[] =>
  changes.flatMap((change) => {
    const pending = members.get(change.intent.member)?.pending ?? null;
    return pending !== null && isSamePosition(pending.source, change.intent.source)
      ? [{ ...change, intent: pending }]
      : [];
  });

function landShown(owners: Owners, group: Group, intent: Intent, request: RequestFacts): void {
  finish(owners, group, intent, { outcome: intent.attempt > 0 ? 'recovered' : 'applied', request });
}
