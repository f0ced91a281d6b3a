/** The pipeline on a manual clock, with a target in memory that answers as a test says: whole hours pass without waiting. */
import { expect } from 'vitest';
import { MemoryBroker } from '../../src/adapters/memory-log/memory-broker.ts';
import { sha256, systemRandom } from '../../src/adapters/system.ts';
import type { HttpAnswer, ResponseAnswer } from '../../src/core/target/refusals.ts';
import type { SourceFormat } from '../../src/core/change/change.ts';
import { heldDigest } from '../../src/core/group/guard.ts';
import { parseRetryRecord } from '../../src/core/log/live-record.ts';
import { textHeader } from '../../src/core/log/wire-intent.ts';
import { requestKey, type OperatorKey } from '../../src/core/log/request-record.ts';
import type { ReportRecord } from '../../src/core/report/report.ts';
import { native } from '../../src/formats/native/native.ts';
import type { PipelineOptions } from '../../src/pipeline/state/options.ts';
import { Pipeline } from '../../src/pipeline/pipeline.ts';
import type {
  GetGroupRequest,
  GroupApi,
  IdMap,
  LogRecord,
  Notifier,
  PatchGroupRequest,
  Random,
  SearchRequest,
} from '../../src/ports.ts';
import { CountingGate } from './counting-gate.ts';
import { aLog, atEnd } from './genesys.ts';
import { ManualClock } from './manual-clock.ts';
import { TappedLog } from './tapped-log.ts';
import { wholeDecision } from './decisions.ts';

const topics = { source: 'source', retry: 'retry', deadLetter: 'dead-letter', report: 'reports' };

export const answer = (status: number, more: Partial<ResponseAnswer> = {}): ResponseAnswer => ({
  kind: 'response',
  status,
  etag: null,
  retryAfterMs: null,
  body: undefined,
  empty: more.body === undefined,
  correlationId: null,
  sentAt: 0,
  durationMs: 1,
  ...more,
});

export const groupAnswer = (id: string, version: number, members: Iterable<string>): ResponseAnswer =>
  answer(200, {
    etag: `"${version}"`,
    body: { id, meta: { version: `"${version}"` }, members: [...members].map((value) => ({ value })) },
  });

/** Groups appear, empty, when they are asked for. */
export class QuickTarget implements GroupApi {
  readonly gate = new CountingGate();
  /** What a test answers instead; null: nothing. */
  onGet: (request: GetGroupRequest) => HttpAnswer | null = () => null;
  onPatch: (request: PatchGroupRequest) => HttpAnswer | null = () => null;
  onSearch: (request: SearchRequest) => HttpAnswer = () => answer(404);
  requestCount = 0;
  /** A pipeline that has run wild gets no answer any more, so that its test can fail. */
  requestsMax = 20_000;
  readonly #groups = new Map<string, { version: number; readonly members: Set<string> }>();

  group(id: string): { version: number; readonly members: Set<string> } {
    const group = this.#groups.get(id) ?? { version: 1, members: new Set<string>() };
    this.#groups.set(id, group);
    return group;
  }

  shown(id: string): ResponseAnswer {
    const { version, members } = this.group(id);
    return groupAnswer(id, version, members);
  }

  async getGroup(request: GetGroupRequest): Promise<HttpAnswer> {
    await this.#arrive();
    const given = this.onGet(request);
    if (given !== null) return given;
    const isUnchanged = request.ifNoneMatch === `"${this.group(request.group).version}"`;
    return isUnchanged ? answer(304) : this.shown(request.group);
  }

  async patchGroup(request: PatchGroupRequest): Promise<HttpAnswer> {
    await this.#arrive();
    return this.onPatch(request) ?? this.apply(request);
  }

  /** As a target that works. */
  apply({ group: id, ifMatch, body }: PatchGroupRequest): HttpAnswer {
    const group = this.group(id);
    if (ifMatch !== `"${group.version}"`) return answer(412);
    for (const { op, path, value } of body.Operations) {
      for (const { value: member } of value ?? []) group.members.add(member);
      if (op === 'remove') group.members.delete(JSON.parse(path.slice('members[value eq '.length, -1)) as string);
    }
    group.version += 1;
    return this.shown(id);
  }

  async search(request: SearchRequest): Promise<HttpAnswer> {
    await this.#arrive();
    return this.onSearch(request);
  }

  async ensureToken(): Promise<null> {
    return null;
  }

  async close(): Promise<void> {}

  /** As any answer: in a later turn of the event loop. */
  async #arrive(): Promise<void> {
    this.gate.used();
    this.requestCount += 1;
    if (this.requestCount > this.requestsMax) return new Promise(() => undefined);
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** What is dead sends nothing. */
function whileAlive(target: QuickTarget, isAlive: () => boolean): GroupApi {
  const asked = async (ask: () => Promise<HttpAnswer>): Promise<HttpAnswer> =>
    isAlive() ? ask() : new Promise<HttpAnswer>(() => undefined);
  return {
    gate: target.gate,
    getGroup: (request) => asked(() => target.getGroup(request)),
    patchGroup: (request) => asked(() => target.patchGroup(request)),
    search: (request) => asked(() => target.search(request)),
    ensureToken: () => target.ensureToken(),
    close: () => target.close(),
  };
}

/** What is dead sends nothing, and gets no answer. */
function notifyingWhileAlive(notifier: Notifier | undefined, isAlive: () => boolean): { notifier?: Notifier } {
  if (notifier === undefined) return {};
  const never = new Promise<never>(() => undefined);
  const notify: Notifier['notify'] = async (notice) => {
    if (!isAlive()) return never;
    const outcome = await notifier.notify(notice);
    return isAlive() ? outcome : never;
  };
  return { notifier: { notify, close: () => notifier.close() } };
}

/** Pauses before a try are as long in each run. */
const EVEN_RANDOM: Random = { next: () => 0.5, uuid: () => systemRandom.uuid() };

export interface QuickOptions {
  readonly retryRecordMaxBytes?: number;
  /** A function: each start opens its own. */
  readonly ids?: IdMap | ((world: QuickWorld) => IdMap);
  readonly format?: SourceFormat;
  /** From the start on. */
  readonly beforeSend?: TappedLog['beforeSend'];
  readonly pipeline?: Partial<PipelineOptions>;
  readonly operatorKey?: OperatorKey;
  readonly notifier?: Notifier;
}

export class QuickWorld {
  readonly clock = new ManualClock();
  readonly broker = new MemoryBroker(this.clock, systemRandom);
  readonly target = new QuickTarget();
  readonly logger = aLog();
  readonly #options: QuickOptions;
  #starts = 0;
  #hasKilled = false;

  constructor(options: QuickOptions = {}) {
    this.#options = options;
    const { retryRecordMaxBytes } = options;
    const retry = {
      'cleanup.policy': 'compact',
      ...(retryRecordMaxBytes !== undefined && { 'max.message.bytes': String(retryRecordMaxBytes) }),
    };
    for (const topic of Object.values(topics)) {
      const settings = topic === topics.retry ? retry : {};
      this.broker.createTopic({ topic, partitionCount: 1, replicationFactor: 1, settings });
    }
  }

  /** An owner; `kill` makes nothing of it happen any more. */
  async start(
    more: Pick<QuickOptions, 'notifier'> = {},
  ): Promise<{ readonly pipeline: Pipeline; readonly log: TappedLog; kill(): void }> {
    const clientId = `i${++this.#starts}`;
    const log = new TappedLog(this.broker, {
      groupId: 'rollcall',
      clientId,
      heartbeatIntervalMs: 1_000,
      topics: { source: topics.source, retry: topics.retry },
    });
    const { clock, logger } = this;
    const { ids: wanted = null, beforeSend, operatorKey, notifier } = { ...this.#options, ...more };
    if (beforeSend !== undefined) log.beforeSend = beforeSend;
    const ids = typeof wanted === 'function' ? wanted(this) : wanted;
    let isKilled = false;
    const pipeline = new Pipeline(
      {
        log,
        api: whileAlive(this.target, () => !isKilled),
        clock,
        random: EVEN_RANDOM,
        logger,
        sha256,
        ids,
        format: this.#options.format ?? native,
        ...(operatorKey !== undefined && { operatorKey }),
        ...notifyingWhileAlive(notifier, () => !isKilled),
      },
      { ...usual, owner: `${clientId}-${systemRandom.uuid()}`, ...this.#options.pipeline },
    );
    atEnd(async () => {
      if (isKilled) return;
      void pipeline.drain();
      await clock.advance(3_000);
      // What is killed with its requests gives nothing back.
      if (!this.#hasKilled) expect(this.target.gate.held, 'permits that are not given back').toBe(0);
    });
    await pipeline.start();
    await clock.advance(2_000);
    const kill = (): void => {
      isKilled = true;
      this.#hasKilled = true;
      log.crash();
      const group = this.broker.group('rollcall');
      for (const member of group.memberIds) group.leave(member);
    };
    return { pipeline, log, kill };
  }

  /** A source record, of group `g` unless the event names one. */
  produce(event: object): void {
    const change = { group_id: 'g', ...event };
    const value = JSON.stringify(change);
    this.broker.append([{ topic: topics.source, partition: null, key: change.group_id, value, headers: [] }]);
  }

  /** An operator approves what the last live record says is held. */
  approve(author: string): void {
    const last = this.#lastLive();
    const digest = last === null ? null : heldDigest(last.group, last.intents, sha256);
    if (digest === null) return;
    const key = requestKey(systemRandom.uuid());
    const headers = [textHeader('rollcall-type', 'approve')];
    const value = wholeDecision(digest, author);
    this.broker.append([{ topic: topics.retry, partition: 0, key, value, headers }]);
  }

  /** As `kafka-configs --alter` does. */
  setRetryRecordMaxBytes(bytes: number): void {
    this.broker.topic(topics.retry).alter('max.message.bytes', String(bytes));
  }

  records(topic: keyof typeof topics): readonly LogRecord[] {
    return this.broker.topic(topics[topic]).partition(0).read(0n, Number.MAX_SAFE_INTEGER).records;
  }

  reports(): readonly ReportRecord[] {
    return this.records('report').map(({ value }) => JSON.parse(textOf(value)) as ReportRecord);
  }

  /** How many intents each live record of a group holds, in the order of writing. */
  recordedCounts(): readonly number[] {
    return this.records('retry').flatMap((record) => {
      const parsed = parseRetryRecord(record);
      return parsed.kind === 'state' ? [parsed.intents.length] : [];
    });
  }

  /** Source offset, operation and member of each intent of the last live record. */
  recorded(): readonly string[] {
    const intents = this.#lastLive()?.intents ?? [];
    return intents.map(({ op, member, source }) => `${source.offset} ${op} ${member}`);
  }

  committed(): bigint | null {
    return this.broker.group('rollcall').committed(0).offset;
  }

  #lastLive() {
    const records = this.records('retry').map((record) => parseRetryRecord(record));
    return records.findLast((record) => record.kind === 'state') ?? null;
  }
}

const textOf = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString();

const usual: Omit<PipelineOptions, 'owner'> = {
  topics,
  publicApiUrl: 'https://api.example',
  isShadow: false,
  concurrency: 5,
  lingerMs: 1,
  maxWaitMs: 30_000,
  membersPerPatchMax: 50,
  conflictsMax: 3,
  retry: { baseMs: 1_000, capMs: 30_000, attemptsMax: 5, slowScheduleMs: [60_000, 300_000] },
  guard: { groupPercent: 100, groupFloor: 10, groupCount: 1_000_000, windowCount: 1_000_000, windowMs: 600_000 },
  lateApplyMs: 20_000,
  deadKeepMs: 86_400_000,
  deadKeepCount: 10_000,
  breakerFailures: 5,
  pendingIntentsMax: 200_000,
  snapshotMembersMax: 200_000,
  requestsPerPiece: 4,
  leaseMs: Number.POSITIVE_INFINITY,
  drainTimeoutMs: 2_000,
};
