/** `rollcall rewind`: the consumer group reads the source again from a time on. */
import { Command } from 'commander';
import { authorOf } from '../console/author.ts';
import { instant, type CommandContext } from '../console/command-context.ts';
import { placesIn } from '../console/group-sources.ts';
import { withLogTools } from '../console/kafka-tools.ts';
import { reasonIn } from '../console/pauses.ts';
import { rewindTo } from '../console/rewind.ts';
import { openSourceTopicFormat } from '../console/source-format.ts';
import { needsOfRewind } from '../core/log/authorization.ts';
import type { Rewind } from '../core/log/commit-metadata.ts';
import { REASON_LENGTH_MAX } from '../core/log/wire-intent.ts';

export interface RewindFlags {
  readonly to: number;
  readonly json?: true;
  readonly yes?: true;
  readonly author?: string;
  readonly reason?: string;
}

export function rewindCommand(context: CommandContext): Command {
  return new Command('rewind')
    .summary('read the source again from a time on; all instances have to be stopped')
    .description(
      'Moves the committed offsets back to the first record since a time, so that of each member the newest change since then is applied again where Genesys Cloud differs. Offsets never go forward.',
    )
    .requiredOption('--to <time>', 'the first record with this timestamp or a later one (RFC 3339)', instant)
    .option('--json', 'one JSON object: {"moved","partitions","read_again"}')
    .option('--yes', 'move the offsets; without it they are only shown')
    .option('--author <name>', 'who rewinds; stands in the commits (default: USER of the environment)')
    .option('--reason <text>', `why; one line of up to ${REASON_LENGTH_MAX} characters, which stands in the commits`)
    .addHelpText('after', examples)
    .action(async (flags: RewindFlags) => {
      const { to, json } = flags;
      const by = rewindOf(flags, context);
      await withLogTools(
        context,
        ['format', 'pipeline'],
        async (config, tools) => {
          const { format, pipeline } = config;
          const [{ groupId }, { source }] = [config.kafka, config.topics];
          const sources = {
            tools,
            topic: source,
            format: await openSourceTopicFormat(format),
            consumerGroup: groupId,
            pendingMax: pipeline.pendingIntentsMax,
            members: () => tools.consumerGroup(groupId),
            committed: () => tools.committedIn(groupId, source),
            bounds: placesIn(tools, config).bounds,
            offsetsSince: (timestamp: number) => tools.offsetsSince(source, timestamp),
            commit: (commits: Parameters<typeof tools.commitWithoutMembers>[2]) =>
              tools.commitWithoutMembers(groupId, source, commits),
          };
          context.finish(await rewindTo({ to, by, isJson: json === true }, sources, context));
        },
        ({ topics, kafka }) => needsOfRewind(topics, kafka.groupId),
      );
    });
}

/** null: it is only shown. @throws ExitError where they are no name, or no reason. */
export function rewindOf(
  { yes, author, reason }: RewindFlags,
  context: Pick<CommandContext, 'environment' | 'clock'>,
): Rewind | null {
  const why = reason === undefined ? null : reasonIn('rewind', reason);
  if (yes !== true) return null;
  return { author: authorOf('rewind', author, context), reason: why, at: Math.trunc(context.clock.now().wall) };
}

const examples = `
Examples:
  $ rollcall rewind --to 2026-09-21T00:00:00Z           # shows the offsets, and how much would be read again
  $ rollcall rewind --to 2026-09-21T00:00:00Z --yes --author jane@example.com --reason INC-7
  $ rollcall plan --from-topic --since 2026-09-21T00:00:00Z   # which requests that would come to

Exits 0 where the offsets are moved or none has to be, 1 without --yes or where older changes might be sent after newer ones (no room for
all, or a group in two partitions), 64 with --yes where neither --author nor USER says who rewinds, and 69 while an instance runs. Changes are reported again under the ids that they had. What is given
up, held or refused stays so; \`rollcall replay now\` wakes what is given up. \`rollcall status\` shows who has rewound last, and why, until the partition
has committed more than before.`;
