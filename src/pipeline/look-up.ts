/**
 * Look-ups of ids at the target: one request per id, whoever waits for it, under the same gate, lease and breaker as all
 * requests. What they bring is kept by the id map; here only those who wait are told.
 */
import { classify, type Outcome, unreadable } from '../core/outcome.ts';
import type { IdKind } from '../core/resolution.ts';
import { scheduleOf } from '../core/retry.ts';
import type { Resolution } from '../ports.ts';
import { observeOutcome } from './breaker.ts';
import type { Context } from './context.ts';
import { isCurrent, mayAsk } from './context.ts';
import type { Group, LookUp, Partition } from './state.ts';
import { tally } from './tally.ts';
import { notKnown, waitsFor } from './unresolved.ts';

/** The group is reviewed when the answer is there. */
export function wantLookUp({ state }: Context, group: Group, kind: IdKind, id: string): void {
  const key = `${kind}/${id}`;
  const wanted = state.lookUps.get(key) ?? { kind, id, groups: new Set(), isAsked: false };
  wanted.groups.add(group);
  state.lookUps.set(key, wanted);
}

/** Its groups wait for nothing any more; what was asked already goes on. */
export function forgetLookUps({ state }: Context, partition: Partition): void {
  for (const [key, { groups, isAsked }] of state.lookUps) {
    for (const group of groups) if (group.partition === partition) groups.delete(group);
    if (groups.size === 0 && !isAsked) state.lookUps.delete(key);
  }
}

/** Asks for as much as may be asked for at once. */
export function lookUp(context: Context): void {
  const { state, options } = context;
  for (const [key, wanted] of state.lookUps) {
    if (state.lookUpsInFlight >= options.concurrency || !mayLookUp(context)) return;
    if (wanted.isAsked) continue;
    if (![...wanted.groups].some(isKept)) {
      state.lookUps.delete(key);
      continue;
    }
    wanted.isAsked = true;
    void ask(context, key, wanted);
  }
}

/** A group that was forgotten meanwhile waits for nothing. */
const isKept = (group: Group): boolean => group.partition.groups.get(group.id) === group;

const mayLookUp = (context: Context): boolean => mayAsk(context) && context.state.breaker.kind === 'closed';

async function ask(context: Context, key: string, wanted: LookUp): Promise<void> {
  const { state, ids } = context;
  if (ids === null) return;
  state.lookUpsInFlight += 1;
  const resolution = await ids.lookUp(wanted.kind, wanted.id, () => mayLookUp(context));
  state.lookUpsInFlight -= 1;
  const isSent = resolution.kind !== 'unanswered' || resolution.answer.kind !== 'not_started';
  if (isSent) state.lookUps.delete(key);
  else wanted.isAsked = false;
  const groups = [...wanted.groups].filter((group) => isCurrent(context, group.partition));
  if (resolution.kind === 'unanswered' && isSent)
    unanswered(context, { ...wanted, groups: new Set(groups) }, resolution);
  if (isSent) for (const group of groups) context.review(group);
  context.settle();
  context.dispatch();
}

/** The target has said nothing of the id, as it may say nothing of a group: its failures count alike. */
function unanswered(
  context: Context,
  { kind, id, groups }: LookUp,
  { answer }: Extract<Resolution, { kind: 'unanswered' }>,
): void {
  const outcome = unanswering(classify(answer, 'GET'));
  tally(context, outcome);
  if (!('failure' in outcome)) return;
  const schedule = scheduleOf(outcome.kind);
  for (const group of groups) {
    observeOutcome(context, group, outcome.kind);
    if (schedule === 'free') continue;
    for (const intent of waitsFor(group, kind, id)) {
      notKnown(context, group, intent, {
        failure: outcome.failure,
        waits: 'group',
        schedule: schedule === 'never' ? 'slow' : schedule,
      });
    }
  }
}

/** What would be a good answer to another question is none to this one; else it would be asked again without a pause. */
const unanswering = (outcome: Outcome): Outcome =>
  outcome.kind === 'applied' ? { kind: 'transient', retryAfterMs: null, failure: unreadable(outcome.status) } : outcome;
