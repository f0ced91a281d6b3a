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

  /** What was found of a group takes the place of what was found before. @returns what was not found before, under this ownership */
  take(group: string, owned: OwnedPartition, found: readonly DriftFinding[]): readonly DriftFinding[] {
    const former = this.#byGroup.get(group);
    const findings = new Map(found.map((finding) => [findingKey(finding), finding]));
    if (findings.size === 0) this.#byGroup.delete(group);
    else this.#byGroup.set(group, { owned, findings });
    const known = former?.owned === owned ? former.findings : null;
    return [...findings].flatMap(([key, finding]) => (known?.has(key) === true ? [] : [finding]));
  }

  /** Of partitions that were lost nothing is kept. */
  retain(isOwned: (owned: OwnedPartition) => boolean): void {
    for (const [group, { owned }] of this.#byGroup) if (!isOwned(owned)) this.#byGroup.delete(group);
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
