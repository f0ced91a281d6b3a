/** An intent of a group in flight is so at the target: by a request of this flight, or without one. */
import type { RequestFacts } from '../core/target/answer.ts';
import type { Intent } from '../core/change/change.ts';
import { finish } from './conclude.ts';
import type { Context } from './context.ts';
import { isExhausted } from './group-run.ts';
import { noteRemoved } from './guard.ts';
import type { Group } from './group.ts';

/** It is so already; no request of this flight was about it. */
export function markAlreadySynced(context: Context, group: Group, intent: Intent): void {
  if (group.members.get(intent.member)?.pending !== intent) return;
  const outcome = intent.attempt > 0 || isExhausted(group, intent) ? 'recovered' : 'already_synced';
  // It may be its own request, whose answer was lost, that has removed the member.
  if (outcome === 'recovered') noteRemoved(context, group, intent);
  finish(context, group, intent, { outcome, request: null });
}

export function markApplied(context: Context, group: Group, intent: Intent, request: RequestFacts): void {
  noteRemoved(context, group, intent);
  finish(context, group, intent, { outcome: intent.attempt > 0 ? 'recovered' : 'applied', request });
}
