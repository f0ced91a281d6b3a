/**
 * Watches one instance at the interface to its log: it leaves alone what the log has reported as lost, and it takes no more
 * than it may hold. Nothing here may throw into the instance: it would take that for an error of the log.
 */
import type { Batch, Commit, OutRecord } from '../../../src/ports.ts';
import type { Invariant } from '../violation.ts';
import { Violation } from '../violation.ts';
import type { Knowledge } from './knowledge.ts';
import type { TopicOracle } from './topic-oracle.ts';

interface World {
  readonly name: string;
  readonly topics: { readonly retry: string; readonly report: string };
  readonly pendingIntentsMax: number;
  readonly knowledge: Knowledge;
  readonly topicOracle: TopicOracle;
  readonly now: () => number;
  readonly accuse: (violation: Violation) => void;
}

/** A round of settle that finds its broker away may take so long before it counts what it holds. */
const PATIENCE_MS = 20_000;

export class OwnerOracle {
  readonly #world: World;
  readonly #owned = new Set<number>();
  /** The epoch of the last own fence, by partition, since the last assignment. */
  readonly #fenced = new Map<number, number>();
  /** Ids of what was taken and is neither final nor parked. */
  readonly #open = new Set<string>();
  #fullSince: number | null = null;

  constructor(world: World) {
    this.#world = world;
  }

  assigned(partitions: readonly number[]): void {
    this.#owned.clear();
    for (const partition of partitions) this.#owned.add(partition);
    this.#fenced.clear();
    this.#open.clear();
    this.#fullSince = null;
  }

  sends(records: readonly OutRecord[]): void {
    const { topics } = this.#world;
    for (const record of records) {
      const epoch = Number(headerOf(record, 'rollcall-epoch'));
      const { partition } = record;
      if (record.topic === topics.report) this.#checkReport(record);
      else if (record.topic !== topics.retry || partition === null) continue;
      else if (textOf(record.key) === '\u0000rollcall.fence') this.#fence(partition, epoch);
      else this.#check(partition, epoch, 'writes a live record');
    }
  }

  commits(commits: readonly Commit[]): void {
    for (const { partition } of commits) this.#check(partition, this.#fenced.get(partition) ?? null, 'commits');
  }

  takes(batch: Batch): void {
    if (batch.topic !== 'source') return;
    const { knowledge, topicOracle, pendingIntentsMax, now } = this.#world;
    for (const id of this.#open) if (knowledge.isFinal(id) || topicOracle.isParked(id)) this.#open.delete(id);
    if (this.#open.size <= pendingIntentsMax) this.#fullSince = null;
    else this.#fullSince ??= now();
    if (this.#fullSince !== null && now() - this.#fullSince > PATIENCE_MS)
      this.#accuse('bounded', `has taken ${this.#open.size} intents that are not final, and takes more`);
    for (const { offset } of batch.records)
      for (const id of knowledge.records.get(`${batch.partition}/${offset}`) ?? []) this.#open.add(id);
  }

  #checkReport({ value }: OutRecord): void {
    const { epoch, source } = JSON.parse(textOf(value)) as { epoch: number; source: { partition: number } };
    this.#check(source.partition, epoch, 'reports');
  }

  #fence(partition: number, epoch: number): void {
    if (!this.#owned.has(partition)) this.#accuse('lets-go', `fences partition ${partition}, which it has lost`);
    this.#fenced.set(partition, epoch);
  }

  #check(partition: number, epoch: number | null, does: string): void {
    if (this.#owned.has(partition) && this.#fenced.get(partition) === epoch) return;
    this.#accuse('lets-go', `${does} for partition ${partition} under epoch ${epoch}, which it has lost`);
  }

  #accuse(invariant: Invariant, detail: string): void {
    this.#world.accuse(new Violation(invariant, `${this.#world.name} ${detail}`));
  }
}

const textOf = (bytes: OutRecord['value']): string => Buffer.from(bytes ?? '').toString();

const headerOf = ({ headers }: OutRecord, name: string): string =>
  textOf(headers.find(([other]) => other === name)?.[1] ?? null);
