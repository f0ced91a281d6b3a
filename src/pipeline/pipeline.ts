/**
 * Room pipeline: the shell of the working service, and what an operator may ask it.
 * Not here: what the shell composes: the rooms below it. Nor decisions (core), nor I/O but through ports.
 *
 * The shell composes the owners of the state and passes on the calls of the log.
 *
 *   start ──▶ working ──drain──▶ draining (no intake, no dispatch) ──settled, or time is up──▶ ended
 */
import pLimit from 'p-limit';
import type { InstanceAnswer } from '../core/explain/instance-answer.ts';
import type { PipelineStatus, StatusAsked } from '../core/status/instance-status.ts';
import type { Batch, ChangeLogHandler } from '../ports.ts';
import { applyGroup } from './apply/apply-group.ts';
import { comparedPipeline, type ComparedPipeline } from './compared.ts';
import { Dispatcher, pendingGroupCount, review } from './dispatch/dispatcher.ts';
import { dropOldRemovals } from './intents/guard.ts';
import { reResolve } from './intents/identify.ts';
import { NoticeSender, noteBreakerOpen } from './intents/notify.ts';
import { assigned, heartbeat, offsetGone, restore } from './partition/assignment.ts';
import { limitIntake, readSource } from './partition/intake.ts';
import { revokeAll } from './partition/loss.ts';
import { readRetry } from './partition/read-back.ts';
import { pendingOfGroup } from './pending-of-group.ts';
import { retryRecords } from './settle/fit-record.ts';
import { dropOldDead } from './settle/record.ts';
import { Settler } from './settle/settle.ts';
import { TargetBreaker } from './state/breaker.ts';
import { Counts } from './state/counts.ts';
import { GroupQueue } from './state/group-queue.ts';
import type { Group } from './state/group.ts';
import { IntakeLimit, ReportLimit } from './state/intake-limits.ts';
import { LookUps } from './state/look-ups.ts';
import { Notices } from './state/notices.ts';
import type { PipelineOptions } from './state/options.ts';
import { Outbox } from './state/outbox.ts';
import type { Owners, Ports } from './state/owners.ts';
import { Lease } from './state/ownership.ts';
import { Partitions } from './state/partitions.ts';
import { Snapshots } from './state/snapshots.ts';
import { Backlog, KeyWatch } from './state/source-watch.ts';
import { Throttled } from './state/target-history.ts';
import { Turns } from './state/turns.ts';
import { Unsettled } from './state/unsettled.ts';
import { statusOf } from './status.ts';
import { isAtRest, sizesOf, statsOf, type PipelineStats, type Sizes } from './stats.ts';
import { errorText } from '../core/text/visible.ts';

const SWEEP_MS = 60_000;
/** With so many of them nothing more is read; where Kafka answers they are written in under a second. */
const REPORTS_WAITING_MAX = 10_000;

export class Pipeline {
  /** null after a drain; an Error when the log cannot go on, whose message names the remedy. */
  readonly ended: Promise<Error | null>;
  readonly #owners: Owners;
  readonly #dispatcher: Dispatcher;
  readonly #settler: Settler;
  readonly #noticeSender: NoticeSender;
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
    const { clock, logger } = ports;
    const partitions = new Partitions();
    this.#owners = {
      ...ports,
      options,
      partitions,
      lease: new Lease(clock, options.leaseMs),
      queue: new GroupQueue(),
      lookUps: new LookUps(),
      outbox: new Outbox({ topic: options.topics.report, isShadow: options.isShadow }, clock),
      unsettled: new Unsettled(),
      counts: new Counts(),
      intakeLimit: new IntakeLimit(options.pendingIntentsMax),
      reportLimit: new ReportLimit(REPORTS_WAITING_MAX),
      breaker: new TargetBreaker({
        clock,
        logger,
        failuresMax: options.breakerFailures,
        pendingGroupCount: () => pendingGroupCount(this.#owners),
        partitions,
        settle: () => this.#settle(),
        onProbeDue: () => this.#dispatcher.run(),
        onOpened: (shown) => noteBreakerOpen(this.#owners, shown),
        onClosed: () => {
          this.#owners.notices.noteClosed(clock.now().wall);
          this.#reviewAll();
        },
      }),
      notices: new Notices(),
      throttled: new Throttled(ports),
      snapshots: new Snapshots(clock, options),
      keys: new KeyWatch(ports, options.topics.source),
      backlog: new Backlog(ports, partitions),
      turns: new Turns(ports.clock),
      dispatch: () => this.#dispatcher.run(),
      review: (group) => review(this.#owners, group),
      settle: () => this.#settle(),
      notify: () => this.#noticeSender.look(),
    };
    this.#noticeSender = new NoticeSender(this.#owners, (error) => this.#fail(error));
    this.#settler = new Settler(this.#owners);
    this.#dispatcher = new Dispatcher(this.#owners, pLimit(options.concurrency), (group) => this.#applyGroup(group));
  }

  /** Joins the log; resolves when it has begun to. */
  async start(): Promise<void> {
    void this.#settleLoop();
    this.#owners.ids?.onChange(() => reResolve(this.#owners));
    this.#sweep();
    this.#owners.backlog.start();
    await this.#owners.log.join(this.#handler());
  }

  stats(): PipelineStats {
    return statsOf(this.#owners);
  }

  /** What is behind, and how long it will take. @param stats as they are now. */
  status(asked: StatusAsked, stats: PipelineStats): PipelineStatus {
    return statusOf(this.#owners, asked, stats);
  }

  /** What it has of a group. @param name by the source or by the target. @param member by any of its names; null: all. */
  pendingOf(name: string, member: string | null): InstanceAnswer {
    return pendingOfGroup(this.#owners, name, member);
  }

  /** For a comparison with the target beside it. */
  get compared(): ComparedPipeline {
    return comparedPipeline(this.#owners);
  }

  /** What is in memory, by collection. */
  sizes(): Sizes {
    return sizesOf(this.#owners);
  }

  /** Resolves when everything is read to the end, final or dead, reported, recorded and committed. */
  async whenAtRest(): Promise<void> {
    while (!this.#isClosed && !(await this.#isAtRest())) await this.#resting.wait();
  }

  /** While something is settled, what is on its way is in no list. */
  async #isAtRest(): Promise<boolean> {
    return !this.#isSettling && (await isAtRest(this.#owners)) && !this.#isSettling;
  }

  #reviewAll(): void {
    const { partitions, review: reviewGroup, dispatch } = this.#owners;
    for (const group of partitions.groups()) reviewGroup(group);
    dispatch();
  }

  #settle(): void {
    this.#isSettling = true;
    this.#settling.set();
  }

  /** No intake, no dispatch; what is on its way is finished, settled and committed, then the group is left. */
  async drain(): Promise<void> {
    const { lease, counts, partitions, log, options, logger, clock } = this.#owners;
    if (lease.isEnding) return void (await this.ended);
    lease.end();
    logger.info({ inFlight: counts.requestsInFlight.value }, 'draining');
    for (const { number } of partitions) log.pause('source', number);
    let cancel: () => void = () => undefined;
    const timeUp = new Promise<'time_up'>((resolve) => {
      cancel = clock.schedule(options.drainTimeoutMs, () => resolve('time_up'));
    });
    const outcome = await Promise.race([timeUp, this.#finish().then(() => 'drained' as const)]);
    cancel();
    if (outcome === 'time_up') logger.warn({}, 'the drain took too long, the rest is left for the next owner');
    this.#close(null);
    // A request that is on its way may still land, so that the next owner comes once the session has expired.
    if (outcome === 'time_up' && this.#requestCount === 0) await log.leave();
  }

  /** To the target, on their way. */
  get #requestCount(): number {
    const { counts, lookUps } = this.#owners;
    return counts.requestsInFlight.value + lookUps.inFlight;
  }

  async #finish(): Promise<void> {
    const { unsettled, log } = this.#owners;
    while (this.#requestCount > 0) await this.#resting.wait();
    // What the last answers brought is settled by the loop; one more signal makes sure that it looks. What cannot be
    // written is tried once more.
    unsettled.hurry();
    await this.#settled();
    // What is held by now stands in the live records.
    if (await this.#noticeSender.drain()) await this.#settled();
    await log.leave();
  }

  async #settled(): Promise<void> {
    this.#settle();
    while (this.#isSettling) await this.#resting.wait();
  }

  async #settleLoop(): Promise<void> {
    while (!this.#isClosed) {
      await this.#settling.wait();
      try {
        let hasMoved = true;
        while (hasMoved && !this.#isClosed) {
          hasMoved = await this.#settler.settleOnce();
          limitIntake(this.#owners);
        }
      } catch (error) {
        this.#fail(error);
      }
      this.#isSettling = this.#settling.isSet;
      this.#resting.set();
    }
  }

  async #applyGroup(group: Group): Promise<void> {
    try {
      await applyGroup(this.#owners, group);
    } catch (error) {
      this.#fail(error);
    }
    this.#resting.set();
  }

  #handler(): ChangeLogHandler {
    const owners = this.#owners;
    const { lease } = owners;
    return {
      joining: () => lease.joining(),
      assigned: (assignment) => assigned(owners, assignment),
      heartbeat: (beat) => heartbeat(owners, beat),
      records: (batch) => this.#records(batch),
      offsetOutOfRange: (topic, partition) => offsetGone(owners, topic, partition),
      lost: (reason) => {
        lease.lost();
        revokeAll(owners, reason);
      },
      failed: (error) => this.#fail(error),
    };
  }

  #records(batch: Batch): 'taken' | 'declined' {
    const owners = this.#owners;
    const partition = owners.partitions.get(batch.partition);
    if (partition === undefined) {
      owners.log.pause(batch.topic, batch.partition);
      return 'declined';
    }
    let answer: 'taken' | 'declined' = 'taken';
    if (batch.topic === 'source') answer = readSource(owners, partition, batch);
    else {
      readRetry(owners, partition, batch);
      if (owners.partitions.isCurrent(partition)) restore(owners, partition);
    }
    this.#resting.set();
    return answer;
  }

  #sweep(): void {
    this.#cancelSweep = this.#owners.clock.schedule(SWEEP_MS, () => {
      this.#owners.counts.mark();
      dropOldDead(this.#owners);
      retryRecords(this.#owners);
      dropOldRemovals(this.#owners);
      this.#sweep();
    });
  }

  /** A broken invariant, or a log that cannot go on: nothing more is concluded, the next owner reads it all again. */
  #fail(error: unknown): void {
    this.#owners.logger.error({ error: errorText(error) }, 'the pipeline cannot go on');
    this.#owners.lease.end();
    this.#close(error instanceof Error ? error : new Error(errorText(error)));
  }

  #close(error: Error | null): void {
    this.#isClosed = true;
    this.#dispatcher.stop();
    this.#owners.breaker.stop();
    this.#owners.backlog.stop();
    this.#cancelSweep();
    this.#settler.close();
    this.#noticeSender.stop();
    this.#settling.set();
    this.#resting.set();
    this.#end(error);
  }
}

/** A latch for one waiter or many: `set` before `wait` is not forgotten, several `set` count once. */
export class Signal {
  #isSet = false;
  #waiters: (() => void)[] = [];

  get isSet(): boolean {
    return this.#isSet;
  }

  set(): void {
    this.#isSet = this.#waiters.length === 0;
    for (const wake of this.#waiters.splice(0)) wake();
  }

  /** Takes the signal. */
  async wait(): Promise<void> {
    if (this.#isSet) {
      this.#isSet = false;
      return;
    }
    await new Promise<void>((resolve) => {
      this.#waiters.push(resolve);
    });
  }
}
