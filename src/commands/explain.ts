/** `rollcall explain`: why somebody is a member of a group, or is not, with the evidence. It changes nothing. */
import { Command } from 'commander';
import { adminUrls } from '../console/admin-urls.ts';
import { collect, instant, print, printJson, type CommandContext } from '../console/command-context.ts';
import { indexOption, indexReading, withRecordIndex } from '../console/indexing.ts';
import { GroupRecords } from '../console/group-records.ts';
import { membersOf, readExplained, type Explained } from '../console/explained.ts';
import type { Question, Sources } from '../console/group-topics.ts';
import {
  chainText,
  footText,
  groupJson,
  memberStateJson,
  linkJson,
  memberText,
  targetText,
  verdictJson,
} from '../console/explained-text.ts';
import { withGroupSources } from '../console/group-sources.ts';
import { needsOfExplain } from '../core/log/authorization.ts';
import { ID_LENGTH_MAX, isId } from '../core/change/change.ts';
import { GroupSummary, memberStateOf } from '../core/explain/group-summary.ts';
import { explain } from '../core/explain/sentence.ts';
import { timeText } from '../core/report/reporting.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';

export interface ExplainFlags {
  readonly group: string;
  readonly member?: string;
  readonly at?: number;
  readonly admin?: readonly string[];
  readonly allPartitions?: true;
  readonly index?: string;
  readonly json?: true;
}

export function explainCommand(context: CommandContext): Command {
  return new Command('explain')
    .summary('why somebody is a member of a group, or is not: the chain from source record to target, and one sentence')
    .description(
      'Reads the reports of the group, what waits of it, its source records, what running instances have in memory, and the group at Genesys Cloud. It changes nothing.',
    )
    .requiredOption('--group <id>', 'of the identity provider or of Genesys Cloud')
    .option('--member <id>', 'likewise; without it all members with what became of their last change')
    .option('--at <time>', 'as of then, such as 2026-09-21T14:13:20Z, by events and reports until then', instant)
    .option('--admin <url>', 'of a running instance; once for each (default: by ADMIN_HOST and ADMIN_PORT)', collect)
    .option('--all-partitions', 'read all of the topics: where the key of the group has changed its partition')
    .addOption(indexOption())
    .option('--json', 'one JSON object: {"is_member","standing","decided_by","sentence","chain","target",…}')
    .addHelpText('after', examples)
    .action(async (flags: ExplainFlags) => {
      await withSources(context, flags, async (sources) => context.finish(await explainGroup(flags, sources)));
    });
}

const examples = `
Examples:
  $ rollcall explain --group 5b1e… --member 8c2f…
  $ rollcall explain --group 5b1e… --member 8c2f… --at 2026-09-21T14:00:00Z
  $ rollcall explain --group 5b1e… --json | jq -r '.members[] | select(.standing == "given_up") | .member'

The last line is the answer. What an instance has in memory is asked of its admin server, with ADMIN_TOKEN where one is set.`;

async function withSources(
  context: CommandContext,
  { admin = [], index: directory }: ExplainFlags,
  work: (sources: Sources) => Promise<void>,
): Promise<void> {
  await withGroupSources(
    context,
    ['admin', 'all'],
    async (sources, config) => {
      const instances = adminUrls(admin, config);
      if (directory === undefined) return work({ ...sources, instances, records: GroupRecords.ofTopics(sources) });
      const reading = indexReading(config.format);
      await withRecordIndex(directory, { ...sources, reading }, (index) =>
        work({ ...sources, instances, records: GroupRecords.ofIndex(index, sources) }),
      );
    },
    needsOfExplain,
  );
}

/** @throws ExitError (usage) where it asks for what cannot be. */
export async function explainGroup(flags: ExplainFlags, sources: Sources): Promise<ExitCode> {
  checkFlags(flags, sources.context);
  const question: Question = {
    group: flags.group,
    member: flags.member ?? null,
    at: flags.at ?? null,
    allPartitions: flags.allPartitions === true,
  };
  const found = await readExplained(question, sources);
  const show = question.member === null ? showMembers : showMember;
  const isFound = await show(question, found, { isJson: flags.json === true, context: sources.context });
  return isFound ? EXIT.done : EXIT.someFailed;
}

function checkFlags(
  { group, member, at }: Pick<ExplainFlags, 'group' | 'member' | 'at'>,
  { clock }: Pick<CommandContext, 'clock'>,
): void {
  for (const [flag, id] of [['--group', group] as const, ['--member', member] as const]) {
    if (id === undefined || isId(id)) continue;
    const rule = `an id has 1 to ${ID_LENGTH_MAX} characters, and no control character`;
    throw new ExitError(EXIT.usage, `explain: ${flag} ${visible(JSON.stringify(id))} can be no id; ${rule}`);
  }
  const now = clock.now().wall;
  if (at === undefined || at <= now) return;
  const remedy = `give a time that is over, or leave --at out for what is so now (${timeText(Math.trunc(now))})`;
  throw new ExitError(EXIT.usage, `explain: --at ${timeText(at)} lies in the future; ${remedy}`);
}

interface Showing {
  readonly isJson: boolean;
  readonly context: Pick<CommandContext, 'stdout'>;
}

/** @returns an event, a report or the target names it */
async function showMember(
  { member, at }: Question,
  found: Explained,
  { isJson, context: { stdout } }: Showing,
): Promise<boolean> {
  const names = found.names.member(member ?? '');
  const known = found.knownOf(names);
  const verdict = explain(known);
  const then = at === null ? null : timeText(at);
  const isFound = verdict.standing !== 'nothing' || verdict.isMember === true;
  if (isJson) {
    const ofMember = { member, member_target: names.target, at: then, ...verdictJson(verdict) };
    await printJson(stdout, { ...groupJson(found), ...ofMember, chain: known.links.map(linkJson) });
    return isFound;
  }
  await print(stdout, chainText(known.links));
  if (at === null) await print(stdout, targetText(found, known.atTarget));
  await print(stdout, footText(found));
  await print(stdout, `${thenText(at)}${verdict.sentence}\n`);
  return isFound;
}

const thenText = (at: number | null): string =>
  at === null ? '' : `At ${timeText(at)}, by what was reported until then: `;

const MEMBERS_A_TURN = 500;

/** @returns the target has the group, or an event or a report names a member */
async function showMembers(
  { at }: Question,
  found: Explained,
  { isJson, context: { stdout } }: Showing,
): Promise<boolean> {
  const members: object[] = [];
  const summary = new GroupSummary();
  let memberCount = 0;
  let count = 0;
  for (const [label, names] of membersOf(found)) {
    // So that a signal is heard.
    if ((count += 1) % MEMBERS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    const known = found.knownOf(names);
    const verdict = explain(known);
    const state = memberStateOf(known, verdict);
    summary.take(verdict, state);
    if (verdict.isMember === true) memberCount += 1;
    const ofMember = { member: label, member_target: names.target, ...verdictJson(verdict), ...memberStateJson(state) };
    if (isJson) members.push(ofMember);
    else await print(stdout, memberText(label, verdict, state));
  }
  const { group, pause } = found;
  const isRead = group.kind === 'read';
  const sentence = summary.sentence(isRead ? group.snapshot.members.size : at === null ? null : memberCount, pause);
  const isFound = count > 0 || isRead;
  if (isJson) await printJson(stdout, { ...groupJson(found), sentence, members });
  else {
    if (at === null) await print(stdout, targetText(found, null));
    await print(stdout, footText(found));
    await print(
      stdout,
      `${thenText(at)}${isFound ? sentence : 'No event, no report and no answer of Genesys Cloud names the group.'}\n`,
    );
  }
  return isFound;
}
