/** `rollcall status`: how far all instances are behind, when they will be in step, and what keeps them. It changes nothing. */
import { Command } from 'commander';
import { explainKafkaError } from '../adapters/kafka/errors.ts';
import { adminUrls } from '../console/admin-urls.ts';
import { collect, print, printJson, type CommandContext } from '../console/command-context.ts';
import { withLogTools } from '../console/kafka-tools.ts';
import { readStatus, type StatusSources } from '../console/status-sources.ts';
import { statusJson, statusText } from '../console/status-text.ts';
import { needsOfStatus } from '../core/log/authorization.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { pause, unlessAborted } from '../time.ts';

export interface StatusFlags {
  readonly admin?: readonly string[];
  readonly affected?: true;
  readonly watch?: true;
  readonly json?: true;
}

export function statusCommand(context: CommandContext): Command {
  return new Command('status')
    .summary('how far behind, done when, and what keeps it: of all instances and partitions')
    .description(
      'Asks running instances and Kafka. Where no instance answers, committed offsets and the retry topic tell what is not finished. It changes nothing.',
    )
    .option('--admin <url>', 'of a running instance; once for each (default: by ADMIN_HOST and ADMIN_PORT)', collect)
    .option('--affected', 'list the groups whose changes wait to be sent, such as those that an open breaker keeps')
    .option('--watch', 'again every 2 s, until a signal')
    .option('--json', 'one JSON object: {"in_step","behind","converges_in_ms","sentence","totals","partitions",…}')
    .addHelpText('after', examples)
    .action(async (flags: StatusFlags) => {
      // A signal is how watching ends.
      const stop = flags.watch === true ? new AbortController().signal : context.stop;
      await withLogTools(
        { ...context, stop },
        ['admin', 'all'],
        async (config, tools) => {
          const { topics, kafka } = config;
          const instances = adminUrls(flags.admin ?? [], config);
          const sources = { tools, topics, groupId: kafka.groupId, instances, context };
          context.finish(await (flags.watch === true ? watchStatus : showStatus)(flags, sources));
        },
        ({ topics, kafka }) => needsOfStatus(topics, kafka.groupId),
      );
    });
}

const examples = `
Examples:
  $ rollcall status
  $ rollcall status --admin https://rollcall-1.example.com:8080 --admin https://rollcall-2.example.com:8080
  $ rollcall status --affected
  $ rollcall status --json | jq .converges_in_ms

The last line is the answer. Instances are asked by their admin servers, with ADMIN_TOKEN where one is set. Exits 69 where
Kafka does not answer.`;

export async function showStatus(flags: StatusFlags, sources: StatusSources): Promise<ExitCode> {
  const { stdout, clock } = sources.context;
  const found = await readStatus(sources, flags.affected === true);
  const now = clock.now().wall;
  if (flags.json === true) await printJson(stdout, statusJson(found, now));
  else await print(stdout, statusText(found, now));
  return found.kafkaProblem === null ? EXIT.done : EXIT.unavailable;
}

const WATCH_MS = 2_000;

/** To the beginning of a screen that is empty. */
const CLEAR = '\u001b[H\u001b[2J';

async function watchStatus(flags: StatusFlags, sources: StatusSources): Promise<ExitCode> {
  const { stdout, clock, stop } = sources.context;
  const showAgain = async (): Promise<void> => {
    if (stdout.isTTY === true && flags.json !== true) stdout.write(CLEAR);
    await unlessUnreachable(sources.context, showStatus(flags, sources));
    await pause(clock, WATCH_MS);
  };
  while ((await unlessAborted(stop, showAgain())) !== 'aborted');
  return EXIT.done;
}

/** What passes by itself is said, and watched on. @throws what does not */
async function unlessUnreachable({ stderr }: Pick<CommandContext, 'stderr'>, showing: Promise<unknown>): Promise<void> {
  try {
    await showing;
  } catch (error) {
    const { retriable, message } = explainKafkaError(error);
    if (!retriable) throw error;
    await print(stderr, `Kafka does not answer: ${message}\n`);
  }
}
