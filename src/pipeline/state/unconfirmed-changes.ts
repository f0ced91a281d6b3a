/** The unconfirmed changes of one group (core/target/doubt.ts): one per member, the newest. Kept in memory alone: a new owner is in doubt. */
import { idKey, isSamePosition, type Intent } from '../../core/change/change.ts';
import {
  accepted,
  judgeLook,
  postponed,
  type Acceptance,
  type Sight,
  type Unconfirmed,
  type UnconfirmedView,
} from '../../core/target/doubt.ts';
import type { Members } from './members.ts';

export interface Looked {
  readonly shown: readonly Unconfirmed[];
  /** Not so after the last look. */
  readonly ineffective: readonly Unconfirmed[];
}

export class UnconfirmedChanges {
  /** By `idKey` of the target's name of the member. */
  readonly #changes = new Map<string, Unconfirmed>();
  /** When the next look is due; null: not known. */
  #lookAtMs: number | null = null;

  get size(): number {
    return this.#changes.size;
  }

  /** How long reads may still tell what was before; 0: no longer. */
  leftMs(nowMs: number): number {
    let left = 0;
    for (const { untilMs } of this.#changes.values()) left = Math.max(left, untilMs - nowMs);
    return left;
  }

  note(acceptance: Acceptance, nowMs: number, lateApplyMs: number): void {
    const change = accepted(acceptance, nowMs, lateApplyMs);
    this.forget(acceptance.intent);
    this.#changes.set(nameOf(acceptance.intent), change);
    if (this.#lookAtMs !== null) this.#lookAtMs = Math.min(this.#lookAtMs, change.lookAtMs);
  }

  /** An answer has shown what a newer request has made of the member. */
  forget(intent: Intent): void {
    if (this.#changes.delete(nameOf(intent))) this.#lookAtMs = null;
  }

  /** Of those that are not pending any more, the ones whose last look is due: no read may still tell what was before. */
  dropOld(members: Pick<Members, 'get'>, nowMs: number): void {
    for (const { intent, untilMs } of this.#changes.values()) {
      const isPending = isSamePosition(members.get(intent.member)?.pending?.source, intent.source);
      if (!isPending && nowMs >= untilMs) this.forget(intent);
    }
  }

  has(intent: Intent): boolean {
    const change = this.#changes.get(nameOf(intent));
    return change !== undefined && isSamePosition(change.intent.source, intent.source);
  }

  /** It follows what changes here. */
  get view(): UnconfirmedView {
    this.#lookAtMs ??= [...this.#changes.values()].reduce((next, each) => Math.min(next, each.lookAtMs), Infinity);
    return { lookAtMs: this.#lookAtMs, intents: this, members: { has: (name) => this.#changes.has(name) } };
  }

  /** A fresh read has ended. */
  look(sight: Sight): Looked {
    const looked = { shown: [] as Unconfirmed[], ineffective: [] as Unconfirmed[] };
    this.#lookAtMs = null;
    for (const [name, change] of this.#changes) {
      const verdict = judgeLook(change, sight);
      if (verdict === 'look_again') {
        if (change.lookAtMs <= sight.nowMs) this.#changes.set(name, postponed(change, sight.nowMs));
        continue;
      }
      this.#changes.delete(name);
      (verdict === 'shown' ? looked.shown : looked.ineffective).push(change);
    }
    return looked;
  }
}

const nameOf = ({ target, member }: Intent): string => idKey(target ?? member);
