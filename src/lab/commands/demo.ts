/**
 * Room lab/commands: one file for each command of the lab.
 * Not here: what the commands do (the rooms beside it).
 *
 * `rollcall demo`: everything on this machine, and a verdict read from the target itself.
 */
import { Command } from 'commander';
import { print, showProgress, type CommandContext, wholeNumber } from '../../console/command-context.ts';
import type { ExitCode } from '../../exit-codes.ts';
import { checkSummaryFile } from '../../console/report-text.ts';
import { conclude } from '../demo/verdict.ts';
import { type DemoService, withEmbedded, withKafka } from '../demo/service.ts';
import { Play, type Played } from '../demo/play.ts';
import { DEMO_FAULTS, UNKNOWN_USER, drawStream, type Stream } from '../demo/stream.ts';
import { startSandbox, type Sandbox } from '../sandbox/sandbox.ts';
import { seededRandom } from '../sandbox/seed.ts';

export interface DemoFlags {
  readonly kafka?: true;
  readonly report: string;
  readonly seed: number;
}

export function demoCommand(context: CommandContext): Command {
  return new Command('demo')
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
  await checkSummaryFile(flags.report);
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
    return await conclude({ played, stream, sandbox, report: flags.report }, context);
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
