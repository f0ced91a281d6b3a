/**
 * Notifies people of what is held, and that the breaker is open (protocol.md 11.4): at least once, also through crashes and
 * rebalances. What is held is sent once the live record says so (spec: record-first), and is marked there after it was delivered; an
 * owner that finds it without the mark sends it. The news themselves, and what is on its way: state/notices.ts.
 */
import { isSamePosition, type Held, type Intent } from '../../core/change/change.ts';
import { isHeld, unnotified } from '../../core/change/pending.ts';
import { heldFacts } from '../../core/group/held-set.ts';
import { breakerNotice, heldNotice, type HeldGroup } from '../../core/notice/notice.ts';
import { noticePauseMs } from '../../core/target/retry.ts';
import type { Notifier } from '../../ports.ts';
import { advices, type ShownBreaker } from '../state/breaker.ts';
import type { Group } from '../state/group.ts';
import type { Member } from '../state/member.ts';
import type { HeldNews, SentNotice } from '../state/notices.ts';
import type { Owners } from '../state/owners.ts';

type HeldIntent = Intent & { readonly guard: Held };

/** Some of what its live record says is held may be in no message that was delivered. */
export function noteHeldNews({ notifier, notices, clock, notify }: Owners, group: Group): void {
  if (notifier === undefined || !hasNews(group)) return;
  notices.noteHeld(group, clock.now().monotonic);
  notify();
}

/** There may be very many that are held, and one is enough. */
function hasNews({ members }: Group): boolean {
  for (const member of members.held) if (isNews(recordedHold(member))) return true;
  return false;
}

const isNews = (hold: HeldIntent | null): hold is HeldIntent => hold !== null && hold.guard.isNotified !== true;

export function noteBreakerOpen({ notifier, notices, notify }: Owners, shown: ShownBreaker): void {
  if (notifier === undefined) return;
  const { reason, since, problem, failed } = shown;
  notices.noteOpened({ reason, since, problem, failed, advice: advices[reason] });
  notify();
}

/** Where the record has no room, what is new in it is not the mark: the next owner sends the message again. */
export function asRecordedOfNotice(intent: Intent, recorded: Intent | null): Intent {
  const isNew = isHeld(intent) && intent.guard.isNotified === true && isSamePosition(recorded?.source, intent.source);
  if (!isNew || (recorded?.guard?.kind === 'held' && recorded.guard.isNotified === true)) return intent;
  return { ...intent, guard: unnotified(intent.guard) };
}

/** As it is held by the acknowledged live record, too; null: it is not. */
function recordedHold({ pending, recorded }: Member): HeldIntent | null {
  if (pending === null || recorded === null || !isHeld(pending) || !isHeld(recorded)) return null;
  const isSame = recorded.guard === pending.guard || pending.guard.isNotified === true;
  return isSame && isSamePosition(recorded.source, pending.source) ? pending : null;
}

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
    const inMs = notices.dueInMs(clock.now().monotonic);
    if (inMs === null) return;
    if (inMs > 0) this.#cancel = clock.schedule(inMs, () => this.look());
    else void this.#sendDue(notifier);
  }

  /** Each message that waits is sent once more; what is not delivered then is left for the next owner. Answers whether any was. */
  async drain(): Promise<boolean> {
    const { notifier, notices } = this.#owners;
    this.#isDraining = true;
    this.#cancel();
    await this.#sending;
    const before = notices.results.delivered;
    while (notifier !== undefined && !this.#isStopped && (await this.#send(notifier)));
    return notices.results.delivered > before;
  }

  /** Nothing is sent from now on. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #sendDue(notifier: Notifier): Promise<void> {
    this.#sending = this.#send(notifier);
    try {
      await this.#sending;
      this.#sending = null;
      this.look();
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Answers whether something was delivered. */
  async #send(notifier: Notifier): Promise<boolean> {
    const { notices, clock, random, logger } = this.#owners;
    const notice = this.#next();
    if (notice === null) return false;
    const outcome = await notifier.notify({ id: notice.id, body: notice.body });
    if (this.#isStopped) return false;
    if (outcome !== 'delivered') {
      const facts = { askedMs: outcome.askedMs, failuresInRow: notices.failures + 1, random: random.next() };
      notices.noteFailed(clock.now().monotonic + noticePauseMs(facts));
      return false;
    }
    notices.noteDelivered();
    logger.info({ id: notice.id, kind: notice.kind, groups: notice.about.length }, 'a notification is delivered');
    markNotified(this.#owners, notice.about);
    return true;
  }

  /** The one that has failed, or a new one; null: there is nothing to say. */
  #next(): SentNotice<Group> | null {
    const { notices, logger } = this.#owners;
    const { sent } = notices;
    if (sent !== null && (sent.about.length === 0 || sent.about.some((news) => this.#isOpen(news)))) return sent;
    if (sent !== null) {
      notices.drop();
      logger.info({ id: sent.id }, 'a notification is not sent again: nothing that it is about is held here any more');
    }
    const notice = nextNotice(this.#owners);
    if (notice !== null) notices.begin(notice);
    return notice;
  }

  /** Some of it still waits for an operator, and this instance owns it. */
  #isOpen({ group, intents }: HeldNews<Group>): boolean {
    const { partitions } = this.#owners;
    return partitions.isCurrent(group.partition) && intents.some((intent) => isStillHeld(group, intent));
  }
}

const isStillHeld = ({ members }: Group, { member, guard }: HeldIntent): boolean =>
  members.get(member)?.pending?.guard === guard && members.get(member)?.pending?.dead === null;

function nextNotice(owners: Owners): SentNotice<Group> | null {
  const { notices, options, random } = owners;
  const opening = notices.takeOpening();
  const sender = { id: random.uuid(), instance: options.owner };
  if (opening !== null) return { ...breakerNotice(sender, opening), about: [] };
  const sets = notices.takeHeld().flatMap((group) => newsOf(owners, group) ?? []);
  if (sets.length === 0) return null;
  const notice = heldNotice(
    sender,
    sets.map(({ shown }) => shown),
  );
  return { ...notice, about: sets };
}

/** The whole set as it is now; null: nothing of it is new, or another owner says so. */
function newsOf(owners: Owners, group: Group): (HeldNews<Group> & { readonly shown: HeldGroup }) | null {
  const { partitions, sha256, notices, clock } = owners;
  if (!partitions.isCurrent(group.partition)) return null;
  // Decisions that a former owner has not carried out are read until the restore is over.
  if (!group.partition.isOwned) notices.noteHeld(group, clock.now().monotonic);
  if (!group.partition.isOwned || !hasNews(group)) return null;
  const held = [...group.members.held].flatMap((member) => recordedHold(member) ?? []);
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
