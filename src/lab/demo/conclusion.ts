/** What the demo says at its end: the summary, the requests and mishaps it took, and the verdict. */
import { resolve } from 'node:path';
import { print, type CommandContext, writeSummary } from '../../console/command-context.ts';
import { summaryOf, type Summary } from '../../core/report/summary.ts';
import { EXIT, type ExitCode } from '../../exit-codes.ts';
import { summaryText } from '../../report/summary.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';
import type { Played } from './play.ts';
import { DEMO_FAULTS, type Stream } from './stream.ts';
import { deviations, readMemberships, type Deviation } from './verdict.ts';

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
  await writeSummary(report, summary);
  const found = await readMemberships(sandbox.url, [...stream.expected.keys()]);
  const wrong = deviations(stream.expected, found);
  const lines = [
    '',
    summaryText(summary),
    `report:    ${resolve(report)}`,
    requestLine(sandbox, stream, summary),
    `mishaps:   ${mishapText(sandbox)}`,
    `duration:  ${(played.durationMs / 1000).toFixed(1)} s`,
    ...verdictLines(wrong, { played, stream }),
    '',
  ];
  await print(context.stdout, lines.join('\n'));
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
