/** `rollcall apply-now`: one group goes ahead of all others, and what waits of it for a time is tried now. */
import { Command } from 'commander';
import { authorOf } from '../console/author.ts';
import type { CommandContext } from '../console/command-context.ts';
import { askEachPartition, groupIn } from '../console/pauses.ts';
import { withRetryTopic } from '../console/retry-topic.ts';
import type { ApplyNowRequest } from '../core/log/request-record.ts';

interface ApplyNowFlags {
  readonly group: string;
  readonly author?: string;
  readonly json?: true;
}

export function applyNowCommand(context: CommandContext): Command {
  return new Command('apply-now')
    .summary('let one group go ahead of all others')
    .description(
      'Its waits for another try end: what has failed starts again with its first try. Its requests go before those of other groups, within the same limits. What is held stays held, what was given up stays so.',
    )
    .requiredOption('--group <id>', "by the identity provider's id or by Genesys Cloud's")
    .option('--author <name>', 'who asks for it; stands in the log (default: USER of the environment)')
    .option('--json', 'one JSON object for each partition: {"partition","group","result","count"}')
    .addHelpText('after', examples)
    .action((flags: ApplyNowFlags) => {
      const wanted = wantedOf(flags, context);
      return withRetryTopic(context, (retry) => askEachPartition(retry, wanted, flags));
    });
}

const examples = `
Examples:
  $ rollcall apply-now --group 5b1e…

Exits 0 where something of the group goes ahead, 1 where nothing of it waits or it is paused, 69 where not all instances
answer. Where \`rollcall run\` has OPERATOR_KEY, this command needs the same.`;

const wantedOf = ({ group, author }: ApplyNowFlags, context: CommandContext): ApplyNowRequest => ({
  kind: 'apply_now',
  group: groupIn('apply-now', group) ?? group,
  author: authorOf('apply-now', author, context),
});
