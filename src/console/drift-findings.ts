/** What the comparisons of one instance have found, by group: which members still differ, so that each is reported once. */
import { findingKey, type DriftFigures, type DriftFinding } from '../core/drift/findings.ts';
import type { OwnedPartition } from '../pipeline/compared.ts';

interface Found {
  readonly owned: OwnedPartition;
  readonly findings: ReadonlyMap<string, DriftFinding>;
}

export class DriftFindings {
  /** By the source's name, groups of which some members differ. */
  readonly #byGroup = new Map<string, Found>();

  /** What was not found before, under this ownership. */
  newsOf(group: string, owned: OwnedPartition, found: readonly DriftFinding[]): readonly DriftFinding[] {
    const known = this.#knownOf(group, owned);
    return [...byKey(found)].flatMap(([key, finding]) => (known.has(key) ? [] : [finding]));
  }

  /** These are reported; others of the group may be left. */
  add(group: string, owned: OwnedPartition, found: readonly DriftFinding[]): void {
    this.#byGroup.set(group, { owned, findings: new Map([...this.#knownOf(group, owned), ...byKey(found)]) });
  }

  /** All that was found of a group takes the place of what was found before. */
  take(group: string, owned: OwnedPartition, found: readonly DriftFinding[]): void {
    if (found.length === 0) this.#byGroup.delete(group);
    else this.#byGroup.set(group, { owned, findings: byKey(found) });
  }

  /** @param isHere whether the ownership lasts, and is the one that compares the group */
  retain(isHere: (group: string, owned: OwnedPartition) => boolean): void {
    for (const [group, { owned }] of this.#byGroup) if (!isHere(group, owned)) this.#byGroup.delete(group);
  }

  #knownOf(group: string, owned: OwnedPartition): ReadonlyMap<string, DriftFinding> {
    const known = this.#byGroup.get(group);
    return known?.owned === owned ? known.findings : NONE;
  }

  /** Of groups that are owned. */
  counts(isOwned: (owned: OwnedPartition) => boolean): NonNullable<DriftFigures['found']> {
    const members = { missing: 0, extra: 0, undone: 0 };
    let groups = 0;
    for (const { owned, findings } of this.#byGroup.values()) {
      if (!isOwned(owned)) continue;
      groups += 1;
      for (const { kind } of findings.values()) members[kind] += 1;
    }
    return { members, groups };
  }
}

const NONE: ReadonlyMap<string, DriftFinding> = new Map();

const byKey = (found: readonly DriftFinding[]): ReadonlyMap<string, DriftFinding> =>
  new Map(found.map((finding) => [findingKey(finding), finding]));
