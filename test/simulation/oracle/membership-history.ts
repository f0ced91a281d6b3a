/** What became of each membership at the target, and how many reports were written by then. */
import { FOREIGN_WRITER, type Watch } from '../engine/target.ts';
import { seatOf } from './knowledge.ts';

export interface Effect {
  /** Ms of the history. */
  readonly at: number;
  readonly op: 'add' | 'remove';
  /** Another client has made it. */
  readonly isForeign: boolean;
  /** Reports that were written before it. */
  readonly reportCount: number;
}

export class MembershipHistory {
  readonly #effects = new Map<string, Effect[]>();

  note(
    { group, before, after, by }: Parameters<Watch>[0],
    { at, reportCount }: Pick<Effect, 'at' | 'reportCount'>,
  ): void {
    const isForeign = by === FOREIGN_WRITER;
    for (const member of new Set([...before, ...after])) {
      if (before.has(member) === after.has(member)) continue;
      const seat = seatOf({ group, member });
      const effects = this.#effects.get(seat) ?? [];
      this.#effects.set(seat, effects);
      effects.push({ at, op: after.has(member) ? 'add' : 'remove', isForeign, reportCount });
    }
  }

  /** One after the other, each the opposite of the one before. */
  of(seat: string): readonly Effect[] {
    return this.#effects.get(seat) ?? [];
  }
}
