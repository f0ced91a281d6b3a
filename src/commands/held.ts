/**
 * `rollcall held [list|show|approve|reject]`: removals that the guard holds, and what an operator decides about them. As
 * with `replay`, a request goes into the retry topic, and only the owner of the group acts on it.
 */
import { Command, Option } from 'commander';
import { intentId, sourceMember, type ChangeSource } from '../core/change/change.ts';
import { HELD_BY } from '../core/group/guard.ts';
import { REASON_LENGTH_MAX } from '../core/log/wire-intent.ts';
import { timeText } from '../core/report/reporting.ts';
import { counted } from '../core/text/counted.ts';
import { jsonText } from '../core/text/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import { authorOf } from '../console/author.ts';
import { collect, print, printJson, type CommandContext } from '../console/command-context.ts';
import { DECIDED, decideParts, type Deciding } from '../console/held-decisions.ts';
import { NO_EVENTS, actorsOf } from '../console/held-events.ts';
import {
  heldSets,
  heldSetsIn,
  isByDigest,
  isWhole,
  selected,
  setWithDigest,
  wholeOf,
  type SelectedPart,
  type HeldSelection,
  type HeldSet,
} from '../console/held-sets.ts';
import { listText, partLine, partText, removalsText } from '../console/held-text.ts';
import { inOneMeaning, withNaming } from '../console/meant-ids.ts';
import { reasonIn } from '../console/pauses.ts';
import { findWaiting, type RetryTopic, withRetryTopic } from '../console/retry-topic.ts';

export interface HeldFlags {
  readonly json?: true;
}

export interface DecisionFlags extends HeldFlags {
  readonly author?: string;
  readonly reason?: string;
  readonly group?: readonly string[];
  readonly cause?: readonly string[];
  readonly member?: readonly string[];
  readonly all?: true;
  readonly yes?: true;
}

export function heldCommand(context: CommandContext): Command {
  const json = '--json';
  const list = new Command('list')
    .summary('what is held, by cause: how much of each group, since when, by which event and whose, and some members')
    .option(
      json,
      'one JSON object a line: {"digest","prefix","group","partition","by","since","count","group_size","percent","causes":[{"by","count","percent","event":{…,"actor","is_retained"},"event_count"}],"sample"}',
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
    .option('--group <id>', 'what is held of this group; may be repeated, as the next two', collect)
    .option('--cause <cause>', `only what is held by this cause: ${Object.keys(HELD_BY).join(', ')}`, collect)
    .option('--member <id>', 'only the removals of this member, also of a set that a digest names', collect)
    .option('--all', 'everything that is held')
    .option('--yes', 'do it; without it --group, --cause, --member and --all show what would be decided')
    .option('--author <name>', 'who decides; stands in the report (default: USER of the environment)')
    .option('--reason <text>', `why; stands in the report; one line of up to ${REASON_LENGTH_MAX} characters`)
    .option('--json', 'one JSON object a line: {"digest","group","result","count"}')
    // Its name in former versions.
    .addOption(new Option('--by <cause>').argParser(collect).hideHelp())
    .action(
      (digests: readonly string[], { by = [], ...flags }: DecisionFlags & { readonly by?: readonly string[] }) => {
        const cause = [...(flags.cause ?? []), ...by];
        const decision = decisionOf(kind, digests, { ...flags, cause }, context);
        return withRetryTopic(context, (retry) => decideHeld(retry, decision, flags));
      },
    );

const examples = `
Examples:
  $ rollcall held
  $ rollcall held show 3f9a
  $ rollcall held approve 3f9a5c70e1d2 b2d05e8f7c11 --author "jane@example.com" --reason "INC-1234: team is dissolved"
  $ rollcall held reject 3f9a5c70e1d2 --member 8c2f… --member 91d0…      these two stay; the rest waits on
  $ rollcall held approve --cause group_deleted          what would be approved
  $ rollcall held approve --cause group_deleted --yes

\`approve\` and \`reject\` exit 0 where it was done, 1 where a set has changed meanwhile or nothing is held of what is named, 64 for an unknown cause, 69
where no instance answers. Where \`rollcall run\` has OPERATOR_KEY, these commands need the same; it takes up no others' requests.`;

/** Each may cost a request to a broker. */
const ACTORS_MAX = 100;

export async function listHeld(retry: RetryTopic, { json }: HeldFlags): Promise<ExitCode> {
  const sets = await heldSets(retry);
  const { stdout, stderr } = retry.context;
  const { problem, ...looked } = await actorsOf(largest(sets), retry);
  if (json === true) for (const set of sets) await printJson(stdout, partLine(wholeOf(set), looked));
  else {
    for (const text of listText(sets, looked)) await print(stdout, text);
    await print(stderr, `${counted(sets.length, 'group')} ${sets.length === 1 ? 'has' : 'have'} held removals\n`);
  }
  if (problem !== null) await print(stderr, `${problem}\n`);
  if (sets.length > ACTORS_MAX) await print(stderr, `who made the event was looked for of the ${ACTORS_MAX} largest\n`);
  return EXIT.done;
}

const largest = (sets: readonly HeldSet[]): readonly ChangeSource[] =>
  sets
    .toSorted((a, b) => b.intents.length - a.intents.length)
    .slice(0, ACTORS_MAX)
    .flatMap(({ causes }) => causes.map(({ newest }) => newest));

export async function showHeld(retry: RetryTopic, digest: string, { json }: HeldFlags): Promise<ExitCode> {
  const set = setWithDigest(await heldSets(retry), digest);
  for (const intent of set.intents) {
    const { guard } = intent;
    const member = sourceMember(intent);
    const id = intentId(intent);
    const since = timeText(guard.since);
    // Recorded where there is an id map; else both sides have one name.
    const { target = member, groupTarget = set.group } = guard;
    const entry = { id, group: set.group, group_target: groupTarget, member, target, by: guard.by, since };
    const isElsewhere = groupTarget !== set.group;
    const as = target === member && !isElsewhere ? '' : `  as ${target}${isElsewhere ? ` of ${groupTarget}` : ''}`;
    const { stdout } = retry.context;
    await (json === true ? printJson(stdout, entry) : print(stdout, `remove  ${member}${as}  (${id})\n`));
  }
  if (json !== true) for (const text of listText([set], NO_EVENTS)) await print(retry.context.stderr, text);
  return EXIT.done;
}

export interface Decision extends HeldSelection, Deciding {}

export function decisionOf(
  kind: Decision['kind'],
  digests: readonly string[],
  flags: DecisionFlags,
  context: CommandContext,
): Decision {
  const { group: groups = [], cause: causes = [], member: members = [], all, reason } = flags;
  if (digests.length > 0 && (groups.length > 0 || all === true))
    throw new ExitError(EXIT.usage, `held ${kind}: name digests, or --group and --all, not both`);
  const isNarrowed = groups.length + causes.length + members.length > 0;
  if (digests.length === 0 && !isNarrowed && all !== true)
    throw new ExitError(
      EXIT.usage,
      `held ${kind}: say which: digests of \`rollcall held list\`, --group, --cause, --member or --all`,
    );
  return {
    kind,
    digests,
    groups,
    causes,
    members,
    author: authorOf('held', flags.author, context),
    reason: reason === undefined ? null : reasonIn('held', reason),
  };
}

export async function decideHeld(
  retry: RetryTopic,
  decision: Decision,
  { json, yes }: Pick<DecisionFlags, 'json' | 'yes'>,
): Promise<ExitCode> {
  const { stdout, stderr } = retry.context;
  const parts = await selectedParts(retry, decision);
  if (parts.length === 0) {
    await print(stderr, 'nothing is held that fits\n');
    return EXIT.someFailed;
  }
  if (!isByDigest(decision) && yes !== true) {
    for (const part of parts) await print(stdout, json === true ? partJson(part) : partText(part));
    await print(stderr, dryText(decision, parts));
    return EXIT.done;
  }
  return decideParts(retry, parts, decision, ({ digest, verdict, count }, { group }) =>
    print(
      stdout,
      json === true
        ? `${jsonText({ digest, group, result: verdict, count })}\n`
        : `${verdict}  ${counted(count, 'removal')}  group ${group}  ${digest}\n`,
    ),
  );
}

/** @throws ExitError also where an id is one group, or member, at the identity provider and another in Genesys Cloud */
async function selectedParts(retry: RetryTopic, decision: Decision): Promise<readonly SelectedPart[]> {
  const waiting = (await findWaiting(retry, {})).map(({ intent }) => intent);
  const named = await withNaming(retry, decision, (ids) => inOneMeaning(decision, { command: 'held', waiting, ids }));
  return selected(heldSetsIn(waiting), named);
}

const partJson = (part: SelectedPart): string => `${jsonText(partLine(part, NO_EVENTS))}\n`;

const DIGESTS_PRINTED_MAX = 100;

/** What is held with --yes may be more by then; the digests are these sets and no others. */
function dryText({ kind, groups, causes, members }: Decision, parts: readonly SelectedPart[]): string {
  const counts = `${removalsText(parts)} would be ${DECIDED[kind]}`;
  const given = [
    ...(groups.length > 0 ? ['--group'] : []),
    ...(causes.length > 0 ? ['--cause'] : []),
    ...(members.length > 0 ? ['--member'] : []),
  ];
  const again = `with --yes, what fits ${given.length === 0 ? '--all' : given.join(', ')} then`;
  if (!parts.every(isWhole)) return `${counts}: ${again}\n`;
  if (parts.length > DIGESTS_PRINTED_MAX) return `${counts}: ${again}; name digests to decide about these alone\n`;
  const digests = parts.map(({ set }) => set.prefix).join(' ');
  return `${counts}: ${again}; exactly these with\n  rollcall held ${kind} ${digests}\n`;
}
