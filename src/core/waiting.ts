/** What the retry topic says is parked or dead, for people: the same reducer as the owner's (ownership.ts), and filters. */
import { intentId, type Intent } from './change.ts';
import { idKey } from './id-key.ts';
import { parseRetryRecord, type WireRecord } from './live-record.ts';
import { isHeld } from './pending.ts';
import { emptyView, readFence, readState, type RetryView } from './ownership.ts';
import { header } from './record-headers.ts';

export interface Waiting {
  readonly id: string;
  readonly state: 'parked' | 'held' | 'dead';
  /** Why it was given up, or is held; of a parked one the code of its group's newest failure; null: not known. */
  readonly reason: string | null;
  readonly intent: Intent;
}

export interface WaitingFilter {
  readonly groups?: readonly string[];
  readonly members?: readonly string[];
  readonly ids?: readonly string[];
  readonly reasons?: readonly string[];
}

/** Of all partitions of the retry topic; mutable. */
export interface WaitingView {
  readonly partitions: Map<number, PartitionView>;
  unreadableCount: number;
}

interface PartitionView {
  readonly ownership: RetryView;
  readonly groups: Map<string, readonly Waiting[]>;
}

export const emptyWaiting = (): WaitingView => ({ partitions: new Map(), unreadableCount: 0 });

/** Records of a partition in their order. */
export function readWaiting(view: WaitingView, partition: number, record: WireRecord): void {
  const known = view.partitions.get(partition) ?? { ownership: emptyView(), groups: new Map() };
  view.partitions.set(partition, known);
  const parsed = parseRetryRecord(record);
  switch (parsed.kind) {
    case 'fence':
      readFence(known.ownership, parsed.stamp);
      return;
    case 'state':
      if (readState(known.ownership, parsed.group, parsed.stamp) === 'stale') return;
      known.groups.set(
        parsed.group,
        parsed.intents.map((intent) => waitingOf(intent, header(record.headers, 'rollcall-error-code'))),
      );
      return;
    case 'request':
    case 'removals':
      return;
    case 'unreadable':
      view.unreadableCount += 1;
  }
}

export const allWaiting = (view: WaitingView): Waiting[] =>
  [...view.partitions.values()].flatMap(({ groups }) => [...groups.values()].flat());

/** Every criterion that is given has to hold; of one with several values any. */
export function selects(filter: WaitingFilter, { id, reason, intent }: Waiting): boolean {
  const allows = (wanted: readonly string[] | undefined, value: string | null): boolean =>
    wanted === undefined || (value !== null && wanted.includes(value));
  const isNamed = (wanted: readonly string[] | undefined, key: string): boolean => allows(wanted?.map(idKey), key);
  return (
    isNamed(filter.groups, intent.group) &&
    isNamed(filter.members, intent.member) &&
    allows(filter.ids, id) &&
    allows(filter.reasons, reason)
  );
}

const waitingOf = (intent: Intent, errorCode: string | null): Waiting => ({
  id: intentId(intent),
  state: intent.dead !== null ? 'dead' : isHeld(intent) ? 'held' : 'parked',
  reason: intent.dead?.reason ?? (intent.guard?.kind === 'held' ? intent.guard.by : errorCode),
  intent,
});
