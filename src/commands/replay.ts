/**
 * `rollcall replay list|now`: what is parked or given up, and waking it. Nothing is changed here: a request goes into
 * the retry topic, and the owner of the group, who alone knows what is newer, answers in the request's tombstone.
 */
import { Command } from 'commander';
import { WHOLE_GROUP, sourceGroup, sourceMember } from '../core/change/change.ts';
import { timeText } from '../core/report/reporting.ts';
import { jsonText } from '../core/text/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import { collect, print, type CommandContext } from '../console/command-context.ts';
import { findNamed } from '../console/meant-ids.ts';
import { filterOf, nameOf, wake, type ListFlags, type Replay } from '../console/replays.ts';
import { type WaitingIntent, withRetryTopic } from '../console/retry-topic.ts';

export interface NowFlags extends ListFlags {
  readonly all?: true;
  readonly yes?: true;
}

export function replayCommand(context: CommandContext): Command {
  const list = filtered(new Command('list'))
    .summary('list what waits in the retry topic, parked or dead')
    .option('--json', 'one JSON object a line')
    .action(async (flags: ListFlags) => {
      await withRetryTopic(context, (retry) => listWaiting({ flags, ...retry }));
    });
  const now = filtered(new Command('now'))
    .summary('try it again at once; shows what it would do unless --yes')
    .option('--all', 'everything that waits')
    .option('--yes', 'do it')
    .option('--json', 'one JSON object a line')
    .action(async (flags: NowFlags) => {
      await withRetryTopic(context, (retry) => replayNow({ flags, ...retry }));
    });
  return new Command('replay')
    .summary('list what is parked or given up, and wake it')
    .description(
      'Changes that were given up stay in the retry topic for DEAD_KEEP_MS. A replay wakes those that nothing newer has replaced.',
    )
    .addCommand(list)
    .addCommand(now)
    .addHelpText('after', examples);
}

const examples = `
Examples:
  $ rollcall replay list --reason attempts_exhausted
  $ rollcall replay now --group 5b1e…            what would be woken
  $ rollcall replay now --group 5b1e… --yes

\`now --yes\` exits 0 where all were woken, 1 where a newer change has replaced some, or an id is not known or means two, 69 where no
instance answers. Where \`rollcall run\` has OPERATOR_KEY, this command needs the same; it takes up no others' requests.`;

const filtered = (command: Command): Command =>
  command
    .option(
      '--group <id>',
      "only of this group, by the identity provider's id or by Genesys Cloud's; may be repeated, as the others",
      collect,
    )
    .option('--member <id>', 'only of this member, likewise', collect)
    .option('--id <id>', 'only the change with this id: topic/partition/offset/member', collect)
    .option('--reason <code>', 'only with this reason: attempts_exhausted, rejected, or an error code', collect);

export async function listWaiting(replay: Replay<ListFlags>): Promise<ExitCode> {
  const found = await findNamed(replay, filterOf(replay.flags), 'replay list');
  for (const waiting of found) await print(replay.context.stdout, lineOf(replay.flags, waiting));
  if (replay.flags.json !== true) await print(replay.context.stderr, `${countText(found)}\n`);
  return EXIT.done;
}

export async function replayNow(replay: Replay<NowFlags>): Promise<ExitCode> {
  const { flags, context } = replay;
  const isNarrowed = [flags.group, flags.member, flags.id, flags.reason].some((filter) => filter !== undefined);
  if (!isNarrowed && flags.all !== true) {
    throw new ExitError(EXIT.usage, 'replay now: say which: --group, --member, --id, --reason, or --all');
  }
  const waiting = await findNamed(replay, filterOf(replay.flags), 'replay now');
  const found = waiting.filter(({ state }) => state !== 'held');
  const heldCount = waiting.length - found.length;
  if (heldCount > 0)
    await print(context.stderr, `${heldCount} removals are held, and wait for a decision: see \`rollcall held\`\n`);
  if (flags.yes !== true) {
    for (const each of found) await print(context.stdout, lineOf(flags, each));
    await print(context.stderr, `${countText(found)}; with --yes they are tried again at once\n`);
    return EXIT.done;
  }
  if (found.length === 0) {
    if (heldCount === 0) await print(context.stderr, 'nothing waits that fits\n');
    return heldCount === 0 ? EXIT.done : EXIT.someFailed;
  }
  return wake(replay, found);
}

function lineOf({ json }: ListFlags, { id, state, reason, intent }: WaitingIntent): string {
  const { op, attempt, notBefore, dead, source } = intent;
  const [group, member] = [sourceGroup(intent), sourceMember(intent)];
  const held = state === 'held' && intent.guard?.kind === 'held' ? intent.guard : null;
  if (json === true) {
    const isTimed = dead === null && held === null && notBefore > 0;
    const times = {
      not_before: isTimed ? timeText(notBefore) : null,
      dead_at: dead === null ? null : timeText(dead.at),
      held_since: held === null ? null : timeText(held.since),
      held_by: held?.by ?? null,
    };
    return `${jsonText({ id, state, reason, group, member: member === WHOLE_GROUP ? null : member, op, attempt, event_id: source.eventId, ...times })}\n`;
  }
  const when =
    dead !== null
      ? `given up ${timeText(dead.at)}`
      : held !== null
        ? `held since ${timeText(held.since)}`
        : `next try ${notBefore > 0 ? timeText(notBefore) : 'at once'}`;
  return `${state.padEnd(6)}  ${op.padEnd(6)}  ${nameOf(member)}  group ${group}  ${reason ?? '-'}  attempt ${attempt}  ${when}  ${id}\n`;
}

function countText(found: readonly WaitingIntent[]): string {
  const count = (wanted: WaitingIntent['state']): number => found.filter(({ state }) => state === wanted).length;
  const held = count('held') === 0 ? '' : `${count('held')} held, `;
  return `${found.length} changes: ${count('parked')} parked, ${held}${count('dead')} dead`;
}
