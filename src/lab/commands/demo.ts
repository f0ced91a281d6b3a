/** `rollcall demo`: everything on this machine, and a verdict read from the target itself. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { writeSummary } from '../../commands/apply.ts';
import { print, type CommandContext, wholeNumber } from '../../console/command-context.ts';
import { showProgress } from '../../console/progress.ts';
import { summaryOf, type Summary } from '../../core/report/summary.ts';
import { EXIT, type ExitCode } from '../../exit-codes.ts';
import { summaryText } from '../../report/summary.ts';
import { withKafka } from '../demo/kafka-service.ts';
import { Play, type Played } from '../demo/play.ts';
import { type DemoService, withEmbedded } from '../demo/service.ts';
import { DEMO_FAULTS, UNKNOWN_USER, drawStream, type Stream } from '../demo/stream.ts';
import { deviations, readMemberships, type Deviation } from '../demo/verdict.ts';
import { startSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { seededRandom } from '../sandbox/seed.ts';

export interface DemoFlags {
  readonly kafka?: true;
  readonly report: string;
  readonly seed: number;
}

export function demoCommand(context: CommandContext): Command {
  return new Command('demo')
    .summary('everything on this machine: 10,000 changes, mishaps of every kind, and a verdict')
    .description(
      'Plays 10,000 change events over 500 groups into Rollcall, in front of an emulated Genesys Cloud that conflicts, throttles, fails and loses answers. Then reads every group back and compares.',
    )
    .option('--kafka', 'through real Kafka: that of KAFKA_BROKERS, else one that is started here (Java 17, Maven)')
    .option('--report <file>', 'where the summary is written', 'rollcall-report.json')
    .option('--seed <number>', 'draws another stream', wholeNumber(0, 2 ** 32 - 1), 1)
    .addHelpText('after', '\nNeeds no configuration. Exits 0 only if each membership is what the events say.')
    .action(async (flags: DemoFlags) => {
      context.finish(await playDemo(flags, context));
    });
}

/** So many requests in so many seconds: the scarce resource, as with the real target, but quicker to watch. */
const LIMITS = { allowed: 400, windowSeconds: 2 };
const LATENCY_MS = { min: 5, max: 25 };

export async function playDemo(flags: DemoFlags, context: CommandContext): Promise<ExitCode> {
  const stream = drawStream({ next: seededRandom(flags.seed) });
  const sandbox = await startSandbox({
    users: 'any',
    unknownUsers: [UNKNOWN_USER],
    seed: { groups: [...stream.initial].map(([id, members]) => ({ id, members: [...members] })) },
    limits: LIMITS,
    latencyMs: LATENCY_MS,
    randomSeed: flags.seed,
    behaviour: { conflict: 'mixed', errorShape: 'mixed' },
  });
  for (const rule of DEMO_FAULTS) sandbox.addRule(rule);
  try {
    const withService = flags.kafka === true ? withKafka : withEmbedded;
    const played = await withService(context, sandbox, (service) => playOn(service, { stream, sandbox }, context));
    return await conclude({ played, stream, sandbox, flags }, context);
  } finally {
    await sandbox.stop();
  }
}

async function playOn(
  service: DemoService,
  { stream, sandbox }: { readonly stream: Stream; readonly sandbox: Sandbox },
  context: CommandContext,
): Promise<Played> {
  const { events, initial } = stream;
  const headline = `${events.length} change events over ${initial.size} groups; sandbox at ${sandbox.url}; ${service.about}`;
  await print(context.stdout, `${headline}\n`);
  const play = new Play(service, stream, context);
  const endProgress = showProgress(context.stdout, context.clock, () => play.progress());
  try {
    return await play.run();
  } finally {
    endProgress();
    await service.stop();
  }
}

interface Conclusion {
  readonly played: Played;
  readonly stream: Stream;
  readonly sandbox: Sandbox;
  readonly flags: DemoFlags;
}

async function conclude({ played, stream, sandbox, flags }: Conclusion, context: CommandContext): Promise<ExitCode> {
  const summary = summaryOf(played.operations, context.clock.now().wall);
  await writeSummary(flags.report, summary);
  const found = await readMemberships(sandbox.url, [...stream.expected.keys()]);
  const wrong = deviations(stream.expected, found);
  const lines = [
    '',
    summaryText(summary),
    `report:    ${resolve(flags.report)}`,
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
