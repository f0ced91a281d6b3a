/** What `rollcall diff` prints of a group: lines for people, or one line of JSON, which `--resume` reads again; and the totals. */
import { z } from 'zod';
import { NOTHING_DIFFERS, type Differences, type Named, type Unmet } from '../core/drift/differences.ts';
import { timeText } from '../core/report/reporting.ts';
import { counted } from '../core/text/counted.ts';
import type { Speaker } from '../core/text/named-commands.ts';
import { jsonText, visible } from '../core/text/visible.ts';
import type { ComparedGroup } from './drift.ts';

/** @param more what a command besides `diff` says of the group */
export function comparedJson(compared: ComparedGroup, more: object = {}): string {
  const { group, target, comparedAt, status } = compared;
  const isCompared = compared.status === 'compared';
  const { missing, extra, undone, pending, foreign, nested, doubts, obstacles, unnamedCount } = differencesOf(compared);
  return `${jsonText({
    group,
    group_target: target,
    compared_at: timeText(comparedAt),
    status,
    version: isCompared ? (compared.snapshot?.version ?? null) : null,
    missing,
    extra,
    undone,
    pending,
    foreign,
    nested,
    doubts,
    obstacles,
    unnamed_count: unnamedCount,
    error: isCompared ? null : { code: compared.code, message: compared.message },
    ...more,
  })}\n`;
}

const differencesOf = (compared: ComparedGroup): Differences =>
  compared.status === 'compared' ? compared.differences : NOTHING_DIFFERS;

/** The empty text: there is nothing to say of the group. */
export function comparedText(compared: ComparedGroup, { isShadow }: Speaker): string {
  const name = visible(compared.group);
  if (compared.status !== 'compared') return `${compared.status}  ${name}  ${visible(compared.message)}\n`;
  const { differences, snapshot } = compared;
  const { missing, extra, undone, pending, foreign, nested, doubts } = differences;
  const line = (kind: string, { member, target }: Named, why: string): string =>
    `${kind}  ${name}  ${namesText(member, target)}  ${why}\n`;
  const lines = [
    ...missing.map((each) => line('missing', each, unmetText(each, 'added'))),
    ...extra.map((each) => line('extra', each, unmetText(each, 'removed'))),
    ...undone.map((each) =>
      line('undone', each, `${undoneText(each)}; ${isShadow === true ? UNSENT : 'others have changed it since'}`),
    ),
    ...pending.map((each) => line('pending', each, `${each.op}, ${PENDING[each.state]}`)),
    ...foreign.map((each) => line('foreign', each, 'no event and no report names it')),
    ...nested.map((target) => line('foreign', { member: null, target }, 'a group inside of the group')),
    ...doubts.map((doubt) => `doubt  ${name}  ${visible(doubt)}\n`),
  ];
  if (lines.length === 0) return '';
  const version = snapshot?.version ?? null;
  const shown = version === null ? '' : `, version ${visible(version)}`;
  return `${lines.join('')}group ${name}${shown}: ${countsText(countsOf(differences))}\n`;
}

export function namesText(member: string | null, target: string | null): string {
  if (member === null || member === target) return visible(target ?? member ?? '');
  return `${visible(member)} (${target === null ? 'not known at Genesys Cloud' : visible(target)})`;
}

function unmetText({ evidence, report, event, event_at: at }: Unmet, done: string): string {
  switch (evidence) {
    case 'failed':
      return `given up, see report ${visible(report ?? '')}`;
    case 'refused':
      return `refused by an operator, see report ${visible(report ?? '')}`;
    case 'source_says_otherwise':
      return `by the file; event ${visible(event ?? '')} of ${at ?? ''} says otherwise`;
    case 'no_report':
      return `no report says that it was ever ${done}`;
  }
}

const undoneText = ({ op, event, report, reported_at: at }: Differences['undone'][number]): string => {
  const by = report === null ? `as the full state at ${visible(event)} says` : `by report ${visible(report)} of ${at}`;
  return `${op === 'add' ? 'added' : 'removed'} ${by}`;
};

/** What was found as asked was so without it. */
const UNSENT = 'a shadow has not sent it, or others have changed it since';

const PENDING: Readonly<Record<Differences['pending'][number]['state'], string>> = {
  unread: 'not read, or not finished',
  parked: 'waits for another try',
  held: 'held until an operator decides',
  dead: 'given up: rollcall replay list',
};

const KINDS = ['missing', 'extra', 'undone', 'pending', 'foreign', 'refused'] as const;

type Counts = Readonly<Record<(typeof KINDS)[number], number>>;

type Countable = Readonly<Record<'undone' | 'pending' | 'foreign', readonly unknown[]>> &
  Readonly<Record<'missing' | 'extra', readonly { readonly evidence: string }[]>>;

/** What an operator has refused counts apart. */
function countsOf({ missing, extra, undone, pending, foreign }: Countable): Counts {
  const isRefused = ({ evidence }: { readonly evidence: string }): boolean => evidence === 'refused';
  const [missed, extras] = [missing, extra].map((unmet) => unmet.filter((each) => !isRefused(each)).length);
  return {
    missing: missed ?? 0,
    extra: extras ?? 0,
    undone: undone.length,
    pending: pending.length,
    foreign: foreign.length,
    refused: [...missing, ...extra].filter(isRefused).length,
  };
}

const kindsText = (counts: Counts, kinds: readonly (keyof Counts)[]): string =>
  kinds.flatMap((kind) => (counts[kind] === 0 ? [] : `${counts[kind]} ${kind}`)).join(', ');

/** Drift first, and apart from what is none. */
function countsText(counts: Counts): string {
  const drift = kindsText(counts, ['missing', 'extra', 'undone']);
  const rest = kindsText(counts, ['pending', 'foreign', 'refused']);
  return [drift === '' ? 'no drift' : drift, ...(rest === '' ? [] : [rest])].join('; ');
}

const list = z.array(z.unknown()).readonly();
const unmetList = z.array(z.object({ evidence: z.string() })).readonly();

/** A line of `--json` or `--out`, as far as it is read again. */
export const ComparedLine = z.object({
  group: z.string(),
  status: z.enum(['compared', 'moved', 'failed']),
  missing: unmetList,
  extra: unmetList,
  undone: list,
  pending: list,
  foreign: list,
  nested: list,
});

/** Of all groups, those of a file that is gone on with included. */
export class DriftTotals {
  readonly #counts = { missing: 0, extra: 0, undone: 0, pending: 0, foreign: 0, refused: 0 };
  #compared = 0;
  #differing = 0;
  #moved = 0;
  #failed = 0;
  #nested = 0;

  take(compared: ComparedGroup): void {
    this.#count(compared.status, differencesOf(compared));
  }

  takeLine({ status, ...lists }: z.infer<typeof ComparedLine>): void {
    this.#count(status, lists);
  }

  /** No group differs, and none was left out. */
  get isInStep(): boolean {
    return this.#differing + this.#moved + this.#failed === 0;
  }

  /** All could be compared. */
  get isWhole(): boolean {
    return this.#moved + this.#failed === 0;
  }

  get groupCount(): number {
    return this.#compared + this.#moved + this.#failed;
  }

  get differingCount(): number {
    return this.#differing;
  }

  text(requestCount: number): string {
    const { missing, extra, undone, pending, foreign, refused } = this.#counts;
    const drift = kindsText(this.#counts, ['missing', 'extra', 'undone']);
    const parts = [
      `${counted(this.#compared, 'group')} compared, ${this.#differing} differ${missing + extra + undone === 0 ? '' : `: ${drift}`}`,
      `${pending} pending, ${foreign} foreign`,
      ...(refused === 0 ? [] : [`${refused} refused by operators`]),
      ...(this.#nested === 0 ? [] : [`${counted(this.#nested, 'group')} inside of groups`]),
      ...(this.#moved === 0 ? [] : [`${this.#moved} moved meanwhile`]),
      ...(this.#failed === 0 ? [] : [`${this.#failed} could not be compared`]),
      counted(requestCount, 'request'),
    ];
    return `${parts.join('; ')}\n`;
  }

  #count(status: ComparedGroup['status'], lists: Omit<z.infer<typeof ComparedLine>, 'group' | 'status'>): void {
    if (status === 'moved') this.#moved += 1;
    else if (status === 'failed') this.#failed += 1;
    else this.#compared += 1;
    const counts = countsOf(lists);
    for (const kind of KINDS) this.#counts[kind] += counts[kind];
    this.#nested += lists.nested.length;
    if (counts.missing + counts.extra + counts.undone > 0) this.#differing += 1;
  }
}
