/**
 * What the demo says at its end: the summary, the requests and mishaps it took, and the verdict: every group is read back
 * from the sandbox, over HTTP, and compared with what the events ask for.
 */
import { resolve } from 'node:path';
import { z } from 'zod';
import { print, type CommandContext } from '../../console/command-context.ts';
import { summaryText, writeSummary } from '../../console/report-text.ts';
import { summaryOf, type Summary } from '../../core/report/summary.ts';
import { EXIT, type ExitCode } from '../../exit-codes.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Played } from './play.ts';
import { DEMO_FAULTS, FOREIGN_MEMBER, type Stream } from './stream.ts';

interface Conclusion {
  readonly played: Played;
  readonly stream: Stream;
  readonly sandbox: Sandbox;
  /** Where the summary is written. */
  readonly report: string;
}

export async function conclude(
  { played, stream, sandbox, report }: Conclusion,
  context: CommandContext,
): Promise<ExitCode> {
  const summary = summaryOf(played.operations, context.clock.now().wall);
  const unwritten = await writeSummary(report, summary);
  const found = await readMemberships(sandbox.url, [...stream.expected.keys()]);
  const wrong = deviations(stream.expected, found);
  const lines = [
    '',
    summaryText(summary),
    `report:    ${unwritten === null ? resolve(report) : 'not written'}`,
    requestLine(sandbox, stream, summary),
    `mishaps:   ${mishapText(sandbox)}`,
    `duration:  ${(played.durationMs / 1000).toFixed(1)} s`,
    ...verdictLines(wrong, { played, stream }),
    '',
  ];
  await print(context.stdout, lines.join('\n'));
  if (unwritten !== null) throw unwritten;
  return wrong.length === 0 && played.end === 'settled' ? EXIT.done : EXIT.someFailed;
}

function requestLine({ stats }: Sandbox, { events }: Stream, { total_operations: changes }: Summary): string {
  const count = (method: string): number =>
    Object.values(stats.requests[method] ?? {}).reduce((sum, requests) => sum + requests, 0);
  const [gets, patches] = [count('GET'), count('PATCH')];
  return `requests:  ${gets + patches} (${gets} GET, ${patches} PATCH) carried ${changes} changes of ${events.length} events`;
}

function mishapText(sandbox: Sandbox): string {
  const counts = new Map<string, number>();
  sandbox.ruleCounts().forEach(({ fired }, index) => {
    const fault = DEMO_FAULTS[index]?.fault;
    if (fault === undefined) return;
    const name = fault.kind === 'status' ? `status ${fault.status}` : fault.kind;
    counts.set(name, (counts.get(name) ?? 0) + fired);
  });
  return [...counts].map(([name, fired]) => `${fired} ${name}`).join(', ');
}

function verdictLines(
  wrong: readonly Deviation[],
  { played, stream }: Pick<Conclusion, 'played' | 'stream'>,
): string[] {
  const groups = stream.expected.size;
  const unfinished = {
    settled: [],
    stopped: ['verdict:   stopped before every change was settled'],
    too_slow: ['verdict:   FAILED: not every change was settled in time'],
  } as const;
  if (played.end !== 'settled') return [...unfinished[played.end]];
  if (wrong.length === 0) return [`verdict:   all ${groups} groups have exactly the members that the events ask for`];
  const examples = wrong
    .slice(0, 5)
    .map(
      ({ group, missing, unwanted }) =>
        `  ${group}: missing ${missing.join(', ') || '-'}; unwanted ${unwanted.join(', ') || '-'}`,
    );
  return [`verdict:   FAILED: ${wrong.length} of ${groups} groups are wrong`, ...examples];
}

export interface Deviation {
  readonly group: string;
  readonly missing: readonly string[];
  readonly unwanted: readonly string[];
}

export type Memberships = ReadonlyMap<string, ReadonlySet<string>>;

const REQUESTS_AT_ONCE = 20;

const groupAnswer = z.object({ members: z.array(z.string()) });

/** @param url of the sandbox. */
export async function readMemberships(url: string, groups: readonly string[]): Promise<Memberships> {
  const found = new Map<string, ReadonlySet<string>>();
  for (let from = 0; from < groups.length; from += REQUESTS_AT_ONCE) {
    const part = groups.slice(from, from + REQUESTS_AT_ONCE);
    const members = await Promise.all(part.map((group) => fetchMembers(url, group)));
    part.forEach((group, index) => found.set(group, new Set(members[index])));
  }
  return found;
}

/** Empty if each membership is what the events say. */
export function deviations(expected: Memberships, found: Memberships): Deviation[] {
  return [...expected]
    .map(([group, wanted]) => {
      const there = found.get(group) ?? new Set<string>();
      const missing = [...wanted].filter((member) => !there.has(member));
      const unwanted = [...there].filter((member) => !wanted.has(member) && member !== FOREIGN_MEMBER);
      return { group, missing, unwanted };
    })
    .filter(({ missing, unwanted }) => missing.length + unwanted.length > 0);
}

async function fetchMembers(url: string, group: string): Promise<readonly string[]> {
  const response = await fetch(`${url}/sandbox/groups/${encodeURIComponent(group)}`);
  if (response.status === 404) return [];
  return groupAnswer.parse(await response.json()).members;
}
