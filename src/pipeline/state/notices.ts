/**
 * Owns what people are still to be notified of (protocol.md 11.4): news that no message says yet, and the one message that was sent and
 * is not delivered. Its body stays what it was for its id, so that news wait for the next one.
 *
 *   none ──held──▶ gathering ──5 s without more, 30 s at most──▶ due ──begin──▶ on its way ──delivered──▶ none
 *   none ──breaker opens──▶ due                                                 on its way ──failed──▶ waits ──▶ on its way
 */
import assert from 'node:assert/strict';
import type { Held, Intent } from '../../core/change/change.ts';
import type { Notice, Opening } from '../../core/notice/notice.ts';

/** One nightly job of an identity provider holds many groups, one after the other. */
const QUIET_MS = 5_000;
const GATHERED_MS_MAX = 30_000;

/** What a message is about; as they were when it was made. @typeParam G the group. */
export interface HeldNews<G> {
  readonly group: G;
  readonly intents: readonly (Intent & { readonly guard: Held })[];
}

/** A message that was sent. */
export interface SentNotice<G> extends Notice {
  /** Of one about the breaker: nothing. */
  readonly about: readonly HeldNews<G>[];
}

/** Monotonic ms. */
interface Gathering {
  readonly since: number;
  readonly newestAt: number;
}

export class Notices<G> {
  readonly #held = new Set<G>();
  #gathering: Gathering | null = null;
  #opening: Opening | null = null;
  #sent: { readonly notice: SentNotice<G>; readonly failures: number; readonly dueAt: number } | null = null;
  readonly #results = { delivered: 0, failed: 0 };

  /** Requests by their result. */
  get results(): Readonly<{ delivered: number; failed: number }> {
    return this.#results;
  }

  /** Messages that are not delivered, those that are not made yet included. */
  get waiting(): number {
    return [this.#sent, this.#opening, this.#gathering].filter((each) => each !== null).length;
  }

  /** The one that is to be sent again. */
  get sent(): SentNotice<G> | null {
    return this.#sent?.notice ?? null;
  }

  /** How often it has failed. */
  get failures(): number {
    return this.#sent?.failures ?? 0;
  }

  /** Something of the group is held, and no message has said so. @param now monotonic ms */
  noteHeld(group: G, now: number): void {
    if (this.#held.has(group)) return;
    this.#held.add(group);
    this.#gathering = { since: this.#gathering?.since ?? now, newestAt: now };
  }

  noteOpened(opening: Omit<Opening, 'until' | 'openings'>): void {
    const { since, openings } = this.#opening ?? { since: opening.since, openings: 0 };
    this.#opening = { ...opening, since, until: null, openings: openings + 1 };
  }

  /** @param at epoch ms */
  noteClosed(at: number): void {
    if (this.#opening !== null) this.#opening = { ...this.#opening, until: at };
  }

  /** In how many ms a message is due; null: there is none. @param now monotonic ms */
  dueInMs(now: number): number | null {
    if (this.#sent !== null) return Math.max(0, this.#sent.dueAt - now);
    if (this.#opening !== null) return 0;
    if (this.#gathering === null) return null;
    const { since, newestAt } = this.#gathering;
    return Math.max(0, Math.min(newestAt + QUIET_MS, since + GATHERED_MS_MAX) - now);
  }

  /** What the next message says of the breaker; null: nothing. */
  takeOpening(): Opening | null {
    const opening = this.#opening;
    this.#opening = null;
    return opening;
  }

  /** The groups that the next message may be about. */
  takeHeld(): readonly G[] {
    const groups = [...this.#held];
    this.#held.clear();
    this.#gathering = null;
    return groups;
  }

  /** It is about to be sent for the first time. */
  begin(notice: SentNotice<G>): void {
    assert(this.#sent === null, 'a message is on its way already');
    this.#sent = { notice, failures: 0, dueAt: 0 };
  }

  noteDelivered(): void {
    this.#results.delivered += 1;
    this.drop();
  }

  /** @param dueAt when it is sent again, monotonic ms */
  noteFailed(dueAt: number): void {
    assert(this.#sent !== null, 'a message has failed that was not sent');
    this.#results.failed += 1;
    this.#sent = { ...this.#sent, failures: this.#sent.failures + 1, dueAt };
  }

  /** There is no reason to send it again. */
  drop(): void {
    this.#sent = null;
  }
}
