/**
 * The metadata of a commit: what is complete beyond the committed offset, and what tells whether the partition is still
 * the one that was read.
 *
 *   rollcall2;topic=<topic id>;last=<offset>:<timestamp>:<leader epoch>;retry=<topic id>;epoch=<of the owner>;at=<committed offset>;rollcall1:<ranges>
 *
 * Ranges count from the committed offset, so they say nothing where a tool has moved that and kept the metadata (`at`).
 * Fields are separated by `;`, each is optional, unknown ones are ignored. Former versions wrote the ranges alone, which
 * is read as before; they take the whole for metadata of another program, know of no ranges then, and repeat reports.
 */
import { decodeRanges, encodeRanges, METADATA_LENGTH_MAX, type Range } from './ledger.ts';
import { NO_MARK, type RecordStamp, type SourceMark } from './source-history.ts';

const VERSION = 'rollcall2';

export interface CommitMetadata {
  readonly ranges: readonly Range[];
  readonly mark: SourceMark;
}

/** At most METADATA_LENGTH_MAX characters: ranges that do not fit are left out. */
export function encodeCommit(committed: bigint, { ranges, mark }: CommitMetadata): string {
  // Nothing was read, and nothing lies below that could be skipped.
  if (committed === 0n && mark.last === null) return encodeRanges(committed, ranges);
  const at = ranges.length === 0 ? [] : [`at=${committed}`];
  const head = [VERSION, ...markFields(mark), ...at].join(';');
  const encoded = encodeRanges(committed, ranges, METADATA_LENGTH_MAX - head.length - 1);
  return encoded === '' ? head : `${head};${encoded}`;
}

/** Total: metadata of other programs means that nothing is known. */
export function decodeCommit(committed: bigint, metadata: string): CommitMetadata {
  const fields = metadata.split(';');
  const ranges = fields.map((field) => decodeRanges(committed, field)).find(({ length }) => length > 0) ?? [];
  const at = fieldOf(fields, 'at');
  const isMoved = at !== '' && at !== String(committed);
  return { ranges: isMoved ? [] : ranges, mark: fields[0] === VERSION ? markOf(fields) : NO_MARK };
}

/** Of the re-keying relay, which has nothing beyond the committed offset and no retry topic. */
export interface RelayMetadata {
  /** Timestamp of the newest record that was passed on, epoch ms; null: none. */
  readonly newest: number | null;
  readonly mark: SourceMark;
}

export const encodeRelayCommit = ({ newest, mark }: RelayMetadata): string =>
  [VERSION, ...(newest === null ? [] : [`newest=${newest}`]), ...markFields(mark)].join(';');

/** Total. Former versions wrote the timestamp alone. */
export function decodeRelayCommit(metadata: string): RelayMetadata {
  const fields = metadata.split(';');
  if (fields[0] !== VERSION) return { newest: timeOf(metadata), mark: NO_MARK };
  return { newest: timeOf(fieldOf(fields, 'newest')), mark: markOf(fields) };
}

function markFields({ topicId, last, retryTopicId, retryEpoch }: SourceMark): readonly string[] {
  return [
    ...(topicId === null ? [] : [`topic=${topicId}`]),
    ...(last === null ? [] : [`last=${last.offset}:${last.timestamp}:${last.leaderEpoch ?? ''}`]),
    ...(retryTopicId === null ? [] : [`retry=${retryTopicId}`]),
    ...(retryEpoch === null ? [] : [`epoch=${retryEpoch}`]),
  ];
}

function markOf(fields: readonly string[]): SourceMark {
  return {
    topicId: idOf(fieldOf(fields, 'topic')),
    last: lastOf(fieldOf(fields, 'last')),
    retryTopicId: idOf(fieldOf(fields, 'retry')),
    retryEpoch: epochIn(fieldOf(fields, 'epoch')),
  };
}

const idOf = (text: string): string | null => (/^[\w-]{1,64}$/.test(text) ? text : null);

const epochIn = (text: string): number | null => (/^\d{1,15}$/.test(text) ? Number(text) : null);

function lastOf(text: string): RecordStamp | null {
  const [, offset, timestamp, leaderEpoch] = /^(\d{1,19}):(-?\d{1,19}):(\d{0,10})$/.exec(text) ?? [];
  if (offset === undefined || timestamp === undefined) return null;
  return {
    offset: BigInt(offset),
    timestamp: Number(timestamp),
    ...(leaderEpoch !== undefined && leaderEpoch !== '' && { leaderEpoch: Number(leaderEpoch) }),
  };
}

const fieldOf = (fields: readonly string[], name: string): string =>
  fields.find((field) => field.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';

const timeOf = (text: string): number | null => (/^\d{1,16}$/.test(text) && Number(text) > 0 ? Number(text) : null);
