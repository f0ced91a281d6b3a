/** Follows the reports while everything happens: how soon they go on after a fault, and which ids are final. */
import type { TopicRecord } from '../../src/ports.ts';
import { textOf } from '../oracle/live-records.ts';
import type { Report } from '../oracle/reports.ts';
import type { ChaosHarness } from './chaos-harness.ts';
import { rest } from './waiting.ts';

interface Recovery {
  readonly from: number;
  readonly counts: (report: Report, partition: number) => boolean;
  readonly done: (tookMs: number) => void;
}

const REOPEN_MS = 200;

export class Watch {
  readonly finals = new Set<string>();
  /** Of final reports that have come before. */
  repeated = 0;
  retries = 0;
  readonly recoveryMs: number[] = [];
  /** How often reading had to restart. */
  reopened = 0;
  readonly #harness: ChaosHarness;
  readonly #ending = new AbortController();
  readonly #epochs = new Map<number, number>();
  readonly #read = new Map<number, bigint>();
  readonly #waiting = new Set<Recovery>();
  #done: Promise<void> = Promise.resolve();

  constructor(harness: ChaosHarness) {
    this.#harness = harness;
  }

  start(): void {
    this.#done = this.#follow();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#done;
  }

  /** Resolves with the next final report that is written from now on. */
  recovered(): Promise<number> {
    const now = Date.now();
    return this.#next((report) => Date.parse(report.reported_at) >= now);
  }

  /** Resolves with the next final report of one of these partitions by another owner. */
  takenOver(partitions: readonly number[]): Promise<number> {
    if (partitions.length === 0) return this.recovered();
    const epochs = new Map(this.#epochs);
    return this.#next(({ epoch }, partition) => partitions.includes(partition) && epoch > (epochs.get(partition) ?? 0));
  }

  #next(counts: Recovery['counts']): Promise<number> {
    return new Promise((resolve) => {
      const done = (tookMs: number): void => {
        this.recoveryMs.push(tookMs);
        resolve(tookMs);
      };
      this.#waiting.add({ from: performance.now(), counts, done });
    });
  }

  /** A reader may give up while all brokers are away. */
  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      try {
        const { tools, topics } = this.#harness;
        for await (const record of tools.read(topics.report, { from: 'beginning', follow: true, signal })) {
          this.#take(record);
        }
      } catch {
        this.reopened += 1;
        await rest(REOPEN_MS);
      }
    }
  }

  #take({ partition, offset, value }: TopicRecord): void {
    if ((this.#read.get(partition) ?? -1n) >= offset) return;
    this.#read.set(partition, offset);
    const report = JSON.parse(textOf(value)) as Report;
    const source = sourcePartitionOf(report);
    this.#epochs.set(source, Math.max(this.#epochs.get(source) ?? 0, report.epoch));
    if (!report.final) {
      this.retries += 1;
      return;
    }
    if (this.finals.has(report.id)) this.repeated += 1;
    this.finals.add(report.id);
    for (const recovery of this.#waiting) {
      if (!recovery.counts(report, source)) continue;
      this.#waiting.delete(recovery);
      recovery.done(performance.now() - recovery.from);
    }
  }
}

const sourcePartitionOf = ({ id }: Report): number => Number(id.split('/')[1]);
