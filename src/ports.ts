/** What the pipeline needs from the world: plain data and promises. One conformance suite per port, on fake and real adapter. */
import type { HttpAnswer, NoToken } from './core/target/refusals.ts';
import type { ReadProgress, ReadRange, UnreadableBatch } from './core/log/reading.ts';
import type { Notice } from './core/notice/notice.ts';
import type { RequestBudget } from './core/status/convergence.ts';
import type { PatchBody } from './core/target/snapshot.ts';
import type { Ahead, Inspection, RecordStamp } from './core/log/commit-metadata.ts';
import type { Search } from './core/ids/look-up.ts';
import type { IdRow } from './core/ids/id-table.ts';
import type { IdKind, LookUpMemory, SureResolution } from './core/ids/resolution.ts';

/** Wall clock for what is written down, monotonic clock for durations, both in milliseconds. */
export interface Instant {
  readonly wall: number;
  readonly monotonic: number;
}

export interface Clock {
  now(): Instant;
  /** Calls `task` once, `delayMs` from now; the returned function cancels it. */
  schedule(delayMs: number, task: () => void): () => void;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  uuid(): string;
}

/** The part of pino that is used; messages are constant strings, everything else is a field. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export type Headers = readonly (readonly [name: string, value: Uint8Array])[];

export interface LogRecord extends RecordStamp {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Headers;
  /** It stands for a whole batch, at its last offset, without key and value. Absent: it can be read. */
  readonly unreadable?: UnreadableBatch;
}

/** The two topics that are consumed; partition p of both always has one owner (co-partitioning). */
export type InputTopic = 'source' | 'retry';

export interface Batch {
  readonly topic: InputTopic;
  readonly partition: number;
  readonly records: readonly LogRecord[];
  /** The position after this batch: compacted holes and control records before it count as read. */
  readonly nextOffset: bigint;
  /** Offset after the last record of the partition, as far as known. */
  readonly endOffset: bigint;
}

export interface OutRecord {
  readonly topic: string;
  /** null: by the key (murmur2, as the Java client does). */
  readonly partition: number | null;
  readonly key: Uint8Array | string | null;
  readonly value: Uint8Array | string | null;
  readonly headers: Headers;
  /** Compress the record's batch (gzip). */
  readonly gzip?: true;
}

/** `refused`: the record itself, however often it is sent. `failed`: its partition, for now; it may be written all the same. */
export type SendOutcome = 'written' | 'too_large' | { readonly kind: 'refused' | 'failed'; readonly error: Error };

export interface Commit {
  readonly partition: number;
  /** The next source offset to read. */
  readonly offset: bigint;
  /** At most 4,096 UTF-16 units. */
  readonly metadata: string;
}

export interface Committed {
  /** null: none. */
  readonly offset: bigint | null;
  readonly metadata: string;
}

export interface Bounds {
  readonly start: bigint;
  /** Offset after the last record (high watermark). */
  readonly end: bigint;
}

export interface Assignment {
  /** Names this member of the consumer group; a new one means that everything may have had other owners. */
  readonly memberId: string;
  readonly partitions: readonly number[];
  /** Partitions of the source topic (= of the retry topic). */
  readonly partitionCount: number;
}

export interface Heartbeat {
  readonly generation: number;
  /** When the successful heartbeat was *sent*. */
  readonly sentAt: Instant;
}

/** Called by the ChangeLog, always synchronously; nothing thrown here may be lost: the adapter ends with `failed`. */
export interface ChangeLogHandler {
  /** A JoinGroup request is being built: until `assigned` no request to the target may start (halt). */
  joining(): void;
  /** The new assignment, before the first fetch of its generation: `seek` and `pause` called in here take effect in time. */
  assigned(assignment: Assignment): void;
  /** A successful heartbeat; the first after `assigned` names the new generation. */
  heartbeat(heartbeat: Heartbeat): void;
  /** `declined`: the position stays, the partition has been paused by the handler, the batch comes again after `resume`. */
  records(batch: Batch): 'taken' | 'declined';
  /** The next offset to read does not exist any more; reading goes on at the partition's start. Records may be lost. */
  offsetOutOfRange(topic: InputTopic, partition: number): void;
  /** The consumer is gone (crash, watchdog, rejoin): nothing is owned until the next `assigned`. */
  lost(reason: string): void;
  /** The log cannot go on (credentials, TLS, codec, programming error); `error.message` names the remedy. */
  failed(error: Error): void;
}

/** Kafka, or the memory log. What asks or writes rejects while the log cannot be reached; the caller tries again. */
export interface ChangeLog {
  /** Joins the consumer group and calls the handler until `leave`. Rebuilds its consumer by itself. */
  join(handler: ChangeLogHandler): Promise<void>;
  /** What became of each record (`written`: all in-sync replicas have it). Rejects where all have `failed`. */
  send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]>;
  /** By which `send` chooses the partition of a key (`partitionOfKey`). */
  partitionCount(topic: string): Promise<number>;
  /** Commits source offsets under the current generation; rejects when it was not stored. Call it in the tick of the ownership check. */
  commit(commits: readonly Commit[]): Promise<void>;
  committed(partition: number): Promise<Committed>;
  bounds(topic: InputTopic, partition: number): Promise<Bounds>;
  /** Of each source partition, without reading on; the first record is looked for at or after an offset that is given. */
  lookAhead(from: ReadonlyMap<number, bigint>): Promise<ReadonlyMap<number, Ahead>>;
  /** What the source is, and the first record at or after an offset within its bounds (null: not asked for); of an assigned one. */
  inspect(partition: number, from: bigint | null): Promise<Inspection>;
  seek(topic: InputTopic, partition: number, offset: bigint): void;
  pause(topic: InputTopic, partition: number): void;
  resume(topic: InputTopic, partition: number): void;
  /** Leaves the group and joins again, since what was read says that the ownership is doubtful. */
  rejoin(reason: string): void;
  /** Leaves the group, so that others take over at once, and closes every connection. */
  leave(): Promise<void>;
}

/** A record of any topic, read outside the consumer group. */
export interface TopicRecord extends LogRecord {
  readonly partition: number;
}

export interface ReadOptions extends ReadRange {
  /** Called before the first record and whenever more is passed; not where `follow`. */
  readonly onProgress?: (progress: ReadProgress) => void;
  /** false: to the ends that the partitions had at the start, or to those of `until`. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** `tell`: a record that stands for an unreadable batch is handed out. Absent: reading ends with its problem. */
  readonly unreadable?: 'tell';
  /** `leave_out`: no partitions without a leader. Absent: where `follow` they are waited for, else reading ends with an error. */
  readonly leaderless?: 'leave_out';
}

export interface TopicDescription {
  readonly partitionCount: number;
  readonly replicationFactor: number;
  /** Effective settings, defaults included: `cleanup.policy`, `min.compaction.lag.ms`, … */
  readonly settings: ReadonlyMap<string, string>;
}

export interface TopicSpecification {
  readonly topic: string;
  readonly partitionCount: number;
  readonly replicationFactor: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** What commands need of a log besides the pipeline's work: the topics themselves, and reading without a group. */
export interface LogTools {
  /** null: there is no such topic. */
  describeTopic(topic: string): Promise<TopicDescription | null>;
  createTopic(specification: TopicSpecification): Promise<'created' | 'exists'>;
  /** Records of one partition come in order; ends by itself, or when `signal` aborts. */
  read(topic: string, options: ReadOptions): AsyncIterable<TopicRecord>;
  send(records: readonly OutRecord[]): Promise<readonly SendOutcome[]>;
  close(): Promise<void>;
}

/** Says whether a request may be written to the socket; asked in that very tick. */
export type MayStart = () => boolean;

/** The rate gate: one permit is one request to the target. It follows the target's own limit headers, and its 429s. */
export interface RateGate {
  /** Takes a permit if one is free and no caller waits for one. */
  tryTake(): boolean;
  /** Resolves with a permit taken, first come first served. */
  take(): Promise<void>;
  /** Gives back a permit that no request was sent with. */
  giveBack(): void;
  /** Resolves when `tryTake` is worth another try. */
  whenOpen(): Promise<void>;
  /** Milliseconds that permits were waited for, in all. */
  waitedMs(): number;
  /** From 0 to 1: how much of what the target allows until its window ends is spent; 1 while that is not known. */
  spentShare(): number;
  /** What may still be spent, for operators. */
  budget(): RequestBudget;
}

export interface GetGroupRequest {
  readonly group: string;
  readonly ifNoneMatch: string | null;
  readonly mayStart: MayStart;
}

export interface PatchGroupRequest {
  readonly group: string;
  readonly ifMatch: string;
  readonly body: PatchBody;
  readonly mayStart: MayStart;
}

export type SearchRequest = Search & { readonly mayStart: MayStart };

/** The target: one request a call, with the caller's permit; after a 401 one more, with its own. Failures are Answers. */
export interface GroupApi {
  readonly gate: RateGate;
  getGroup(request: GetGroupRequest): Promise<HttpAnswer>;
  patchGroup(request: PatchGroupRequest): Promise<HttpAnswer>;
  /** Users or groups that a filter finds, one page of them. */
  search(request: SearchRequest): Promise<HttpAnswer>;
  /** Sees to it that there is a token, although the client may have been refused before; null = there is one. */
  ensureToken(): Promise<NoToken | null>;
  close(): Promise<void>;
}

/** `unanswered`: the target gave no answer that can be used; outcome.ts judges. */
export type Resolution = SureResolution | { readonly kind: 'unanswered'; readonly answer: HttpAnswer };

/** Ids of the identity provider → ids of the target (`ID_MAP`). Where the target has to be asked, it costs a request. */
export interface IdMap extends LookUpMemory {
  /** Without asking anybody; null: nothing is known (any more), `lookUp` has to be called. Tables always know. */
  known(kind: IdKind, id: string): Resolution | null;
  /** Asks the target, once for each id at a time; takes a permit of the gate for each request. Never rejects. */
  lookUp(kind: IdKind, id: string, mayStart: MayStart): Promise<Resolution>;
  /** Rows of a table: those that give this id of the source its target, or that target; absent: ids are looked up one by one. */
  rowsAbout?(kind: IdKind, name: string): readonly IdRow[];
  /** Calls `listener` when what was not known may be known now (a table has changed). */
  onChange(listener: () => void): void;
  close(): Promise<void>;
}

/**
 * `failed`: it may have arrived all the same. `refused`: the receiver does not take this message, however often it is sent.
 * `askedMs`: how long the receiver asks to wait; null: it does not.
 */
export type NotifyOutcome = 'delivered' | { readonly kind: 'failed' | 'refused'; readonly askedMs: number | null };

/** Where people are notified (`NOTIFY_URL`): one request a call, with a time limit of its own. */
export interface Notifier {
  /** Logs why it failed. Never rejects. @param notice the same id and body at each try. */
  notify(notice: Pick<Notice, 'id' | 'body'>): Promise<NotifyOutcome>;
  /** Ends a request that is on its way. */
  close(): Promise<void>;
}
