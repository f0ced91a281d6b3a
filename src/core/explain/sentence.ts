/** The answer of `rollcall explain` in one sentence. Text from elsewhere is made visible, so that it forges no line. */
import { positionText, type Op } from '../change/change.ts';
import type { ReportRecord } from '../report/report.ts';
import { timeText } from '../report/reporting.ts';
import { visible } from '../text/visible.ts';
import { isDone, isMemberIn, standingOf, type AtTarget, type Known, type Link, type Standing } from './verdict.ts';

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
  const decidedBy = newest === undefined ? null : at(newest);
  const clauses = [`${subject(known, standing)}: ${answer(known, standing)}`, ...doubts(known, standing)];
  return { isMember, standing, decidedBy, sentence: `${clauses.join('; ')}.` };
}

/** `topic/partition/offset`, as it may be shown. */
export const at = ({ position }: Pick<Link, 'position'>): string => visible(positionText(position));

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
  return reason(newest, known, standing);
}

function nothingKnown({ isSourceGone, areReportsGone, atTarget }: Known): string {
  if (isSourceGone || areReportsGone) return 'no event and no report is left that names it, and older ones are gone';
  const isOthers = isMemberIn(atTarget) === true;
  return `no event and no report names it${isOthers ? ': others have made it a member' : ''}`;
}

const NOUNS = { add: 'addition', remove: 'removal' } as const;
const DONE = { add: 'added', remove: 'removed' } as const;

function reason(link: Link, known: Known, standing: Standing): string {
  const event = `${link.eventId === null ? '' : `by event ${visible(link.eventId)} `}at ${at(link)}`;
  const change = `the ${nounOf(link)} ${event}`;
  switch (standing) {
    case 'done':
      return `${doneText(link)} ${event}${requestText(link)}${isUnsent(link) ? UNSENT_DONE : ''}${olderText(known.links)}`;
    case 'undone':
      return `${doneText(link)} ${event}${requestText(link)}, ${isUnsent(link) ? UNSENT : othersText(known)}`;
    case 'waits':
      return known.pause === null
        ? `${change} waits for another try${triesText(link)}`
        : `${change} waits for a resume (${visible(known.pause)})`;
    case 'held':
      return `${change} is held${becauseOf(link)} until an operator decides: rollcall held list`;
    case 'given_up':
      return `${change} was given up${becauseOf(link)}`;
    case 'queued':
      return link.inMemory?.state === 'in_flight' ? `${change} is being sent` : `${change} ${queuedText(known)}`;
    case 'unread':
      return `${change} is not read yet`;
    case 'unfinished':
      return `${change} is not finished: it is not read yet, or an instance has it in memory`;
    case 'unreported':
    case 'nothing':
      return `no report says what became of ${change}`;
  }
}

const nounOf = ({ op, isState }: Link): string => (isState ? 'full state' : NOUNS[op ?? 'add']);

/** Where the target had it before Rollcall came to it, others had done it. */
function doneText({ op, isState, reports }: Link): string {
  if (isState) return op === 'add' ? 'named in the full state' : 'not named in the full state';
  // A later owner that has read the change again has found what was applied before.
  const wasFound = doneReportIn(reports)?.outcome === 'already_synced';
  const done = DONE[op ?? ('add' satisfies Op)];
  return wasFound ? `${done} by others before, as asked` : done;
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
function othersText({ atTarget, lastVersion }: Known): string {
  const version = atTarget.kind === 'read' ? atTarget.version : null;
  const isSame = version !== null && version === lastVersion;
  return isSame ? 'and Genesys Cloud shows the opposite' : 'and others have changed it since';
}

const queuedText = ({ obstacle }: Known): string =>
  obstacle === null ? 'waits for its request' : `waits, and nothing of it is sent at present (${visible(obstacle)})`;

/** Of those that say that it is done, one whose request has done it, before one that has found it so. */
function doneReportIn(reports: readonly ReportRecord[]): ReportRecord | undefined {
  const done = reports.filter(isDone);
  return done.find(({ outcome }) => outcome !== 'already_synced') ?? done[0];
}

function requestText({ reports }: Link): string {
  const last = doneReportIn(reports) ?? reports.find(({ final }) => final);
  const { patch_id: patch = null, status = null } = last?.request ?? {};
  const facts = [
    ...(patch === null ? [] : [`request ${visible(patch)}`, `status ${status ?? 'none'}`]),
    ...(last === undefined ? [] : decisionsIn(last)),
  ];
  return facts.length === 0 ? '' : ` (${facts.join(', ')})`;
}

/** Which operator has let a held removal pass, or has refused it, and why; empty: none has. */
export function decisionsIn({ approval, refusal }: Pick<ReportRecord, 'approval' | 'refusal'>): readonly string[] {
  const decisions = [['approved', approval] as const, ['refused', refusal] as const];
  return decisions.flatMap(([done, decision]) => {
    if (decision === undefined) return [];
    const { author, reason: why = null } = decision;
    return `${done} by ${visible(author)}${why === null ? '' : `: ${visible(why)}`}`;
  });
}

function triesText({ waiting, inMemory, reports: [last] }: Link): string {
  const { attempt, notBefore } = inMemory ?? waiting ?? { attempt: last?.attempt ?? 0, notBefore: 0 };
  const due = notBefore > 0 ? timeText(notBefore) : last?.next_attempt_at;
  const code = last?.reason?.code;
  const next = due === undefined || due === null ? '' : ` at ${due}`;
  return `${next} (${attempt} failed${code === undefined ? '' : `: ${visible(code)}`})`;
}

function becauseOf({ reports: [last] }: Link): string {
  if (last === undefined) return '';
  const code = last.reason?.code;
  const [why = code === undefined ? null : visible(code)] = last.refusal === undefined ? [] : decisionsIn(last);
  return why === null ? '' : ` (${why})`;
}

/** What the answer does not know. */
function doubts({ links: [newest], isSourceGone, invalid }: Known, standing: Standing): readonly string[] {
  const isInvalidNewer =
    invalid !== null && (newest === undefined || invalid.offset > newest.position.offset || standing === 'nothing');
  return [
    ...(newest !== undefined && isSourceGone && !newest.isRetained
      ? ['records of the source are gone, and newer events may be among them']
      : []),
    ...(isInvalidNewer
      ? [`a newer event of the group, at ${visible(positionText(invalid))}, could not be read: see its dead letter`]
      : []),
  ];
}
