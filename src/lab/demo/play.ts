/**
 * Room lab/demo: the demo: its stream, faults, service and verdict.
 * Not here: the emulator (lab/sandbox).
 *
 * Plays the stream into a Rollcall and follows its reports until each change has its final one.
 */
import type { CommandContext, Progress } from '../../console/command-context.ts';
import { readReport } from '../../console/report-search.ts';
import { foldReport, type Operations } from '../../core/report/summary.ts';
import type { SendOutcome } from '../../ports.ts';
import { pause } from '../../time.ts';
import type { DemoService } from './service.ts';
import type { Stream, StreamEvent } from './stream.ts';

export interface Played {
  readonly operations: Operations;
  readonly durationMs: number;
  readonly end: 'settled' | 'stopped' | 'too_slow';
}

const EVENTS_PER_STEP = 100;
const STEP_MS = 80;
/** A stream that takes so long does not end by itself. */
const LIMIT_MS = 180_000;

export class Play {
  readonly #service: DemoService;
  readonly #stream: Stream;
  readonly #context: Pick<CommandContext, 'clock' | 'stop'>;
  readonly #operations: Operations = new Map();
  readonly #total: number;
  #sent = 0;
  #settled = 0;
  #retries = 0;

  constructor(service: DemoService, stream: Stream, context: Pick<CommandContext, 'clock' | 'stop'>) {
    this.#service = service;
    this.#stream = stream;
    this.#context = context;
    this.#total = stream.events.reduce((sum, { reportCount }) => sum + reportCount, 0);
  }

  progress(): Progress {
    return {
      settled: this.#settled,
      total: this.#total,
      detail: `${this.#sent} events in, ${this.#retries} retries`,
    };
  }

  async run(): Promise<Played> {
    const { clock, stop } = this.#context;
    const startedAt = clock.now().monotonic;
    const limit = new AbortController();
    const cancel = clock.schedule(LIMIT_MS, () => limit.abort());
    const reading = new AbortController();
    const signal = AbortSignal.any([stop, limit.signal, reading.signal]);
    try {
      await Promise.race([Promise.all([this.#send(signal), this.#follow(signal)]), this.#service.broken]);
    } finally {
      cancel();
      reading.abort();
    }
    const end = stop.aborted ? 'stopped' : limit.signal.aborted ? 'too_slow' : 'settled';
    return { operations: this.#operations, durationMs: clock.now().monotonic - startedAt, end };
  }

  async #send(signal: AbortSignal): Promise<void> {
    const { events } = this.#stream;
    const { tools, topics } = this.#service;
    for (let from = 0; from < events.length && !signal.aborted; from += EVENTS_PER_STEP) {
      const step = events.slice(from, from + EVENTS_PER_STEP);
      await Promise.all([
        tools.send(step.map((event) => recordOf(event, topics.source))).then(assertWritten),
        pause(this.#context.clock, STEP_MS),
      ]);
      this.#sent += step.length;
    }
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { tools, topics } = this.#service;
    for await (const { value } of tools.read(topics.report, { from: 'beginning', follow: true, signal })) {
      const record = readReport(value)?.record ?? null;
      if (record === null) throw new Error('Rollcall wrote a report that cannot be read');
      const isNew = record.final && this.#operations.get(record.id)?.final !== true;
      foldReport(this.#operations, record);
      if (!record.final) this.#retries += 1;
      if (isNew) this.#settled += 1;
      if (this.#settled >= this.#total) return;
    }
  }
}

function assertWritten(outcomes: readonly SendOutcome[]): void {
  for (const outcome of outcomes) {
    if (outcome === 'written') continue;
    const why = outcome === 'too_large' ? 'MESSAGE_TOO_LARGE' : outcome.error.message;
    throw new Error(`a change of the demo could not be written: ${why}`);
  }
}

const recordOf = ({ group, value }: StreamEvent, topic: string) => ({
  topic,
  partition: null,
  key: group,
  value,
  headers: [],
});
