/** Where committed offsets go when a consumer group is to read again from a time on. */
import { WHOLE_GROUP, idKey, type ChangeEvent } from '../change/change.ts';
import { decodeCommit, encodeCommit } from './commit-metadata.ts';

/** Of one partition. */
export interface Standing {
  readonly partition: number;
  /** Committed, with its metadata; null: none. */
  readonly offset: bigint | null;
  readonly metadata: string;
  /** The first record since the time; null: none. */
  readonly since: bigint | null;
  /** The oldest record that is left. */
  readonly start: bigint;
}

export interface Rewound {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  /** Of the new commit: what identifies the topics stays, and nothing beyond the offset is complete. */
  readonly metadata: string;
  /** `to` is the oldest record that is left, and older ones are gone: some may be younger than the time. */
  readonly isCut: boolean;
}

/** null: it stays. An offset never goes forward, so that no change is passed over. */
export function rewound({ partition, offset, metadata, since, start }: Standing): Rewound | null {
  if (offset === null || since === null) return null;
  const to = since > start ? since : start;
  if (to >= offset) return null;
  const { mark } = decodeCommit(offset, metadata);
  return {
    partition,
    from: offset,
    to,
    metadata: encodeCommit(to, { ranges: [], mark }),
    isCut: to === start && start > 0n,
  };
}

/** Distinct memberships and full states of events: as many as are pending once all are read, and none is sent. */
export class Memberships {
  readonly #groups = new Map<string, Set<string>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get groupCount(): number {
    return this.#groups.size;
  }

  take(event: ChangeEvent): void {
    const group = idKey(event.group);
    const known = this.#groups.get(group) ?? new Set();
    this.#groups.set(group, known);
    const before = known.size;
    const members = event.kind === 'state' ? [WHOLE_GROUP] : [...event.add, ...event.remove];
    for (const member of members) known.add(idKey(member));
    this.#count += known.size - before;
  }
}
