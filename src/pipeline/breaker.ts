/** Acts on the breaker's decisions (core/breaker.ts): gives attempts back when it opens, probes until it closes. */
import type { Breaker } from '../core/breaker.ts';
import { afterProbe, observe } from '../core/breaker.ts';
import type { Intent } from '../core/change.ts';
import type { Outcome } from '../core/outcome.ts';
import { classify } from '../core/outcome.ts';
import { ADVICE } from '../core/refusals.ts';
import { probeDelayMs } from '../core/retry.ts';
import type { Context } from './context.ts';
import { isCurrent, mayAsk } from './context.ts';
import type { Group } from './state.ts';
import { tally } from './tally.ts';

export function observeOutcome(context: Context, group: Group, outcome: Outcome['kind']): void {
  const { state, options, clock, logger } = context;
  const before = state.breaker;
  state.breaker = observe(before, {
    outcome,
    group: group.target ?? group.id,
    pendingGroups: pendingGroups(context).length,
    failuresMax: options.breakerFailures,
    now: clock.now().wall,
  });
  if (state.breaker.kind === 'closed') {
    if (state.breaker.transient.length + state.breaker.denied.length === 0) state.streak = [];
    return;
  }
  if (before.kind === 'open') return;
  logger.error(
    { reason: state.breaker.reason, group: group.id, advice: advices[state.breaker.reason] },
    'breaker opened',
  );
  giveAttemptsBack(context);
  scheduleProbe(context);
}

const advices = { target: ADVICE.target, auth: ADVICE.client, permission: ADVICE.permission } as const;

/** At most as many as the rule needs to know. */
const PENDING_MAX = 3;

function pendingGroups({ state }: Context): readonly string[] {
  const pending: string[] = [];
  for (const partition of state.partitions.values()) {
    for (const group of partition.groups.values()) {
      if (group.target !== null && hasPending(group)) pending.push(group.target);
      if (pending.length >= PENDING_MAX) return pending;
    }
  }
  return pending;
}

function hasPending({ members }: Group): boolean {
  for (const { pending } of members.values()) {
    if (pending !== null && pending.dead === null) return true;
  }
  return false;
}

/** The failures that opened the breaker say nothing about the changes. */
function giveAttemptsBack(context: Context): void {
  for (const { group, intents } of context.state.streak) {
    if (!isCurrent(context, group.partition)) continue;
    for (const intent of intents) {
      const member = group.members.get(intent.member);
      if (member?.pending !== intent) continue;
      member.pending = { ...intent, attempt: intent.attempt - 1, notBefore: 0, waits: null };
      group.partition.toWrite.add(group);
    }
  }
  context.state.streak = [];
  context.settle();
}

const isParkedAs = ({ members }: Group, intent: Intent): boolean => members.get(intent.member)?.pending === intent;

/** What was parked and is something else by now has no attempt to be given back. */
export function dropOldParkings({ state }: Context): void {
  state.streak = state.streak.filter(({ group, intents }) => intents.some((intent) => isParkedAs(group, intent)));
}

function scheduleProbe(context: Context): void {
  const { state, clock } = context;
  if (state.breaker.kind === 'closed') return;
  clock.schedule(probeDelayMs(state.breaker.probes + 1), () => void probe(context));
}

/** One GET; for a refused token a new token first. */
async function probe(context: Context): Promise<void> {
  const { state, logger } = context;
  if (state.isDraining || state.breaker.kind === 'closed') return;
  const outcome = mayAsk(context)
    ? await probeOutcome(context, probedGroup(context, state.breaker), state.breaker.reason)
    : 'not_started';
  state.breaker = afterProbe(state.breaker, outcome);
  if (state.breaker.kind === 'open') {
    logger.warn({ reason: state.breaker.reason, probes: state.breaker.probes, outcome }, 'breaker stays open');
    return scheduleProbe(context);
  }
  logger.info({}, 'breaker closed');
  for (const { groups } of state.partitions.values()) for (const group of groups.values()) context.review(group);
  context.dispatch();
}

/** The group whose failure opened it; in turn with another, since that group alone may be what the target fails at. */
function probedGroup(context: Context, { group, probes }: Extract<Breaker, { kind: 'open' }>): string {
  const others = pendingGroups(context).filter((id) => id !== group);
  return (probes % 2 === 1 ? others[0] : undefined) ?? group;
}

async function probeOutcome(context: Context, group: string, reason: string): Promise<Outcome['kind']> {
  const { api, state } = context;
  if (reason === 'auth') {
    const refused = await api.renewToken();
    if (refused !== null) return classify(refused, 'GET').kind;
  }
  await api.gate.take();
  state.requestsInFlight += 1;
  const answer = await api.getGroup({ group, ifNoneMatch: null, mayStart: () => mayAsk(context) });
  state.requestsInFlight -= 1;
  // A drain may be waiting for it.
  context.settle();
  const outcome = classify(answer, 'GET');
  if (outcome.kind === 'not_started') api.gate.giveBack();
  else tally(context, outcome);
  return outcome.kind;
}
