/**
 * Notifies people of what is held, and that the breaker is open (protocol.md 11.4): at least once, also through crashes and
 * rebalances. What is held is sent once the live record says so (spec: record-first), and is marked there after it was delivered; an
 * owner that finds it without the mark sends it. The news themselves, and what is on its way: state/notices.ts.
 */
import type { HeldIntent } from '../../core/change/pending.ts';
import { heldFacts, isNews, recordedHold } from '../../core/group/held-set.ts';
import { breakerNotice, heldNotice, paceOf, type HeldGroup, type NoticeKind } from '../../core/notice/notice.ts';
import { noticePauseMs } from '../../core/target/retry.ts';
import type { Notifier } from '../../ports.ts';
import { within } from '../../time.ts';
import { advices, type ShownBreaker } from '../state/breaker.ts';
import type { Group } from '../state/group.ts';
import type { HeldNews, SentNotice } from '../state/notices.ts';
import type { Owners } from '../state/owners.ts';

/** Some of what its live record says is held may be in no message that was delivered. */
export function noteHeldNews({ notifier, notices, clock, notify }: Owners, group: Group): void {
  const { heldNews, notifiedCount } = group.members;
  if (notifier === undefined || heldNews.size === 0) return;
  notices.noteHeld(group, paceOf(heldNews.size, notifiedCount), clock.now().monotonic);
  notify();
}

export function noteBreakerOpen({ notifier, notices, notify }: Owners, shown: ShownBreaker): void {
  if (notifier === undefined) return;
  const { reason, since, problem, failed } = shown;
  notices.noteOpened({ reason, since, problem, failed, advice: advices[reason] });
  notify();
}

/** Of a drain, which has other things to do. */
const DRAIN_MS = 3_000;

export class NoticeSender {
  readonly #owners: Owners;
  readonly #onError: (error: unknown) => void;
  #cancel: () => void = () => undefined;
  /** The request that is on its way; null: none. */
  #sending: Promise<unknown> | null = null;
  #isDraining = false;
  #isStopped = false;

  /** @param onError an invariant is broken. */
  constructor(owners: Owners, onError: (error: unknown) => void) {
    this.#owners = owners;
    this.#onError = onError;
  }

  /** Sends what is due, or waits for the time. */
  look(): void {
    const { notifier, notices, clock } = this.#owners;
    this.#cancel();
    if (notifier === undefined || this.#isStopped || this.#isDraining || this.#sending !== null) return;
    const due = notices.due(clock.now().monotonic);
    if (due === null) return;
    if (due.inMs > 0) this.#cancel = clock.schedule(due.inMs, () => this.look());
    else void this.#sendDue(notifier, due.kind);
  }

  /**
   * The request on its way is waited for, then what was not sent yet is tried once, all within 3 s; the rest is left for the next
   * owner. Answers whether any was delivered.
   */
  async drain(): Promise<boolean> {
    const { notices, clock, logger } = this.#owners;
    this.#isDraining = true;
    this.#cancel();
    const before = notices.results.delivered;
    const outcome = await within(clock, DRAIN_MS, this.#sendRest());
    if (outcome === 'timed_out')
      logger.warn({}, 'the receiver of notifications does not answer, the next owner sends them');
    this.stop();
    return notices.results.delivered > before;
  }

  async #sendRest(): Promise<void> {
    const { notifier, notices } = this.#owners;
    await this.#sending;
    if (notifier === undefined) return;
    for (const kind of ['held', 'breaker_open'] as const)
      if (!this.#isStopped && notices.failures(kind) === 0) await this.#send(notifier, kind);
  }

  /** Nothing is sent from now on. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #sendDue(notifier: Notifier, kind: NoticeKind): Promise<void> {
    this.#sending = this.#send(notifier, kind);
    try {
      await this.#sending;
      this.#sending = null;
      this.look();
    } catch (error) {
      this.#onError(error);
    }
  }

  async #send(notifier: Notifier, kind: NoticeKind): Promise<void> {
    const { notices, clock, random, logger } = this.#owners;
    const notice = this.#next(kind);
    if (notice === null) return;
    const outcome = await notifier.notify({ id: notice.id, body: notice.body });
    if (this.#isStopped) return;
    if (outcome !== 'delivered') {
      const facts = { askedMs: outcome.askedMs, failuresInRow: notices.failures(kind) + 1, random: random.next() };
      notices.noteFailed(kind, clock.now().monotonic + noticePauseMs(facts));
      if (outcome.kind === 'refused') this.#replace(notice);
      return;
    }
    notices.noteDelivered(kind);
    logger.info({ id: notice.id, kind, groups: notice.about.length }, 'a notification is delivered');
    markNotified(this.#owners, notice.about);
  }

  /** The one that has failed, or a new one; null: there is nothing to say. */
  #next(kind: NoticeKind): SentNotice<Group> | null {
    const { notices, logger } = this.#owners;
    const sent = notices.sent(kind);
    if (sent !== null && kind === 'held' && !sent.about.some((news) => this.#isOpen(news))) {
      notices.drop(kind);
      logger.info({ id: sent.id }, 'a notification is not sent again: nothing that it is about is held here any more');
    } else if (sent !== null && notices.isOutdated(sent)) this.#replace(sent);
    else if (sent !== null) return sent;
    const notice = kind === 'held' ? nextHeldNotice(this.#owners) : nextBreakerNotice(this.#owners);
    if (notice !== null) notices.begin(notice);
    return notice;
  }

  #replace({ id, kind }: SentNotice<Group>): void {
    const { notices, logger } = this.#owners;
    notices.replace(kind);
    logger.info({ id, kind }, 'a notification is not sent again: the next one says what it is about');
  }

  /** Some of it still waits for an operator, and this instance owns it. */
  #isOpen({ group, intents }: HeldNews<Group>): boolean {
    const { partitions } = this.#owners;
    return partitions.isCurrent(group.partition) && intents.some((intent) => isStillHeld(group, intent));
  }
}

const isStillHeld = ({ members }: Group, { member, guard }: HeldIntent): boolean =>
  members.get(member)?.pending?.guard === guard && members.get(member)?.pending?.dead === null;

const senderOf = ({ options, random }: Owners) => ({
  id: random.uuid(),
  instance: options.owner,
  isShadow: options.isShadow,
});

function nextBreakerNotice(owners: Owners): SentNotice<Group> | null {
  const { opening } = owners.notices;
  return opening === null ? null : { ...breakerNotice(senderOf(owners), opening), about: [], opening };
}

function nextHeldNotice(owners: Owners): SentNotice<Group> | null {
  const about = owners.notices.takeHeld().flatMap((group) => newsOf(owners, group) ?? []);
  if (about.length === 0) return null;
  const shown = about.map((news) => news.shown);
  return { ...heldNotice(senderOf(owners), shown), about, opening: null };
}

/** The whole set as it is now; null: nothing of it is new, or another owner says so. */
function newsOf(owners: Owners, group: Group): (HeldNews<Group> & { readonly shown: HeldGroup }) | null {
  const { partitions, sha256 } = owners;
  if (!partitions.isCurrent(group.partition)) return null;
  // Decisions that a former owner has not carried out are read until the restore is over.
  if (!group.partition.isOwned) noteHeldNews(owners, group);
  if (!group.partition.isOwned || group.members.heldNews.size === 0) return null;
  const held = [...group.members.held].flatMap(({ pending, recorded }) => recordedHold(pending, recorded) ?? []);
  const facts = heldFacts(group.id, held, sha256);
  if (facts === null) return null;
  const groupTarget = held.find(({ guard }) => guard.groupTarget !== undefined)?.guard.groupTarget ?? null;
  const intents = held.filter(isNews);
  return { group, intents, shown: { ...facts, groupTarget, count: held.length } };
}

/** Exactly what the message was about, and is still held. */
function markNotified({ partitions, settle }: Owners, about: readonly HeldNews<Group>[]): void {
  for (const { group, intents } of about) {
    if (!partitions.isCurrent(group.partition)) continue;
    for (const intent of intents) {
      const member = group.members.get(intent.member);
      const pending = member?.pending;
      if (member === undefined || !pending || !isStillHeld(group, intent)) continue;
      member.advance({ ...pending, guard: { ...intent.guard, isNotified: true } });
      group.partition.toWrite.add(group);
    }
  }
  settle();
}
