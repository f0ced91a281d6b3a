/** What `rollcall status` has found, as text and as JSON. */
import type { AffectedGroup, InstanceStatus } from '../core/status/instance-status.ts';
import type { MemberFacts, Overview, PartitionRow, Reply } from '../core/status/overview.ts';
import { behindOf, isInStep, statusSentence } from '../core/status/sentence.ts';
import { timeText } from '../core/report/reporting.ts';
import { durationText } from '../core/text/duration.ts';
import { visible } from '../core/text/visible.ts';
import type { FoundStatus } from './status-sources.ts';

/** @param now epoch ms. */
export function statusText({ overview, kafkaProblem }: FoundStatus, now: number): string {
  const { group, replies, silent, rows } = overview;
  return [
    ...(kafkaProblem === null ? [] : [`Kafka does not answer: ${visible(kafkaProblem)}`]),
    ...(group === null ? [] : [`consumer group: ${group.state}, ${group.members.length} instances`]),
    ...replies.flatMap(replyLines),
    ...silent.map(silentLine),
    ...tableLines(rows, now),
    totalsLine(overview),
    ...replies.flatMap(affectedLines),
    visible(statusSentence(overview, now)),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

function replyLines({ url, answer, problem }: Reply): readonly string[] {
  if (answer === null) return [`instance ${url}: ${visible(problem ?? '')}`];
  const { version, ready, reasons } = answer;
  const state = ready ? 'ready' : `not ready: ${visible(reasons.join('; '))}`;
  return [`instance ${url}: ${state}, version ${visible(version)}, ${budgetText(answer)}`];
}

function budgetText({ budget }: InstanceStatus): string {
  const { allowed, used, left, resets_in_ms: resetsInMs, closed_for_ms: closedForMs } = budget;
  const closed = closedForMs === 0 ? '' : `, none before ${durationText(closedForMs)} are over (429)`;
  if (allowed === null || resetsInMs === null) return `requests: the target has not said how many it allows${closed}`;
  return `requests: ${used} of ${allowed} used, ${left} left for ${durationText(resetsInMs)}${closed}`;
}

const silentLine = ({ clientId, host, partitions }: MemberFacts): string =>
  `instance ${visible(clientId)} at ${visible(host)}, partitions ${partitions.join(', ')}: not asked; name its admin server with --admin`;

const HEAD = [
  'partition',
  'phase',
  'unread',
  'unfinished',
  'oldest',
  'held since',
  'waiting since',
  'instance',
] as const;

/** Of more partitions those are shown that are not at rest. */
const ROWS_MAX = 60;

function tableLines(rows: readonly PartitionRow[], now: number): readonly string[] {
  const shown = rows.length <= ROWS_MAX ? rows : rows.filter((row) => !isAtRest(row));
  const cells = [HEAD, ...shown.map((row) => cellsOf(row, now))];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const lines = cells.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const leftOut = rows.length - shown.length;
  return leftOut === 0 ? lines : [...lines, `${leftOut} partitions at rest are left out`];
}

const isAtRest = ({ phase, unread, unfinished, oldest }: PartitionRow): boolean =>
  phase === 'running' &&
  unread === 0 &&
  unfinished === 0 &&
  oldest.unapplied === null &&
  oldest.held === null &&
  oldest.waiting === null;

function cellsOf(row: PartitionRow, now: number): readonly string[] {
  const { partition, phase, unread, unfinished, oldest, url } = row;
  const since = (at: number | null): string => (at === null ? '-' : durationText(Math.max(0, now - at)));
  return [
    String(partition),
    phase?.replaceAll('_', ' ') ?? '?',
    String(unread ?? '?'),
    String(unfinished ?? '?'),
    since(oldest.unapplied),
    since(oldest.held),
    since(oldest.waiting),
    url ?? '?',
  ];
}

function totalsLine({ totals }: Overview): string {
  const { pending, parked, held, waiting, dead, inFlight, unread, paused } = totals;
  const resumable = paused === 0 ? '' : `, paused ${paused}`;
  return `unread ${unread}, pending ${pending} (in flight ${inFlight}, parked ${parked}, held ${held}, waiting ${waiting}${resumable}), given up ${dead}`;
}

function affectedLines({ answer }: Reply): readonly string[] {
  const affected = answer?.affected ?? null;
  if (affected === null) return [];
  const lines = affected.groups.map(affectedLine);
  return affected.left_out === 0 ? lines : [...lines, `${affected.left_out} groups are left out`];
}

const affectedLine = ({ group, changes, since }: AffectedGroup): string =>
  `group ${visible(group)}  ${changes} ${changes === 1 ? 'change' : 'changes'}  since ${timeText(since)}`;

/** @param now epoch ms. */
export function statusJson({ overview, kafkaProblem }: FoundStatus, now: number): object {
  const { group, replies, silent, rows, totals, requestsAhead, convergesInMs, nextWaitEndsAt } = overview;
  return {
    at: timeText(now),
    in_step: isInStep(overview),
    behind: behindOf(overview),
    converges_in_ms: convergesInMs,
    requests_ahead: requestsAhead,
    sentence: statusSentence(overview, now),
    totals: { ...totals, inFlight: undefined, in_flight: totals.inFlight },
    paused: {
      partitions: overview.pausedPartitions.map(pauseJson),
      groups: overview.pausedGroups.map(pauseJson),
    },
    next_wait_ends_at: nextWaitEndsAt === null ? null : timeText(nextWaitEndsAt),
    kafka_problem: kafkaProblem,
    consumer_group: group && { state: group.state, members: group.members.map(memberJson) },
    not_asked: silent.map(memberJson),
    instances: replies,
    partitions: rows.map(rowJson),
  };
}

const pauseJson = <P extends { readonly since: number }>(pause: P) => ({ ...pause, since: timeText(pause.since) });

const memberJson = ({ clientId, host, partitions }: MemberFacts) => ({ client_id: clientId, host, partitions });

function rowJson({ partition, url, phase, unread, unfinished, oldest, refusal }: PartitionRow) {
  const since = (at: number | null): string | null => (at === null ? null : timeText(at));
  return {
    partition,
    instance: url,
    phase,
    unread,
    unfinished,
    oldest_unapplied_at: since(oldest.unapplied),
    oldest_held_at: since(oldest.held),
    oldest_waiting_at: since(oldest.waiting),
    refusal,
  };
}
