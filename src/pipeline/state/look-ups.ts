/**
 * Ids that the target is to be asked for, each once for all groups that wait for it.
 *
 *   absent ──want──▶ wanted ──begin──▶ asked ──answered──▶ absent
 *                      ▲                 │
 *                      └───not sent──────┘
 */
import type { IdKind } from '../../core/ids/resolution.ts';
import type { Group, Partition } from './group.ts';

/** What is asked for. */
export interface SoughtId {
  readonly kind: IdKind;
  readonly id: string;
}

export class LookUp implements SoughtId {
  readonly kind: IdKind;
  readonly id: string;
  readonly #groups = new Set<Group>();
  #isAsked = false;

  constructor({ kind, id }: SoughtId) {
    this.kind = kind;
    this.id = id;
  }

  /** Unique. */
  get key(): string {
    return keyOf(this);
  }

  /** They wait for the answer. */
  get groups(): ReadonlySet<Group> {
    return this.#groups;
  }

  /** It is on its way. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  noteWaiting(group: Group): void {
    this.#groups.add(group);
  }

  forgetGroupsOf(partition: Partition): void {
    for (const group of this.#groups) if (group.partition === partition) this.#groups.delete(group);
  }

  noteAsked(isAsked: boolean): void {
    this.#isAsked = isAsked;
  }
}

const keyOf = ({ kind, id }: SoughtId): string => `${kind}/${id}`;

export class LookUps {
  /** In the order in which they were met. */
  readonly #byKey = new Map<string, LookUp>();
  #inFlight = 0;

  get size(): number {
    return this.#byKey.size;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** In the order in which they were met; those that are on their way, too. */
  [Symbol.iterator](): Iterator<LookUp> {
    return this.#byKey.values();
  }

  /** The group is reviewed when the answer is there. */
  want(group: Group, sought: SoughtId): LookUp {
    const wanted = this.#byKey.get(keyOf(sought)) ?? new LookUp(sought);
    wanted.noteWaiting(group);
    this.#byKey.set(wanted.key, wanted);
    return wanted;
  }

  isAsked(sought: SoughtId): boolean {
    return this.#byKey.get(keyOf(sought))?.isAsked === true;
  }

  /** The partition is lost: its groups wait for nothing any more; what was asked already goes on. */
  revoke(partition: Partition): void {
    for (const lookUp of this.#byKey.values()) {
      lookUp.forgetGroupsOf(partition);
      if (lookUp.groups.size === 0 && !lookUp.isAsked) this.delete(lookUp);
    }
  }

  delete({ key }: LookUp): void {
    this.#byKey.delete(key);
  }

  begin(lookUp: LookUp): void {
    lookUp.noteAsked(true);
    this.#inFlight += 1;
  }

  /** @param isSent it has an answer; else it is wanted still. */
  end(lookUp: LookUp, isSent: boolean): void {
    this.#inFlight -= 1;
    if (isSent) this.delete(lookUp);
    else lookUp.noteAsked(false);
  }
}
