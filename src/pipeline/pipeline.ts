/**
 * Room pipeline: the one place with mutable state: accept → dispatch → apply → settle → drain.
 * Not here: decisions (core), and I/O but through ports.
 *
 * The shell: it composes the owners of the state and passes on the calls of the log. Every decision is a pure function of core/.
 *
 *   start ──▶ working ──drain──▶ draining (no intake, no dispatch) ──settled, or time is up──▶ ended
 */
import pLimit from 'p-limit';
import type { Batch, ChangeLogHandler } from '../ports.ts';
import { applyGroup } from './apply-group.ts';
import { Backlog } from './backlog.ts';
import { TargetBreaker } from './breaker.ts';
import type { Context, Ports } from './context.ts';
import { errorText, isCurrent } from './context.ts';
import { readSource } from './intake.ts';
import { revokeAll } from './revoke.ts';
import { retryRecords } from './fit-record.ts';
import { dropOldRemovals } from './guard.ts';
import { reResolve } from './identify.ts';
import { KeyWatch } from './key-watch.ts';
import type { PipelineOptions } from './options.ts';
import { readRetry } from './read-back.ts';
import { dropOldDead } from './record.ts';
import { restore } from './restore.ts';
import { Dispatcher, review } from './schedule.ts';
import { Settler } from './settle.ts';
import { Signal } from './signal.ts';
import { newSnapshotCache } from './snapshot-cache.ts';
import { OldReads } from './old-reads.ts';
import { Throttled } from './throttled.ts';
import { Turns } from './turns.ts';
import { VersionForm } from './version-form.ts';
import { newState } from './state.ts';
import { type Sizes, sizesOf } from './sizes.ts';
import type { Partition } from './state.ts';
import type { PipelineStats } from './stats.ts';
import { isAtRest, statsOf } from './stats.ts';
import { assigned, heartbeat, offsetGone } from './assignment.ts';

const SWEEP_MS = 60_000;

export class Pipeline {
  /** null after a drain; an Error when the log cannot go on, whose message names the remedy. */
  readonly ended: Promise<Error | null>;
  readonly #context: Context;
  readonly #dispatcher: Dispatcher;
  readonly #settler: Settler;
  readonly #settling = new Signal();
  readonly #resting = new Signal();
  #end: (error: Error | null) => void = () => undefined;
  #isClosed = false;
  /** From the signal on. */
  #isSettling = false;
  #cancelSweep: () => void = () => undefined;

  constructor(ports: Ports, options: PipelineOptions) {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const state = newState();
    this.#context = {
      ...ports,
      options,
      state,
      breaker: new TargetBreaker(),
      throttled: new Throttled(ports),
      cache: newSnapshotCache(options.snapshotMembersMax),
      oldReads: new OldReads(),
      keys: new KeyWatch(ports, options.topics.source),
      backlog: new Backlog(ports, state),
      versionForm: new VersionForm(),
      turns: new Turns(ports.clock),
      dispatch: () => this.#dispatcher.run(),
      review: (group) => review(this.#context, group),
      settle: () => this.#settle(),
    };
    this.#settler = new Settler(this.#context);
    this.#dispatcher = new Dispatcher(this.#context, pLimit(options.concurrency), (group) => this.#applyGroup(group));
  }

  /** Joins the log; resolves when it has begun to. */
  async start(): Promise<void> {
    void this.#settleLoop();
    this.#context.ids?.onChange(() => reResolve(this.#context));
    this.#sweep();
    this.#context.backlog.start();
    await this.#context.log.join(this.#handler());
  }

  stats(): PipelineStats {
    return statsOf(this.#context);
  }

  /** What is in memory, by collection. */
  sizes(): Sizes {
    return sizesOf(this.#context.state);
  }

  /** Resolves when everything is read to the end, final or dead, reported, recorded and committed. */
  async whenAtRest(): Promise<void> {
    while (!this.#isClosed && !(await this.#isAtRest())) await this.#resting.wait();
  }

  /** While something is settled, what is on its way is in no list. */
  async #isAtRest(): Promise<boolean> {
    return !this.#isSettling && (await isAtRest(this.#context)) && !this.#isSettling;
  }

  #settle(): void {
    this.#isSettling = true;
    this.#settling.set();
  }

  /** No intake, no dispatch; what is on its way is finished, settled and committed, then the group is left. */
  async drain(): Promise<void> {
    const { state, log, options, logger, clock } = this.#context;
    if (state.isDraining) return void (await this.ended);
    state.isDraining = true;
    logger.info({ inFlight: state.requestsInFlight }, 'draining');
    for (const { number } of state.partitions.values()) log.pause('source', number);
    let cancel: () => void = () => undefined;
    const timeUp = new Promise<'time_up'>((resolve) => {
      cancel = clock.schedule(options.drainTimeoutMs, () => resolve('time_up'));
    });
    const outcome = await Promise.race([timeUp, this.#finish().then(() => 'drained' as const)]);
    cancel();
    if (outcome === 'time_up') logger.warn({}, 'the drain took too long, the rest is left for the next owner');
    this.#close(null);
  }

  async #finish(): Promise<void> {
    const { state, log } = this.#context;
    while (state.requestsInFlight + state.lookUpsInFlight > 0) await this.#resting.wait();
    // What the last answers brought is settled by the loop; one more signal makes sure that it looks. What cannot be
    // written is tried once more.
    state.unsettled.hurry();
    this.#settle();
    while (this.#isSettling) await this.#resting.wait();
    await log.leave();
  }

  async #settleLoop(): Promise<void> {
    while (!this.#isClosed) {
      await this.#settling.wait();
      try {
        while (!this.#isClosed && (await this.#settler.settleOnce()));
      } catch (error) {
        this.#fail(error);
      }
      this.#isSettling = this.#settling.isSet;
      this.#resting.set();
    }
  }

  async #applyGroup(group: Parameters<typeof applyGroup>[1]): Promise<void> {
    try {
      await applyGroup(this.#context, group);
    } catch (error) {
      this.#fail(error);
    }
    this.#resting.set();
  }

  #handler(): ChangeLogHandler {
    const context = this.#context;
    const { state } = context;
    return {
      joining: () => {
        state.isHalted = true;
        state.joiningAt = context.clock.now();
      },
      assigned: (assignment) => assigned(context, assignment),
      heartbeat: (beat) => heartbeat(context, beat),
      records: (batch) => this.#records(batch),
      offsetOutOfRange: (topic, partition) => offsetGone(context, topic, partition),
      lost: (reason) => {
        state.isHalted = true;
        state.leaseFrom = null;
        state.memberId = null;
        revokeAll(context, reason);
      },
      failed: (error) => this.#fail(error),
    };
  }

  #records(batch: Batch): 'taken' | 'declined' {
    const partition = this.#context.state.partitions.get(batch.partition);
    if (partition !== undefined) {
      const answer =
        batch.topic === 'source' ? readSource(this.#context, partition, batch) : this.#readRetry(partition, batch);
      this.#resting.set();
      return answer;
    }
    this.#context.log.pause(batch.topic, batch.partition);
    return 'declined';
  }

  #readRetry(partition: Partition, batch: Batch): 'taken' {
    readRetry(this.#context, partition, batch);
    if (isCurrent(this.#context, partition)) restore(this.#context, partition);
    return 'taken';
  }

  #sweep(): void {
    this.#cancelSweep = this.#context.clock.schedule(SWEEP_MS, () => {
      dropOldDead(this.#context);
      retryRecords(this.#context);
      dropOldRemovals(this.#context);
      this.#sweep();
    });
  }

  /** A broken invariant, or a log that cannot go on: nothing more is concluded, the next owner reads it all again. */
  #fail(error: unknown): void {
    this.#context.logger.error({ error: errorText(error) }, 'the pipeline cannot go on');
    this.#context.state.isDraining = true;
    this.#close(error instanceof Error ? error : new Error(errorText(error)));
  }

  #close(error: Error | null): void {
    this.#isClosed = true;
    this.#dispatcher.stop();
    this.#context.breaker.stop();
    this.#context.backlog.stop();
    this.#cancelSweep();
    this.#settler.close();
    this.#settling.set();
    this.#resting.set();
    this.#end(error);
  }
}
