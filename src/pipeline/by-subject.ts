/** Something that is known of each group, and of each id that is looked up; of ids no more than there is room for. */
import { LRUCache } from 'lru-cache';
import type { Group } from './group.ts';
import type { LookUp } from './state.ts';

const IDS_MAX = 10_000;

export type Subject = Group | LookUp;

export class BySubject<T extends object> {
  readonly #ofGroups = new WeakMap<Group, T>();
  readonly #ofIds = new LRUCache<string, T>({ max: IDS_MAX });

  get(subject: Subject): T | undefined {
    return isLookUp(subject) ? this.#ofIds.get(keyOf(subject)) : this.#ofGroups.get(subject);
  }

  set(subject: Subject, value: T): void {
    if (isLookUp(subject)) this.#ofIds.set(keyOf(subject), value);
    else this.#ofGroups.set(subject, value);
  }

  delete(subject: Subject): void {
    if (isLookUp(subject)) this.#ofIds.delete(keyOf(subject));
    else this.#ofGroups.delete(subject);
  }
}

const isLookUp = (subject: Subject): subject is LookUp => 'isAsked' in subject;
const keyOf = ({ kind, id }: LookUp): string => `${kind}/${id}`;
