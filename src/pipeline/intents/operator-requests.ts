/**
 * Requests of operators (spec: request-key). A replay names a dead or parked intent and wakes it where it still is (spec:
 * grave). A replay does not wake what is held; a decision does (`decide` of decide-held.ts). Pauses are in pauses.ts.
 */
import { comparePositions, idKey } from '../../core/change/change.ts';
import { isHeld, revived } from '../../core/change/pending.ts';
import {
  REFUSAL_TEXT,
  refusedAnswer,
  type NamedIntent,
  type ReplayVerdict,
  type Request,
  type RequestRefusal,
} from '../../core/log/request-record.ts';
import type { Group, Partition } from '../state/group.ts';
import type { DueAnswer, RequestPlace } from '../state/operator-requests.ts';
import { isPaused, type Owners } from '../state/owners.ts';
import { decide } from './decide-held.ts';
import { handleApplyNow, handlePause } from './pauses.ts';

export function handleRequests(owners: Owners, partition: Partition): void {
  const due = partition.requests.take(owners.clock.now().wall);
  for (const { key, wanted, refusal, place } of due) {
    const answer =
      refusal === null
        ? handleRequest(owners, partition, wanted, place)
        : refuseRequest(owners, partition, wanted, refusal);
    partition.requests.answer({ key, ...answer, place: refusal === null ? place : null });
  }
  if (due.length > 0) owners.settle();
}

/** Nothing is done, and its tombstone says why. */
function refuseRequest(
  { counts, logger }: Owners,
  partition: Partition,
  wanted: Request,
  refusal: RequestRefusal,
): Omit<DueAnswer<Group>, 'key'> {
  counts.refusedRequests.note(refusal);
  const fields = { partition: partition.number, kind: wanted.kind, refusal, reason: REFUSAL_TEXT[refusal] };
  logger.warn(fields, 'a request in the retry topic is refused');
  return { answer: refusedAnswer(wanted, refusal), groups: [] };
}

function handleRequest(
  owners: Owners,
  partition: Partition,
  wanted: Request,
  place: RequestPlace,
): Omit<DueAnswer<Group>, 'key'> {
  switch (wanted.kind) {
    case 'replay':
      return replay(owners, partition, wanted);
    case 'approve':
    case 'reject':
      return decide(owners, partition, wanted);
    case 'pause':
    case 'resume':
      return handlePause(owners, partition, wanted, place);
    case 'apply_now':
      return handleApplyNow(owners, partition, wanted);
  }
}

function replay(
  owners: Owners,
  partition: Partition,
  wanted: Extract<Request, { kind: 'replay' }>,
): Omit<DueAnswer<Group>, 'key'> {
  const verdicts = wanted.named.map((named) => ({ ...named, verdict: revive(owners, partition, named) }));
  owners.logger.info({ partition: partition.number, intents: verdicts.length }, 'replay request taken up');
  const groups = new Set(wanted.named.flatMap(({ group }) => partition.groups.get(idKey(group)) ?? []));
  // Once each, after all of it: a review looks at everybody who is due.
  for (const group of groups) owners.review(group);
  return { answer: { kind: 'replay', verdicts }, groups: [...groups] };
}

function revive(owners: Owners, partition: Partition, named: NamedIntent): ReplayVerdict {
  const group = partition.groups.get(idKey(named.group));
  const member = group?.members.get(idKey(named.member));
  const pending = member?.pending ?? null;
  if (group === undefined || member === undefined || pending === null) return 'gone';
  const { topic, partition: number } = pending.source;
  const order = comparePositions(pending.source, named);
  if (topic !== named.topic || number !== named.partition || order < 0) return 'gone';
  if (order > 0) return 'superseded';
  const isInFlight = group.run?.due.has(pending) === true;
  // It is being tried at this moment; or it was held since it was named, and waits for an operator.
  if ((isInFlight && pending.dead === null) || isHeld(pending)) return 'woken';
  let again = revived(pending);
  if (owners.ids !== null) {
    // A table may have been corrected since.
    if (again.namedBy !== 'target') again = { ...again, target: null };
    group.noteAlias(again);
  }
  member.revive(again);
  partition.toWrite.add(group);
  return isPaused(group) ? 'is_paused' : 'woken';
}
