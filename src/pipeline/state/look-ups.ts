/**
 * Ids that the target is to be asked for, each once for all groups that wait for it.
 *
 *   absent ──want──▶ wanted ──begin──▶ asked ──end, answered──▶ absent      wanted ──delete──▶ absent
 *                      ▲                 │
 *                      └──end, not sent──┘
 */
import assert from 'node:assert/strict';
import type { IdKind } from '../../core/ids/resolution.ts';
import type { Group, Partition } from './group.ts';

/** What is asked for. */
export interface SoughtId {
  readonly kind: IdKind;
  readonly id: string;
}

/** One request for all that wait for its answer; its changes go through `LookUps`. */
export interface LookUp extends SoughtId {
  /** Unique. */
  readonly key: string;
  /** They wait for the answer. */
  readonly groups: ReadonlySet<Group>;
  /** It is on its way. */
  readonly isAsked: boolean;
}

/** What the target is asked about: a group itself, or an id. */
export type Subject = Group | LookUp;

export const isLookUp = (subject: Subject): subject is LookUp => 'isAsked' in subject;

interface Entry extends LookUp {
  readonly groups: Set<Group>;
  isAsked: boolean;
}

const keyOf = ({ kind, id }: SoughtId): string => `${kind}/${id}`;

export class LookUps {
  /** In the order in which they were met. */
  readonly #byKey = new Map<string, Entry>();
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
  want(group: Group, { kind, id }: SoughtId): LookUp {
    const key = keyOf({ kind, id });
    const wanted = this.#byKey.get(key) ?? { kind, id, key, groups: new Set(), isAsked: false };
    wanted.groups.add(group);
    this.#byKey.set(key, wanted);
    return wanted;
  }

  isAsked(sought: SoughtId): boolean {
    return this.#byKey.get(keyOf(sought))?.isAsked === true;
  }

  /** The partition is lost: its groups wait for nothing any more; what was asked already goes on. */
  revoke(partition: Partition): void {
    for (const lookUp of this.#byKey.values()) {
      for (const group of lookUp.groups) if (group.partition === partition) lookUp.groups.delete(group);
      if (lookUp.groups.size === 0 && !lookUp.isAsked) this.delete(lookUp);
    }
  }

  /** It is wanted no more. */
  delete({ key }: LookUp): void {
    this.#expect(key, 'wanted');
    this.#byKey.delete(key);
  }

  begin({ key }: LookUp): void {
    this.#expect(key, 'wanted').isAsked = true;
    this.#inFlight += 1;
  }

  /** @param isSent it has an answer; else it is wanted still. */
  end({ key }: LookUp, isSent: boolean): void {
    this.#expect(key, 'asked').isAsked = false;
    this.#inFlight -= 1;
    if (isSent) this.#byKey.delete(key);
  }

  /** Asserts that it is in this state. */
  #expect(key: string, state: 'wanted' | 'asked'): Entry {
    const entry = this.#byKey.get(key);
    assert(entry?.isAsked === (state === 'asked'), `look-up ${key} is not ${state}`);
    return entry;
  }
}
