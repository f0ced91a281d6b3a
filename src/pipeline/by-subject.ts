/** Something that is known of each group, and of each id that is looked up; of ids no more than there is room for. */
import { LRUCache } from 'lru-cache';
import type { Group } from './group.ts';
import { LookUp } from './look-ups.ts';

const IDS_MAX = 10_000;

export type Subject = Group | LookUp;

export class BySubject<T extends object> {
  readonly #ofGroups = new WeakMap<Group, T>();
  readonly #ofIds = new LRUCache<string, T>({ max: IDS_MAX });

  get(subject: Subject): T | undefined {
    return subject instanceof LookUp ? this.#ofIds.get(subject.key) : this.#ofGroups.get(subject);
  }

  set(subject: Subject, value: T): void {
    if (subject instanceof LookUp) this.#ofIds.set(subject.key, value);
    else this.#ofGroups.set(subject, value);
  }

  delete(subject: Subject): void {
    if (subject instanceof LookUp) this.#ofIds.delete(subject.key);
    else this.#ofGroups.delete(subject);
  }
}
