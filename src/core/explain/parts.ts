/** By which event a change was asked for, by which request it was made, and who let it pass, as parts of the sentence. */
import { positionText } from '../change/change.ts';
import type { ReportRecord } from '../report/report.ts';
import { visible } from '../text/visible.ts';
import { isDone, type Link } from './verdict.ts';

/** `topic/partition/offset`, as it may be shown. */
export const at = ({ position }: Pick<Link, 'position'>): string => visible(positionText(position));

export const eventText = (link: Link): string =>
  `${link.eventId === null ? '' : `by event ${visible(link.eventId)} `}at ${at(link)}`;

/** Of those that say that it is done, one whose request has done it, before one that has found it so. */
export function doneReportIn(reports: readonly ReportRecord[]): ReportRecord | undefined {
  const done = reports.filter(isDone);
  return done.find(({ outcome }) => outcome !== 'already_synced') ?? done[0];
}

/** Of what was found so after a lost answer, the request that may have done it. */
export function requestText(link: Link, older: readonly Link[]): string {
  const { reports } = link;
  const last = doneReportIn(reports) ?? reports.find(({ final }) => final);
  const isFound = last?.outcome === 'recovered' && (last.request ?? null) === null;
  const [sent, { patch_id: patch = null, status = null }] = isFound
    ? lostRequest(link, older)
    : [link, last?.request ?? {}];
  const facts = [
    ...(patch === null
      ? []
      : [`request ${visible(patch)}${sent === link ? '' : ` ${eventText(sent)}`}`, `status ${status ?? 'none'}`]),
    ...(last === undefined ? [] : decisionsIn(last)),
  ];
  return facts.length === 0 ? '' : ` (${facts.join(', ')})`;
}

type ReportedRequest = NonNullable<ReportRecord['request']>;

/** The last one without a sure answer that asked for the same, with the change that it was sent for. */
function lostRequest(link: Link, older: readonly Link[]): readonly [Link, Partial<ReportedRequest>] {
  for (const each of [link, ...older]) {
    if (each.op !== link.op) continue;
    const request = each.reports.map((report) => report.request ?? null).find((sent) => sent !== null && isLost(sent));
    if (request !== undefined && request !== null) return [each, request];
  }
  return [link, {}];
}

const isLost = ({ patch_id: patch, status }: ReportedRequest): boolean =>
  patch !== null && (status === null || status === 408 || status >= 500);

/** Which operator has let a held removal pass, or has refused it, and why; empty: none has. */
export function decisionsIn({ approval, refusal }: Pick<ReportRecord, 'approval' | 'refusal'>): readonly string[] {
  const decisions = [['approved', approval] as const, ['refused', refusal] as const];
  return decisions.flatMap(([done, decision]) => {
    if (decision === undefined) return [];
    const { author, reason: why = null } = decision;
    return `${done} by ${visible(author)}${why === null ? '' : `: ${visible(why)}`}`;
  });
}
