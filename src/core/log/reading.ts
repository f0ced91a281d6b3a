/**
 * Which part of a topic is read and how far that is, what is known of records whose batch cannot be unpacked, and the
 * outcome of a send (ports.ts, `SendOutcome`) of which nothing was written.
 */
import type { Decoded, SourceFormat, SourceRecord } from '../change/change.ts';

export interface ReadRange {
  /** `end`: only what is written from now on. `since`: from the first record on with this timestamp (epoch ms) or a later one. */
  readonly from: 'beginning' | 'end' | { readonly since: number };
  /** Absent: all. */
  readonly partitions?: readonly number[];
}

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
