/** `rollcall pause`: nothing is sent any more, or nothing of one group, until `rollcall resume`. */
import { Command } from 'commander';
import { authorOf } from '../console/author.ts';
import { print, type CommandContext } from '../console/command-context.ts';
import { askEachPartition, groupIn, reasonIn } from '../console/pauses.ts';
import { withRetryTopic, type RetryTopic } from '../console/retry-topic.ts';
import { REASON_LENGTH_MAX } from '../core/log/wire-intent.ts';
import type { PauseRequest } from '../core/log/request-record.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';

interface PauseFlags {
  readonly group?: string;
  readonly reason: string;
  readonly author?: string;
  readonly json?: true;
}

type Pause = Extract<PauseRequest, { readonly kind: 'pause' }>;

export function pauseCommand(context: CommandContext): Command {
  return new Command('pause')
    .summary('send nothing, or nothing of one group, until it is resumed')
    .description(
      'What comes meanwhile is read, recorded and committed. A pause holds through restarts and for all instances; requests that are under way end.',
    )
    .option(
      '--group <id>',
      "only this group, by the identity provider's id or by Genesys Cloud's (default: everything)",
    )
    .requiredOption('--reason <text>', `why; one line of up to ${REASON_LENGTH_MAX} characters`)
    .option('--author <name>', 'who pauses; stands in the report (default: USER of the environment)')
    .option('--json', 'one JSON object for each partition: {"partition","group","result","count"}')
    .addHelpText('after', examples)
    .action((flags: PauseFlags) => {
      const wanted = pauseOf(flags, context);
      return withRetryTopic(context, (retry) => pause(retry, wanted, flags));
    });
}

const examples = `
Examples:
  $ rollcall pause --reason "change freeze until Monday" --author "jane@example.com"
  $ rollcall pause --group 5b1e… --reason "INC-1234: wrong members"

Exits 0 where it is paused everywhere, with a warning where nothing of the group waits, since its id may be misspelt. Exits 1 where an
owner refuses it, and 69 where not all instances answer: what was asked for is carried out once they do. Where \`rollcall run\` has OPERATOR_KEY, this command needs the same.`;

const pauseOf = ({ group, reason, author }: PauseFlags, context: CommandContext): Pause => ({
  kind: 'pause',
  group: groupIn('pause', group),
  author: authorOf('pause', author, context),
  reason: reasonIn('pause', reason),
});

export async function pause(retry: RetryTopic, wanted: Pause, flags: { readonly json?: true }): Promise<ExitCode> {
  const code = await askEachPartition(retry, wanted, flags);
  const what = wanted.group === null ? 'nothing' : 'nothing of the group';
  if (code === EXIT.done)
    await print(
      retry.context.stderr,
      `${what} is sent from now on, until rollcall resume; changes are read and recorded meanwhile\n`,
    );
  return code;
}
