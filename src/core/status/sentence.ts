/** The answer of `rollcall status` in words: what keeps it, or how far it is behind, and when it will be in step; then what waits. */
import { earlier } from '../change/pending.ts';
import { timeText } from '../report/reporting.ts';
import { durationText } from '../text/duration.ts';
import type { Overview, PartitionRow, Reply } from './overview.ts';

/** @param now epoch ms. */
export function statusSentence(overview: Overview, now: number): string {
  return [...mainSentences(overview, now), ...besides(overview)].join(' ');
}

/** Changes that could be applied and are not; those that are not read count as one each. */
export const behindOf = ({ totals: { pending, held, waiting, paused, unread } }: Overview): number =>
  pending - held - waiting - paused + unread;

/** All that can be applied is, as far as instances and Kafka tell. */
export const isInStep = (overview: Overview): boolean =>
  overview.convergesInMs !== null && behindOf(overview) === 0 && notRunning(overview.rows).length === 0;

function mainSentences(overview: Overview, now: number): readonly string[] {
  const { replies, rows } = overview;
  const open = replies.filter(({ answer }) => (answer?.breaker ?? null) !== null);
  const unanswered = rows.filter(({ url }) => url === null);
  const behind = behindOf(overview);
  const pauses = pauseSentences(overview);
  const sentences = [...pauses, ...open.map((reply) => breakerSentence(reply, replies.length))];
  if (rows.length === 0) return [...sentences, 'How far behind is not known: neither Kafka nor an instance says so.'];
  if (unanswered.length > 0) sentences.push(unansweredSentence(overview, unanswered));
  sentences.push(...phaseSentences(notRunning(rows)));
  if (isInStep(overview))
    return [
      ...sentences,
      pauses.length > 0 ? 'All else that can be applied is.' : 'In step: all that can be applied is.',
    ];
  if (behind > 0) sentences.push(behindSentence(overview, now));
  else if (sentences.length === 0) sentences.push('How far behind is not known yet: ask again.');
  return sentences;
}

/** So many groups are named. */
const PAUSED_NAMED_MAX = 5;

/** Which partitions, and groups, operators have paused; those of one pause together. */
function pauseSentences({ pausedPartitions, pausedGroups, rows }: Overview): readonly string[] {
  const pauses = new Map<string, { readonly first: Pause; readonly partitions: number[] }>();
  for (const { partition, ...pause } of pausedPartitions) {
    const key = JSON.stringify([pause.author, pause.reason]);
    const known = pauses.get(key) ?? { first: pause, partitions: [] };
    known.partitions.push(partition);
    const first = pause.since < known.first.since ? pause : known.first;
    pauses.set(key, { first, partitions: known.partitions });
  }
  const left = pausedGroups.length - PAUSED_NAMED_MAX;
  return [
    ...[...pauses.values()].map(({ first, partitions }) => {
      const where = partitions.length === rows.length ? '' : ` of ${named(partitions).toLowerCase()}`;
      return `Nothing is sent${where} since ${sinceText(first)}: paused by ${byText(first)}. ${REMEDY}`;
    }),
    ...pausedGroups
      .slice(0, PAUSED_NAMED_MAX)
      .map((pause) => `Group ${pause.group} is paused since ${sinceText(pause)} by ${byText(pause)}.`),
    ...(left > 0 ? [`${counted(left, 'other group')} paused.`] : []),
  ];
}

/** The author is to be filled in. */
const REMEDY = '`rollcall resume --author …` goes on.';

type Pause = Omit<Overview['pausedPartitions'][number], 'partition'>;

const sinceText = ({ since }: Pause): string => timeText(since);
const byText = ({ author, reason }: Pause): string => `${author} (${withoutStop(reason)})`;

const notRunning = (rows: readonly PartitionRow[]): readonly PartitionRow[] =>
  rows.filter(({ phase }) => phase !== null && phase !== 'running');

function breakerSentence({ url, answer }: Reply, count: number): string {
  const breaker = answer?.breaker;
  if (answer === null || breaker === null || breaker === undefined) return '';
  const where = count > 1 ? ` by ${url}` : '';
  const next =
    breaker.next_probe_at === null ? 'the next as soon as it can go' : `the next at ${timeText(breaker.next_probe_at)}`;
  return (
    `Nothing is sent${where} since ${timeText(breaker.since)}: the breaker is open (${breaker.reason}: ${withoutStop(breaker.problem)}). ` +
    `It closes by ${breaker.closed_by}; ${breaker.probes} probes so far, ${next}. ${breaker.advice}`
  );
}

const withoutStop = (text: string): string => text.replace(/\.$/, '');

function phaseSentences(rows: readonly PartitionRow[]): readonly string[] {
  const sentences = new Map<string, number[]>();
  for (const { partition, phase, refusal } of rows) {
    const state = refusal === null ? String(phase).replaceAll('_', ' ') : `refused: ${withoutStop(refusal)}`;
    const partitions = sentences.get(state) ?? [];
    sentences.set(state, [...partitions, partition]);
  }
  return [...sentences].map(
    ([state, partitions]) => `${named(partitions)} ${partitions.length === 1 ? 'is' : 'are'} ${state}.`,
  );
}

const named = (partitions: readonly number[]): string =>
  `${partitions.length === 1 ? 'Partition' : 'Partitions'} ${partitions.join(', ')}`;

function unansweredSentence({ group }: Overview, rows: readonly PartitionRow[]): string {
  const known = rows.map(({ unfinished }) => unfinished);
  const most = known.reduce((total, each) => (total === null || each === null ? null : total + each), 0);
  const records =
    most === null ? 'how many records are not finished there is not known' : `${most} records are not finished there`;
  const why = group?.members.length === 0 ? 'no instance runs' : 'no instance has answered for it';
  const where = named(rows.map(({ partition }) => partition)).toLowerCase();
  return `How far behind is not known of ${where}: ${why}; ${records}.`;
}

function behindSentence(overview: Overview, now: number): string {
  const { convergesInMs, requestsAhead, rows } = overview;
  const oldest = rows.reduce<number | null>((at, row) => earlier(at, row.oldest.unapplied), null);
  const age = oldest === null ? '' : `, the oldest for ${durationText(Math.max(0, now - oldest))}`;
  const end =
    convergesInMs === null ? '' : `; in step in about ${durationText(convergesInMs)}, with ${requestsAhead} requests`;
  return `Behind by ${counted(behindOf(overview), 'change')}${age}${end}.`;
}

/** What nothing but a decision, or time, will end. */
function besides({ totals, rows, nextWaitEndsAt }: Overview): readonly string[] {
  const { held, waiting, dead, paused } = totals;
  const heldSince = rows.reduce<number | null>((at, row) => earlier(at, row.oldest.held), null);
  const since = heldSince === null ? '' : `, the oldest since ${timeText(heldSince)}`;
  const until = nextWaitEndsAt === null ? '' : `, the next try at ${timeText(nextWaitEndsAt)}`;
  return [
    ...(paused === 0 ? [] : [`${counted(paused, 'change')} waiting for a resume.`]),
    ...(held === 0 ? [] : [`${counted(held, 'removal')} held for an operator${since}.`]),
    ...(waiting === 0 ? [] : [`${counted(waiting, 'change')} waiting for what is missing at Genesys Cloud${until}.`]),
    ...(dead === 0 ? [] : [`${counted(dead, 'change')} given up, to be replayed.`]),
  ];
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
