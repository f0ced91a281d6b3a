/**
 * Watches pauses (protocol.md 12.4): once an operator has the answer that something is paused, no request starts for it until somebody
 * asks for a resume. What is paused is judged by requests and answers in the retry topic alone, without any code of `src`.
 */
import type { TopicRecord } from '../../oracle/live-records.ts';
import { headerOf, textOf } from '../../oracle/live-records.ts';
import type { Report } from '../../oracle/reports.ts';
import { Violation } from '../violation.ts';

interface World {
  /** Where the changes of the group lie; null: there were none. */
  readonly partitionOf: (group: string) => number | null;
}

interface Asked {
  readonly kind: string;
  /** What it names, in which partition. */
  readonly slot: string;
  readonly author: string;
}

/** Of a group, or of a partition as a whole. */
const slotOf = (partition: number, group: string | null): string => `${partition} ${group ?? ''}`;

export class PauseOracle {
  readonly #world: World;
  /** Requests by their keys. */
  readonly #asked = new Map<string, Asked>();
  /** By where they lie. */
  readonly #places = new Map<string, Asked>();
  /** Keys of those that an owner has answered. */
  readonly #answered = new Set<string>();
  /** How often each key was met. */
  readonly #copies = new Map<string, number>();
  /** Keys of resumes that may be carried out at any time; for good, where there is a late copy. */
  readonly #resumes = new Map<string, Set<string>>();
  /** What nothing may be sent for. */
  readonly #paused = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Whether anything was ever asked for. */
  get isUsed(): boolean {
    return this.#asked.size > 0;
  }

  /** A record of the retry topic that is no answer; a late copy of a request is another request. */
  requested(record: TopicRecord): void {
    const kind = headerOf(record, 'rollcall-type');
    if (record.value === null || (kind !== 'pause' && kind !== 'resume')) return;
    const { group, author } = JSON.parse(textOf(record.value)) as { group: string | null; author: string };
    const slot = slotOf(record.partition, group);
    const key = textOf(record.key);
    const asked = { kind, slot, author };
    this.#asked.set(key, asked);
    this.#copies.set(key, (this.#copies.get(key) ?? 0) + 1);
    this.#places.set(`retry/${record.partition}/${record.offset}`, asked);
    if (kind === 'pause') return;
    this.#resumes.set(slot, (this.#resumes.get(slot) ?? new Set()).add(key));
    this.#paused.delete(slot);
  }

  /** What an owner says, where its answer is not void. A second one may be a late copy, and proves nothing. */
  answered(record: TopicRecord): void {
    const key = textOf(record.key);
    const asked = this.#asked.get(key);
    const result = headerOf(record, 'rollcall-result');
    if (asked === undefined || record.value !== null || result === '' || this.#answered.has(key)) return;
    this.#answered.add(key);
    const [{ result: verdict }] = JSON.parse(result) as [{ result: string }];
    const resumes = this.#resumes.get(asked.slot);
    if (asked.kind === 'resume' && this.#copies.get(key) === 1) resumes?.delete(key);
    const isPaused = verdict === 'paused' || verdict === 'already';
    if (asked.kind === 'pause' && isPaused && (resumes?.size ?? 0) === 0) this.#paused.add(asked.slot);
  }

  reported({ id, outcome, pause }: Report & { readonly pause?: { readonly author: string } }): void {
    const asked = this.#places.get(id);
    const isTrue = asked?.kind === (outcome === 'paused' ? 'pause' : 'resume') && asked.author === pause?.author;
    if (!isTrue)
      throw new Violation('one-true-report', `${id} is reported as ${outcome}, and no operator asked for it`);
  }

  /** A request for the group starts. */
  sent(group: string, what: string): void {
    const partition = this.#world.partitionOf(group);
    if (partition === null) return;
    const isPaused = this.#paused.has(slotOf(partition, null)) || this.#paused.has(slotOf(partition, group));
    if (isPaused)
      throw new Violation('pauses', `${what} is sent, and an operator has the answer that ${group} is paused`);
  }
}
