/** For a dry run: what the target calls a group and everybody its changes name. */
import type { Names, Refused, Wanted } from '../core/foresight.ts';
import { sourceMember } from '../core/change.ts';
import { idKey } from '../core/id-key.ts';
import { classify } from '../core/outcome.ts';
import { type IdKind, type SureResolution, unresolvedFailure } from '../core/resolution.ts';
import { visible } from '../core/visible.ts';
import { ExitError } from '../exit-codes.ts';
import type { IdMap } from '../ports.ts';
import type { Host } from './host.ts';
import { targetExitCode } from './target.ts';

/** @returns why nothing can be planned, where the group is not known. @throws ExitError where the target gives no answer. */
export async function namesFor(ids: IdMap | null, wanted: Wanted, host: Pick<Host, 'stop'>): Promise<Names | Refused> {
  if (ids === null) return { group: idKey(wanted.group), members: new Map() };
  const group = await resolve(ids, 'group', wanted.group, host);
  if (group.kind !== 'found') return { failure: unresolvedFailure('group', group), rule: 'slow' };
  const named = new Set(
    [...wanted.intents.values()].flatMap((intent) => intent.whole?.members ?? [sourceMember(intent)]),
  );
  const members = new Map<string, SureResolution>();
  for (const member of named) members.set(member, await resolve(ids, 'user', member, host));
  return { group: group.id, groupName: ids.groupNames?.lookedUp(wanted.group) ?? null, members };
}

async function resolve(ids: IdMap, kind: IdKind, id: string, { stop }: Pick<Host, 'stop'>): Promise<SureResolution> {
  const known = ids.known(kind, id);
  if (known !== null && known.kind !== 'unanswered') return known;
  const told = await ids.lookUp(kind, id, () => !stop.aborted);
  if (told.kind !== 'unanswered') return told;
  const outcome = classify(told.answer, 'GET');
  const why = 'failure' in outcome ? outcome.failure.message : 'stopped before every id was looked up';
  throw new ExitError(targetExitCode(outcome.kind), `plan: the ${kind} ${id} could not be looked up: ${visible(why)}`);
}
