/** What the topics say of each group that they name, by `idKey`, and how much memory that takes. */
import { idKey } from '../core/change/change.ts';
import { KeptIds } from '../core/change/kept-ids.ts';
import { GroupFacts } from '../core/drift/group-facts.ts';

export class KnownGroups {
  readonly #ids = new KeptIds();
  readonly #facts = new Map<string, GroupFacts>();
  #keptBytes = 0;

  get names(): readonly string[] {
    return [...this.#facts.keys()].toSorted();
  }

  /** About so much is taken by what is known of memberships: a sum that is kept, since it is asked for often. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  has(group: string): boolean {
    return this.#facts.has(group);
  }

  /** null: the topics do not name it. */
  factsOf(group: string): GroupFacts | null {
    return this.#facts.get(group) ?? null;
  }

  /** Of a group that the topics do not name. */
  nothingOf(group: string): GroupFacts {
    return new GroupFacts(group, this.#ids);
  }

  /** All that changes what is known of a group. @param group as a topic spells it */
  note(group: string, take: (facts: GroupFacts) => void): void {
    const key = this.#ids.kept(idKey(group));
    const facts = this.#facts.get(key) ?? this.nothingOf(group);
    this.#facts.set(key, facts);
    const before = facts.keptBytes;
    take(facts);
    this.#keptBytes += facts.keptBytes - before;
  }
}
