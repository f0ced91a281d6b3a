/**
 * Room core/notice: what people are notified of: the JSON of a message, its text and its bounds.
 * Not here: when a message is due (pipeline/state/notices.ts), and how it is sent and signed (adapters/webhook-notifier.ts).
 *
 * Messages of version 1 (protocol.md 11.4). `text` is what Slack shows, in its mrkdwn
 * (https://docs.slack.dev/messaging/formatting-message-text); the other fields are for programs.
 */
import { withNamedCommands } from '../text/named-commands.ts';
import { percentOf, type HeldFacts } from '../group/held-set.ts';
import { timeText } from '../report/reporting.ts';
import type { BreakerReason, RequestKind } from '../target/breaker.ts';
import { counted, countedLarge, numberText } from '../text/counted.ts';
import { visible } from '../text/visible.ts';

export type NoticeKind = 'held' | 'breaker_open';

/** What stays the same however often it is sent: a receiver drops repetitions by the id. */
export interface Notice {
  readonly id: string;
  readonly kind: NoticeKind;
  /** JSON. */
  readonly body: string;
}

/** What is held of one group. */
export interface HeldGroup extends HeldFacts {
  /** What the target calls the group; null: the same, or not recorded. */
  readonly groupTarget: string | null;
  readonly count: number;
}

/** From the first opening of the breaker that no message has said. Times in epoch ms. */
export interface Opening {
  readonly reason: BreakerReason;
  readonly since: number;
  /** When it closed last; null: it is open. */
  readonly until: number | null;
  readonly problem: string;
  readonly failed: RequestKind;
  /** What to do. */
  readonly advice: string;
  /** How often it has opened since then. */
  readonly openings: number;
}

interface Sender {
  readonly id: string;
  /** Which instance of the service sends it. */
  readonly instance: string;
  /** It changes no group. */
  readonly isShadow: boolean;
}

/** When people are notified of what is held of a group: within 30 s, or within 15 min. */
export type NewsPace = 'soon' | 'later';

/** A stream of removals is not a stream of messages: what delivered messages have said has to double. */
export const paceOf = (newCount: number, notifiedCount: number): NewsPace =>
  newCount >= notifiedCount ? 'soon' : 'later';

/** The list of a message ends after so many; the counts are of all. */
export const GROUPS_LISTED_MAX = 100;
const GROUPS_NAMED_MAX = 10;

/** @param groups at least one; those with the most removals come first. */
export function heldNotice({ id, instance, isShadow }: Sender, groups: readonly HeldGroup[]): Notice {
  const sorted = groups.toSorted((a, b) => b.count - a.count || (a.group < b.group ? -1 : 1));
  const removalCount = sorted.reduce((sum, { count }) => sum + count, 0);
  const body = {
    v: 1,
    id,
    kind: 'held',
    text: `${shadowText(isShadow)}${heldText(sorted, removalCount)}${lookText('held list', isShadow)}`,
    instance,
    ...(isShadow && { shadow: true }),
    group_count: sorted.length,
    removal_count: removalCount,
    groups: sorted.slice(0, GROUPS_LISTED_MAX).map((each) => ({
      group: each.group,
      group_target: each.groupTarget,
      digest: each.digest,
      count: each.count,
      group_size: each.groupSize,
      percent: percentOf(each.count, each.groupSize),
      by: each.by,
      since: timeText(each.since),
    })),
  };
  return { id, kind: 'held', body: JSON.stringify(body) };
}

function heldText(groups: readonly HeldGroup[], removalCount: number): string {
  const named = groups.slice(0, GROUPS_NAMED_MAX).map(groupText);
  const left = groups.length - named.length;
  const more = left === 0 ? '' : ` and ${countedLarge(left, 'more group')}`;
  const what = `${countedLarge(removalCount, 'removal')} of ${countedLarge(groups.length, 'group')}`;
  return `Rollcall holds ${what}: ${named.join(', ')}${more}.`;
}

function groupText({ by, count, groupSize, group }: HeldGroup): string {
  const percent = percentOf(count, groupSize);
  const size = percent === null || groupSize === null ? '' : ` of ${numberText(groupSize)}`;
  const share = percent === null ? '' : ` (${percent} %)`;
  const members = counted(groupSize ?? count, 'member').replace(/^\d+ /, '');
  return `${escaped(by.join('/'))} ${numberText(count)}${size} ${members}${share} of ${named(group)}`;
}

const PROBLEM_LENGTH_MAX = 500;

export function breakerNotice({ id, instance, isShadow }: Sender, opening: Opening): Notice {
  const { reason, since, until, failed, openings } = opening;
  const problem = shortened(opening.problem, PROBLEM_LENGTH_MAX);
  const body = {
    v: 1,
    id,
    kind: 'breaker_open',
    text: `${shadowText(isShadow)}${breakerText({ ...opening, problem })}${lookText('status --affected', isShadow)}`,
    instance,
    ...(isShadow && { shadow: true }),
    reason,
    since: timeText(since),
    until: until === null ? null : timeText(until),
    problem,
    failed,
    openings,
  };
  return { id, kind: 'breaker_open', body: JSON.stringify(body) };
}

function breakerText({ reason, since, until, problem, advice, openings }: Opening): string {
  const why = `(${reason}: ${escaped(problem.replace(/\.$/, ''))})`;
  const times = openings === 1 ? '' : ` It has opened ${numberText(openings)} times.`;
  const what =
    until === null
      ? `Rollcall sends nothing to Genesys Cloud since ${timeText(since)}: the breaker is open ${why}.`
      : `Rollcall sent nothing to Genesys Cloud from ${timeText(since)} to ${timeText(until)}: the breaker was open ${why}.`;
  return `${what}${times} ${escaped(advice)}`;
}

const shadowText = (isShadow: boolean): string => (isShadow ? 'Shadow, nothing is sent: ' : '');

/** Without its option the command would look at the real service. */
const lookText = (command: string, isShadow: boolean): string =>
  withNamedCommands({ isShadow }, ` Look with \`rollcall ${command}\`.`);

const NAME_LENGTH_MAX = 80;

/** In a code span, where a backtick would end it. */
const named = (id: string): string => `\`${escaped(shortened(id, NAME_LENGTH_MAX)).replaceAll('`', "'")}\``;

/** In UTF-16 units, and no half of a pair. What a terminal or a page would obey is made visible first. */
function shortened(text: string, lengthMax: number): string {
  const shown = visible(text);
  return shown.length <= lengthMax ? shown : `${shown.slice(0, lengthMax - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** As Slack asks: these three start links, mentions and escapes. */
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
