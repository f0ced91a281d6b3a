/**
 * Which part of a topic is read and how far that is, what is known of records whose batch cannot be unpacked, which hash of the key
 * chose their partitions, and the outcome of a send (ports.ts, `SendOutcome`) of which nothing was written.
 */
import type { Decoded, SourceFormat, SourceRecord } from '../change/change.ts';

export interface ReadRange {
  /**
   * `end`: only what is written from now on. `since`: from the first record on with this timestamp (epoch ms) or a later one.
   * `offsets`: of a partition that it does not name, and of one that begins later, from the beginning.
   */
  readonly from: 'beginning' | 'end' | { readonly since: number } | { readonly offsets: ReadonlyMap<number, bigint> };
  /**
   * A partition is read to its first record with this timestamp (epoch ms) or a later one, that one not included. Absent, or where
   * there is none: to the end that it had at the start. Not where the topic is followed.
   */
  readonly until?: number;
  /** Absent: all. */
  readonly partitions?: readonly number[];
}

/** null: the range does not say. */
export const offsetIn = (from: ReadRange['from'], partition: number): bigint | null =>
  typeof from === 'object' && 'offsets' in from ? (from.offsets.get(partition) ?? null) : null;

/** Offsets of all partitions that are read, holes included. */
export interface ReadProgress {
  readonly passed: number;
  readonly total: number;
}

/** Stands for a batch of records that cannot be unpacked: what they say is not known. */
export interface UnreadableBatch {
  readonly code: 'batch_too_large' | 'batch_unreadable';
  /** Names the offsets and the reason; without a full stop. */
  readonly message: string;
}

const UNREADABLE_REMEDY =
  'None of its records was read. Find out what wrote it, and write its records again, in smaller batches.';

/** What a record says; one that stands for an unreadable batch is invalid in every format. */
export function decodeRecord(
  format: SourceFormat,
  record: SourceRecord & { readonly unreadable?: UnreadableBatch },
  topic: { readonly partitionCount: number },
): Decoded {
  const { unreadable } = record;
  if (unreadable === undefined) return format.decode(record, topic);
  const message = `${unreadable.message}. ${UNREADABLE_REMEDY}`;
  return [{ kind: 'invalid', code: unreadable.code, message, group: null }];
}

type Outcome = string | { readonly kind: string; readonly error: Error };

/** @throws where all have failed: the first error. */
export function unlessAllFailed<O extends Outcome>(outcomes: readonly O[]): readonly O[] {
  const errors = outcomes.flatMap((outcome: Outcome) =>
    typeof outcome === 'object' && outcome.kind === 'failed' ? [outcome.error] : [],
  );
  const [first] = errors;
  if (first !== undefined && errors.length === outcomes.length) throw first;
  return outcomes;
}

/** The sessions that the brokers permit: beyond them they refuse to let a member join its consumer group. */
export interface SessionLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

export interface SessionFinding {
  readonly message: string;
  readonly advice: string;
}

/** @param limits null: the broker does not say. Returns null where there is nothing to say. */
export function sessionFinding(sessionMs: number, limits: SessionLimits | null): SessionFinding | null {
  if (limits === null || (sessionMs >= limits.minMs && sessionMs <= limits.maxMs)) return null;
  return {
    message: `The brokers permit sessions of ${limits.minMs} to ${limits.maxMs} ms, and KAFKA_SESSION_TIMEOUT_MS is ${sessionMs}: \`run\` cannot join its consumer group.`,
    advice:
      'Set KAFKA_SESSION_TIMEOUT_MS within these limits, or change group.min.session.timeout.ms and group.max.session.timeout.ms of the brokers.',
  };
}

/**
 * Which hash of the key chose the partitions of some records. One hash for all of them keeps the records of a key together,
 * whichever it is; two producers with different ones do not. A hash that is not known here is none of our business: a
 * mixture is claimed only where known ones explain every record, which a foreign hash would hardly do by chance.
 */
/** Where a record with this key lies. */
export interface KeyPlace {
  readonly key: Uint8Array;
  readonly partition: number;
}

interface KeyHash {
  readonly name: string;
  readonly partitionOf: (key: Uint8Array, partitionCount: number) => number;
}

/** Beside Java's: the defaults of librdkafka (rdcrc32.c, `consistent_random`) and of Sarama (`NewHashPartitioner`). */
const known: readonly KeyHash[] = [
  { name: 'murmur2 (the Java client, kafkajs)', partitionOf: partitionOfKey },
  { name: 'CRC-32 (the default of librdkafka)', partitionOf: (key, count) => crc32(key) % count },
  { name: 'FNV-1a (the default of Sarama)', partitionOf: (key, count) => Math.abs(fnv1a(key)) % count },
];

export type Hashing =
  | { readonly kind: 'one'; readonly name: string }
  | { readonly kind: 'mixed'; readonly names: readonly string[] }
  | { readonly kind: 'unknown' };

/** A hash that is not known would put all records where known ones do with less than this chance. */
const CHANCE_MAX = 1e-3;

/** @param places of distinct keys, or of keys in several partitions; `unknown` where there are none. */
export function hashingOf(places: readonly KeyPlace[], partitionCount: number): Hashing {
  if (places.length === 0 || partitionCount === 1) return { kind: 'unknown' };
  const rows = places.map(({ key, partition }) => {
    const candidates = known.map(({ partitionOf }) => partitionOf(key, partitionCount));
    return { candidates, fits: candidates.map((candidate) => candidate === partition) };
  });
  for (const set of subsets) {
    if (!rows.every(({ fits }) => set.some((index) => fits[index]))) continue;
    const names = set.flatMap((index) => known[index]?.name ?? []);
    const [name] = names;
    if (names.length === 1 && name !== undefined) return { kind: 'one', name };
    const chances = rows.map(({ candidates }) => new Set(set.map((index) => candidates[index])).size / partitionCount);
    if (chances.reduce((product, chance) => product * chance, 1) < CHANCE_MAX) return { kind: 'mixed', names };
  }
  return { kind: 'unknown' };
}

/** Of `known`, by index: the small ones first, so that the simplest explanation is found. */
const subsets: readonly (readonly number[])[] = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]];

/** CRC-32 of ISO 3309, unsigned. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** FNV-1a, 32 bits, signed. */
export function fnv1a(bytes: Uint8Array): number {
  let hash = 0x811c9dc5 | 0;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

/**
 * The hash by which the Java client and kafkajs choose a record's partition: MurmurHash2 of the key bytes, 32 bits,
 * seed 0x9747b28c (org.apache.kafka.common.utils.Utils.murmur2).
 */
const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;

/** A signed 32-bit integer. */
export function murmur2(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tailAt = bytes.length - (bytes.length % 4);
  let hash = seed ^ bytes.length;
  for (let at = 0; at < tailAt; at += 4) {
    let word = Math.imul(view.getInt32(at, true), multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  if (tailAt < bytes.length) {
    for (let at = bytes.length - 1; at >= tailAt; at--) hash ^= view.getUint8(at) << (8 * (at - tailAt));
    hash = Math.imul(hash, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
}

export function partitionOfKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}
