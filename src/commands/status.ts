/** `rollcall status`: how far all instances are behind, when they will be in step, and why they are not. It changes nothing. */
import { Writable } from 'node:stream';
import { Command } from 'commander';
import { explainKafkaError } from '../adapters/kafka/errors.ts';
import { adminUrls } from '../console/admin-urls.ts';
import { collect, print, printJson, type CommandContext } from '../console/command-context.ts';
import { withLogTools } from '../console/kafka-tools.ts';
import { StatusReader, type FoundStatus, type StatusSources } from '../console/status-sources.ts';
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
    .summary('how far behind all instances are, when they will be in step, and why they are not')
    .description(
      'Asks running instances and Kafka. Where no instance answers, committed offsets and the retry topic tell what is not finished. It changes nothing.',
    )
    .option('--admin <url>', 'of a running instance; once for each (default: by ADMIN_HOST and ADMIN_PORT)', collect)
    .option(
      '--affected',
      'list the groups whose changes wait to be sent, and what keeps them: a pause, or an open breaker',
    )
    .option('--watch', 'again every 2 s, until a signal')
    .option('--json', 'one JSON object: {"in_step","sentence","converges_in_ms","totals","partitions","instances",…}')
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

/** @throws what Kafka refuses for good, once what is known is shown */
export async function showStatus(flags: StatusFlags, sources: StatusSources): Promise<ExitCode> {
  const { kafkaError } = await show(flags, new StatusReader(sources), { context: sources.context });
  if (kafkaError === null) return EXIT.done;
  if (!explainKafkaError(kafkaError).retriable) throw kafkaError;
  return EXIT.unavailable;
}

interface Showing {
  readonly context: Pick<CommandContext, 'stdout' | 'clock'>;
  /** Written before it. */
  readonly before?: string;
}

async function show(
  { affected, json }: StatusFlags,
  reader: StatusReader,
  { context: { stdout, clock }, before }: Showing,
): Promise<FoundStatus> {
  const found = await reader.read(affected === true);
  const now = clock.now().wall;
  if (before !== undefined) stdout.write(before);
  if (json === true) await printJson(stdout, statusJson(found, now));
  else await print(stdout, statusText(found, { now, withAffected: affected === true }));
  return found;
}

const WATCH_MS = 2_000;

/** To the beginning of a screen that is empty. */
const CLEAR = '\u001b[H\u001b[2J';

/** What Kafka refuses is shown, and asked for again: it may pass while it is watched. */
export async function watchStatus(flags: StatusFlags, sources: StatusSources): Promise<ExitCode> {
  const { stdout, clock, stop } = sources.context;
  const isScreen = stdout.isTTY === true && flags.json !== true;
  // Progress of its reading would be drawn into the screen.
  const reader = new StatusReader({ ...sources, context: { ...sources.context, stderr: nowhere() } });
  const showing = { context: sources.context, ...(isScreen && { before: CLEAR }) };
  const showAgain = async (): Promise<void> => {
    await show(flags, reader, showing);
    await pause(clock, WATCH_MS);
  };
  while ((await unlessAborted(stop, showAgain())) !== 'aborted');
  return EXIT.done;
}

const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });
