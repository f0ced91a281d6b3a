/** `rollcall retry-now`: everything that waits for another try is tried now, by the same requests as `rollcall replay now`. */
import { Command } from 'commander';
import { collect, print, type CommandContext } from '../console/command-context.ts';
import { findNamed } from '../console/meant-ids.ts';
import { filterOf, wake, type ListFlags, type Replay } from '../console/replays.ts';
import { withRetryTopic } from '../console/retry-topic.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';

export function retryNowCommand(context: CommandContext): Command {
  return new Command('retry-now')
    .summary('try everything now that waits for another try')
    .description(
      'Once what was missing is there: parked changes start again with their first try. What is held waits for a decision, and what was given up for `rollcall replay now`.',
    )
    .option(
      '--group <id>',
      "only of this group, by the identity provider's id or by Genesys Cloud's; may be repeated, as the others",
      collect,
    )
    .option('--member <id>', 'only of this member, likewise', collect)
    .option('--reason <code>', 'only of groups whose newest failure has this error code', collect)
    .option('--json', 'one JSON object a line')
    .addHelpText('after', examples)
    .action((flags: ListFlags) => withRetryTopic(context, (retry) => retryParked({ flags, ...retry })));
}

const examples = `
Examples:
  $ rollcall retry-now
  $ rollcall retry-now --group 5b1e…

Exits 0 where all are tried now, 1 where a newer change has replaced some or some are paused (\`is_paused\`: these start again after the
resume), or an id is not known or means two, 69 where no instance answers. Where \`rollcall run\` has OPERATOR_KEY, this command needs the same.`;

/** All that waits for another try: neither what is held, nor what was given up. */
export async function retryParked(replay: Replay<ListFlags>): Promise<ExitCode> {
  const found = (await findNamed(replay, filterOf(replay.flags), 'retry-now')).filter(
    ({ state }) => state === 'parked',
  );
  if (found.length > 0) return wake(replay, found);
  await print(replay.context.stderr, 'nothing waits for another try that fits\n');
  return EXIT.done;
}
