/** `rollcall rewind`: the consumer group reads the source again from a time on. */
import { Command } from 'commander';
import { instant, type CommandContext } from '../console/command-context.ts';
import { placesIn } from '../console/group-sources.ts';
import { withLogTools } from '../console/kafka-tools.ts';
import { rewindTo } from '../console/rewind.ts';
import { openSourceTopicFormat } from '../console/source-format.ts';
import { needsOfRewind } from '../core/log/authorization.ts';

export interface RewindFlags {
  readonly to: number;
  readonly yes?: true;
}

export function rewindCommand(context: CommandContext): Command {
  return new Command('rewind')
    .summary('read the source again from a time on; all instances have to be stopped')
    .description(
      'Moves the committed offsets back to the first record since a time, so that of each member the newest change since then is applied again where Genesys Cloud differs. Offsets never go forward.',
    )
    .requiredOption('--to <time>', 'the first record with this timestamp or a later one (RFC 3339)', instant)
    .option('--yes', 'move the offsets; without it they are only shown')
    .addHelpText('after', examples)
    .action(async ({ to, yes }: RewindFlags) => {
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
          context.finish(await rewindTo({ to, isMeant: yes === true }, sources, context));
        },
        ({ topics, kafka }) => needsOfRewind(topics, kafka.groupId),
      );
    });
}

const examples = `
Examples:
  $ rollcall rewind --to 2026-09-21T00:00:00Z           # shows the offsets, and how much would be read again
  $ rollcall rewind --to 2026-09-21T00:00:00Z --yes
  $ rollcall plan --from-topic --since 2026-09-21T00:00:00Z   # which requests that would come to

Exits 0 where the offsets are moved or none has to be, 1 without --yes or where older changes might be sent after newer ones (no room for
all, or a group in two partitions), and 69 while an instance runs. Changes are reported again under the ids that they had. What is given
up, held or refused stays so; \`rollcall replay now\` wakes what is given up.`;
