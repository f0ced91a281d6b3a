/** `rollcall ingest …`: identity providers that do not speak Kafka → native records keyed by group. */
import { Command } from 'commander';
import type { CommandContext } from '../console/command-context.ts';
import { pollCommand } from './ingest-poll.ts';
import { topicCommand } from './ingest-topic.ts';
import { webhookCommand } from './ingest-webhook.ts';

export function ingestCommand(context: CommandContext): Command {
  return new Command('ingest')
    .summary('identity providers that do not speak Kafka → change events keyed by group')
    .description('Turns what identity providers send or keep into native records of the source topic, keyed by group.')
    .addCommand(webhookCommand(context))
    .addCommand(topicCommand(context))
    .addCommand(pollCommand(context));
}
