/** What waits in the retry topic of the present source topic. Changes of a former one are tried by no instance (protocol.md 4.9). */
import { sourceGroup, type Intent } from '../core/change/change.ts';
import type { TopicRecord } from '../ports.ts';
import {
  allWaiting,
  emptyWaiting,
  readWaiting,
  unreadableOfGroup,
  waitingOfGroup,
  type WaitingIntent,
} from './retry-topic.ts';
import type { SourceLook } from './source-look.ts';

export class PresentWaiting {
  readonly #view = emptyWaiting();
  /** As of the last look. */
  #former: ReadonlySet<Intent> = new Set();

  /** Of the present topic and of a former one; members of full states included. */
  get intentCount(): number {
    return this.#view.intentCount;
  }

  take(record: TopicRecord): void {
    readWaiting(this.#view, record.partition, record);
  }

  /**
   * Once all is taken. Answers which groups changes of a former topic are of, as the source spells them.
   * @throws ExitError where the source topic is missing, or it was asked to stop.
   */
  async judge(look: SourceLook): Promise<ReadonlySet<string>> {
    this.#former = await look.formerAmong(allWaiting(this.#view).map(({ intent }) => intent));
    return new Set([...this.#former].map(sourceGroup));
  }

  /** @param group by `idKey`, as the source names it. */
  ofGroup(group: string): readonly WaitingIntent[] {
    return waitingOfGroup(this.#view, group).filter(({ intent }) => !this.#former.has(intent));
  }

  /** As `unreadableOfGroup` says. */
  unreadableOf(partition: number, group: string): readonly string[] {
    return unreadableOfGroup(this.#view, partition, group);
  }
}
