/**
 * Look-ups of ids at the target: one request per id for all that wait for it, under the same gate, lease and breaker as all
 * requests. What they bring is kept by the id map; here only the groups that wait learn of it.
 */
import { signOf } from '../../core/target/breaker.ts';
import { classify, type Outcome, unreadable } from '../../core/target/outcome.ts';
import { scheduleOf } from '../../core/target/retry.ts';
import type { Resolution } from '../../ports.ts';
import { notKnown, waitsFor } from '../intents/identify.ts';
import type { Group } from '../state/group.ts';
import type { LookUp, SoughtId, Subject } from '../state/look-ups.ts';
import { isPaused, type Owners } from '../state/owners.ts';

/** Sends as many look-ups as may be on their way together. */
export function askForIds(owners: Owners): void {
  const { lookUps, lease, options, breaker, throttled } = owners;
  const paused: LookUp[] = [];
  for (const wanted of lookUps) {
    if (lookUps.inFlight >= options.concurrency || !lease.mayAsk || !breaker.isClosed) break;
    if (wanted.isAsked) continue;
    const isWanted = isAskedFor(wanted);
    if (isWanted && !throttled.isPaused(wanted)) {
      void ask(owners, wanted);
      continue;
    }
    lookUps.delete(wanted);
    if (isWanted) paused.push(wanted);
  }
  for (const wanted of paused) waitForPause(owners, wanted);
}

/** New changes, and other groups, wait for the id with those that have asked for it. */
function waitForPause(owners: Owners, wanted: LookUp): void {
  for (const group of [...wanted.groups].filter(isAsking)) {
    owners.throttled.postpone(wanted, group, waitsFor(group, wanted.kind, wanted.id));
    owners.review(group);
  }
}

const isAskedFor = (wanted: LookUp): boolean => [...wanted.groups].some(isAsking);

/** A group that was forgotten meanwhile waits for nothing. One that is paused asks again when it is resumed. */
const isAsking = (group: Group): boolean => group.partition.groups.get(group.id) === group && !isPaused(group);

/** The request that the group needs next is a look-up, and its answer tells whether the target can be worked with again. */
export function probeLookUp(owners: Owners, group: Group, sought: SoughtId): void {
  const wanted = owners.lookUps.want(group, sought);
  owners.breaker.probe(wanted);
  void ask(owners, wanted);
}

async function ask(owners: Owners, wanted: LookUp): Promise<void> {
  const { lookUps, lease, ids, breaker } = owners;
  if (ids === null) return;
  lookUps.begin(wanted);
  const isWorthwhile = !breaker.isProbing(wanted) || (await ensureToken(owners, wanted, [...wanted.groups]));
  const mayStart = (): boolean => lease.mayAsk && breaker.lets(wanted) && isAskedFor(wanted);
  const resolution = isWorthwhile ? await ids.lookUp(wanted.kind, wanted.id, mayStart) : NOT_ASKED;
  const isSent = resolution.kind !== 'unanswered' || resolution.answer.kind !== 'not_started';
  lookUps.end(wanted, isSent);
  // What is paused since waits for no other try, and uses up none: it asks again.
  const groups = [...wanted.groups].filter((group) => owners.partitions.isCurrent(group.partition) && !isPaused(group));
  if (isSent) answered(owners, wanted, groups, resolution);
  breaker.endProbe(wanted);
  if (isSent) for (const group of groups) owners.review(group);
  owners.settle();
  owners.dispatch();
}

const NOT_ASKED: Resolution = { kind: 'unanswered', answer: { kind: 'not_started' } };

/** The target may say nothing of the id, as it may say nothing of a group: its failures count alike, each of them once. */
function answered(owners: Owners, lookUp: LookUp, groups: readonly Group[], resolution: Resolution): void {
  const { breaker, throttled, counts } = owners;
  const { kind, id } = lookUp;
  const outcome = resolution.kind === 'unanswered' ? unanswering(classify(resolution.answer, 'GET')) : FOUND;
  const answer = resolution.kind === 'unanswered' ? resolution.answer : resolution;
  const seen = breaker.observe({ request: 'look_up', answer, outcome, groups, subject: lookUp });
  const isThrottled = outcome.kind === 'throttled';
  throttled.note(lookUp, 'look_up', isThrottled);
  if (isThrottled && breaker.isClosed)
    for (const group of groups) throttled.postpone(lookUp, group, waitsFor(group, kind, id));
  if (resolution.kind !== 'unanswered') return;
  counts.requests.note(outcome.kind);
  if (!('failure' in outcome)) return;
  const rule = scheduleOf(outcome.kind);
  if (rule === 'free' && signOf(seen) !== 'alone') return;
  const schedule = rule === 'fast' ? rule : 'slow';
  for (const group of groups) {
    const waiting = waitsFor(group, kind, id);
    if (!breaker.isClosed) breaker.wait(group, waiting);
    else
      for (const intent of waiting) {
        notKnown(owners, group, intent, {
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

/**
 * Where the client was refused, a probe is worth while with a token only. The one that it has serves, although it was
 * refused: older by now, it may be known, and the request takes a new one where it is not. false: there is none.
 */
export async function ensureToken(owners: Owners, subject: Subject, groups: readonly Group[]): Promise<boolean> {
  const { breaker, counts, api } = owners;
  if (breaker.open?.reason !== 'auth') return true;
  // So that a drain waits for it; the run, or the look-up, that it is for settles at its end.
  counts.requestsInFlight.add();
  const refused = await api.ensureToken();
  counts.requestsInFlight.add(-1);
  if (refused === null) return true;
  breaker.observe({ request: 'read', answer: refused, outcome: classify(refused, 'GET'), groups, subject });
  return false;
}
