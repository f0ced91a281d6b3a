/** Tries that say nothing of the change, since the target as a whole could not be worked with: they use up no attempt. */
import type { Intent } from '../core/change/change.ts';
import { countedFrom, isHeld, waitingForTarget } from '../core/change/pending.ts';
import { isSamePosition } from '../core/change/change.ts';
import type { Context } from './context.ts';
import { isCurrent } from './context.ts';
import type { Group } from './group.ts';

/** Waits for the target until `notBefore` (epoch ms). */
export function postpone(group: Group, intent: Intent, notBefore: number, waits?: 'group' | 'member'): void {
  const member = group.members.get(intent.member);
  if (member?.pending === intent) member.advance(waitingForTarget(intent, notBefore, waits));
}

/** Takes back one failed try of the intent, as far as it still waits for another one. */
export function giveAttemptBack(context: Context, group: Group, tried: Intent, notBefore: number): void {
  const member = group.members.get(tried.member);
  const pending = member?.pending ?? null;
  if (member === undefined || pending === null || pending.dead !== null || isHeld(pending)) return;
  if (!isSamePosition(pending.source, tried.source) || !isCurrent(context, group.partition)) return;
  // What was tried for the last time has not counted that try yet.
  const attempt = member.exhausted?.intent === pending ? pending.attempt : Math.max(0, pending.attempt - 1);
  member.resumeTries();
  member.advance(countedFrom(waitingForTarget(pending, notBefore), attempt));
  group.partition.toWrite.add(group);
}
