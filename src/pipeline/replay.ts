/**
 * Requests of operators (spec: request-key). A replay names a dead or parked intent and wakes it where it still is (spec:
 * grave); what is held wakes for an approval only.
 */
import type { Intent } from '../core/change/change.ts';
import { idKey } from '../core/change/id-key.ts';
import { comparePositions } from '../core/change/change.ts';
import { isHeld, revived } from '../core/change/pending.ts';
import {
  REFUSAL_TEXT,
  refusedAnswer,
  type NamedIntent,
  type ReplayVerdict,
  type Request,
  type RequestRefusal,
} from '../core/log/request-record.ts';
import type { Context } from './context.ts';
import { decide } from './guard.ts';
import { review } from './schedule.ts';
import type { DueAnswer, Partition } from './state.ts';

export function handleRequests(context: Context, partition: Partition): void {
  const due = partition.requests.take(context.clock.now().wall);
  for (const { key, wanted, refusal } of due) {
    const answer =
      refusal === null ? handleRequest(context, partition, wanted) : refuseRequest(context, partition, wanted, refusal);
    partition.answers.push({ key, ...answer });
  }
  if (due.length > 0) context.settle();
}

/** Nothing is done, and its tombstone says why. */
function refuseRequest(
  { state, logger }: Context,
  partition: Partition,
  wanted: Request,
  refusal: RequestRefusal,
): Omit<DueAnswer, 'key'> {
  const { refusedRequests } = state.counts;
  refusedRequests[refusal] = (refusedRequests[refusal] ?? 0) + 1;
  const fields = { partition: partition.number, kind: wanted.kind, refusal, reason: REFUSAL_TEXT[refusal] };
  logger.warn(fields, 'a request in the retry topic is refused');
  return { answer: refusedAnswer(wanted, refusal), groups: [] };
}

function handleRequest(context: Context, partition: Partition, wanted: Request): Omit<DueAnswer, 'key'> {
  if (wanted.kind !== 'replay') return decide(context, partition, wanted);
  const verdicts = wanted.named.map((named) => ({ ...named, verdict: reviveDead(context, partition, named) }));
  context.logger.info({ partition: partition.number, intents: verdicts.length }, 'replay request taken up');
  const groups = new Set(wanted.named.flatMap(({ group }) => partition.groups.get(idKey(group)) ?? []));
  // Once each, after all of it: a review looks at everybody who is due.
  for (const group of groups) review(context, group);
  return { answer: { kind: 'replay', verdicts }, groups: [...groups] };
}

function reviveDead(context: Context, partition: Partition, named: NamedIntent): ReplayVerdict {
  const group = partition.groups.get(idKey(named.group));
  const member = group?.members.get(idKey(named.member));
  const pending = member?.pending ?? null;
  if (group === undefined || member === undefined || pending === null) return 'gone';
  const { topic, partition: number } = pending.source;
  const order = comparePositions(pending.source, named);
  if (topic !== named.topic || number !== named.partition || order < 0) return 'gone';
  if (order > 0) return 'superseded';
  const isInFlight = group.run?.due.has(pending) === true;
  // It is being tried at this moment.
  if ((isInFlight && pending.dead === null) || isHeld(pending)) return 'woken';
  const again = namedAgain(context, revived(pending));
  if (context.ids !== null) group.noteAlias(again);
  member.revive(again);
  partition.toWrite.add(group);
  return 'woken';
}

/** A table may have been corrected since. */
const namedAgain = ({ ids }: Context, intent: Intent): Intent =>
  ids === null || intent.namedBy === 'target' ? intent : { ...intent, target: null };
