/** What `rollcall ingest` needs of the world besides src/ports.ts. */
import type { RecordStamp } from '../core/log/commit-metadata.ts';
import type { LogRecord } from '../ports.ts';

/** A partition of the topic that is passed on, before anything of it is read. */
export interface RelayPartition {
  readonly partition: number;
  /** Where reading begins. */
  readonly from: bigint;
  /** What lies between `from` and it was passed on in a former life, and is only to be remembered. */
  readonly committed: bigint;
}

export interface RelayBatch {
  readonly partition: number;
  /** Empty where there is nothing (more) to read. */
  readonly records: readonly LogRecord[];
  /** The position after this batch. */
  readonly nextOffset: bigint;
  /** Offset after the last record of the partition, as far as known. */
  readonly endOffset: bigint;
}

export interface RelayCommit {
  readonly partition: number;
  /** The next offset to pass on. */
  readonly offset: bigint;
  /** The last record that was passed on. */
  readonly last: RecordStamp;
  /** Of the newest record that was passed on, epoch ms: where looking back begins. */
  readonly timestamp: number;
}

/** Called synchronously; any exception ends the relay with `failed`. */
export interface RelayHandler {
  /** Reading begins; everything before is void. */
  assigned(partitions: readonly RelayPartition[]): void;
  /** `declined`: the position stays, the handler has paused the partition, the batch comes again after `resume`. */
  records(batch: RelayBatch): 'taken' | 'declined';
  /** The next offset to read does not exist any more: records may be lost. */
  offsetOutOfRange(partition: number): void;
  /** Nothing is owned until the next `assigned`. */
  lost(reason: string): void;
  /** Waiting cannot help; `error.message` names the remedy. */
  failed(error: Error): void;
}

/**
 * One topic, read as a whole by one member of a consumer group in order to be passed on; other members stand by. Rebuilds
 * itself for as long as trying again may help.
 */
export interface Relay {
  join(handler: RelayHandler): void;
  pause(partition: number): void;
  resume(partition: number): void;
  /** Whether the ownership is recent enough to begin a send: another member takes over after a session without heartbeats. */
  holdsLease(): boolean;
  /** Rejects where it was not stored. */
  commit(commits: readonly RelayCommit[]): Promise<void>;
  leave(): Promise<void>;
}

/** A final answer of an identity provider: what may pass was waited for, and the token renewed. */
export interface IdpAnswer {
  readonly status: number;
  /** null: there is none. Names in lower case. */
  header(name: string): string | null;
  readonly body: Uint8Array;
}

/** An answer that is read as it comes. */
export interface IdpStream {
  readonly status: number;
  /** Ends with the stream, or after so many ms without anything new. */
  chunks(quietMs: number): AsyncIterable<Uint8Array>;
}

/** The API of an identity provider. Paths begin with `/`, and are relative to its base address. */
export interface IdpApi {
  /** Where the base address is; part of the name of a cursor. */
  readonly host: string;
  /** Its path, without a slash at the end; part of that name as well. */
  readonly basePath: string;
  /** @throws IdpRefusal (credentials, permission), IdpTrouble (no usable answer for too long, asked to stop). */
  get(path: string): Promise<IdpAnswer>;
  /** As `get`, for a body without an end. */
  open(path: string): Promise<IdpStream>;
  /** The path of a link in an answer. @throws IdpTrouble where it leads elsewhere: no other host may see the token. */
  pathOf(link: string): string;
}
