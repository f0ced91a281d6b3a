/**
 * The final marks of one partition, by group and target (core/log/final-mark.ts), and which of them the acknowledged live
 * records hold. What they protect from is decided in marks.ts.
 *
 *   a change is final ──▶ unrecorded ──live record acknowledged──▶ recorded ──not needed──▶ gone ──next live record──▶ forgotten
 */
import { comparePositions } from '../../core/change/change.ts';
import { MARKS_MAX, type FinalMark } from '../../core/log/final-mark.ts';

interface Marks {
  readonly byTarget: Map<string, FinalMark>;
  readonly unrecorded: Set<FinalMark>;
  /** The acknowledged live record holds some. */
  isRecorded: boolean;
  /** The live record takes no more of them. */
  max: number;
}

/** @typeParam G the group. */
export class FinalMarks<G> {
  readonly #groups = new Map<G, Marks>();

  get size(): number {
    let size = 0;
    for (const { byTarget } of this.#groups.values()) size += byTarget.size;
    return size;
  }

  get groups(): Iterable<G> {
    return this.#groups.keys();
  }

  /** Some are kept, or were since the last live record was acknowledged. */
  has(group: G): boolean {
    return this.#groups.has(group);
  }

  of(group: G): readonly FinalMark[] {
    return [...(this.#groups.get(group)?.byTarget.values() ?? [])];
  }

  /** @param target by `idKey`. */
  find(group: G, target: string): FinalMark | null {
    return this.#groups.get(group)?.byTarget.get(target) ?? null;
  }

  /** The caller has found out that it is the newest of its target. */
  note(group: G, mark: FinalMark): void {
    const marks = this.#marksOf(group);
    this.#delete(marks, mark.target);
    marks.byTarget.set(mark.target, mark);
    marks.unrecorded.add(mark);
    this.#limit(marks);
  }

  /** As a live record says. */
  restore(group: G, restored: readonly FinalMark[]): void {
    const marks = this.#marksOf(group);
    for (const mark of restored) marks.byTarget.set(mark.target, mark);
    marks.isRecorded = true;
  }

  /** The live record does not say all of it yet: what is final must not be complete before. */
  isUnrecorded(group: G): boolean {
    return (this.#groups.get(group)?.unrecorded.size ?? 0) > 0;
  }

  /** The acknowledged live record holds these. */
  noteRecorded(group: G, recorded: readonly FinalMark[]): void {
    const marks = this.#groups.get(group);
    if (marks === undefined) return;
    for (const mark of recorded) marks.unrecorded.delete(mark);
    marks.isRecorded = recorded.length > 0;
    if (!marks.isRecorded && marks.byTarget.size === 0) this.#groups.delete(group);
  }

  /** Drops the others. Answers whether the live record still holds what is gone. */
  retain(group: G, isNeeded: (mark: FinalMark) => boolean): boolean {
    const marks = this.#groups.get(group);
    if (marks === undefined) return false;
    const gone = [...marks.byTarget.values()].filter((mark) => !isNeeded(mark));
    for (const { target } of gone) this.#delete(marks, target);
    return marks.isRecorded && (gone.length > 0 || marks.byTarget.size === 0);
  }

  /** The live record is too large: it takes half of them at the most. false: there is none that could go. */
  shrink(group: G): boolean {
    const marks = this.#groups.get(group);
    if (marks === undefined || marks.byTarget.size === 0) return false;
    marks.max = Math.floor(marks.byTarget.size / 2);
    this.#limit(marks);
    return true;
  }

  #marksOf(group: G): Marks {
    const known = this.#groups.get(group);
    if (known !== undefined) return known;
    const marks = { byTarget: new Map(), unrecorded: new Set<FinalMark>(), isRecorded: false, max: MARKS_MAX };
    this.#groups.set(group, marks);
    return marks;
  }

  /** Those of the lowest positions go: fewer changes are older than they are. */
  #limit(marks: Marks): void {
    const { byTarget, max } = marks;
    if (byTarget.size <= max) return;
    const oldest = [...byTarget.values()].toSorted((a, b) => comparePositions(a.source, b.source));
    for (const { target } of oldest.slice(0, byTarget.size - max)) this.#delete(marks, target);
  }

  #delete({ byTarget, unrecorded }: Marks, target: string): void {
    const mark = byTarget.get(target);
    if (mark === undefined) return;
    byTarget.delete(target);
    unrecorded.delete(mark);
  }
}
