/**
 * One user under two names: while a name is not resolved, a newer change under another name may become final. Its mark
 * stays until the older change can arrive neither from the live record nor from the source (protocol.md 5.2).
 */
import type { Intent } from '../core/change/change.ts';
import { type FinalMark, isPassed, markOf } from '../core/log/final-mark.ts';
import { idKey } from '../core/change/id-key.ts';
import { comparePositions } from '../core/change/change.ts';
import type { Group, Partition } from './group.ts';
import type { Owners } from './owners.ts';

/** The intent is final; something that is not resolved yet may be an older change of the same member. */
export function noteFinal({ ids }: Pick<Owners, 'ids'>, group: Group, intent: Intent): void {
  const mark = ids === null || group.aliases?.hasUnresolved() !== true ? null : markOf(intent);
  if (mark === null) return;
  const { finals, toWrite } = group.partition;
  const known = finals.find(group, mark.target);
  // Of one event another name may come later, and the removal wins.
  if (known !== null && isPassed(intent, known)) return;
  if (known !== null && known.member === mark.member && comparePositions(known.source, mark.source) === 0) return;
  finals.note(group, mark);
  toWrite.add(group);
}

/** A newer change of the same member, under another name, is final. null: none that is known. */
export function passedBy(group: Group, intent: Intent): FinalMark | null {
  const mark = intent.target === null ? null : group.partition.finals.find(group, idKey(intent.target));
  return mark !== null && isPassed(intent, mark) ? mark : null;
}

/** Drops the marks that no older change can meet any more. */
export function tidyMarks({ settle }: Pick<Owners, 'settle'>, group: Group): void {
  const { finals, toWrite } = group.partition;
  if (!finals.has(group)) return;
  const from = group.partition.offsets.committed;
  const unresolved = finals.of(group).some(({ source }) => source.offset < from) ? unresolvedOf(group) : [];
  const isNeeded = ({ source }: FinalMark): boolean =>
    source.offset >= from || unresolved.some((each) => comparePositions(each.source, source) <= 0);
  if (!finals.retain(group, isNeeded)) return;
  toWrite.add(group);
  settle();
}

/** What is below can no longer arrive from the source. */
export function tidyCommitted(owners: Pick<Owners, 'settle'>, { finals }: Partition): void {
  for (const group of finals.groups) tidyMarks(owners, group);
}

/** In memory, or as a restore would find it. */
const unresolvedOf = ({ members }: Group): readonly Intent[] =>
  [...members.values()]
    .flatMap(({ pending, recorded }) => [pending, recorded])
    .flatMap((each) => (each !== null && each.op !== 'state' && each.target === null ? [each] : []));

/** Marks that this source cannot have written are of another one. @param end offset after its last record. */
export function restoreMarks(
  { options }: Owners,
  group: Group,
  { marks, end }: { readonly marks: readonly FinalMark[]; readonly end: bigint },
): void {
  if (marks.length === 0) return;
  const { number, finals } = group.partition;
  const isOwn = ({ source }: FinalMark): boolean =>
    source.topic === options.topics.source && source.partition === number && source.offset < end;
  finals.restore(group, marks.filter(isOwn));
}
