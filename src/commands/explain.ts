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
  linkJson,
  memberText,
  targetText,
  verdictJson,
} from '../console/explained-text.ts';
import { withGroupSources } from '../console/group-sources.ts';
import { needsOfExplain } from '../core/log/authorization.ts';
import { explain } from '../core/explain/sentence.ts';
import { timeText } from '../core/report/reporting.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';

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

export async function explainGroup(flags: ExplainFlags, sources: Sources): Promise<ExitCode> {
  const question: Question = {
    group: flags.group,
    member: flags.member ?? null,
    at: flags.at ?? null,
    allPartitions: flags.allPartitions === true,
  };
  const found = await readExplained(question, sources);
  const show = question.member === null ? showMembers : showMember;
  await show(question, found, { isJson: flags.json === true, context: sources.context });
  return EXIT.done;
}

interface Showing {
  readonly isJson: boolean;
  readonly context: Pick<CommandContext, 'stdout'>;
}

async function showMember(
  { member, at }: Question,
  found: Explained,
  { isJson, context: { stdout } }: Showing,
): Promise<void> {
  const names = found.names.member(member ?? '');
  const known = found.knownOf(names);
  const verdict = explain(known);
  const then = at === null ? null : timeText(at);
  if (isJson) {
    const ofMember = { member, member_target: names.target, at: then, ...verdictJson(verdict) };
    return printJson(stdout, { ...groupJson(found), ...ofMember, chain: known.links.map(linkJson) });
  }
  await print(stdout, chainText(known.links));
  if (at === null) await print(stdout, targetText(found, known.atTarget));
  await print(stdout, footText(found));
  await print(stdout, `${then === null ? '' : `At ${then}, by what was reported until then: `}${verdict.sentence}\n`);
}

const MEMBERS_A_TURN = 500;

async function showMembers(_: Question, found: Explained, { isJson, context: { stdout } }: Showing): Promise<void> {
  const members: object[] = [];
  let count = 0;
  for (const [label, names] of membersOf(found)) {
    // So that a signal is heard.
    if ((count += 1) % MEMBERS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    const verdict = explain(found.knownOf(names));
    if (isJson) members.push({ member: label, member_target: names.target, ...verdictJson(verdict) });
    else await print(stdout, memberText(label, verdict));
  }
  if (isJson) return printJson(stdout, { ...groupJson(found), members });
  await print(stdout, targetText(found, null));
  await print(stdout, footText(found));
}
