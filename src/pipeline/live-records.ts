/** The live records and answers that are due, as they are sent, and what becomes of those that could not be written. */
import type { Intent } from '../core/change/change.ts';
import type { FinalMark } from '../core/log/final-mark.ts';
import { renderAnswer, renderRemovals, renderState } from '../core/log/live-record.ts';
import { seqAfter, type Stamp } from '../core/log/ownership.ts';
import type { OutRecord } from '../ports.ts';
import type { Context } from './context.ts';
import { isCurrent, mayDispatch } from './context.ts';
import { fitRecord } from './fit-record.ts';
import { isRestored } from './partition.ts';
import { holdsDecided, isReserving, recordOf, troubleOf } from './record.ts';
import type { Group } from './group.ts';
import type { DueAnswer, Partition } from './state.ts';
import type { Place } from './unsettled.ts';
import { type Addressed, laneName, noteFailure, TOO_LARGE } from './writer.ts';

export type Rendered = Addressed & {
  readonly partition: Partition;
  readonly epoch: number;
  readonly record: OutRecord;
} & (
    | {
        readonly kind: 'state';
        readonly group: Group;
        readonly intents: readonly Intent[];
        readonly finals: readonly FinalMark[];
      }
    | { readonly kind: 'former'; readonly key: string }
    | { readonly kind: 'removals'; readonly key: string }
    | { readonly kind: 'answer'; readonly answer: DueAnswer }
  );

/** It is in flight or about to be, so that more of its record changes soon. Not once this instance ends: nothing may be left then. */
export const goesOn = (context: Context, group: Group): boolean =>
  mayDispatch(context, group) && (context.state.locks.has(group.id) || context.state.ready.classOf(group) !== null);

/** Rendered when it is sent, never earlier; one per group and batch. */
export function renderPartition(context: Context, partition: Partition, recordsMax: number): Rendered[] {
  const {
    clock,
    state: { unsettled },
  } = context;
  const rendered = [
    ...renderFormer(context, partition),
    ...renderSlices(context, partition),
    ...renderAnswers(context, partition),
  ];
  let left = recordsMax;
  for (const group of partition.toWrite.due((each) => goesOn(context, each))) {
    if (left <= 0) break;
    if (unsettled.isWaiting(placeOf(context, group).name, clock.now())) continue;
    left -= 1;
    partition.toWrite.delete(group);
    partition.unacknowledged.add(group);
    const intents = recordOf(group);
    const finals = partition.finals.of(group);
    const stamp = stampOf(context, partition);
    const { digest, ...state } = renderState({
      group: group.id,
      intents,
      stamp,
      trouble: troubleOf(group),
      isReserving: isReserving(group, intents),
      foreign: partition.foreign.get(group.id) ?? [],
      finals,
      unresolved: partition.unresolved.recordOf(group.id, intents),
      now: clock.now().wall,
      sha256: context.sha256,
    });
    if (digest !== null) partition.digests.note(group, digest);
    partition.ownRecords.noteSent({ key: group.id, stamp }, state.value, context.sha256);
    const addressed = addressedTo(context, partition, { ...state, gzip: true });
    rendered.push({ kind: 'state', group, intents, finals, ...addressed });
  }
  return rendered;
}

/** Under another epoch it would be void, or another owner's. */
const isOf = (context: Context, partition: Partition, epoch: number): boolean =>
  isCurrent(context, partition) && isRestored(partition) && partition.epoch === epoch;

/** Where the live record of a group fails alone. */
const placeOf = (context: Context, { id, partition }: Group): Place => placeOfKey(context, partition, id);

const placeOfKey = ({ options: { topics } }: Context, { number }: Partition, key: string): Place => ({
  name: `${laneName(topics.retry, number)}: ${key}`,
  topic: topics.retry,
  act: 'write',
  owner: number,
});

/** A record of the partition under its present epoch. */
function addressedTo(
  context: Context,
  partition: Partition,
  record: Omit<OutRecord, 'topic' | 'partition'> & { key: string },
) {
  const { epoch, number } = partition;
  return {
    partition,
    epoch,
    record: { ...record, topic: context.options.topics.retry, partition: number },
    own: placeOfKey(context, partition, record.key),
    isWanted: () => isOf(context, partition, epoch),
  };
}

function stampOf({ options }: Context, partition: Partition): Stamp {
  partition.seq = seqAfter(partition.seq, partition.view, partition.epoch);
  return { owner: options.owner, epoch: partition.epoch, seq: partition.seq };
}

/** What they said stands in the record of the group's own key by now. */
function renderFormer(context: Context, partition: Partition): Rendered[] {
  const { clock, sha256 } = context;
  return partition.formerKeys.take().map((key) => {
    const facts = { intents: [], trouble: null, now: clock.now().wall, sha256 };
    const { digest: _, ...tombstone } = renderState({ group: key, stamp: stampOf(context, partition), ...facts });
    return { kind: 'former', key, ...addressedTo(context, partition, tombstone) };
  });
}

/** What the guard counts, for the next owner. */
function renderSlices(context: Context, partition: Partition): Rendered[] {
  return partition.removals.take(context.clock.now()).map(({ key, removals }) => {
    const slice = renderRemovals(stampOf(context, partition), key, removals);
    return { kind: 'removals', key, ...addressedTo(context, partition, { ...slice, gzip: true }) };
  });
}

function renderAnswers(context: Context, partition: Partition): Rendered[] {
  const isOpen = (group: Group): boolean => partition.toWrite.has(group) || holdsDecided(group);
  const due: DueAnswer[] = [];
  const rest: DueAnswer[] = [];
  for (const answer of partition.answers) (answer.groups.some(isOpen) ? rest : due).push(answer);
  partition.answers = rest;
  return due.map((answer) => {
    const headers = renderAnswer(stampOf(context, partition), answer.answer);
    return { kind: 'answer', answer, ...addressedTo(context, partition, { key: answer.key, value: null, headers }) };
  });
}

/** Answers whether it is smaller than before, so that it is worth a try at once. */
export function writeAgain(context: Context, rendered: Rendered, outcome: 'too_large' | 'unwritten'): boolean {
  const { partition } = rendered;
  if (rendered.kind === 'former') {
    partition.formerKeys.giveBack(rendered.key);
    return false;
  }
  if (rendered.kind === 'removals') {
    partition.removals.giveBack(rendered.key);
    if (outcome !== 'too_large') return false;
    const isSmaller = partition.removals.shrink(rendered.key, context.clock.now());
    if (!isSmaller) noteFailure(context, rendered.own, TOO_LARGE);
    return isSmaller;
  }
  if (rendered.kind === 'answer') {
    const { key, answer, groups } = rendered.answer;
    // The request was executed; only its answer is shortened so that the tombstone fits.
    const isCut = outcome === 'too_large' && answer.kind === 'replay' && answer.verdicts.length > 0;
    partition.answers.push({ key, answer: isCut ? { ...answer, verdicts: [] } : answer, groups });
    if (outcome === 'too_large' && !isCut) noteFailure(context, rendered.own, TOO_LARGE);
    return isCut;
  }
  partition.toWrite.add(rendered.group);
  // It may be there all the same (spec: record-first).
  if (outcome === 'unwritten') rendered.group.noteRecordUnknown();
  if (outcome !== 'too_large') return false;
  fitRecord(context, rendered.group, rendered.intents);
  return true;
}
