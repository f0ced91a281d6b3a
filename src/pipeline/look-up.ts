/**
 * Look-ups of ids at the target: one request per id for all that wait for it, under the same gate, lease and breaker as all
 * requests. What they bring is kept by the id map; here only the groups that wait learn of it.
 */
import { signOf } from '../core/target/breaker.ts';
import { classify, type Outcome, unreadable } from '../core/target/outcome.ts';
import { scheduleOf } from '../core/target/retry.ts';
import type { Resolution } from '../ports.ts';
import type { Context } from './context.ts';
import { isCurrent, mayAsk } from './context.ts';
import { ensureToken } from './ensure-token.ts';
import type { Group } from './group.ts';
import type { LookUp, Partition } from './state.ts';
import { tally } from './tally.ts';
import { notKnown, waitsFor } from './unresolved.ts';

const keyOf = ({ kind, id }: Pick<LookUp, 'kind' | 'id'>): string => `${kind}/${id}`;

/** The group is reviewed when the answer is there. */
export function wantLookUp({ state }: Context, group: Group, { kind, id }: Pick<LookUp, 'kind' | 'id'>): LookUp {
  const key = keyOf({ kind, id });
  const wanted = state.lookUps.get(key) ?? { kind, id, groups: new Set(), isAsked: false };
  wanted.groups.add(group);
  state.lookUps.set(key, wanted);
  return wanted;
}

/** Its groups wait for nothing any more; what was asked already goes on. */
export function forgetLookUps({ state }: Context, partition: Partition): void {
  for (const [key, { groups, isAsked }] of state.lookUps) {
    for (const group of groups) if (group.partition === partition) groups.delete(group);
    if (groups.size === 0 && !isAsked) state.lookUps.delete(key);
  }
}

/** It is on its way. */
export const isAsked = ({ state }: Context, sought: Pick<LookUp, 'kind' | 'id'>): boolean =>
  state.lookUps.get(keyOf(sought))?.isAsked === true;

/** Asks for as much as may be asked for at once. */
export function lookUp(context: Context): void {
  const { state, options, breaker, throttled } = context;
  const paused: LookUp[] = [];
  for (const [key, wanted] of state.lookUps) {
    if (state.lookUpsInFlight >= options.concurrency || !mayAsk(context) || !breaker.isClosed) break;
    if (wanted.isAsked) continue;
    const isWanted = [...wanted.groups].some(isKept);
    if (isWanted && !throttled.isPaused(wanted)) {
      void ask(context, wanted);
      continue;
    }
    state.lookUps.delete(key);
    if (isWanted) paused.push(wanted);
  }
  for (const wanted of paused) waitForPause(context, wanted);
}

/** New changes, and other groups, wait for the id with those that have asked for it. */
function waitForPause(context: Context, wanted: LookUp): void {
  for (const group of [...wanted.groups].filter(isKept)) {
    context.throttled.postpone(wanted, group, waitsFor(group, wanted.kind, wanted.id));
    context.review(group);
  }
}

/** A group that was forgotten meanwhile waits for nothing. */
const isKept = (group: Group): boolean => group.partition.groups.get(group.id) === group;

/** The request that the group needs next is a look-up, and its answer tells whether the target can be worked with again. */
export function probeLookUp(context: Context, group: Group, sought: Pick<LookUp, 'kind' | 'id'>): void {
  const wanted = wantLookUp(context, group, sought);
  context.breaker.probe(wanted);
  void ask(context, wanted);
}

async function ask(context: Context, wanted: LookUp): Promise<void> {
  const { state, ids, breaker } = context;
  if (ids === null) return;
  wanted.isAsked = true;
  state.lookUpsInFlight += 1;
  const isWorthwhile = !breaker.isProbing(wanted) || (await ensureToken(context, wanted, [...wanted.groups]));
  const mayStart = (): boolean => mayAsk(context) && breaker.lets(wanted);
  const resolution = isWorthwhile ? await ids.lookUp(wanted.kind, wanted.id, mayStart) : NOT_ASKED;
  state.lookUpsInFlight -= 1;
  const isSent = resolution.kind !== 'unanswered' || resolution.answer.kind !== 'not_started';
  if (isSent) state.lookUps.delete(keyOf(wanted));
  else wanted.isAsked = false;
  const groups = [...wanted.groups].filter((group) => isCurrent(context, group.partition));
  if (isSent) answered(context, { ...wanted, groups: new Set(groups) }, { subject: wanted, resolution });
  breaker.endProbe(context, wanted);
  if (isSent) for (const group of groups) context.review(group);
  context.settle();
  context.dispatch();
}

const NOT_ASKED: Resolution = { kind: 'unanswered', answer: { kind: 'not_started' } };

/** The target may say nothing of the id, as it may say nothing of a group: its failures count alike, each of them once. */
function answered(
  context: Context,
  { kind, id, groups }: LookUp,
  { subject, resolution }: { subject: LookUp; resolution: Resolution },
): void {
  const { breaker, throttled } = context;
  const outcome = resolution.kind === 'unanswered' ? unanswering(classify(resolution.answer, 'GET')) : FOUND;
  const answer = resolution.kind === 'unanswered' ? resolution.answer : resolution;
  const seen = breaker.observe(context, { request: 'look_up', answer, outcome, groups: [...groups], subject });
  const isThrottled = outcome.kind === 'throttled';
  throttled.note(subject, 'look_up', isThrottled);
  if (isThrottled && breaker.isClosed)
    for (const group of groups) throttled.postpone(subject, group, waitsFor(group, kind, id));
  if (resolution.kind !== 'unanswered') return;
  tally(context, outcome);
  if (!('failure' in outcome)) return;
  const rule = scheduleOf(outcome.kind);
  if (rule === 'free' && signOf(seen) !== 'alone') return;
  const schedule = rule === 'fast' ? rule : 'slow';
  for (const group of groups) {
    const waiting = waitsFor(group, kind, id);
    if (!breaker.isClosed) breaker.wait(context, group, waiting);
    else
      for (const intent of waiting) {
        notKnown(context, group, intent, {
          failure: outcome.failure,
          // What the group answers says nothing of a user.
          waits: kind === 'group' ? 'group' : 'member',
          schedule,
          retryAfterMs: 'retryAfterMs' in outcome ? outcome.retryAfterMs : null,
        });
        breaker.used(seen, group, intent);
      }
  }
}

/** What would be a good answer to another question is none to this one; else it would be asked again without a pause. */
const unanswering = (outcome: Outcome): Outcome =>
  outcome.kind === 'applied' ? { kind: 'transient', retryAfterMs: null, failure: unreadable(outcome.status) } : outcome;

/** Found or not, the target has answered. */
const FOUND: Outcome = { kind: 'unchanged' };
