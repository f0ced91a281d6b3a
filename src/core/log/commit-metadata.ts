/**
 * The metadata of a commit: what is complete beyond the committed offset, and what tells whether the partition is still
 * the one that was read.
 *
 *   rollcall2;topic=<topic id>;last=<offset>:<timestamp>:<leader epoch>;retry=<topic id>;epoch=<of the owner>;rewound=<by whom>;at=<committed offset>;rollcall1:<ranges>
 *
 * Ranges count from the committed offset, so they say nothing where a tool has moved that and kept the metadata (`at`).
 * Fields are separated by `;`, each is optional, unknown ones are ignored. Former versions wrote the ranges alone, which
 * is read as before; they take the whole for metadata of another program, know of no ranges then, and repeat reports.
 */
import { z } from 'zod';
import { jsonIn } from '../text/json.ts';
import { METADATA_LENGTH_MAX, decodeRanges, encodeRanges, type Range } from './ledger.ts';
import { wireId, wireReason } from './wire-intent.ts';

const VERSION = 'rollcall2';

export interface CommitMetadata {
  readonly ranges: readonly Range[];
  readonly mark: SourceMark;
}

/** At most METADATA_LENGTH_MAX characters: ranges that do not fit are left out. */
export function encodeCommit(committed: bigint, { ranges, mark: remembered }: CommitMetadata): string {
  const mark = withRewind(remembered, ({ from }) => committed <= from);
  // Nothing was read, and nothing lies below that could be skipped.
  if (committed === 0n && mark.last === null && mark.rewound === undefined) return encodeRanges(committed, ranges);
  const at = ranges.length === 0 ? [] : [`at=${committed}`];
  const head = [VERSION, ...markFields(mark), ...at].join(';');
  const encoded = encodeRanges(committed, ranges, METADATA_LENGTH_MAX - head.length - 1);
  return encoded === '' ? head : `${head};${encoded}`;
}

/** A rewind is remembered until the partition is past it: from then on its room is for ranges. */
function withRewind({ rewound, ...mark }: SourceMark, isOpen: (rewind: PartitionRewind) => boolean): SourceMark {
  return { ...mark, ...(rewound !== undefined && isOpen(rewound) && { rewound }) };
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

function markFields({ topicId, last, retryTopicId, retryEpoch, rewound }: SourceMark): readonly string[] {
  return [
    ...(topicId === null ? [] : [`topic=${topicId}`]),
    ...(last === null ? [] : [`last=${last.offset}:${last.timestamp}:${last.leaderEpoch ?? ''}`]),
    ...(retryTopicId === null ? [] : [`retry=${retryTopicId}`]),
    ...(retryEpoch === null ? [] : [`epoch=${retryEpoch}`]),
    ...(rewound === undefined ? [] : [`rewound=${rewoundText(rewound)}`]),
  ];
}

function markOf(fields: readonly string[]): SourceMark {
  const rewound = rewindIn(fieldOf(fields, 'rewound'));
  return {
    topicId: idOf(fieldOf(fields, 'topic')),
    last: lastOf(fieldOf(fields, 'last')),
    retryTopicId: idOf(fieldOf(fields, 'retry')),
    retryEpoch: epochIn(fieldOf(fields, 'epoch')),
    ...(rewound !== undefined && { rewound }),
  };
}

const wireRewind = z.object({
  author: wireId,
  reason: wireReason.nullable(),
  at: z.int().min(0),
  from: z
    .string()
    .regex(/^\d{1,19}$/)
    .transform(BigInt),
});

/** In letters that separate no fields: 2,000 of them at most, so that half of the metadata is left for ranges. */
const rewoundText = ({ author, reason, at, from }: PartitionRewind): string =>
  Buffer.from(JSON.stringify({ author, reason, at, from: String(from) })).toString('base64url');

const rewindIn = (text: string): PartitionRewind | undefined =>
  wireRewind.safeParse(jsonIn(Buffer.from(text, 'base64url').toString())).data;

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

/*
 * Whether offsets still name the records that were read: a topic that was deleted and recreated, or truncated by an unclean
 * leader election, uses the same offsets for other records. What was read last is compared with what lies there now.
 *
 * The topic id alone finds a recreated topic, offset and leader epoch together find a truncated one: Kafka gives both out
 * only once. The timestamp serves where a broker or a record format has neither; producers choose it, so only a difference
 * says something, never the order.
 */

/** What tells a record from others at its offset. */
export interface RecordStamp {
  readonly offset: bigint;
  /** Epoch ms. */
  readonly timestamp: number;
  /** Of the leader that appended it; absent: not known (message format before 2). */
  readonly leaderEpoch?: number;
}

/** Who rewinds, and why. */
export interface Rewind {
  readonly author: string;
  /** null: none was given. */
  readonly reason: string | null;
  /** Epoch ms. */
  readonly at: number;
}

/** Of a partition whose committed offset was moved back. */
export interface PartitionRewind extends Rewind {
  /** The committed offset before; where a rewind before was not read through yet, the one before that. */
  readonly from: bigint;
}

/** What is remembered of a partition that was read. */
export interface SourceMark {
  /** null: not known (brokers before 2.8). */
  readonly topicId: string | null;
  /** The last record that was read; null: none was. */
  readonly last: RecordStamp | null;
  /** Of the topic that what is parked lies in; null: not known. */
  readonly retryTopicId: string | null;
  /** Under which that topic was used; null: not known (commits of former versions). */
  readonly retryEpoch: number | null;
  /** The last time; absent: never, all is committed again and more, or a former version has committed since. */
  readonly rewound?: PartitionRewind;
}

/** The same partition as it is now. */
export interface SourceView {
  readonly topicId: string | null;
  readonly retryTopicId: string | null;
  readonly start: bigint;
  /** Offset after the last record. */
  readonly end: bigint;
  /** The first record at or after the one that is remembered; null: none. */
  readonly first: RecordStamp | null;
}

/** What a log tells when it is asked where and what it is. */
export type Inspection = Pick<SourceView, 'topicId' | 'retryTopicId' | 'first'>;

/** What lies ahead of a reader in a source partition. */
export interface Ahead {
  /** The offset after the last record. */
  readonly end: bigint;
  /** The first record that was looked for; null: none was, or it cannot be read at present. */
  readonly first: RecordStamp | null;
}

/** What is remembered, with the topic id as it is now, and why that cannot be the topic that was read. */
export interface Comparison {
  readonly mark: SourceMark;
  /** null: nothing says so. */
  readonly historyProblem: string | null;
  /** The retry topic that was used last, where that is not the present one; null: it is, or that is not known. */
  readonly formerRetry: { readonly topicId: string; readonly epoch: number | null } | null;
}

export const NO_MARK: SourceMark = { topicId: null, last: null, retryTopicId: null, retryEpoch: null };

export const stampOf = ({ offset, timestamp, leaderEpoch }: RecordStamp): RecordStamp => ({
  offset,
  timestamp,
  ...(leaderEpoch !== undefined && { leaderEpoch }),
});

export function compareHistory(mark: SourceMark, view: SourceView): Comparison {
  return {
    mark: {
      // An offset beyond the end was one of other records.
      ...withRewind(mark, ({ from }) => from <= view.end),
      topicId: view.topicId ?? mark.topicId,
      retryTopicId: view.retryTopicId ?? mark.retryTopicId,
    },
    historyProblem: problemOf(mark, view),
    formerRetry:
      mark.retryTopicId !== null && isOtherTopic(mark.retryTopicId, view.retryTopicId)
        ? { topicId: mark.retryTopicId, epoch: mark.retryEpoch }
        : null,
  };
}

/** Where to look for the record that is remembered, or for the first one behind it; null: nowhere. */
export function lookFrom({ last }: SourceMark, { start, end }: Pick<SourceView, 'start' | 'end'>): bigint | null {
  if (last === null || start >= end || last.offset >= end) return null;
  return last.offset > start ? last.offset : start;
}

function problemOf(mark: SourceMark, view: SourceView): string | null {
  const { last } = mark;
  if (isOtherTopic(mark.topicId, view.topicId)) {
    const when = last === null ? '' : ` (the last one: offset ${last.offset}, ${said(last)})`;
    return `the topic was deleted and recreated: records were read of topic id ${mark.topicId}${when}, now it is ${view.topicId}`;
  }
  if (last === null) return null;
  if (last.offset >= view.end) {
    return `the topic was recreated or truncated: offset ${last.offset} was read (${said(last)}), now the partition ends at ${view.end}`;
  }
  return view.first === null ? null : recordProblem(last, view.first);
}

const isOtherTopic = (remembered: string | null, present: string | null): boolean =>
  remembered !== null && present !== null && remembered !== present;

/** Of the record at the offset that was read, or of the first one behind it where compaction or retention took that one. */
function recordProblem(last: RecordStamp, first: RecordStamp): string | null {
  const isOther = first.offset === last.offset && !(first.timestamp === last.timestamp && isSameEpoch(last, first));
  if (!isOther && !isOlderEpoch(last, first)) return null;
  return `the topic was recreated or truncated: offset ${last.offset} was read (${said(last)}), now offset ${first.offset} has ${said(first)}`;
}

const isSameEpoch = (a: RecordStamp, b: RecordStamp): boolean =>
  a.leaderEpoch === undefined || b.leaderEpoch === undefined || a.leaderEpoch === b.leaderEpoch;

/** Leader epochs never go down within a partition. */
export const isOlderEpoch = (last: RecordStamp | null, next: RecordStamp): boolean =>
  next.leaderEpoch !== undefined && next.leaderEpoch < (last?.leaderEpoch ?? 0);

const said = ({ timestamp, leaderEpoch }: RecordStamp): string =>
  `timestamp ${timeText(timestamp)}${leaderEpoch === undefined ? '' : `, leader epoch ${leaderEpoch}`}`;

/** Producers may write any number. */
function timeText(timestamp: number): string {
  const date = new Date(timestamp);
  return Number.isNaN(date.getTime()) ? String(timestamp) : date.toISOString();
}
