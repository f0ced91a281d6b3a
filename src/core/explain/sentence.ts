/** The answer of `rollcall explain` in one sentence. Text from elsewhere is made visible, so that it forges no line. */
import { comparePositions, intentId, positionText, type Intent, type Op, type Position } from '../change/change.ts';
import type { ReportRecord } from '../report/report.ts';
import { timeText } from '../report/reporting.ts';
import { operationId } from '../report/summary.ts';
import { visible } from '../text/visible.ts';
import { at, decisionsIn, doneReportIn, eventText, requestText } from './parts.ts';
import {
  changeStanding,
  isMemberIn,
  isReportedDone,
  standingOf,
  type AtTarget,
  type Known,
  type KnownChanges,
  type Link,
  type Standing,
} from './verdict.ts';

export interface Verdict {
  /** null: the target could not be read. */
  readonly isMember: boolean | null;
  readonly standing: Standing;
  /** The event that decides, `topic/partition/offset`; null: none is known. */
  readonly decidedBy: string | null;
  readonly sentence: string;
}

export function explain(known: Known): Verdict {
  const { atTarget, links } = known;
  const [newest] = links;
  const isMember = isMemberIn(atTarget);
  const standing = standingOf(known);
  const decidedBy = newest === undefined || standing === 'nothing' ? null : at(newest);
  const clauses = [`${subject(known, standing)}: ${answer(known, standing)}`, ...doubts(known)];
  return { isMember, standing, decidedBy, sentence: `${clauses.join('; ')}.` };
}

/** What a full state waits for, or why it has failed, as a whole. */
export interface OpenState {
  readonly text: string;
  /** The pause that the text names; null: none. */
  readonly pause: string | null;
}

/** null: it is done. @param known with it as the newest */
export function openStateOf(known: KnownChanges): OpenState | null {
  const [state] = known.links;
  const standing = changeStanding(known);
  if (state === undefined || standing === 'done') return null;
  return { text: openText(state, known, standing), pause: namedPause(state, known, standing) };
}

/** Of those that `openText` may name. */
function namedPause(link: Link, { pause, obstacle }: KnownChanges, standing: Standing): string | null {
  if (standing === 'queued') return isBeingSent(link) || obstacle !== pause ? null : pause;
  return standing === 'waits' || standing === 'unread' ? pause : null;
}

const isBeingSent = ({ inMemory }: Link): boolean => inMemory?.state === 'in_flight';

function subject({ atTarget, links: [newest] }: Known, standing: Standing): string {
  const isMember = isMemberIn(atTarget);
  if (isMember === null) return `Not known whether a member (${whyUnknown(atTarget)})`;
  const isOpen = atTarget.kind !== 'nested' && !['done', 'undone', 'nothing'].includes(standing);
  if (isOpen && newest !== undefined && newest.op !== null && isMember !== (newest.op === 'add'))
    return isMember ? 'Still a member' : 'Not a member yet';
  return isMember ? 'A member' : 'Not a member';
}

const whyUnknown = (atTarget: AtTarget): string => (atTarget.kind === 'unknown' ? visible(atTarget.why) : '');

function answer(known: Known, standing: Standing): string {
  const [newest] = known.links;
  if (known.atTarget.kind === 'nested') return 'it is a group inside of the group, which Rollcall leaves as it is';
  if (newest === undefined) return nothingKnown(known);
  if (newest.op === null)
    return `the newest event is at ${at(newest)}, and its record is gone, so that it is not known what it wants of the member`;
  if (standing === 'nothing') return unnamedText(newest, known);
  return reason(newest, known, standing);
}

function nothingKnown({ goneSource, areReportsGone, atTarget, former }: Known): string {
  const left = [...reportText(former?.report), ...waitingText(former?.waiting)];
  if (left.length > 0) return `no event that is left in the source topic names it; ${left.join('; ')}`;
  if (goneSource.size > 0 || areReportsGone)
    return 'no event and no report is left that names it, and older ones are gone';
  const isOthers = isMemberIn(atTarget) === true;
  return `no event and no report names it${isOthers ? ': others have made it a member' : ''}`;
}

/** The newest is a full state. */
const unnamedText = (state: Link, known: Known): string =>
  `no event and no report names it${isUnmoved(known) ? '' : ': others have made it a member'}; the full state ${eventText(state)} does not either`;

const reportText = (report: ReportRecord | undefined): readonly string[] =>
  report === undefined
    ? []
    : [
        `a report of a former source topic does: ${report.op ?? 'change'} at ${visible(operationId(report))}, ${visible(report.outcome)} ${report.reported_at}`,
      ];

const waitingText = (waiting: Intent | undefined): readonly string[] =>
  waiting === undefined
    ? []
    : [
        `a live record of a former source topic does: ${waiting.op} at ${visible(intentId(waiting))}, which no instance tries`,
      ];

const NOUNS = { add: 'addition', remove: 'removal' } as const;
const DONE = { add: 'added', remove: 'removed' } as const;

function reason(link: Link, known: Known, standing: Standing): string {
  switch (standing) {
    case 'done':
      return `${doneText(known.links)}${isUnsent(link) ? UNSENT_DONE : ''}${olderText(known.links)}`;
    case 'undone':
      return `${doneText(known.links)}, ${isUnsent(link) ? UNSENT : othersText(known)}`;
    default:
      return openText(link, known, standing);
  }
}

/** Of a change that is not done. */
function openText(link: Link, known: KnownChanges, standing: Exclude<Standing, 'done' | 'undone'>): string {
  const change = `the ${nounOf(link)} ${eventText(link)}`;
  switch (standing) {
    case 'waits':
      return known.pause === null
        ? `${change} waits for another try${triesText(link)}`
        : `${change} waits for a resume (${visible(known.pause)})`;
    case 'held':
      return `${change} is held${becauseOf(link)} until an operator decides: rollcall held list`;
    case 'given_up':
      return `${change} was given up${becauseOf(link)}`;
    case 'queued':
      return isBeingSent(link) ? `${change} is being sent` : `${change} ${queuedText(known)}`;
    case 'unread':
      return `${change} ${unreadText(known)}`;
    case 'unfinished':
      if (link.reading === 'past')
        return `${change} was not finished then: it was not read yet, or it waited, for its request or for a resume`;
      return `${change} is not finished: it is not read yet, or an instance has it in memory`;
    case 'unreported':
    case 'nothing':
      return `no report says what became of ${change}`;
  }
}

const nounOf = ({ op, isState }: Link): string => (isState ? 'full state' : NOUNS[op ?? 'add']);

/** What the newest change came to, and who has made the member what it is, as far as the older ones show. */
function doneText([newest, ...older]: readonly Link[]): string {
  if (newest === undefined) return '';
  const { isState } = newest;
  const op = newest.op ?? ('add' satisfies Op);
  const event = `${eventText(newest)}${requestText(newest, older)}`;
  if (isState) return `${op === 'add' ? 'named' : 'not named'} in the full state ${event}`;
  if (!wasFound(newest)) return `${DONE[op]} ${event}`;
  const maker = makerOf(newest, older);
  if (maker === 'others') return `${DONE[op]} by others before, as asked ${event}`;
  const change = `the ${NOUNS[op]} ${event}`;
  if (maker === 'unknown') return `it was already ${op === 'add' ? 'a member' : 'no member'} before ${change}`;
  return `${doneText([maker])}; ${change} found it so`;
}

/** A later owner that has read the change again has found what was applied before. */
const wasFound = ({ reports }: Link): boolean => doneReportIn(reports)?.outcome === 'already_synced';

/**
 * Who had done what the newest change found: the newest older change that says it. `others`: by the last report Rollcall had left the
 * opposite, and no request of it that may have landed lies between: a former owner may have sent one that it did not live to report.
 */
function makerOf(newest: Link, older: readonly Link[]): Link | 'others' | 'unknown' {
  let mayBeOthers = true;
  for (const link of older) {
    const isSame = link.op === newest.op;
    if (!isReportedDone(link) || isUnsent(link)) {
      if (isSame || link.op === null) mayBeOthers = false;
      continue;
    }
    if (!isOfMember(link)) continue;
    if (!isSame) return mayBeOthers && isOfOneOwner(newest, link) ? 'others' : 'unknown';
    if (!wasFound(link)) return link;
  }
  return 'unknown';
}

/** The report of a full state as a whole says nothing of members whom newer changes are about. */
function isOfMember({ reports }: Link): boolean {
  const done = doneReportIn(reports);
  return done !== undefined && (done.member ?? done.source_member ?? null) !== null;
}

function isOfOneOwner(one: Link, other: Link): boolean {
  const [epoch, otherEpoch] = [one, other].map(({ reports }) => doneReportIn(reports)?.epoch);
  return one.position.partition === other.position.partition && epoch !== undefined && epoch === otherEpoch;
}

function olderText([newest, ...rest]: readonly Link[]): string {
  const older = rest.find(({ op }) => op !== null && op !== newest?.op);
  return older === undefined ? '' : `; the ${nounOf(older)} at ${at(older)} is older`;
}

/** A shadow reports it as applied, and sends nothing. */
function isUnsent({ reports }: Link): boolean {
  const done = doneReportIn(reports);
  return done?.shadow === true && done.outcome !== 'already_synced';
}

const UNSENT = 'by a shadow, which has not sent it';
const UNSENT_DONE = `, ${UNSENT}: others have done it`;

/** A version that its own request has left shows no change of others. */
const isUnmoved = ({ atTarget, lastVersion }: Known): boolean =>
  atTarget.kind === 'read' && atTarget.version !== null && atTarget.version === lastVersion;

function othersText(known: Known): string {
  const { openRequest } = known;
  if (isUnmoved(known)) return 'and Genesys Cloud shows the opposite';
  return `and others have changed it since${orOpenRequest(openRequest)}`;
}

/** What may have been the change of others. */
export const orOpenRequest = (patchId: string | null): string =>
  patchId === null
    ? ''
    : `, or Rollcall's request ${visible(patchId)} has, after which no report names a newer version`;

/** Nothing is read while too much is pending, and what is read of a paused group waits. */
function unreadText({ intakeObstacle, pause }: KnownChanges): string {
  const waits = pause === null ? '' : `waits for a resume once it is read (${visible(pause)})`;
  if (intakeObstacle === null) return `is not read yet${waits === '' ? '' : `, and ${waits}`}`;
  return `is not read at present (${visible(intakeObstacle)})${waits === '' ? '' : `, and ${waits}`}`;
}

const queuedText = ({ obstacle }: KnownChanges): string =>
  obstacle === null ? 'waits for its request' : `waits, and nothing of it is sent at present (${visible(obstacle)})`;

/** Epoch ms; null: it is not known. */
export function nextTryAt({ waiting, inMemory, reports: [last] }: Link): number | null {
  const { notBefore } = inMemory ?? waiting ?? { notBefore: 0 };
  if (notBefore > 0) return notBefore;
  const reported = last?.next_attempt_at ?? null;
  return reported === null ? null : Date.parse(reported);
}

/** Of its newest report, with the code of its reason. */
export const lastOutcome = ({ reports: [last] }: Link) => ({
  lastOutcome: last?.outcome ?? null,
  reason: last?.reason?.code ?? null,
});

function triesText(link: Link): string {
  const {
    waiting,
    inMemory,
    reports: [last],
  } = link;
  const { attempt } = inMemory ?? waiting ?? { attempt: last?.attempt ?? 0 };
  const due = nextTryAt(link);
  const code = last?.reason?.code;
  const next = due === null ? '' : ` at ${timeText(due)}`;
  return `${next} (${attempt} failed${code === undefined ? '' : `: ${visible(code)}`})`;
}

function becauseOf({ reports: [last] }: Link): string {
  if (last === undefined) return '';
  const code = last.reason?.code;
  const [why = code === undefined ? null : visible(code)] = last.refusal === undefined ? [] : decisionsIn(last);
  return why === null ? '' : ` (${why})`;
}

/** What the answer does not know. */
function doubts(known: Known): readonly string[] {
  const {
    links: [newest],
    invalid,
  } = known;
  const unread = mayBeNewer(invalid, newest).map((position) => {
    const isNewer = position.partition === newest?.position.partition;
    return unreadEventText(position, isNewer ? 'a newer event' : 'an event');
  });
  return [...(mayBeOutdated(known) ? [NEWER_GONE] : []), ...unread];
}

export const unreadEventText = (position: Position, event: 'a newer event' | 'an event'): string =>
  `${event} of the group, at ${visible(positionText(position))}, could not be read: see its dead letter`;

/** Those that may be newer than the link: of another partition all, since an offset says nothing beside one of its own. */
export const mayBeNewer = (positions: readonly Position[], link: Link | undefined): readonly Position[] =>
  positions.filter(
    (each) =>
      link === undefined || each.partition !== link.position.partition || comparePositions(each, link.position) > 0,
  );

export const NEWER_GONE = 'records of the source are gone, and newer events may be among them';

/** An event that is newer than all that are known of the member may be gone. */
export const mayBeOutdated = ({ links: [newest], goneSource }: Pick<Known, 'links' | 'goneSource'>): boolean =>
  newest !== undefined && !newest.isRetained && mayHideNewer(newest, goneSource);

/** Of its own partition all behind it may be left, but for later events of its record. Another one may have had the group since. */
function mayHideNewer({ position }: Link, gone: ReadonlyMap<number, bigint>): boolean {
  const next = position.offset + (position.index === null ? 1n : 0n);
  return [...gone].some(([partition, start]) => partition !== position.partition || start > next);
}
