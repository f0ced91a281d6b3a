/** `rollcall resume`: what `rollcall pause` has paused goes on. */
import { Command } from 'commander';
import { authorOf } from '../console/author.ts';
import type { CommandContext } from '../console/command-context.ts';
import { askEachPartition, groupIn, reasonIn } from '../console/pauses.ts';
import { withRetryTopic } from '../console/retry-topic.ts';
import { REASON_LENGTH_MAX } from '../core/log/wire-intent.ts';
import type { PauseRequest } from '../core/log/request-record.ts';

interface ResumeFlags {
  readonly group?: string;
  readonly reason?: string;
  readonly author?: string;
  readonly json?: true;
}

export function resumeCommand(context: CommandContext): Command {
  return new Command('resume')
    .summary('go on with what was paused')
    .description('Each pause has an end of its own: without --group, groups that were paused by name stay paused.')
    .option('--group <id>', 'this group, named as it was when it was paused (default: what was paused without --group)')
    .option('--reason <text>', `why; one line of up to ${REASON_LENGTH_MAX} characters`)
    .option('--author <name>', 'who resumes; stands in the report (default: USER of the environment)')
    .option('--json', 'one JSON object for each partition: {"partition","group","result","count"}')
    .addHelpText('after', examples)
    .action((flags: ResumeFlags) => {
      const wanted = resumeOf(flags, context);
      return withRetryTopic(context, (retry) => askEachPartition(retry, wanted, flags));
    });
}

const examples = `
Examples:
  $ rollcall resume --author "jane@example.com"
  $ rollcall resume --group 5b1e…

Exits 0 where the pause that was named has ended, also where another one still keeps the group (the output says so), 1 where the group
was not paused under this name, or an owner refuses it, 69 where not all instances answer; what was asked for is carried out once they do.
Where \`rollcall run\` has OPERATOR_KEY, this command needs the same.`;

const resumeOf = ({ group, reason, author }: ResumeFlags, context: CommandContext): PauseRequest => ({
  kind: 'resume',
  group: groupIn('resume', group),
  author: authorOf('resume', author, context),
  reason: reason === undefined ? null : reasonIn('resume', reason),
});
