/** The unconfirmed changes of one group (core/unconfirmed.ts): one per member, the newest. Kept in memory alone: a new owner is in doubt. */
import type { Intent } from '../core/change.ts';
import { idKey } from '../core/id-key.ts';
import { isSamePosition } from '../core/position.ts';
import {
  type Acceptance,
  accepted,
  judgeLook,
  postponed,
  type Sight,
  type Unconfirmed,
  type UnconfirmedView,
} from '../core/unconfirmed.ts';

export interface Looked {
  readonly shown: readonly Unconfirmed[];
  /** Not so after the last look. */
  readonly ineffective: readonly Unconfirmed[];
}

export class UnconfirmedChanges {
  /** By `idKey` of the target's name of the member. */
  readonly #changes = new Map<string, Unconfirmed>();

  get size(): number {
    return this.#changes.size;
  }

  /** How long reads may still tell what was before; 0: no longer. */
  leftMs(nowMs: number): number {
    return Math.max(0, ...[...this.#changes.values()].map(({ untilMs }) => untilMs - nowMs));
  }

  note(acceptance: Acceptance, nowMs: number, lateApplyMs: number): void {
    this.#changes.set(nameOf(acceptance.intent), accepted(acceptance, nowMs, lateApplyMs));
  }

  /** An answer has shown what a newer request has made of the member. */
  forget(intent: Intent): void {
    this.#changes.delete(nameOf(intent));
  }

  has(intent: Intent): boolean {
    const change = this.#changes.get(nameOf(intent));
    return change !== undefined && isSamePosition(change.intent.source, intent.source);
  }

  viewOf(due: readonly Intent[]): UnconfirmedView {
    return {
      lookAtMs: Math.min(...[...this.#changes.values()].map(({ lookAtMs }) => lookAtMs)),
      intents: new Set(due.filter((intent) => this.has(intent))),
      members: new Set(this.#changes.keys()),
    };
  }

  /** A fresh read has ended. */
  look(sight: Sight): Looked {
    const looked = { shown: [] as Unconfirmed[], ineffective: [] as Unconfirmed[] };
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
