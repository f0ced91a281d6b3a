/** What a plan comes to in all: the sentence that `rollcall plan` begins with, the counts behind it, and the groups that are worth a look. */
import { isSuccess } from '../core/report/summary.ts';
import { counted } from '../core/text/counted.ts';
import { durationText } from '../core/text/duration.ts';
import { convergesInMs, type RequestBudget, type Speed } from '../core/status/convergence.ts';
import type { GroupPlan, Prediction } from './dry-run.ts';

/** So many groups are named of each kind. */
const FAILING_MAX = 20;
const LARGEST_MAX = 5;

interface NamedGroup {
  /** A line without its end. */
  readonly line: string;
  readonly changeCount: number;
}

/** Of a whole plan, in memory that does not grow with it. */
export class PlanTotals {
  readonly #outcomes = new Map<string, number>();
  readonly #failing: NamedGroup[] = [];
  /** Of those that are not among the failing, the largest first. */
  readonly #largest: NamedGroup[] = [];
  #groupCount = 0;
  #requestCount = 0;
  #requestsOfOneMax = 0;
  #pausedCount = 0;
  #waitsUntil = 0;
  #leftCount = 0;
  readonly #heldAdvice: string;

  /** @param of what is planned: it says how held removals leave. */
  constructor(of: keyof typeof HELD = 'file') {
    this.#heldAdvice = HELD[of];
  }

  take(plan: GroupPlan): void {
    this.#groupCount += 1;
    this.#pausedCount += Number(plan.pause !== undefined);
    this.#waitsUntil = Math.max(this.#waitsUntil, plan.waitsUntil);
    this.#leftCount += plan.leftCount;
    this.#requestCount += plan.requests.length;
    this.#requestsOfOneMax = Math.max(this.#requestsOfOneMax, plan.requests.length);
    for (const count of plan.superseded.values()) this.count('superseded', count);
    for (const { outcome } of plan.predicted) this.count(outcome, 1);
    this.#name(plan);
  }

  count(outcome: Prediction['outcome'], count: number): void {
    if (count > 0) this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + count);
  }

  countOf(outcome: Prediction['outcome']): number {
    return this.#outcomes.get(outcome) ?? 0;
  }

  /** As `apply` judges it: nothing fails, is held or waits. */
  get isAllDone(): boolean {
    return [...this.#outcomes.keys()].every((outcome) => isSuccess({ outcome }));
  }

  /** As of GroupPlan. */
  get leftCount(): number {
    return this.#leftCount;
  }

  /** Until all of it is sent, by the model of `rollcall status`: each group is read once before its requests. @param now epoch ms */
  takesMs(speed: Speed, budget: RequestBudget, now: number): number {
    if (this.#requestCount === 0) return 0;
    const requests = this.#requestCount + this.#groupCount;
    const waitMs = Math.max(0, this.#waitsUntil - now);
    return convergesInMs({ requests, longestRun: this.#requestsOfOneMax + 1, waitMs, unread: 0 }, speed, budget);
  }

  /** The sentence first: `12 groups, 40 requests, about 8 s, 3 removals held.` */
  text(takesMs: number): string {
    const held = this.countOf('held');
    const said = [
      counted(this.#groupCount, 'group'),
      counted(this.#requestCount, 'request'),
      ...(this.#requestCount === 0 ? [] : [`about ${durationText(takesMs)}`]),
      ...(held === 0 ? [] : [`${counted(held, 'removal')} held`]),
      ...(this.#pausedCount === 0 ? [] : [`${counted(this.#pausedCount, 'group')} paused`]),
    ];
    const counts = [...this.#outcomes].map(([outcome, count]) => `  ${outcome.padEnd(18)} ${count}\n`);
    return `${said.join(', ')}.\n${counts.join('')}${held === 0 ? '' : this.#heldAdvice}`;
  }

  /** The groups of which something fails, waits or is held, and the largest others. */
  shortList(): string {
    const named = [...this.#failing, ...this.#largest];
    const left = this.#groupCount - named.length;
    const lines = named.map(({ line }) => `${line}\n`);
    const rest = left === 0 ? '' : `… and ${counted(left, 'more group')}\n`;
    return named.length === 0 ? '' : `${lines.join('')}${rest}${VERBOSE}`;
  }

  #name(plan: GroupPlan): void {
    const group = { line: groupLine(plan), changeCount: plan.predicted.length };
    if (!plan.predicted.every(isSuccess)) {
      if (this.#failing.length < FAILING_MAX) this.#failing.push(group);
      return;
    }
    this.#largest.push(group);
    this.#largest.sort((a, b) => b.changeCount - a.changeCount);
    if (this.#largest.length > LARGEST_MAX) this.#largest.length = LARGEST_MAX;
  }
}

const HELD = {
  file: 'What the removal guard holds leaves with `apply --approve` only.\n',
  topic: 'What the removal guard holds waits for `rollcall held`.\n',
} as const;
const VERBOSE = 'Each group with its requests: --verbose\n';

/** One line: how many requests, and what becomes of the changes. */
function groupLine(plan: GroupPlan): string {
  const { group, requests, superseded, predicted } = plan;
  const supersededCount = [...superseded.values()].reduce((sum, count) => sum + count, 0);
  const counts = new Map(supersededCount === 0 ? [] : [['superseded', supersededCount]]);
  for (const { outcome, code } of predicted) {
    const what = code === null ? outcome : `${outcome} (${code})`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  const said = [...counts].map(([what, count]) => `${count} ${what}`).join(', ');
  const version = versionText(plan);
  return `group ${group}  ${version}  ${counted(requests.length, 'request')}${said === '' ? '' : `: ${said}`}`;
}

/** What a plan knows of the group itself. */
export const versionText = ({ etag, pause }: Pick<GroupPlan, 'etag' | 'pause'>): string =>
  pause ?? (etag === null ? 'cannot be read' : `version ${etag}`);
