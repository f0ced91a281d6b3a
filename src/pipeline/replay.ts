/**
 * Requests of operators (spec: request-key). A replay names a dead or parked intent and wakes it where it still is (spec:
 * grave); what is held wakes for an approval only.
 */
import { isSamePosition, comparePositions } from '../core/position.ts';
import { isHeld, woken } from '../core/pending.ts';
import type { Answer, NamedIntent, ReplayVerdict, Request } from '../core/request-record.ts';
import { setPending } from './conclude.ts';
import type { Context } from './context.ts';
import { decide, hold } from './guard.ts';
import { review } from './schedule.ts';
import type { Partition } from './state.ts';

export function takeUpRequests(context: Context, partition: Partition): void {
  for (const [key, wanted] of partition.requests) {
    partition.answers.push({ key, answer: takeUp(context, partition, wanted) });
  }
  if (partition.requests.size > 0) context.settle();
  partition.requests.clear();
}

function takeUp(context: Context, partition: Partition, wanted: Request): Answer {
  if (wanted.kind !== 'replay') return decide(context, partition, wanted);
  const verdicts = wanted.named.map((named) => ({ ...named, verdict: wakeNamed(context, partition, named) }));
  context.logger.info({ partition: partition.number, intents: verdicts.length }, 'replay request taken up');
  return { kind: 'replay', verdicts };
}

function wakeNamed(context: Context, partition: Partition, named: NamedIntent): ReplayVerdict {
  const group = partition.groups.get(named.group);
  const member = group?.members.get(named.member);
  const pending = member?.pending ?? null;
  if (group === undefined || member === undefined || pending === null) return 'gone';
  const { topic, partition: number } = pending.source;
  const order = comparePositions(pending.source, named);
  if (topic !== named.topic || number !== named.partition || order < 0) return 'gone';
  if (order > 0) return 'superseded';
  const isInFlight = group.flight?.due.has(pending) === true;
  // It is being tried at this moment.
  if ((isInFlight && pending.dead === null) || isHeld(pending)) return 'woken';
  member.woken = pending;
  const again = woken(pending);
  setPending(partition, member, again);
  // Why it was held before is not known any more, and a replay is no approval.
  if (pending.dead?.reason === 'refused') hold(context, group, [again], 'refused');
  // Not reported any more, wherever the record still says that it is dead.
  if (isSamePosition(member.recorded?.source, named)) member.recordedReported = false;
  for (let { open } = member; open !== null; open = open.next) open.isReported &&= !isSamePosition(open.source, named);
  partition.toWrite.add(group);
  review(context, group);
  return 'woken';
}
