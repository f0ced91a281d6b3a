/** Where committed offsets go when a consumer group is to read again from a time on. */
import { WHOLE_GROUP, idKey, type ChangeEvent } from '../change/change.ts';
import { decodeCommit, encodeCommit, type Rewind } from './commit-metadata.ts';
import type { Range } from './ledger.ts';

/** Of one partition. */
export interface CommittedPlace {
  readonly partition: number;
  /** Committed, with its metadata; null: none. */
  readonly offset: bigint | null;
  readonly metadata: string;
  /** The first record since the time, or the end. */
  readonly since: bigint;
  /** The oldest record that is left. */
  readonly start: bigint;
}

export interface Rewound {
  readonly partition: number;
  readonly to: bigint;
  /** Of the new commit: what identifies the topics stays, and who has moved it; nothing beyond the offset is complete. */
  readonly metadata: string;
}

/** null: it stays. An offset never goes forward, so that no change is passed over. @param by null: it is not to be moved yet */
export function rewound(
  { partition, offset, metadata, since, start }: CommittedPlace,
  by: Rewind | null,
): Rewound | null {
  if (offset === null) return null;
  const to = since > start ? since : start;
  if (to >= offset) return null;
  const { mark } = decodeCommit(offset, metadata);
  const former = mark.rewound?.from ?? offset;
  const from = former > offset ? former : offset;
  return {
    partition,
    to,
    metadata: encodeCommit(to, { ranges: [], mark: by === null ? mark : { ...mark, rewound: { ...by, from } } }),
  };
}

/** Where instances read on, and what of that the commit metadata calls complete. */
export function nextRead(place: CommittedPlace): { readonly from: bigint; readonly complete: readonly Range[] } {
  const { offset, metadata, start } = place;
  const move = rewound(place, null);
  const from = move?.to ?? offset ?? start;
  const complete = move !== null || offset === null ? [] : decodeCommit(offset, metadata).ranges;
  return { from: from > start ? from : start, complete };
}

/** What is pending once all of some records is read, and nothing is sent. */
export class ReadAgain {
  readonly #groups = new Map<string, { readonly partition: number; readonly members: Set<string> }>();
  readonly #inTwoPartitions = new Set<string>();
  recordCount = 0;
  /** Distinct members of groups. */
  memberCount = 0;
  /** Groups with full states: each waits as one. */
  stateCount = 0;

  get groupCount(): number {
    return this.#groups.size;
  }

  get pendingCount(): number {
    return this.memberCount + this.stateCount;
  }

  /** By `idKey`. Partitions have no order, so that an older change of one may be sent after a newer one of the other. */
  get groupsInTwoPartitions(): ReadonlySet<string> {
    return this.#inTwoPartitions;
  }

  take(event: ChangeEvent, partition: number): void {
    const group = idKey(event.group);
    const known = this.#groups.get(group) ?? { partition, members: new Set() };
    this.#groups.set(group, known);
    if (known.partition !== partition) this.#inTwoPartitions.add(group);
    const { members } = known;
    const before = members.size;
    if (event.kind === 'state') {
      this.stateCount += Number(!members.has(WHOLE_GROUP));
      members.add(WHOLE_GROUP);
      return;
    }
    for (const member of [...event.add, ...event.remove]) members.add(idKey(member));
    this.memberCount += members.size - before;
  }
}
