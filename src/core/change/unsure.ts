/**
 * What a PATCH may have done to a member although no answer says so: there was no sure answer, or what it was accepted for is not
 * shown yet. What is found so later may be its work, also where the change that it was sent for has been replaced since; so the mark
 * goes from a change to what takes its place, and with that into the live record.
 */
import { OPS, idKey, isSameId, type Intent, type Op, type WholeGroup } from './change.ts';
import { withFields } from './pending.ts';

/** A PATCH has asked for the intent, and may have had its effect. No PATCH asks for a full state. */
export const afterUnsurePatch = (intent: Intent): Intent =>
  intent.op === 'state' ? intent : withUnsure(intent, [intent.op]);

/** It is accepted, and not shown yet. */
export const afterAcceptance = (intent: Intent): Intent => withFields(intent, { isAccepted: true });

/** The newer one with what is unsure of the older ones, which it replaces or stands upon. */
export const succeeding = (newer: Intent, olders: readonly Intent[]): Intent =>
  newer.whole === null ? succeedingOfMember(newer, olders) : succeedingWhole(newer, newer.whole, olders);

function succeedingOfMember(newer: Intent, olders: readonly Intent[]): Intent {
  let next = newer;
  for (const older of olders) {
    // A name that is not looked up yet means the same member, as far as is known.
    const isOneName = newer.target === null && newer.member === older.member;
    const isOneMember = isOneName || isSameId(nameOf(newer), nameOf(older));
    const ops = older.whole === null ? (isOneMember ? older.unsure : undefined) : unsureIn(older.whole, nameOf(newer));
    next = withUnsure(next, ops ?? []);
    if (older.isAccepted === true && isOneMember && older.op === newer.op) next = afterAcceptance(next);
  }
  return next;
}

/** There may be 100,000 of them. */
function succeedingWhole(newer: Intent, whole: WholeGroup, olders: readonly Intent[]): Intent {
  const unsure = new Map(whole.unsure);
  let isMore = false;
  for (const older of olders)
    for (const [target, ops] of unsureOf(older)) {
      const known = unsure.get(target);
      const all = together(known, ops);
      if (all === known) continue;
      unsure.set(target, all);
      isMore = true;
    }
  return isMore ? { ...newer, whole: { ...whole, unsure } } : newer;
}

/** By the `idKey` of the target's name. */
const unsureOf = (intent: Intent): Iterable<readonly [string, readonly Op[]]> =>
  intent.whole?.unsure ?? (intent.unsure === undefined ? [] : [[idKey(nameOf(intent)), intent.unsure]]);

/** What a full state comes to for one member. @param target by the target's name */
export const unsureIn = (whole: WholeGroup | null, target: string): readonly Op[] =>
  whole?.unsure?.get(idKey(target)) ?? [];

/** A read out of doubt shows the opposite of what it asks for: no PATCH of it has done it. */
export function withoutOwn(intent: Intent): Intent {
  const { unsure, ...sure } = intent;
  const left = unsure?.filter((op) => op !== intent.op) ?? [];
  return left.length === (unsure?.length ?? 0) ? intent : withUnsure(sure, left);
}

/** @param ops of its member */
export function withUnsure(intent: Intent, ops: readonly Op[]): Intent {
  const all = together(intent.unsure, ops);
  return all === intent.unsure || all.length === 0 ? intent : withFields(intent, { unsure: all });
}

/** The known ones, where none is new. */
function together(known: readonly Op[] | undefined, ops: readonly Op[]): readonly Op[] {
  if (known !== undefined && ops.every((op) => known.includes(op))) return known;
  return OPS.filter((op) => ops.includes(op) || known?.includes(op) === true);
}

/** What the target calls the member; what is not looked up yet goes by its own name. */
const nameOf = ({ target, member }: Intent): string => target ?? member;
