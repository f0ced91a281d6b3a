/** What `rollcall status` has found, as text and as JSON. What comes from elsewhere is made visible, so that it forges no line. */
import { messageOf } from '../adapters/kafka/errors.ts';
import { idKey } from '../core/change/change.ts';
import type { Rewind } from '../core/log/commit-metadata.ts';
import type { AffectedGroup, InstanceStatus } from '../core/status/instance-status.ts';
import type { MemberFacts, Overview, PartitionRow, Reply } from '../core/status/overview.ts';
import { isInStep, isPaused, statusSentence } from '../core/status/sentence.ts';
import { timeText } from '../core/report/reporting.ts';
import { counted } from '../core/text/counted.ts';
import { durationText } from '../core/text/duration.ts';
import { visible } from '../core/text/visible.ts';
import type { FoundStatus } from './status-sources.ts';

interface Asked {
  /** Epoch ms. */
  readonly now: number;
  readonly withAffected: boolean;
}

export function statusText({ overview, kafkaError }: FoundStatus, { now, withAffected }: Asked): string {
  const { group, replies, unanswered, rows } = overview;
  const lines = [
    ...(kafkaError === null ? [] : [`Kafka: ${messageOf(kafkaError)}`]),
    ...(group === null ? [] : [`consumer group: ${group.state}, ${counted(group.members.length, 'instance')}`]),
    ...replies.flatMap(replyLines),
    ...unanswered.map((member) => unansweredLine(member, replies)),
    ...tableLines(rows, now),
    ...rewindLines(rows),
    totalsLine(overview),
    ...(withAffected ? affectedLines(overview) : []),
    statusSentence(overview, now),
  ];
  return lines.map((line) => `${visible(line)}\n`).join('');
}

function replyLines({ url, answer, problem }: Reply): readonly string[] {
  if (answer === null) return [`instance ${url}: ${problem}`];
  const { version, ready, reasons, shadow } = answer;
  const state = ready ? 'ready' : `not ready: ${reasons.join('; ')}`;
  const kind = shadow === true ? 'a shadow, nothing is sent; ' : '';
  return [`instance ${url}: ${kind}${state}, version ${version}, ${budgetText(answer)}`];
}

function budgetText({ budget }: InstanceStatus): string {
  const {
    allowed,
    used,
    left,
    resets_in_ms: resetsInMs,
    assumed,
    per_minute: perMinute,
    closed_for_ms: closedMs,
  } = budget;
  const ofWindow =
    allowed === null || resetsInMs === null
      ? 'the target has not said how many it allows'
      : `${used} of ${allowed} used, ${left} left for ${durationText(resetsInMs)}${assumed ? ' (as in the window before)' : ''}`;
  const paced = perMinute === null ? '' : `, spread over ${perMinute} a minute`;
  const closed = closedMs === 0 ? '' : `, none for ${durationText(closedMs)} after a 429`;
  return `requests: ${ofWindow}${paced}${closed}`;
}

function unansweredLine({ clientId, host, partitions }: MemberFacts, replies: readonly Reply[]): string {
  const hasFailed = replies.some(({ answer }) => answer === null);
  const remedy = hasFailed ? '' : '; name its admin server with --admin';
  return `instance ${clientId} at ${host}, ${counted(partitions.length, 'partition')}: has not answered${remedy}`;
}

/** Partitions that were moved back together stand in one line. The last rewind comes last. */
function rewindLines(rows: readonly PartitionRow[]): readonly string[] {
  const partitions = new Map<string, number[]>();
  const rewinds = rows.flatMap(({ partition, rewound }) => (rewound === null ? [] : [{ partition, rewound }]));
  for (const { partition, rewound } of rewinds.toSorted((a, b) => a.rewound.at - b.rewound.at)) {
    const text = rewindText(rewound);
    partitions.set(text, [...(partitions.get(text) ?? []), partition]);
  }
  return [...partitions].map(([text, numbers]) => `partition ${numbers.join(', ')}: ${text}`);
}

const rewindText = ({ author, reason, at }: Rewind): string =>
  `rewound by ${author} at ${timeText(at)}${reason === null ? '' : `: ${reason}`}`;

const HEAD = [
  'partition',
  'phase',
  'unread',
  'unfinished',
  'oldest',
  'oldest held',
  'oldest waiting',
  'instance',
] as const;

/** Of more partitions those are shown that are not at rest. */
const ROWS_MAX = 60;

function tableLines(rows: readonly PartitionRow[], now: number): readonly string[] {
  const wanted = rows.length <= ROWS_MAX ? rows : rows.filter((row) => !isAtRest(row));
  const shown = wanted.slice(0, ROWS_MAX);
  const cells = [HEAD, ...shown.map((row) => cellsOf(row, now))];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const lines = cells.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const [others, atRest] = [wanted.length - shown.length, rows.length - wanted.length];
  return [
    ...lines,
    ...(others === 0 ? [] : [`${counted(others, 'more partition')} not at rest (--json has all)`]),
    ...(atRest === 0 ? [] : [`${counted(atRest, 'partition')} at rest`]),
  ];
}

const isAtRest = ({ phase, unread, unfinished, ages }: PartitionRow): boolean =>
  phase === 'running' &&
  unread === 0 &&
  unfinished === 0 &&
  ages.unapplied === null &&
  ages.held === null &&
  ages.waiting === null;

function cellsOf({ partition, phase, unread, unfinished, ages, url }: PartitionRow, now: number): readonly string[] {
  const forHow = (at: number | null | undefined): string =>
    at === undefined ? '?' : at === null ? '-' : durationText(Math.max(0, now - at));
  return [
    String(partition),
    phase?.replaceAll('_', ' ') ?? '?',
    String(unread ?? '?'),
    String(unfinished ?? '?'),
    forHow(ages.unapplied),
    forHow(ages.held),
    forHow(ages.waiting),
    url ?? '?',
  ];
}

function totalsLine({ totals, rows }: Overview): string {
  const { unread, pending, in_flight: inFlight, parked, held, waiting, paused, dead } = totals;
  const unreadText = unreadTextOf(rows, unread);
  if (rows.every(({ counts }) => counts === null)) return `unread ${unreadText}, pending ?, given up ?`;
  const resumable = paused === 0 ? '' : `, paused ${paused}`;
  return `unread ${unreadText}, pending ${pending} (in flight ${inFlight}, parked ${parked}, held ${held}, waiting ${waiting}${resumable}), given up ${dead}`;
}

/** Of a partition that no instance answers for, records that are read may count: it is known only which are not finished, or nothing. */
function unreadTextOf(rows: readonly PartitionRow[], count: number): string {
  const estimated = rows.filter(({ unread, unfinished }) => unread === null && unfinished !== null).length;
  const unknown = rows.filter(({ unread, unfinished }) => unread === null && unfinished === null).length;
  if (unknown === rows.length) return '?';
  return `${estimated > 0 && count > 0 ? 'at most ' : ''}${count}${unknown > 0 ? ' and ?' : ''}`;
}

function affectedLines({ owners, replies, totals, rows }: Overview): readonly string[] {
  const asked = owners.flatMap(({ affected, breaker }) => (affected === null ? [] : [{ ...affected, breaker }]));
  // An instance of an older version does not list them.
  const listing = new Set(replies.flatMap(({ url, answer }) => ((answer?.affected ?? null) === null ? [] : [url])));
  const without = rows.filter(({ url }) => url === null || !listing.has(url)).map(({ partition }) => partition);
  const leftOut = sumOf(asked.map((each) => each.left_out));
  const listed = sumOf(asked.flatMap(({ groups }) => groups.map((each) => (each.paused === true ? each.changes : 0))));
  const unlisted = leftOut === 0 ? Math.max(0, totals.paused - listed) : 0;
  const groups = asked.flatMap(({ groups: of, breaker }) =>
    of.map((group) => ({ ...group, kept: keptText(group, breaker !== null) })),
  );
  return [
    ...oneOfEach(groups).map(affectedLine),
    ...(leftOut === 0 ? [] : [counted(leftOut, 'more group')]),
    ...(without.length === 0 ? [] : [unlistedText(without, rows.length)]),
    ...(unlisted === 0 ? [] : [`the groups of ${counted(unlisted, 'change')} that wait for a resume are not listed`]),
    ...(totals.unread === 0 ? [] : [`the groups of ${counted(totals.unread, 'unread record')} are not known`]),
  ];
}

type KeptGroup = AffectedGroup & { readonly kept: string };

const keptText = ({ paused }: AffectedGroup, isBreakerOpen: boolean): string =>
  paused === true ? '  paused' : isBreakerOpen ? '  the breaker is open' : '';

/** A group may have changes in several partitions. */
function oneOfEach(groups: readonly KeptGroup[]): readonly KeptGroup[] {
  const found = new Map<string, KeptGroup>();
  for (const each of groups) {
    const key = JSON.stringify([idKey(each.group), each.kept]);
    const known = found.get(key);
    const both = {
      changes: each.changes + (known?.changes ?? 0),
      since: Math.min(each.since, known?.since ?? Infinity),
    };
    found.set(key, { ...(known ?? each), ...both });
  }
  return [...found.values()].toSorted((a, b) => a.since - b.since);
}

const NUMBERS_MAX = 20;

function unlistedText(partitions: readonly number[], partitionCount: number): string {
  if (partitions.length === partitionCount)
    return 'the affected groups are not known: no instance that owns a partition has listed them';
  const left = partitions.length - NUMBERS_MAX;
  const numbers = `${partitions.slice(0, NUMBERS_MAX).join(', ')}${left > 0 ? ` and ${left} more` : ''}`;
  const what = partitions.length === 1 ? `partition ${numbers}` : `partitions ${numbers}`;
  return `the groups of ${what} are not listed: no instance that owns ${partitions.length === 1 ? 'it' : 'them'} has listed them`;
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0);

const affectedLine = ({ group, changes, since, kept }: KeptGroup): string =>
  `group ${group}  ${counted(changes, 'change')}  since ${timeText(since)}${kept}`;

/** @param now epoch ms. */
export function statusJson({ overview, kafkaError }: FoundStatus, now: number): object {
  const {
    group,
    replies,
    unanswered,
    rows,
    totals,
    requestsAhead,
    convergesInMs,
    pausedPartitions,
    pausedGroups,
    pausedGroupCount,
  } = overview;
  return {
    at: timeText(now),
    in_step: isInStep(overview),
    sentence: statusSentence(overview, now),
    converges_in_ms: isPaused(overview) ? null : convergesInMs,
    requests_ahead: requestsAhead,
    totals: { ...totals, next_wait_ends_at: timeOrNull(totals.next_wait_ends_at) },
    paused: {
      partitions: pausedPartitions.map(pauseJson),
      groups: pausedGroups.map(pauseJson),
      group_count: pausedGroupCount,
    },
    kafka_problem: kafkaError === null ? null : messageOf(kafkaError),
    consumer_group: group && { state: group.state, members: group.members.map(memberJson) },
    unanswered: unanswered.map(memberJson),
    instances: replies,
    partitions: rows.map(rowJson),
  };
}

const pauseJson = <P extends { readonly since: number }>(pause: P) => ({ ...pause, since: timeText(pause.since) });

const timeOrNull = (at: number | null): string | null => (at === null ? null : timeText(at));

const memberJson = ({ memberId, clientId, host, partitions }: MemberFacts) => ({
  member_id: memberId,
  client_id: clientId,
  host,
  partitions,
});

function rowJson({ partition, url, phase, unread, unfinished, ages, problem, counts, rewound }: PartitionRow) {
  const { unapplied, held, waiting } = ages;
  return {
    partition,
    instance: url,
    phase,
    unread,
    unfinished,
    ...(unapplied !== undefined && { oldest_unapplied_at: timeOrNull(unapplied) }),
    ...(held !== undefined && { oldest_held_at: timeOrNull(held) }),
    ...(waiting !== undefined && { oldest_waiting_at: timeOrNull(waiting) }),
    pending: counts?.pending ?? null,
    due: counts?.due ?? null,
    held: counts?.held ?? null,
    waiting: counts?.waiting ?? null,
    paused: counts?.paused ?? null,
    dead: counts?.dead ?? null,
    problem,
    rewound: rewound && { author: rewound.author, reason: rewound.reason, at: timeText(rewound.at) },
  };
}
