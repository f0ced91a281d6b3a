/** An intent of a group in flight is so at the target: by a request of this flight, or without one. */
import type { RequestFacts } from '../core/target/answer.ts';
import type { Intent } from '../core/change/change.ts';
import { finish } from './conclude.ts';
import { isExhausted } from './group-run.ts';
import { noteRemoved } from './guard.ts';
import type { Group } from './group.ts';
import type { Owners } from './owners.ts';

/** It is so already; no request of this flight was about it. */
export function markAlreadySynced(owners: Owners, group: Group, intent: Intent): void {
  if (group.members.get(intent.member)?.pending !== intent) return;
  const outcome = intent.attempt > 0 || isExhausted(group, intent) ? 'recovered' : 'already_synced';
  // It may be its own request, whose answer was lost, that has removed the member.
  if (outcome === 'recovered') noteRemoved(owners, group, intent);
  finish(owners, group, intent, { outcome, request: null });
}

export function markApplied(owners: Owners, group: Group, intent: Intent, request: RequestFacts): void {
  noteRemoved(owners, group, intent);
  finish(owners, group, intent, { outcome: intent.attempt > 0 ? 'recovered' : 'applied', request });
}
