/**
 * Compares all groups of this instance with the target again and again, beside the pipeline of `run` and in its idle time (protocol.md
 * 14). Of each group the evidence stays from pass to pass, and is read on; after a pass that has failed at it, it is read again from the beginning.
 */
import { Writable } from 'node:stream';
import { explainKafkaError } from '../adapters/kafka/errors.ts';
import { logLasting } from '../adapters/lasting-lines.ts';
import { findingsOf, type DriftFigures, type DriftFinding } from '../core/drift/findings.ts';
import { isSameId } from '../core/change/change.ts';
import { ExitError } from '../exit-codes.ts';
import type { ComparedPipeline, OwnedPartition, ReportedDrift } from '../pipeline/compared.ts';
import type { Clock, GroupApi, Logger } from '../ports.ts';
import { pauseUnlessAborted } from '../time.ts';
import { DriftEvidence, type DriftSources } from './drift-evidence.ts';
import { DriftFindings } from './drift-findings.ts';
import { GroupReader, UnreadableTargetError, compareGroups, sourceHasMoved, type ComparedGroup } from './drift.ts';
import { chunks } from './dry-run.ts';
import { IdleApi, IdleTime, readingInIdleTime } from './idle-time.ts';
import { RequestPace } from './request-pace.ts';
import { TopicMovedError } from './topic-reading.ts';

export interface WatchedSources extends Omit<DriftSources, 'context'> {
  readonly api: Pick<GroupApi, 'gate' | 'getGroup'>;
  readonly rateLimitPerMinute: number | null;
  /** The error, or what stands behind it. */
  readonly diagnosed: (error: unknown) => Promise<unknown>;
}

export interface WatchOptions {
  readonly pipeline: ComparedPipeline;
  /** From the start of one pass to the start of the next. */
  readonly everyMs: number;
  /** Of what the topics say of all groups. */
  readonly evidenceBytesMax: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends it. */
  readonly stop: AbortSignal;
}

/** What one read of the evidence stands for, as in `rollcall diff`. */
const REQUESTS_A_READ = 20;
/** Beyond so many the pipeline reads no more until they are written. */
const REPORTS_A_TURN = 500;

export class DriftWatch {
  readonly #sources: WatchedSources;
  readonly #options: WatchOptions;
  readonly #idle: IdleTime;
  readonly #api: IdleApi;
  readonly #findings = new DriftFindings();
  #evidence: DriftEvidence | null = null;
  /** Of the evidence, that were logged. */
  readonly #problems = new Set<string>();
  #passes = { finished: 0, failed: 0 };
  #groupsLeft = 0;
  #lastFinishedAt: number | null = null;

  constructor(sources: WatchedSources, options: WatchOptions) {
    this.#sources = sources;
    this.#options = options;
    this.#idle = new IdleTime(options.pipeline, options.clock, options.stop);
    this.#api = new IdleApi(sources.api, this.#idle);
  }

  get figures(): DriftFigures {
    return {
      found: this.#lastFinishedAt === null ? null : this.#findings.counts(this.#isOwned),
      passes: { ...this.#passes },
      requests: this.#api.requestCount,
      groupsLeft: this.#groupsLeft,
      lastFinishedAt: this.#lastFinishedAt,
    };
  }

  /** Until the signal. */
  async run(): Promise<void> {
    const { clock, stop, everyMs } = this.#options;
    let startAt = clock.now().monotonic;
    while (!stop.aborted) {
      startAt = Math.max(startAt + everyMs, clock.now().monotonic);
      await pauseUnlessAborted(clock, startAt - clock.now().monotonic, stop);
      if (!stop.aborted) await this.#pass();
    }
  }

  readonly #isOwned = (owned: OwnedPartition): boolean => this.#options.pipeline.owned(owned.number) === owned;

  async #pass(): Promise<void> {
    const { stop, logger, clock } = this.#options;
    const pass = new Pass();
    const before = this.#api.requestCount;
    try {
      await this.#compareAll(pass);
      if (stop.aborted) return;
      this.#passes.finished += 1;
      this.#lastFinishedAt = clock.now().wall;
      const requests = this.#api.requestCount - before;
      logger.info({ ...pass.counts, ...this.#findings.counts(this.#isOwned), requests }, FINISHED);
    } catch (error) {
      // What it was reading may not be read on: the topic may be another one.
      if (!(error instanceof UnreadableTargetError)) this.#evidence = null;
      if (stop.aborted) return;
      this.#passes.failed += 1;
      const problem = await this.#problemOf(error);
      const cause = `${problem.code} ${problem.problem}`;
      const fields = { ...pass.counts, ...problem };
      logLasting({ clock, logger }, { level: 'warn', cause, fields, message: FAILED });
    } finally {
      this.#groupsLeft = 0;
    }
  }

  async #problemOf(error: unknown): Promise<Problem> {
    if (error instanceof UnreadableTargetError)
      return { code: 'target_unreadable', problem: error.problem, advice: error.advice };
    if (error instanceof EvidenceTooLargeError)
      return { code: 'evidence_too_large', problem: error.message, advice: TOO_LARGE_ADVICE };
    if (error instanceof TopicMovedError) return { code: 'topic_moved', problem: error.message, advice: MOVED_ADVICE };
    if (error instanceof ExitError) return { code: 'topics_unreadable', problem: error.message, advice: TOPICS_ADVICE };
    const { code, message, advice } = explainKafkaError(await this.#sources.diagnosed(error));
    return { code, problem: message, advice };
  }

  async #compareAll(pass: Pass): Promise<void> {
    const { pipeline, stop } = this.#options;
    await this.#idle.turn();
    if (stop.aborted) return;
    const evidence = await this.#readEvidence();
    this.#retainFindings(evidence);
    this.#logProblems(evidence);
    const target = this.#reader();
    const groups = evidence.groups.filter((group) => pipeline.owned(evidence.partitionOf(group)) !== null);
    this.#groupsLeft = groups.length;
    let readAt = this.#api.requestCount;
    for (const group of groups) {
      if (stop.aborted) return;
      if (this.#api.requestCount - readAt >= REQUESTS_A_READ) {
        await evidence.refresh();
        readAt = this.#api.requestCount;
      }
      await this.#compareOne(group, { evidence, target, pass });
      this.#groupsLeft -= 1;
    }
  }

  /** Reads it on; from the beginning where that cannot be. */
  async #readEvidence(): Promise<DriftEvidence> {
    const known = this.#evidence;
    try {
      await known?.refresh();
    } catch (error) {
      if (!(error instanceof TopicMovedError)) throw error;
      this.#options.logger.warn({ problem: error.message }, 'comparisons read the topics again from the beginning');
      this.#evidence = null;
    }
    if (this.#evidence !== null) return this.#evidence;
    const evidence = (this.#evidence = this.#newEvidence());
    await evidence.refresh();
    return evidence;
  }

  /** Those that are new. */
  #logProblems({ problems }: DriftEvidence): void {
    for (const problem of problems) {
      if (this.#problems.has(problem)) continue;
      this.#problems.add(problem);
      this.#options.logger.warn({ problem }, 'a comparison lacks evidence that cannot be read');
    }
  }

  /** Tried again where something came to be due before the request was written. */
  async #compareOne(group: string, { evidence, target, pass }: Comparison): Promise<void> {
    const { pipeline, clock, stop } = this.#options;
    const context = { clock, stop };
    while (!stop.aborted) {
      // The pace looks at the budget as it is then.
      await this.#idle.turn();
      const owned = pipeline.owned(evidence.partitionOf(group));
      if (owned === null) return pass.note('lost');
      const isPaused = (): boolean => pipeline.isPaused(owned, { id: group, target: evidence.targetOf(group) });
      if (isPaused()) return pass.note('paused');
      // The pace and the idle time are waited for in between.
      const mayStart = (): boolean => this.#isOwned(owned) && !isPaused();
      for await (const compared of compareGroups([group], { evidence, target, mayStart, wanted: null, context })) {
        const fate = await this.#take(group, owned, { compared, evidence });
        if (fate !== null) pass.note(fate);
        return;
      }
    }
  }

  /** What could not be compared leaves what was found before. @returns what the group came to; null: the signal has ended it */
  async #take(group: string, owned: OwnedPartition, { compared, evidence }: Found): Promise<Fate | null> {
    if (compared.status !== 'compared') return compared.status;
    const { facts } = evidence.known(group, null);
    const found = findingsOf(facts, compared.differences, compared.snapshot?.version ?? null);
    for (const part of chunks(this.#findings.newsOf(group, owned, found), REPORTS_A_TURN)) {
      await this.#readSourceIdle(evidence);
      if (this.#options.stop.aborted) return null;
      // A change that was applied meanwhile may have ended the difference.
      if (sourceHasMoved(compared, evidence)) return 'moved';
      this.#findings.add(group, owned, part);
      this.#options.pipeline.report(
        owned,
        part.flatMap((finding) => reportOf(finding, compared)),
      );
    }
    this.#findings.take(group, owned, found);
    return 'compared';
  }

  /** Reads the source on, until nothing has come while it was read; or to the signal. */
  async #readSourceIdle(evidence: DriftEvidence): Promise<void> {
    do {
      await this.#idle.turn();
      if (this.#options.stop.aborted) return;
      await evidence.readSource();
    } while (!this.#idle.isNow && !this.#options.stop.aborted);
  }

  /** Nothing of groups whose partition was lost, or whose newest record is in another one now. */
  #retainFindings(evidence: DriftEvidence): void {
    const groups = new Set(evidence.groups);
    const isHere = (group: string, { number }: OwnedPartition): boolean =>
      groups.has(group) && evidence.partitionOf(group) === number;
    this.#findings.retain((group, owned) => this.#isOwned(owned) && isHere(group, owned));
  }

  #newEvidence(): DriftEvidence {
    const { clock, stop } = this.#options;
    const tools = readingInIdleTime(this.#sources.tools, this.#idle, () => this.#limitMemory());
    const context = { stderr: SILENT, clock, stop };
    return new DriftEvidence({ ...this.#sources, tools, context }, { groups: null, allPartitions: true });
  }

  #reader(): GroupReader {
    const { clock, stop } = this.#options;
    const { rateLimitPerMinute: ratePerMinute, api } = this.#sources;
    const pace = new RequestPace(api.gate, { ratePerMinute, wished: null }, clock);
    return new GroupReader(this.#api, pace, { clock, stop });
  }

  /** @throws EvidenceTooLargeError, so that the service keeps its memory for the changes that it applies. */
  #limitMemory(): void {
    const { evidenceBytesMax } = this.#options;
    if ((this.#evidence?.keptBytes ?? 0) <= evidenceBytesMax) return;
    throw new EvidenceTooLargeError(
      `what is known of memberships takes more than ${Math.round(evidenceBytesMax / MIB)} MiB`,
    );
  }
}

class EvidenceTooLargeError extends Error {}

/** Why a pass has failed. */
interface Problem {
  readonly code: string;
  readonly problem: string;
  readonly advice: string;
}

interface Comparison {
  readonly evidence: DriftEvidence;
  readonly target: GroupReader;
  readonly pass: Pass;
}

interface Found {
  readonly compared: ComparedGroup;
  readonly evidence: DriftEvidence;
}

type Fate = ComparedGroup['status'] | 'paused' | 'lost';

/** How many groups of one pass came to what. */
class Pass {
  readonly counts: Record<Fate, number> = { compared: 0, moved: 0, failed: 0, paused: 0, lost: 0 };

  note(fate: Fate): void {
    this.counts[fate] += 1;
  }
}

function reportOf(
  { place, ...drift }: DriftFinding,
  { group, target, comparedAt: reportedAt }: ComparedGroup,
): readonly ReportedDrift[] {
  if (place === null) return [];
  const source = { ...place, eventId: null };
  // Without an id map both ids are the source's.
  const groupTarget = target !== null && isSameId(group, target) ? group : target;
  return [{ source, group, groupTarget, drift, reportedAt }];
}

const FINISHED = 'the groups of this instance are compared with Genesys Cloud';
const FAILED = 'a comparison with Genesys Cloud has failed, the next one tries again';

const TOO_LARGE_ADVICE = 'Unset DRIFT_EVERY_MS, and run `rollcall diff` as a process of its own.';
const MOVED_ADVICE = 'The next comparison reads the topics from the beginning.';
const TOPICS_ADVICE = '`rollcall doctor` says what is wrong with the topics.';

const MIB = 1024 * 1024;

/** The log of the service has no lines of progress. */
const SILENT = new Writable({ write: (_chunk, _encoding, done) => done() });
