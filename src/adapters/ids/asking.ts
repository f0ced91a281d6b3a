/**
 * Search requests to the target, each with a permit of the rate gate. Look-ups queue here and not in the gate, where
 * waiting groups are served before new ones: thousands of unknown users would keep every change waiting.
 */
import { readScimList, type ScimList, type Search } from '../../core/ids/look-up.ts';
import type { HttpAnswer } from '../../core/target/answer.ts';
import type { GroupApi, MayStart } from '../../ports.ts';

export type Asked =
  | { readonly kind: 'list'; readonly list: ScimList }
  | { readonly kind: 'unanswered'; readonly answer: HttpAnswer };

export class Asking {
  readonly #api: Pick<GroupApi, 'gate' | 'search'>;
  #turn: Promise<void> = Promise.resolve();

  constructor(api: Pick<GroupApi, 'gate' | 'search'>) {
    this.#api = api;
  }

  async ask(search: Search, mayStart: MayStart): Promise<Asked> {
    await this.permit();
    return this.send(search, mayStart);
  }

  /** Resolves with a permit taken, first come first served among look-ups. */
  permit(): Promise<void> {
    const turn = this.#turn.then(() => this.#takeFairly());
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Uses up a permit. */
  async send(search: Search, mayStart: MayStart): Promise<Asked> {
    const answer = await this.#api.search({ ...search, mayStart });
    if (answer.kind === 'not_started') this.#api.gate.giveBack();
    const list = answer.kind === 'response' && answer.status === 200 ? readScimList(answer.body) : null;
    if (list === null) return { kind: 'unanswered', answer };
    // There are some, and none is shown: no user may be taken for missing.
    const isWithheld = search.startIndex === 1 && list.total > 0 && list.resources.length === 0;
    return isWithheld ? { kind: 'unanswered', answer } : { kind: 'list', list };
  }

  /** Who waits for an open gate beside us takes that permit, and we the next one: turn and turn about. */
  async #takeFairly(): Promise<void> {
    await this.#api.gate.whenOpen();
    await this.#api.gate.take();
  }
}

/** Values with an end; bounded: the ones that were used longest ago go first. On the order of a Map. */
export class ExpiringCache<V> {
  readonly #entriesMax: number;
  readonly #entries = new Map<string, { readonly value: V; readonly until: number }>();

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @param now monotonic ms, as the others. */
  get(key: string, now: number): V | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#entries.delete(key);
    if (entry.until <= now) return null;
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Until its end; null: there is no such value. */
  leftMs(key: string, now: number): number | null {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.until <= now ? null : entry.until - now;
  }

  set(key: string, value: V, until: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#entriesMax) return;
      this.#entries.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
