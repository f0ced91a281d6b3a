/** The answer of `rollcall status` in words: what keeps it, or how far it is behind, and when it will be in step; then what waits. */
import { earlier } from '../change/pending.ts';
import { timeText } from '../report/reporting.ts';
import { counted } from '../text/counted.ts';
import { durationText } from '../text/duration.ts';
import type { InstanceStatus } from './instance-status.ts';
import { isJoining, type Overview, type PartitionRow, type Reply } from './overview.ts';

/** @param now epoch ms. */
export function statusSentence(overview: Overview, now: number): string {
  const pauses = pauseSentences(overview);
  const kept = [
    ...pauses,
    ...breakers(overview),
    ...notKnown(overview),
    ...notReady(overview),
    ...problems(overview.rows),
  ];
  const { totals } = overview;
  const isBehind = totals.due + totals.unread > 0;
  const main = isRestInStep(overview)
    ? [isPaused(overview) ? REST_IN_STEP : IN_STEP]
    : isBehind
      ? [behind(overview, now)]
      : [];
  const all = [...kept, ...main];
  return [
    ...(all.length === 0 ? ['How far behind is not known yet: ask again.'] : all),
    ...besides(overview, now),
  ].join(' ');
}

const IN_STEP = 'In step: all that can be applied is.';
const REST_IN_STEP = 'All else that can be applied is.';

/** All that can be applied is, and nothing keeps what comes next, as a pause would. */
export const isInStep = (overview: Overview): boolean => isRestInStep(overview) && !isPaused(overview);

/** All of it, or a group: what waits for that, or comes next, is not applied before a resume, at a time that cannot be known. */
export const isPaused = ({ pausedPartitions, pausedGroupCount, totals }: Overview): boolean =>
  pausedPartitions.length + pausedGroupCount + totals.paused > 0;

/** All that can be applied is, beside what is paused. */
function isRestInStep({ group, rows, totals, convergesInMs }: Overview): boolean {
  if (group === null || convergesInMs === null || totals.due + totals.unread > 0) return false;
  return rows.every(({ phase, unread }) => phase === 'running' && unread === 0);
}

/** So many groups are named. */
const PAUSED_NAMED_MAX = 5;

/** Which partitions, and groups, operators have paused; those of one pause together. */
function pauseSentences({ pausedPartitions, pausedGroups, pausedGroupCount, rows }: Overview): readonly string[] {
  const pauses = new Map<string, (typeof pausedPartitions)[number][]>();
  for (const pause of pausedPartitions) {
    const key = JSON.stringify([pause.author, pause.reason]);
    pauses.set(key, [...(pauses.get(key) ?? []), pause]);
  }
  const named = pausedGroups.slice(0, PAUSED_NAMED_MAX);
  const left = pausedGroupCount - named.length;
  return [
    ...[...pauses.values()].flatMap((same) => {
      const [first] = same.toSorted((a, b) => a.since - b.since);
      const where = same.length === rows.length ? '' : ` of ${partitionsText(same)}`;
      return first === undefined
        ? []
        : [`Nothing is sent${where} since ${sinceText(first)}: paused by ${byText(first)}. ${REMEDY}`];
    }),
    ...named.map((pause) => `Group ${pause.group} is paused since ${sinceText(pause)} by ${byText(pause)}.`),
    ...(left > 0 ? [`${counted(left, 'other group')} paused.`] : []),
    ...(pausedGroupCount > 0 ? [GROUP_REMEDY] : []),
  ];
}

/** The author is to be filled in. */
const REMEDY = '`rollcall resume --author …` goes on.';
const GROUP_REMEDY = '`rollcall resume --group … --author …` goes on with a group.';

type Pause = Omit<Overview['pausedPartitions'][number], 'partition'>;

const sinceText = ({ since }: Pause): string => timeText(since);
const byText = ({ author, reason }: Pause): string => `${author} (${withoutStop(reason)})`;

function breakers({ replies, group }: Overview): readonly string[] {
  const isOneOfMany = replies.length > 1 || (group?.members.length ?? 0) > 1;
  return replies.flatMap((reply) => breakerSentence(reply, isOneOfMany));
}

function breakerSentence({ url, answer }: Reply, isOneOfMany: boolean): readonly string[] {
  const breaker = answer?.breaker ?? null;
  if (breaker === null) return [];
  const where = isOneOfMany ? ` by ${url}` : '';
  const next = nextProbeText(breaker.next_probe_at, answer !== null && isPausedWhole(answer));
  return [
    `Nothing is sent${where} since ${timeText(breaker.since)}: the breaker is open (${breaker.reason}: ${withoutStop(breaker.problem)}).`,
    `It closes by ${breaker.closed_by}; ${next}. ${breaker.advice}`,
  ];
}

/** @param at epoch ms; null: now, or as soon as there is something to ask for */
function nextProbeText(at: number | null, isKept: boolean): string {
  if (isKept) return 'none goes before a resume';
  return at === null ? 'the next goes as soon as there is something to ask for' : `the next goes at ${timeText(at)}`;
}

/** Nothing of what this instance owns may be asked for. */
function isPausedWhole({ partitions, paused }: InstanceStatus): boolean {
  const numbers = new Set((paused?.partitions ?? []).map(({ partition }) => partition));
  return partitions.length > 0 && partitions.every(({ partition }) => numbers.has(partition));
}

const withoutStop = (text: string): string => text.replace(/\.$/, '');

function notKnown({ group, rows }: Overview): readonly string[] {
  if (group === null)
    return ['Kafka could not be asked: whether there are other partitions, and what is new in these, is not known.'];
  const unanswered = rows.filter(({ url, problem }) => url === null && problem === null);
  if (unanswered.length === 0) return [];
  const why = isJoining(group)
    ? `the consumer group is being joined (${group.state}), ask again`
    : group.members.length === 0
      ? 'no instance runs'
      : 'no instance has answered for it';
  return [`How far behind is not known of ${partitionsText(unanswered)}: ${why}.`];
}

/** Several instances may name one reason. */
function notReady({ owners, rows }: Overview): readonly string[] {
  const reasons = new Set(owners.flatMap(({ ready, reasons: all }) => (ready ? [] : all)));
  const catchingUp = rows.filter(({ phase }) => phase === 'catching_up');
  return [
    ...(reasons.size === 0 ? [] : [`Not ready: ${[...reasons].map(withoutStop).join('; ')}.`]),
    ...(catchingUp.length === 0 ? [] : [`Still to be caught up with: ${partitionsText(catchingUp)}.`]),
  ];
}

function problems(rows: readonly PartitionRow[]): readonly string[] {
  const byProblem = new Map<string, PartitionRow[]>();
  for (const row of rows) {
    if (row.problem === null) continue;
    const same = byProblem.get(row.problem);
    if (same === undefined) byProblem.set(row.problem, [row]);
    else same.push(row);
  }
  return [...byProblem].map(([problem, same]) => `Of the source ${partitionsText(same)} ${problem}.`);
}

/** Of thousands a few are enough to find the cause. */
const NAMED_MAX = 10;

function partitionsText(rows: readonly { readonly partition: number }[]): string {
  const named = rows.slice(0, NAMED_MAX).map(({ partition }) => partition);
  const more = rows.length > NAMED_MAX ? ` and ${rows.length - NAMED_MAX} more` : '';
  return `partition ${named.join(', ')}${more}`;
}

function behind(overview: Overview, now: number): string {
  const { totals, rows, convergesInMs, requestsAhead } = overview;
  const { due, tried, unread } = totals;
  const what = [
    ...(due === 0 ? [] : [counted(due, 'change')]),
    ...(unread === 0 ? [] : [counted(unread, 'source record')]),
  ];
  const isMost = rows.some(({ url }) => url === null);
  const oldest = rows.reduce<number | null>((at, { ages }) => earlier(at, ages.unapplied ?? null), null);
  const age = oldest === null ? '' : `, the oldest for ${durationText(Math.max(0, now - oldest))}`;
  const provided = tried === 0 ? '' : `, if the next try of ${tried} of them succeeds`;
  const end =
    convergesInMs === null
      ? ''
      : `; ${isPaused(overview) ? 'all else ' : ''}in step in about ${durationText(convergesInMs)}, with ${counted(requestsAhead, 'request')}${provided}`;
  return `Behind by ${isMost ? 'at most ' : ''}${what.join(' and ')}${age}${end}.`;
}

/** What nothing but a decision, or time, will end. */
function besides({ totals, rows, owners }: Overview, now: number): readonly string[] {
  const { held, waiting, paused, dead, next_wait_ends_at: nextAt } = totals;
  // By the timestamps of their records: since when they are held, instances do not say.
  const oldest = rows.reduce<number | null>((at, { ages }) => earlier(at, ages.held ?? null), null);
  const age = oldest === null ? '' : `, of changes up to ${durationText(Math.max(0, now - oldest))} old`;
  const until = nextAt === null ? '' : `, the next try at ${timeText(nextAt)}`;
  const losses = owners.reduce((sum, { possible_losses: count }) => sum + count, 0);
  return [
    ...(paused === 0 ? [] : [`Waiting for a resume: ${counted(paused, 'change')}.`]),
    ...(held === 0 ? [] : [`Held for an operator: ${counted(held, 'removal')}${age}.`]),
    ...(waiting === 0 ? [] : [`Missing or not permitted at Genesys Cloud: ${counted(waiting, 'change')}${until}.`]),
    ...(dead === 0 ? [] : [`Given up, to be replayed: ${counted(dead, 'change')}.`]),
    ...(losses === 0 ? [] : [`Possible losses since the start: ${losses}; the log says which records were gone.`]),
  ];
}
