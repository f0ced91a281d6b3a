/** The live records and answers that are due, as they are sent, and what becomes of those that could not be written. */
import type { Intent } from '../../core/change/change.ts';
import type { FinalMark } from '../../core/log/final-mark.ts';
import { renderAnswer, renderPauses, renderRemovals, renderState } from '../../core/log/live-record.ts';
import { PAUSES_KEY } from '../../core/log/pause-record.ts';
import type { OutRecord } from '../../ports.ts';
import type { Group, Partition } from '../state/group.ts';
import { isAboutPauses, type PlacedAnswer } from '../state/operator-requests.ts';
import type { Place } from '../state/unsettled.ts';
import { mayDispatch, type Owners } from '../state/owners.ts';
import { fitRecord } from './fit-record.ts';
import { holdsDecided, isReserving, recordOf, troubleOf } from './record.ts';
import { TOO_LARGE, laneName, noteFailure, type Addressed } from './writer.ts';

/** Under another epoch than its own it would be void, or another owner's. */
export type DueRecord = Addressed &
  (
    | {
        readonly kind: 'state';
        readonly group: Group;
        readonly intents: readonly Intent[];
        readonly finals: readonly FinalMark[];
      }
    | { readonly kind: 'former'; readonly key: string }
    | { readonly kind: 'removals'; readonly key: string }
    | { readonly kind: 'pauses' }
    | { readonly kind: 'answer'; readonly answer: PlacedAnswer<Group> }
  );

/** It is in flight or about to be, so that more of its record changes soon. Not once this instance ends: nothing may be left then. */
export const goesOn = (owners: Owners, group: Group): boolean =>
  mayDispatch(owners, group) && (owners.queue.isLocked(group) || owners.queue.classOf(group) !== null);

/** Rendered when it is sent, never earlier; one per group and batch. */
export function renderPartition(owners: Owners, partition: Partition, recordsMax: number): DueRecord[] {
  const { clock, unsettled } = owners;
  const rendered = [
    ...renderFormer(owners, partition),
    ...renderSlices(owners, partition),
    ...renderPausesOf(owners, partition),
    ...renderAnswers(owners, partition),
  ];
  let left = recordsMax;
  for (const group of partition.toWrite.due((each) => goesOn(owners, each))) {
    if (left <= 0) break;
    if (unsettled.isWaiting(placeOf(owners, partition, group.id).name, clock.now())) continue;
    left -= 1;
    partition.noteRecordSent(group);
    const intents = recordOf(group);
    const finals = partition.finals.of(group);
    const stamp = partition.ownership.nextStamp();
    const { digest, ...state } = renderState({
      group: group.id,
      intents,
      stamp,
      trouble: troubleOf(group),
      isReserving: isReserving(group, intents),
      omitsMarks: group.omitsMarks,
      foreign: partition.restored.foreignOf(group.id),
      finals,
      unresolved: partition.unresolved.recordOf(group.id, intents),
      now: clock.now().wall,
      sha256: owners.sha256,
    });
    if (digest !== null) partition.digests.note(group, digest);
    partition.ownRecords.noteSent({ key: group.id, stamp }, state.value, owners.sha256);
    const addressed = addressedTo(owners, partition, { ...state, gzip: true });
    rendered.push({ kind: 'state', group, intents, finals, ...addressed });
  }
  return rendered;
}

/** Where the record under this key fails alone. */
const placeOf = ({ options: { topics } }: Owners, { number }: Partition, key: string): Place => ({
  name: `${laneName(topics.retry, number)}: ${key}`,
  topic: topics.retry,
  act: 'write',
  owner: number,
});

/** A record of the partition under its present epoch. */
function addressedTo(
  owners: Owners,
  partition: Partition,
  record: Omit<OutRecord, 'topic' | 'partition'> & { key: string },
) {
  const { number, ownership } = partition;
  const { epoch } = ownership;
  const retryRecord = { ...record, topic: owners.options.topics.retry, partition: number };
  return {
    partition,
    epoch,
    record: () => retryRecord,
    own: placeOf(owners, partition, record.key),
  };
}

/** What they said stands in the record of the group's own key by now. */
function renderFormer(owners: Owners, partition: Partition): DueRecord[] {
  const { clock, sha256 } = owners;
  return partition.formerKeys.take().map((key) => {
    const facts = { intents: [], trouble: null, now: clock.now().wall, sha256 };
    const { digest: _, ...tombstone } = renderState({ group: key, stamp: partition.ownership.nextStamp(), ...facts });
    return { kind: 'former', key, ...addressedTo(owners, partition, tombstone) };
  });
}

/** What the guard counts, for the next owner. */
function renderSlices(owners: Owners, partition: Partition): DueRecord[] {
  return partition.removals.take(owners.clock.now()).map(({ key, removals }) => {
    const slice = renderRemovals(partition.ownership.nextStamp(), key, removals);
    return { kind: 'removals', key, ...addressedTo(owners, partition, { ...slice, gzip: true }) };
  });
}

/** What is paused, for the next owner. */
function renderPausesOf(owners: Owners, partition: Partition): DueRecord[] {
  if (owners.unsettled.isWaiting(placeOf(owners, partition, PAUSES_KEY).name, owners.clock.now())) return [];
  const pauses = partition.pauses.take();
  if (pauses === null) return [];
  const record = renderPauses(partition.ownership.nextStamp(), pauses);
  return [{ kind: 'pauses', ...addressedTo(owners, partition, { ...record, gzip: true }) }];
}

function renderAnswers(owners: Owners, partition: Partition): DueRecord[] {
  const isGroupOpen = (group: Group): boolean => partition.toWrite.has(group) || holdsDecided(group);
  const isPauseOpen = ({ place }: PlacedAnswer<Group>): boolean =>
    partition.pauses.isUnrecorded || (place !== null && owners.outbox.hasPause(partition, place.offset));
  const isOpen = (due: PlacedAnswer<Group>): boolean =>
    due.groups.some(isGroupOpen) || (isAboutPauses(due.answer) && isPauseOpen(due));
  return partition.requests.takeAnswers(isOpen).map((answer) => {
    const headers = renderAnswer(partition.ownership.nextStamp(), answer.answer);
    return { kind: 'answer', answer, ...addressedTo(owners, partition, { key: answer.key, value: null, headers }) };
  });
}

/** Answers whether it is smaller than before, so that it is worth a try at once. */
export function writeAgain(owners: Owners, rendered: DueRecord, outcome: 'too_large' | 'unwritten'): boolean {
  const { partition } = rendered;
  if (rendered.kind === 'former') {
    partition.formerKeys.giveBack(rendered.key);
    return false;
  }
  if (rendered.kind === 'removals') {
    partition.removals.giveBack(rendered.key);
    if (outcome !== 'too_large') return false;
    const isSmaller = partition.removals.shrink(rendered.key, owners.clock.now());
    if (!isSmaller) noteFailure(owners, rendered.own, TOO_LARGE);
    return isSmaller;
  }
  if (rendered.kind === 'pauses') {
    partition.pauses.giveBack();
    if (outcome === 'too_large') noteFailure(owners, rendered.own, TOO_LARGE);
    return false;
  }
  if (rendered.kind === 'answer') {
    const { answer } = rendered.answer;
    // The request was executed; only its answer is shortened so that the tombstone fits.
    const isCut = outcome === 'too_large' && answer.kind === 'replay' && answer.verdicts.length > 0;
    partition.requests.giveBack({ ...rendered.answer, answer: isCut ? { ...answer, verdicts: [] } : answer });
    if (outcome === 'too_large' && !isCut) noteFailure(owners, rendered.own, TOO_LARGE);
    return isCut;
  }
  partition.noteRecordUnwritten(rendered.group);
  // It may be there all the same (spec: record-first).
  if (outcome === 'unwritten') rendered.group.noteRecordUnknown();
  if (outcome !== 'too_large') return false;
  fitRecord(owners, rendered.group, rendered.intents);
  return true;
}
