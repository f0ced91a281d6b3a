/** 400 `noTarget`: some member of a request that was to be removed is not there, and the target does not say which one. */
import type { Intent } from '../core/change/change.ts';
import { isUnseenRemoval, sightOf } from '../core/target/snapshot.ts';
import type { Snapshot } from '../core/target/plan.ts';
import type { GroupRun, Next } from './group-run.ts';
import { type Read, readGroup } from './request.ts';
import type { Group } from './group.ts';
import type { Owners } from './owners.ts';
import { markAlreadySynced } from './conclude.ts';

interface Sent {
  readonly snapshot: Snapshot;
  /** All of it, also what has been superseded meanwhile: the refusal is about the request. */
  readonly part: readonly Intent[];
}

/** `refused`: all are there as far as a read tells, so that one of them is refused for another reason. A `Read` has failed. */
export async function searchTargets(
  owners: Owners,
  group: Group,
  run: GroupRun,
  { snapshot, part }: Sent,
): Promise<Next | 'refused' | Read> {
  if (part.every((intent) => isUnseenRemoval(intent, snapshot))) {
    // No read shows them, so each is asked about alone; then the refusal says that it is so.
    if (part.length > 1) run.askForUnseenAlone();
    else for (const intent of part) markAlreadySynced(owners, group, intent);
    return 'go_on';
  }
  const asked = await readGroup(owners, group, run, null);
  if (asked === null) return 'stop';
  const { snapshot: fresh } = asked;
  if (fresh === null) return asked;
  run.noteRead(fresh);
  const isGone = (intent: Intent): boolean => intent.op === 'remove' && sightOf(intent, fresh) !== 'not_so';
  return part.some((intent) => !isUnseenRemoval(intent, snapshot) && isGone(intent)) ? 'go_on' : 'refused';
}
