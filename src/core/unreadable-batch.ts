/** What is known of records that cannot be read, since their batch cannot be unpacked. */
import type { Decoded, SourceFormat, SourceRecord } from './change.ts';

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
