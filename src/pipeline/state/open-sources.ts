/**
 * Sources of one member's intents that are not complete, in their order, where it has several. A linked list: there may be 100,000,
 * and any of them may be the next to be complete.
 */
import type { ChangeSource } from '../../core/change/change.ts';

interface Link {
  readonly source: ChangeSource;
  /** Its final report is acknowledged. */
  isReported: boolean;
  next: Link | null;
}

/** @param upTo an offset; null: any source is. */
export const isWithin = ({ offset }: ChangeSource, upTo: bigint | null): boolean => upTo === null || offset <= upTo;

export class OpenSources {
  #first: Link | null;
  #last: Link | null;

  constructor(source: ChangeSource, isReported: boolean) {
    this.#first = { source, isReported, next: null };
    this.#last = this.#first;
  }

  /** null: all are complete. */
  get first(): ChangeSource | null {
    return this.#first?.source ?? null;
  }

  /** The newest of them. */
  add(source: ChangeSource): void {
    const link: Link = { source, isReported: false, next: null };
    if (this.#last === null) this.#first = link;
    else this.#last.next = link;
    this.#last = link;
  }

  /** @param upTo offset of the last that is looked at; null: all are. */
  setReported(isAmong: (source: ChangeSource) => boolean, isReported: boolean, upTo: bigint | null): void {
    for (let link = this.#first; link !== null && isWithin(link.source, upTo); link = link.next)
      if (isAmong(link.source)) link.isReported = isReported;
  }

  /** Drops what is complete. @param upTo offset of the last that is looked at; null: all are. */
  close(upTo: bigint | null, isComplete: (source: ChangeSource, isReported: boolean) => boolean): void {
    let before: Link | null = null;
    for (let link = this.#first; link !== null && isWithin(link.source, upTo); link = link.next) {
      if (!isComplete(link.source, link.isReported)) {
        before = link;
        continue;
      }
      if (before === null) this.#first = link.next;
      else before.next = link.next;
      if (link.next === null) this.#last = before;
    }
  }
}
