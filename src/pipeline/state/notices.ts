/**
 * Owns what people are still to be notified of (protocol.md 11.4): news that no message says yet, and of each kind the one message that
 * was sent and is not delivered. Kinds have a pause each, so that a receiver that refuses one gets the other.
 *
 *   none ──held──▶ gathering ──5 s without more, 30 s at most──▶ due ──begin──▶ on its way ──delivered──▶ none
 *   none ──held, most of it is said──▶ gathering for 15 min at most ──▶ due
 *   none ──breaker opens──▶ due                                                 on its way ──failed──▶ waits ──▶ on its way
 *                                                      waits ──refused, or other news──▶ due, under another id
 */
import assert from 'node:assert/strict';
import type { HeldIntent } from '../../core/change/pending.ts';
import type { NewsPace, Notice, NoticeKind, Opening } from '../../core/notice/notice.ts';

/** One nightly job of an identity provider holds many groups, one after the other. */
const QUIET_MS = 5_000;
const GATHERED_MS_MAX = 30_000;
const LATER_MS = 900_000;

/** After so many failures, about 4 min, a message gives way to one that says what is news since. */
const FAILURES_MAX = 8;

/** What a message is about; as they were when it was made. @typeParam G the group. */
export interface HeldNews<G> {
  readonly group: G;
  readonly intents: readonly HeldIntent[];
}

/** A message that was sent. Its body stays what it is for its id. */
export interface SentNotice<G> extends Notice {
  /** Of one about the breaker: nothing. */
  readonly about: readonly HeldNews<G>[];
  /** Of one about what is held: null. */
  readonly opening: Opening | null;
}

/** Monotonic ms. */
interface Gathering {
  readonly since: number;
  readonly newestAt: number;
}

interface Slot<G> {
  /** null: none was sent, or another takes its place. */
  readonly notice: SentNotice<G> | null;
  /** In a row. */
  readonly failures: number;
  /** No request before, monotonic ms. */
  readonly dueAt: number;
}

const IDLE = { notice: null, failures: 0, dueAt: Number.NEGATIVE_INFINITY };

export class Notices<G> {
  readonly #held = new Map<G, NewsPace>();
  #gathering: Gathering | null = null;
  /** When the first group of which people are notified later has come, monotonic ms. */
  #laterSince: number | null = null;
  /** What no delivered message has said. */
  #opening: Opening | null = null;
  readonly #slots: Record<NoticeKind, Slot<G>> = { breaker_open: IDLE, held: IDLE };
  readonly #results = { delivered: 0, failed: 0 };

  /** Requests by their result. */
  get results(): Readonly<{ delivered: number; failed: number }> {
    return this.#results;
  }

  /** Messages that are not delivered, those that are not made yet included. */
  get waiting(): number {
    return [this.#opening, this.#slots.held.notice, this.#held.keys().next().value ?? null].filter(
      (each) => each !== null,
    ).length;
  }

  /** Groups in memory. */
  get groupCount(): number {
    return this.#held.size + (this.#slots.held.notice?.about.length ?? 0);
  }

  /** The one that is to be sent again. */
  sent(kind: NoticeKind): SentNotice<G> | null {
    return this.#slots[kind].notice;
  }

  /** How often messages of the kind have failed in a row. */
  failures(kind: NoticeKind): number {
    return this.#slots[kind].failures;
  }

  /** What no delivered message says of the breaker; null: nothing. */
  get opening(): Opening | null {
    return this.#opening;
  }

  /** Something of the group is held, and no message has said so. @param now monotonic ms */
  noteHeld(group: G, pace: NewsPace, now: number): void {
    const known = this.#held.get(group);
    if (known === 'soon' || known === pace) return;
    this.#held.set(group, pace);
    if (pace === 'later') this.#laterSince ??= now;
    else this.#gathering = { since: this.#gathering?.since ?? now, newestAt: now };
  }

  noteOpened(opening: Omit<Opening, 'until' | 'openings'>): void {
    const { since, openings } = this.#opening ?? { since: opening.since, openings: 0 };
    this.#opening = { ...opening, since, until: null, openings: openings + 1 };
  }

  /** @param at epoch ms */
  noteClosed(at: number): void {
    if (this.#opening !== null) this.#opening = { ...this.#opening, until: at };
  }

  /** The kind of which a message is due first, and in how many ms; null: there is none. @param now monotonic ms */
  due(now: number): { readonly kind: NoticeKind; readonly inMs: number } | null {
    const breakerAt = this.#opening === null ? Infinity : this.#slots.breaker_open.dueAt;
    const heldAt = this.#heldAt();
    if (breakerAt === Infinity && heldAt === Infinity) return null;
    const kind = breakerAt <= heldAt ? 'breaker_open' : 'held';
    return { kind, inMs: Math.max(0, Math.min(breakerAt, heldAt) - now) };
  }

  #heldAt(): number {
    const { notice, dueAt } = this.#slots.held;
    if (notice !== null) return dueAt;
    const laterAt = (this.#laterSince ?? Infinity) + LATER_MS;
    const { since, newestAt } = this.#gathering ?? { since: Infinity, newestAt: Infinity };
    return Math.max(dueAt, Math.min(newestAt + QUIET_MS, since + GATHERED_MS_MAX, laterAt));
  }

  /** The groups that the next message may be about. */
  takeHeld(): readonly G[] {
    const groups = [...this.#held.keys()];
    this.#held.clear();
    this.#endGathering();
    return groups;
  }

  #endGathering(): void {
    this.#gathering = null;
    this.#laterSince = null;
  }

  /** It is about to be sent for the first time. */
  begin(notice: SentNotice<G>): void {
    const slot = this.#slots[notice.kind];
    assert(slot.notice === null, 'a message of the kind is on its way already');
    this.#slots[notice.kind] = { ...slot, notice };
  }

  noteDelivered(kind: NoticeKind): void {
    this.#results.delivered += 1;
    // That it has closed while the message was on its way is no news, that it has opened once more is.
    const said = this.#slots[kind].notice?.opening?.openings;
    if (said !== undefined && this.#opening?.openings === said) this.#opening = null;
    this.drop(kind);
  }

  /** @param dueAt when one of the kind is sent again, monotonic ms */
  noteFailed(kind: NoticeKind, dueAt: number): void {
    const slot = this.#slots[kind];
    assert(slot.notice !== null, 'a message has failed that was not sent');
    this.#results.failed += 1;
    this.#slots[kind] = { ...slot, failures: slot.failures + 1, dueAt };
  }

  /** The message has failed often, or says of the breaker what was, and there is something else to say. */
  isOutdated({ kind, opening }: SentNotice<G>): boolean {
    if (kind === 'breaker_open') return opening !== this.#opening;
    return this.#slots.held.failures >= FAILURES_MAX && this.#held.size > 0;
  }

  /** It is not sent again: what it is about is news for the next one, which is sent no sooner. */
  replace(kind: NoticeKind): void {
    const slot = this.#slots[kind];
    for (const { group } of slot.notice?.about ?? []) this.#held.set(group, 'soon');
    this.#slots[kind] = { ...slot, notice: null };
    if (this.#held.size > 0) this.#gathering = { since: IDLE.dueAt, newestAt: IDLE.dueAt };
  }

  /** There is no reason to send it again. */
  drop(kind: NoticeKind): void {
    this.#slots[kind] = IDLE;
  }

  /** Another instance owns them, and notifies of them. @param isLost once for each group in memory */
  forget(isLost: (group: G) => boolean): void {
    for (const group of this.#held.keys()) if (isLost(group)) this.#held.delete(group);
    if (this.#held.size === 0) this.#endGathering();
    const { notice, ...slot } = this.#slots.held;
    if (notice === null) return;
    const about = notice.about.filter(({ group }) => !isLost(group));
    // About nothing: it is dropped at the next look.
    const dueAt = about.length === 0 ? IDLE.dueAt : slot.dueAt;
    this.#slots.held = { ...slot, notice: { ...notice, about }, dueAt };
  }
}
