/**
 * Watches notifications (protocol.md 11.4): a message is about what a live record has said is held, a mark is about what was in a
 * message, at the end all that is held was in one, and no set is in more of them than owners and faults explain. What says that the
 * breaker is open is sent while it is. Shares no code with `src`.
 */
import type { LiveIntent } from '../../oracle/live-records.ts';
import { Violation } from '../violation.ts';
import { digestOf, idIn } from './guard-oracle.ts';
import type { LiveView } from './live-view.ts';

interface Message {
  readonly id: string;
  readonly kind: 'held' | 'breaker_open';
  readonly until?: string | null;
  readonly groups?: readonly { readonly group: string; readonly digest: string; readonly count: number }[];
}

interface HeldSet {
  readonly digest: string;
  readonly partition: number;
  readonly held: readonly LiveIntent[];
}

export class NoticeOracle {
  readonly #live: readonly LiveView[];
  /** By group: all that live records ever said is held. */
  readonly #recorded = new Map<string, HeldSet[]>();
  /** What was in a message, as `keyOf` names it. */
  readonly #noticed = new Set<string>();
  /** By id. */
  readonly #bodies = new Map<string, string>();
  /** By digest: how many messages were about it, and how often one was not delivered. */
  readonly #counts = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  /** By partition: who has owned it, and how often something was replayed. */
  readonly #epochs: readonly Set<string>[];
  readonly #replays: number[];

  constructor(live: readonly LiveView[]) {
    this.#live = live;
    this.#epochs = live.map(() => new Set());
    this.#replays = live.map(() => 0);
  }

  /** A record of the retry topic. @param epoch '': of no owner */
  written(partition: number, epoch: string): void {
    if (epoch !== '') this.#epochs[partition]?.add(epoch);
  }

  /** A request names an intent that is dead, which may be held again. */
  replayed(partition: number): void {
    this.#replays[partition] = (this.#replays[partition] ?? 0) + 1;
  }

  /** Answers what is wrong with it; null: nothing. */
  sent(body: string, isBreakerOpen: boolean): Violation | null {
    const { id, kind, until } = JSON.parse(body) as Message;
    if (kind !== 'breaker_open' || until !== null || isBreakerOpen) return null;
    return new Violation('notifies', `the message ${id} says that the breaker is open, and it is closed`);
  }

  /** The next one that says so may have another id. */
  failed(body: string): void {
    const { groups = [] } = JSON.parse(body) as Message;
    for (const { digest } of groups) this.#failures.set(digest, (this.#failures.get(digest) ?? 0) + 1);
  }

  /** What the live record of a group says now. */
  recorded(partition: number, group: string, intents: readonly LiveIntent[]): void {
    const held = intents.filter(isHeld);
    if (held.length === 0) return;
    const known = this.#recorded.get(group) ?? [];
    const digest = digestOf(partition, group, held);
    if (known.at(-1)?.digest !== digest) this.#recorded.set(group, [...known, { digest, partition, held }]);
    const wrong = held.find((intent) => intent.held?.notified === true && !this.#noticed.has(keyOf(partition, intent)));
    if (wrong !== undefined) fail(`${idIn(partition, wrong)} is marked as notified, and was in no message`);
  }

  received(body: string): void {
    const { id, kind, groups = [] } = JSON.parse(body) as Message;
    const before = this.#bodies.get(id);
    if (before !== undefined && before !== body) fail(`two messages have the id ${id}`);
    this.#bodies.set(id, body);
    if (before !== undefined || kind !== 'held') return;
    for (const { group, digest, count } of groups) {
      const set = this.#setOf(group, digest);
      if (set?.held.length !== count)
        fail(`a message says that ${count} of ${group} are held, and no live record does`);
      for (const intent of set?.held ?? []) this.#noticed.add(keyOf(set?.partition ?? 0, intent));
      const messages = (this.#counts.get(digest) ?? 0) + 1;
      this.#counts.set(digest, messages);
      if (messages > this.#messagesMax(set?.partition ?? 0, digest))
        fail(`for the ${messages}th time a message is about ${digest}, which is more than owners and faults explain`);
    }
  }

  /** Each owner may find it without a mark, a replay makes it news again, and what was not delivered is sent again. */
  #messagesMax(partition: number, digest: string): number {
    const owners = this.#epochs[partition]?.size ?? 0;
    return owners + (this.#replays[partition] ?? 0) + (this.#failures.get(digest) ?? 0);
  }

  /** Nothing fails any more, and all is at rest. */
  checkEnd(): void {
    for (const [partition, { all }] of this.#live.entries()) {
      const left = all.find((intent) => isHeld(intent) && !this.#noticed.has(keyOf(partition, intent)));
      if (left !== undefined) fail(`${idIn(partition, left)} is held, and was in no message`);
    }
  }

  /** Of what was recorded a part may have been superseded since, which its record does not say yet. */
  #setOf(group: string, digest: string): HeldSet | undefined {
    const known = this.#recorded.get(group) ?? [];
    const whole = known.findLast((set) => set.digest === digest);
    if (whole !== undefined) return whole;
    for (const { partition, held } of known.toReversed())
      for (const part of partsOf(held))
        if (part.length > 0 && digestOf(partition, group, part) === digest) return { digest, partition, held: part };
    return undefined;
  }
}

const isHeld = ({ held, dead }: LiveIntent): boolean => held !== null && dead === null;

/** Held under other names at the target, it is another hold. */
const keyOf = (partition: number, intent: LiveIntent): string =>
  JSON.stringify([idIn(partition, intent), intent.held?.target ?? null, intent.held?.group_target ?? null]);

/** All of them, of sets that are small. */
function* partsOf<T>(all: readonly T[]): Iterable<readonly T[]> {
  for (let chosen = 0; chosen < 2 ** Math.min(all.length, 10); chosen++)
    yield all.filter((_, i) => i >= 10 || Math.floor(chosen / 2 ** i) % 2 === 1);
}

function fail(detail: string): never {
  throw new Violation('notifies', detail);
}
