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
  fullStateJson,
  linkJson,
  memberText,
  targetText,
  verdictJson,
} from '../console/explained-text.ts';
import type { NoTarget } from '../console/group-names.ts';
import { withGroupSources } from '../console/group-sources.ts';
import { targetExitCode } from '../console/target.ts';
import { needsOfExplain } from '../core/log/authorization.ts';
import { ID_RULE, isId } from '../core/change/change.ts';
import { GroupSummary, memberStateOf } from '../core/explain/group-summary.ts';
import { together } from '../core/explain/instance-answer.ts';
import type { NamesOf } from '../core/explain/names.ts';
import { explain, mayBeOutdated } from '../core/explain/sentence.ts';
import type { Known } from '../core/explain/verdict.ts';
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
      const asked = questionIn(flags, context);
      await withSources(context, flags, async (sources) => context.finish(await explainGroup(asked, sources)));
    });
}

const examples = `
Examples:
  $ rollcall explain --group 5b1e… --member 8c2f…
  $ rollcall explain --group 5b1e… --member 8c2f… --at 2026-09-21T14:00:00Z
  $ rollcall explain --group 5b1e… --json | jq -r '.members[] | select(.standing == "given_up") | .member'

The last line is the answer. Exits 1 where no event, no report and no membership names the member, or the group; where no event and no
report does, and Genesys Cloud could not be read, 69, or 78 where it refuses the credentials. What an instance has in memory is asked of
its admin server, with ADMIN_TOKEN where one is set.`;

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

interface Asked {
  readonly question: Question;
  readonly isJson: boolean;
}

/** @throws ExitError (usage) where it asks for what cannot be. */
export function questionIn(flags: ExplainFlags, context: Pick<CommandContext, 'clock'>): Asked {
  checkFlags(flags, context);
  const { group, member = null, at = null } = flags;
  const question = { group, member, at, allPartitions: flags.allPartitions === true };
  return { question, isJson: flags.json === true };
}

export async function explainGroup({ question, isJson }: Asked, sources: Sources): Promise<ExitCode> {
  const found = await readExplained(question, sources);
  const show = question.member === null ? showMembers : showMember;
  return show(question, found, { isJson, context: sources.context });
}

function checkFlags(
  { group, member, at }: Pick<ExplainFlags, 'group' | 'member' | 'at'>,
  { clock }: Pick<CommandContext, 'clock'>,
): void {
  for (const [flag, id] of [['--group', group] as const, ['--member', member] as const]) {
    if (id === undefined || isId(id)) continue;
    throw new ExitError(EXIT.usage, `explain: ${flag} ${visible(JSON.stringify(id))} can be no id; ${ID_RULE}`);
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

async function showMember(
  { member, at }: Question,
  found: Explained,
  { isJson, context: { stdout } }: Showing,
): Promise<ExitCode> {
  const names = found.askedMember(member ?? '');
  const known = found.knownOf(names);
  const verdict = explain(known);
  const then = at === null ? null : timeText(at);
  const isFound = verdict.standing !== 'nothing' || verdict.isMember === true || hasFormer(known);
  const code = isFound ? EXIT.done : memberNotFound(found, names, verdict.isMember);
  if (isJson) {
    const outdated = { may_be_outdated: mayBeOutdated(known) };
    const ofMember = { member, member_target: names.target, at: then, ...verdictJson(verdict), ...outdated };
    await printJson(stdout, { ...groupJson(found), ...ofMember, chain: known.links.map(linkJson) });
    return code;
  }
  await print(stdout, chainText(known.links));
  if (at === null) await print(stdout, targetText(found, known.atTarget));
  await print(stdout, footText(found));
  await print(stdout, `${thenText(at)}${verdict.sentence}\n`);
  return code;
}

const hasFormer = ({ former }: Known): boolean => (former?.report ?? former?.waiting) !== undefined;

/** What could not be read is not known to be missing. */
const notFound = ({ outcome }: Pick<NoTarget, 'outcome'>): ExitCode =>
  outcome === null ? EXIT.someFailed : targetExitCode(outcome);

function memberNotFound({ group, names }: Explained, member: NamesOf, isMember: boolean | null): ExitCode {
  if (group.kind === 'unknown' && group.outcome !== null) return notFound(group);
  if (member.target === null) return notFound(names.whyNoMember(member));
  return group.kind === 'read' && isMember === null ? EXIT.unavailable : EXIT.someFailed;
}

const thenText = (at: number | null): string =>
  at === null ? '' : `At ${timeText(at)}, by what was reported until then: `;

const MEMBERS_A_TURN = 500;

async function showMembers(
  { at }: Question,
  found: Explained,
  { isJson, context: { stdout } }: Showing,
): Promise<ExitCode> {
  const members: object[] = [];
  const summary = new GroupSummary();
  let memberCount = 0;
  let unknownCount = 0;
  let count = 0;
  for (const [label, names] of membersOf(found)) {
    // So that a signal is heard.
    if ((count += 1) % MEMBERS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    const known = found.knownOf(names);
    const verdict = explain(known);
    const state = memberStateOf(known, verdict);
    summary.take(verdict, state);
    if (verdict.isMember === true) memberCount += 1;
    if (verdict.isMember === null) unknownCount += 1;
    const ofMember = { member: label, member_target: names.target, ...verdictJson(verdict), ...memberStateJson(state) };
    if (isJson) members.push(ofMember);
    else await print(stdout, memberText(label, verdict, state));
  }
  const { group, evidence, facts } = found;
  const isRead = group.kind === 'read';
  const isFound = evidence.isNamed || isRead;
  // Of reports that name no member, too, nothing follows about the others.
  const isCounted = at !== null && unknownCount === 0 && (count > 0 || facts.state !== null);
  const size = isRead ? group.snapshot.members.size : isCounted ? memberCount : null;
  const sentence = isFound ? summary.sentence({ ...facts, memberCount: size }) : notFoundText(found, at);
  if (isJson)
    await printJson(stdout, { ...groupJson(found), full_state: fullStateJson(facts.state), sentence, members });
  else {
    if (at === null) await print(stdout, targetText(found, null));
    await print(stdout, footText(found));
    await print(stdout, `${thenText(at)}${sentence}\n`);
  }
  return isFound || isRead ? EXIT.done : notFound(group);
}

/** @param at as in the question: Genesys Cloud was not asked */
function notFoundText({ group, names, facts: { pauses } }: Explained, at: number | null): string {
  const why = group.kind === 'unknown' ? visible(group.why) : '';
  if (at !== null) {
    const lookUp =
      group.kind === 'unknown' && group.outcome !== null ? `, and its name could not be looked up (${why})` : '';
    return `No event and no report until then names the group${lookUp}.`;
  }
  const paused = pauses.length === 0 ? '' : `; ${together(pauses.map(visible))}`;
  if (group.kind === 'unknown' && group.outcome !== null)
    return `No event and no report names the group, and it could not be read (${why})${paused}.`;
  // Without its name there Genesys Cloud was not asked for the group itself.
  return names.group.target === null
    ? `No event and no report names the group, and ${why}${paused}.`
    : `No event, no report and no answer of Genesys Cloud names the group${paused}.`;
}
