/**
 * A group that was looked up by its name, and shows another one in its answers: it was renamed, and another group may have
 * the name by now. Nothing is concluded from such an answer; the name is looked up again.
 */
import type { Method } from '../core/target/refusals.ts';
import type { HttpAnswer } from '../core/target/answer.ts';
import { shownName } from '../core/target/snapshot.ts';
import { renamedGroup } from '../core/ids/resolution.ts';
import type { Group } from './group.ts';
import type { Owners } from './owners.ts';

/** Answers whether the group is another one than the source means, as this answer of it shows. */
export function noteName(
  owners: Owners,
  group: Group,
  { answer, method }: { answer: HttpAnswer; method: Method },
): boolean {
  if (answer.kind !== 'response' || answer.status < 200 || answer.status >= 300) return false;
  const seen = renamedGroup(group, shownName(answer.body));
  if (seen === null) return false;
  const { id, displayName, shown } = seen;
  const fields = { group: group.id, genesysId: id, lookedUp: displayName, shown };
  owners.logger.warn(
    fields,
    method === 'PATCH' ? WRITTEN : 'a group shows another name than its look-up: it is looked up again',
  );
  owners.ids?.groupNames?.noteRenamed(group.id, seen);
  owners.snapshots.forget(group);
  group.forgetTarget();
  return true;
}

const WRITTEN =
  'a group that a PATCH has changed shows another name than its look-up: it is looked up again, and the changes go to the group that has the name; whether the rename came before this PATCH is not known: check the members of the renamed group, and send the full state of the group again while nothing changes it';
