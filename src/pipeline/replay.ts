/** Replay requests: they name a dead or parked intent and wake it where it still is (spec: grave, request-key). */
import type { NamedIntent, ReplayVerdict } from '../core/live-record.ts';
import { woken } from '../core/pending.ts';
import { setPending } from './conclude.ts';
import type { Context } from './context.ts';
import { review } from './schedule.ts';
import type { Partition } from './state.ts';

export function takeUpRequests(context: Context, partition: Partition): void {
  for (const [key, wanted] of partition.requests) {
    const verdicts = wanted.map((named) => ({ ...named, verdict: wakeNamed(context, partition, named) }));
    partition.answers.push({ key, verdicts });
    context.logger.info({ partition: partition.number, intents: verdicts.length }, 'replay request taken up');
  }
  if (partition.requests.size > 0) context.settle();
  partition.requests.clear();
}

function wakeNamed(context: Context, partition: Partition, named: NamedIntent): ReplayVerdict {
  const group = partition.groups.get(named.group);
  const member = group?.members.get(named.member);
  const pending = member?.pending ?? null;
  if (group === undefined || member === undefined || pending === null) return 'gone';
  const { topic, partition: number, offset } = pending.source;
  if (topic !== named.topic || number !== named.partition || offset < named.offset) return 'gone';
  if (offset > named.offset) return 'superseded';
  const isInFlight = group.flight?.due.has(pending) === true;
  // It is being tried at this moment.
  if (isInFlight && pending.dead === null) return 'woken';
  member.woken = pending;
  setPending(partition, member, woken(pending));
  // Not reported any more, wherever the record still says that it is dead.
  if (member.recorded?.source.offset === offset) member.recordedReported = false;
  for (let { open } = member; open !== null; open = open.next) open.reported &&= open.offset !== offset;
  partition.toWrite.add(group);
  review(context, group);
  return 'woken';
}
