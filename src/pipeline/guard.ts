/** Acts on the removal guard (core/guard.ts): holds, and does what an operator has decided. Held intents are parked. */
import type { Approval, Held, HeldBy, Intent } from '../core/change.ts';
import { countOf, heldDigest, heldFailure, isGuarded, refusedFailure, withinWindow } from '../core/guard.ts';
import { isHeld } from '../core/pending.ts';
import { isSamePosition } from '../core/position.ts';
import { heldReport } from '../core/reporting.ts';
import type { Request } from '../core/request-record.ts';
import { enqueue, giveUp } from './conclude.ts';
import type { Context } from './context.ts';
import type { Course } from './course.ts';
import { memberOf } from './partition.ts';
import type { DueAnswer, Group, Partition } from './state.ts';

/** They wait in the live record for an operator. */
export function hold(context: Context, group: Group, intents: readonly Intent[], by: HeldBy): void {
  const now = context.clock.now().wall;
  const guard: Held = { kind: 'held', by, since: now };
  const held = intents.map((intent) => ({ ...intent, guard }));
  for (const intent of held) memberOf(group, intent.member).pending = intent;
  group.partition.heldCount += held.length;
  group.partition.toWrite.add(group);
  const digest = tellHeld(context, group, held);
  context.logger.warn({ group: group.id, removals: held.length, by, digest }, 'removals are held');
}

/**
 * Reports what is held, with the digest that an operator needs. A restore does so again, under the same ids: a hold may
 * never have another report, and this one may have been lost with its owner.
 */
export function tellHeld(context: Context, group: Group, held = pendingOf(group).filter(isHeld)): string {
  const digest = heldDigest(group.id, pendingOf(group), context.sha256) ?? '';
  const reportedAt = context.clock.now().wall;
  const facts = { lag: { queue: null, apply: null }, groupTarget: group.target, epoch: 0, reportedAt, request: null };
  for (const intent of held) {
    enqueue(context, {
      partition: group.partition,
      offset: intent.source.offset,
      subject: null,
      key: group.id,
      report: heldReport(intent, { ...facts, reason: heldFailure(intent.guard.by, digest) }),
      deadLetter: null,
    });
  }
  return digest;
}

const pendingOf = ({ members }: Group): Intent[] => [...members.values()].flatMap(({ pending }) => pending ?? []);

/** What the guard counts of other groups when it judges this one. */
export function removedInWindow({ state, options, clock }: Context, course: Course): number {
  state.removed = withinWindow(state.removed, clock.now().monotonic, options.guard.windowMs);
  return countOf(state.removed) + state.removing - course.removing;
}

/** From now on the group counts with so many removals that are about to be sent. */
export function reserve({ state }: Context, course: Course, removals: number): void {
  state.removing += removals - course.removing;
  course.removing = removals;
}

/** A removal has taken effect. */
export function noteRemoved({ state, clock }: Context, intent: Intent): void {
  if (!isGuarded(intent)) return;
  const at = clock.now().monotonic;
  const last = state.removed.at(-1);
  state.removed =
    last?.at === at
      ? [...state.removed.slice(0, -1), { at, count: last.count + 1 }]
      : [...state.removed, { at, count: 1 }];
}

/** An operator has decided about exactly this set; where it has changed meanwhile, nothing is done. */
export function decide(
  context: Context,
  partition: Partition,
  { kind, digest, author }: Extract<Request, { kind: 'approve' | 'reject' }>,
): Omit<DueAnswer, 'key'> {
  for (const group of partition.groups.values()) {
    const held = heldOnRecord(group);
    if (held.length === 0 || heldDigest(group.id, held, context.sha256) !== digest) continue;
    if (kind === 'approve') approve(context, group, held, { digest, author });
    else for (const intent of held) reject(context, group, intent, author);
    group.partition.toWrite.add(group);
    context.logger.info({ group: group.id, kind, digest, author, removals: held.length }, 'held removals are decided');
    const verdict = kind === 'approve' ? 'approved' : 'rejected';
    return { answer: { kind, digest, verdict, count: held.length }, groups: [group] };
  }
  return { answer: { kind, digest, verdict: 'gone', count: 0 }, groups: [] };
}

/** What an operator can have read: all that is held, but for what the live record has no room for yet. */
const heldOnRecord = (group: Group): Intent[] =>
  [...group.members.values()].flatMap(({ pending, recorded }) =>
    pending !== null && isHeld(pending) && isSamePosition(pending.source, recorded?.source) ? [pending] : [],
  );

function approve(
  context: Context,
  group: Group,
  held: readonly Intent[],
  { digest, author }: Pick<Approval, 'digest' | 'author'>,
): void {
  const guard: Approval = { kind: 'approved', digest, author, at: context.clock.now().wall };
  for (const intent of held) memberOf(group, intent.member).pending = { ...intent, guard };
  group.partition.heldCount -= held.length;
  context.review(group);
}

function reject(context: Context, group: Group, intent: Intent, author: string): void {
  const end = { outcome: 'failed', deadReason: 'refused', request: null } as const;
  giveUp(context, group, { ...end, intent, attempt: intent.attempt, failure: refusedFailure(author) });
}
