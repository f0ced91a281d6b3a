/**
 * `rollcall held [list|show|approve|reject]`: removals that the guard holds, and what an operator decides about them. As
 * with `replay`, a request goes into the retry topic, and only the owner of the group acts on it.
 */
import { Command } from 'commander';
import { intentId, sourceMember } from '../core/change/change.ts';
import { HELD_BY } from '../core/group/guard.ts';
import type { OperatorAnswer } from '../core/log/request-record.ts';
import { timeText } from '../core/report/reporting.ts';
import { jsonText } from '../core/text/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import { authorOf } from '../console/author.ts';
import { collect, print, printJson, type CommandContext } from '../console/command-context.ts';
import {
  DECIDED,
  decideSets,
  type DecisionKind,
  heldSets,
  isByDigest,
  setWithDigest,
  selected,
  setLine,
  setText,
  type HeldSelection,
  type HeldSet,
} from '../console/held-sets.ts';
import { type RetryTopic, withRetryTopic } from '../console/retry-topic.ts';

export interface HeldFlags {
  readonly json?: true;
}

export interface DecisionFlags extends HeldFlags {
  readonly author?: string;
  readonly group?: readonly string[];
  readonly by?: readonly string[];
  readonly all?: true;
  readonly yes?: true;
}

export function heldCommand(context: CommandContext): Command {
  const json = '--json';
  const list = new Command('list')
    .summary('what is held, one line a group: how many of its members, since when, and why')
    .option(
      json,
      'one JSON object a line: {"digest","prefix","group","partition","by","since","count","group_size","percent"}',
    )
    .action((flags: HeldFlags) => withRetryTopic(context, (retry) => listHeld(retry, flags)));
  const show = new Command('show')
    .summary('who would be removed')
    .argument('<digest>', 'as `held list` prints it; its beginning is enough')
    .option(
      json,
      'one JSON object a line: {"id","group","group_target","member","target","by","since"}; targets: ids in Genesys Cloud',
    )
    .action((digest: string, flags: HeldFlags) => withRetryTopic(context, (retry) => showHeld(retry, digest, flags)));
  return new Command('held')
    .summary('removals that wait for an operator: list, show, approve, reject')
    .description(
      'The guard holds removals that would take too much of a group, or too much in all. A digest names exactly what is held of one group: each change to that set makes another digest.',
    )
    .addCommand(list, { isDefault: true })
    .addCommand(show)
    .addCommand(decideCommand(context, 'approve'))
    .addCommand(decideCommand(context, 'reject'))
    .addHelpText('after', examples);
}

const decideCommand = (context: CommandContext, kind: Decision['kind']): Command =>
  new Command(kind)
    .summary(kind === 'approve' ? 'let exactly these removals pass' : 'refuse them: the members stay')
    .argument('[digest...]', 'of `held list`: the digits that it prints, or the whole digest')
    .option('--group <id>', 'what is held of this group; may be repeated, as the next', collect)
    .option('--by <reason>', `what is held by this reason: ${Object.keys(HELD_BY).join(', ')}`, collect)
    .option('--all', 'everything that is held')
    .option('--yes', 'do it; without it --group, --by and --all show what would be decided')
    .option('--author <name>', 'who decides; stands in the report (default: USER of the environment)')
    .option('--json', 'one JSON object a line: {"digest","group","result","count"}')
    .action((digests: readonly string[], flags: DecisionFlags) =>
      withRetryTopic(context, (retry) => decideHeld(retry, decisionOf(kind, digests, flags, context), flags)),
    );

const examples = `
Examples:
  $ rollcall held
  $ rollcall held show 3f9a
  $ rollcall held approve 3f9a5c70e1d2 b2d05e8f7c11 --author "jane@example.com"
  $ rollcall held approve --by group_deleted          what would be approved
  $ rollcall held approve --by group_deleted --yes

\`approve\` and \`reject\` exit 0 where it was done, 1 where a set has changed meanwhile, 69 where no instance answers.
Where \`rollcall run\` has OPERATOR_KEY, these commands need the same; it takes up no others' requests.`;

export async function listHeld(retry: RetryTopic, { json }: HeldFlags): Promise<ExitCode> {
  const sets = await heldSets(retry);
  const { stdout } = retry.context;
  for (const set of sets) await (json === true ? printJson(stdout, setLine(set)) : print(stdout, setText(set)));
  if (json !== true) await print(retry.context.stderr, `${sets.length} groups have held removals\n`);
  return EXIT.done;
}

export async function showHeld(retry: RetryTopic, digest: string, { json }: HeldFlags): Promise<ExitCode> {
  const set = setWithDigest(await heldSets(retry), digest);
  for (const intent of set.intents) {
    const { guard } = intent;
    const member = sourceMember(intent);
    const id = intentId(intent);
    const held = guard?.kind === 'held' ? guard : null;
    const since = timeText(held?.since ?? set.since);
    // Recorded where there is an id map; else both sides have one name.
    const { target = member, groupTarget = set.group } = held ?? {};
    const entry = { id, group: set.group, group_target: groupTarget, member, target, by: held?.by ?? null, since };
    const isElsewhere = groupTarget !== set.group;
    const as = target === member && !isElsewhere ? '' : `  as ${target}${isElsewhere ? ` of ${groupTarget}` : ''}`;
    const { stdout } = retry.context;
    await (json === true ? printJson(stdout, entry) : print(stdout, `remove  ${member}${as}  (${id})\n`));
  }
  if (json !== true) await print(retry.context.stderr, setText(set));
  return EXIT.done;
}

export interface Decision extends HeldSelection {
  readonly kind: DecisionKind;
  readonly author: string;
}

export function decisionOf(
  kind: Decision['kind'],
  digests: readonly string[],
  flags: DecisionFlags,
  context: CommandContext,
): Decision {
  const { group = [], by = [], all } = flags;
  const hasOthers = group.length > 0 || by.length > 0 || all === true;
  if (digests.length > 0 && hasOthers)
    throw new ExitError(EXIT.usage, `held ${kind}: name digests, or --group, --by and --all, not both`);
  if (digests.length === 0 && !hasOthers)
    throw new ExitError(
      EXIT.usage,
      `held ${kind}: say which: digests of \`rollcall held list\`, --group, --by or --all`,
    );
  return { kind, digests, groups: group, by, all: all === true, author: authorOf('held', flags.author, context) };
}

/** Each set is named by its own digest, so that no more is released than the operator was shown. */
export async function decideHeld(
  retry: RetryTopic,
  decision: Decision,
  { json, yes }: Pick<DecisionFlags, 'json' | 'yes'>,
): Promise<ExitCode> {
  const { stdout, stderr } = retry.context;
  const sets = selected(await heldSets(retry), decision);
  if (!isByDigest(decision) && yes !== true) {
    for (const set of sets) await (json === true ? printJson(stdout, setLine(set)) : print(stdout, setText(set)));
    await print(stderr, dryText(decision, sets));
    return EXIT.done;
  }
  if (sets.length === 0) await print(stderr, 'nothing is held that fits\n');
  return decideSets(retry, sets, decision, (answer, set) =>
    print(stdout, answerText(answer, set, json === true ? 'json' : 'text')),
  );
}

const NAMED_MAX = 100;

/** What is held with --yes may be more by then; the digests are these sets and no others. */
function dryText({ kind, all, groups, by }: Decision, sets: readonly HeldSet[]): string {
  const removals = sets.reduce((sum, { intents }) => sum + intents.length, 0);
  const counts = `${removals} removals of ${sets.length} groups would be ${DECIDED[kind]}`;
  if (sets.length === 0) return 'nothing is held that fits\n';
  const given = [
    ...(all ? ['--all'] : []),
    ...(groups.length > 0 ? ['--group'] : []),
    ...(by.length > 0 ? ['--by'] : []),
  ];
  const again = `with --yes, what fits ${given.join(', ')} then`;
  if (sets.length > NAMED_MAX) return `${counts}: ${again}; name digests to decide about these alone\n`;
  const digests = sets.map(({ prefix }) => prefix).join(' ');
  return `${counts}: ${again}; exactly these with\n  rollcall held ${kind} ${digests}\n`;
}

function answerText(answer: OperatorAnswer, set: HeldSet | undefined, form: 'json' | 'text'): string {
  if (!('digest' in answer)) return '';
  const { digest, verdict, count } = answer;
  const group = set?.group ?? null;
  return form === 'json'
    ? `${jsonText({ digest, group, result: verdict, count })}\n`
    : `${verdict}  ${count} removals  ${group === null ? '' : `group ${group}  `}${digest}\n`;
}
