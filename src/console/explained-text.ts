/** The evidence of `rollcall explain`, as text and as JSON. What comes from elsewhere is made visible, so that it forges no line. */
import { at, decisionsIn } from '../core/explain/parts.ts';
import { orOpenRequest, type Verdict } from '../core/explain/sentence.ts';
import { memberStateOf, type MemberState } from '../core/explain/group-summary.ts';
import {
  changeStanding,
  type AtTarget,
  type KnownChanges,
  type Link,
  type RunningChange,
} from '../core/explain/verdict.ts';
import type { ReportRecord } from '../core/report/report.ts';
import { counted } from '../core/text/counted.ts';
import { timeText } from '../core/report/reporting.ts';
import { visible } from '../core/text/visible.ts';
import type { Explained } from './explained.ts';

/** The newest first: each event, and what became of it below. */
export const chainText = (links: readonly Link[]): string => links.map(linkText).join('');

function linkText(link: Link): string {
  const { eventId, timestamp, actor, reading, isRetained, reports, waiting, inMemory } = link;
  const facts = [
    `${eventName(link)}  ${at(link)}`,
    ...(timestamp === null ? [] : [timeText(timestamp)]),
    ...(eventId === null ? [] : [`event ${visible(eventId)}`]),
    ...(actor === null ? [] : [`by ${visible(actor)}`]),
    ...(isRetained ? [] : ['its record is gone']),
    ...(reading === 'unread' && reports.length === 0 ? ['not read yet'] : []),
  ];
  const below = [
    ...(inMemory === null ? [] : [`in memory: ${inMemory.state}${nextText(inMemory)}`]),
    ...(waiting === null ? [] : [`in the retry topic: ${waiting.state}${nextText(waiting)}`]),
    ...reports.map(reportText),
  ];
  return `${facts.join('  ')}\n${below.map((line) => `    ${line}\n`).join('')}`;
}

function eventName({ op, isState }: Link): string {
  if (!isState) return op ?? 'change';
  return `full state (${op === null ? 'whom it names is not known' : op === 'add' ? 'names it' : 'does not name it'})`;
}

/** What is dead keeps the time of a try that never came. */
const nextText = ({ state, attempt, notBefore }: RunningChange): string =>
  `, ${attempt} failed${notBefore === 0 || state === 'dead' ? '' : `, next try ${timeText(notBefore)}`}`;

function reportText(report: ReportRecord): string {
  const { outcome, reported_at: when, reason, request, superseded_by: by, attempt } = report;
  const facts = [
    `${visible(outcome)}  ${when}`,
    ...(by === null ? [] : [`by ${visible(by)}`]),
    // The message of a refusal says both.
    ...decisionsIn({ approval: report.approval }),
    ...(reason === null ? [] : [`${visible(reason.code)}: ${visible(reason.message)}`]),
    ...(request === null ? [] : [requestText(request, report)]),
    ...(attempt === 0 ? [] : [`${attempt} failed`]),
  ];
  return facts.join('  ');
}

function requestText(request: NonNullable<ReportRecord['request']>, { shadow }: ReportRecord): string {
  const { patch_id: patch, etag_before: before, etag_after: after, status, correlation_id: correlation } = request;
  const id = correlation === null ? '' : `, correlation ${visible(correlation)}`;
  const answer = `status ${status ?? 'none'}${id}`;
  if (patch === null)
    return `GET, ${shadow === true ? '' : `version ${visible(after ?? before ?? 'unknown')}, `}${answer}`;
  if (shadow === true) return `PATCH ${visible(patch)}, not sent by the shadow: it has read the group, ${answer}`;
  return `PATCH ${visible(patch)}, If-Match ${visible(before ?? 'none')} → ${visible(after ?? 'unknown')}, ${answer}`;
}

/** @param atTarget of the member; null: all of the group are shown */
export function targetText({ names, group, evidence }: Explained, atTarget: AtTarget | null): string {
  const name = `Genesys Cloud, group ${visible(names.group.target ?? 'unknown')}`;
  if (group.kind === 'unknown') return `${name}: not known, ${visible(group.why)}\n`;
  const { version, members } = group.snapshot;
  const shown = atTarget === null ? counted(members.size, 'member') : atTargetText(atTarget);
  const { lastVersion, openRequest } = evidence;
  const changed = isMoved(lastVersion, version)
    ? `; Rollcall's last request left ${visible(lastVersion ?? '')}, others have changed the group since${orOpenRequest(openRequest)}`
    : '';
  return `${name}, version ${visible(version ?? 'unknown')}: ${shown}${changed}\n`;
}

const atTargetText = (atTarget: AtTarget): string =>
  atTarget.kind === 'unknown'
    ? `not known, ${visible(atTarget.why)}`
    : atTarget.kind === 'nested'
      ? 'a group inside of the group'
      : atTarget.isMember
        ? 'a member'
        : 'not a member';

const isMoved = (lastVersion: string | null, version: string | null): boolean | null =>
  lastVersion === null || version === null ? null : lastVersion !== version;

/** null: not known. */
function othersChanged({ lastVersion, openRequest }: Explained['evidence'], version: string | null): boolean | null {
  const moved = isMoved(lastVersion, version);
  return moved === true && openRequest !== null ? null : moved;
}

/** Who was asked, and what is not known. */
export function footText({ replies, gone, doubts }: Explained): string {
  const lines = [
    ...replies.map(({ url, problem }) => `instance ${url}: ${problem === null ? 'answered' : visible(problem)}`),
    ...gone.map(
      ({ topic, partition, offset }) => `${topic}/${partition} begins at offset ${offset}: what came before is gone`,
    ),
    ...doubts,
  ];
  return lines.map((line) => `${line}\n`).join('');
}

export function memberText(label: string, { isMember, standing, decidedBy }: Verdict, state: MemberState): string {
  const { lastOutcome, reason, nextTryAt, isPaused } = state;
  const outcome = lastOutcome === null ? [] : [visible(lastOutcome)];
  const facts = [
    label,
    isMember === null ? 'not known' : isMember ? 'member' : 'not a member',
    standing,
    ...(decidedBy === null ? [] : [decidedBy]),
    ...outcome.map((text) => (reason === null ? text : `${text} (${visible(reason)})`)),
    ...(nextTryAt === null ? [] : [`next try ${timeText(nextTryAt)}`]),
    ...(isPaused ? ['paused'] : []),
  ];
  return `${facts.join('  ')}\n`;
}

export const memberStateJson = ({ lastOutcome, reason, nextTryAt, isPaused, mayBeOutdated }: MemberState) => ({
  last_outcome: lastOutcome,
  reason,
  next_try_at: timeOrNull(nextTryAt),
  paused: isPaused,
  may_be_outdated: mayBeOutdated,
});

/** The newest full state as a whole; null: none is known. */
export function fullStateJson(state: KnownChanges | null) {
  const link = state?.links[0];
  if (state === null || link === undefined) return null;
  const standing = changeStanding(state);
  return {
    position: at(link),
    event_id: link.eventId,
    standing,
    ...memberStateJson(memberStateOf(state, { standing })),
  };
}

export const verdictJson = ({ isMember, standing, decidedBy, sentence }: Verdict) => ({
  is_member: isMember,
  standing,
  decided_by: decidedBy,
  sentence,
});

export const groupJson = ({ names, group, evidence, replies, gone, doubts }: Explained) => ({
  group: [...names.group.sources],
  group_target: names.group.target,
  target:
    group.kind === 'unknown'
      ? { read: false, why: group.why }
      : {
          read: true,
          version: group.snapshot.version,
          members: group.snapshot.members.size,
          changed_by_others: othersChanged(evidence, group.snapshot.version),
        },
  instances: replies.map(({ url, problem }) => ({ url, answered: problem === null, problem })),
  gone,
  doubts,
});

const timeOrNull = (epochMs: number | null): string | null =>
  epochMs === null || epochMs === 0 ? null : timeText(epochMs);

const stateJson = ({ state, attempt, notBefore }: RunningChange) => ({
  state,
  attempt,
  not_before: timeOrNull(notBefore),
});

export const linkJson = (link: Link) => ({
  position: at(link),
  op: link.op,
  is_state: link.isState,
  event_id: link.eventId,
  timestamp: timeOrNull(link.timestamp),
  actor: link.actor,
  is_retained: link.isRetained,
  reading: link.reading,
  in_memory: link.inMemory && stateJson(link.inMemory),
  waiting: link.waiting && stateJson(link.waiting),
  reports: link.reports,
});
