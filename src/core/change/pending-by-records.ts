/**
 * What is pending of a group by its records: as an instance finds it once it has restored the live record and read the source to its
 * end, before it sends anything (protocol.md 4.5, 4.6, 5.1). The same rules as pipeline/intents/precedence.ts, but for a member
 * with two names: that is known only once the names are looked up.
 */
import { WHOLE_GROUP, isSamePosition, type Intent } from './change.ts';
import { fold, isKeptBeside, supersedes } from './pending.ts';

/** Of one group in one partition: positions of two partitions have no order. */
export interface RecordsOfGroup {
  /** Its live record. */
  readonly waiting: readonly Intent[];
  /** Of the source from the committed offset on: the newest full state, and of each member the newest change since, oldest first. */
  readonly unread: Iterable<Intent>;
  /** What the commit metadata calls complete of the source. */
  readonly isComplete: (offset: bigint) => boolean;
}

export interface PendingByRecords {
  /** By member, a full state under WHOLE_GROUP, in the order in which they are taken; what is held or dead is among them. */
  readonly pending: ReadonlyMap<string, Intent>;
  /** Neither final nor dead before, and something newer has taken its place. */
  readonly superseded: readonly Intent[];
  /** Complete and not pending. Under another name of its member something older may be pending. */
  readonly complete: readonly Intent[];
}

export function pendingByRecords({ waiting, unread, isComplete }: RecordsOfGroup): PendingByRecords {
  const folding = new Folding();
  for (const intent of waiting) folding.restore(intent);
  folding.endRestore();
  for (const intent of unread) {
    if (isComplete(intent.source.offset)) folding.arriveComplete(intent);
    else folding.arrive(intent);
  }
  return folding;
}

class Folding implements PendingByRecords {
  readonly pending = new Map<string, Intent>();
  readonly superseded: Intent[] = [];
  readonly complete: Intent[] = [];

  /** An older version kept two spellings of one member apart. */
  restore(intent: Intent): void {
    const rival = this.pending.get(intent.member);
    const { winner, loser } = rival === undefined ? { winner: intent, loser: null } : fold(rival, intent);
    if (loser !== null) this.#supersede(loser);
    this.pending.set(intent.member, winner);
  }

  endRestore(): void {
    const whole = this.pending.get(WHOLE_GROUP);
    if (whole !== undefined) this.#replaceOlder(whole);
  }

  arrive(intent: Intent): void {
    const own = this.pending.get(intent.member);
    const rivals = [own, intent.op === 'state' ? undefined : this.pending.get(WHOLE_GROUP)];
    if (rivals.some((rival) => rival !== undefined && supersedes(rival, intent))) return this.#supersede(intent);
    // It waits in the live record already, and is further there.
    if (own !== undefined && isSamePosition(own.source, intent.source)) return;
    this.#replaceOlder(intent);
    this.pending.set(intent.member, intent);
  }

  /** It takes the place of what is older. On top of a full state that is not complete it is wanted once more. */
  arriveComplete(intent: Intent): void {
    const whole = this.pending.get(WHOLE_GROUP);
    if (intent.op !== 'state' && whole?.dead === null && supersedes(intent, whole)) return this.arrive(intent);
    this.#replaceOlder(intent);
    this.complete.push(intent);
  }

  #replaceOlder(intent: Intent): void {
    const names = intent.op === 'state' ? [...this.pending.keys()] : [intent.member, WHOLE_GROUP];
    for (const name of names) {
      const rival = this.pending.get(name);
      if (rival === undefined || !supersedes(intent, rival) || isKeptBeside(rival, intent)) continue;
      this.pending.delete(name);
      this.#supersede(rival);
    }
  }

  #supersede(intent: Intent): void {
    if (intent.dead === null) this.superseded.push(intent);
  }
}
