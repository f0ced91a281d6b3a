/**
 * `rollcall held [list|show|approve|reject]`: removals that the guard holds, and what an operator decides about them. As
 * with `replay`, a request goes into the retry topic, and only the owner of the group acts on it.
 */
import { Command } from 'commander';
import { sha256 } from '../adapters/system.ts';
import { type Held, type Intent, intentId, isId, sourceMember } from '../core/change.ts';
import { heldDigest, heldText } from '../core/guard.ts';
import { textHeader } from '../core/record-headers.ts';
import { AUTHOR_LENGTH_MAX, decisionValue, requestKey, type Answer } from '../core/request-record.ts';
import { jsonText } from '../core/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import { print, printJson, type Host } from './host.ts';
import { askOwners, findWaiting, type RetryTopic, withRetryTopic } from './retry-topic.ts';

const DECIDED_LENGTH_MIN = 12;

export interface HeldFlags {
  readonly json?: true;
}

export interface DecisionFlags extends HeldFlags {
  readonly author?: string;
}

export function heldCommand(host: Host): Command {
  const json = '--json';
  const list = new Command('list')
    .summary('what is held, one line a group')
    .option(json, 'one JSON object a line: {"digest","group","partition","by","since","count"}')
    .action((flags: HeldFlags) => withRetryTopic(host, (retry) => listHeld(retry, flags)));
  const show = new Command('show')
    .summary('who would be removed')
    .argument('<digest>', 'as `held list` prints it; its beginning is enough')
    .option(
      json,
      'one JSON object a line: {"id","group","group_target","member","target","by","since"}; targets: ids in Genesys Cloud',
    )
    .action((digest: string, flags: HeldFlags) => withRetryTopic(host, (retry) => showHeld(retry, digest, flags)));
  const decide = (kind: 'approve' | 'reject') =>
    new Command(kind)
      .summary(kind === 'approve' ? 'let exactly these removals pass' : 'refuse them: the members stay')
      .argument('<digest>', `of \`held list\`; ${DECIDED_LENGTH_MIN} digits are enough`)
      .option('--author <name>', 'who decides; stands in the report (default: USER of the environment)')
      .option(json, 'one JSON object: {"digest","result","count"}')
      .action((digest: string, flags: DecisionFlags) =>
        withRetryTopic(host, (retry) => decideHeld(retry, { kind, digest, author: authorOf(flags, host) }, flags)),
      );
  return new Command('held')
    .summary('removals that wait for an operator: list, show, approve, reject')
    .description(
      'The guard holds removals that would take too much of a group, or too much in all. A digest names exactly what is held of one group: whatever changes that set makes another digest.',
    )
    .addCommand(list, { isDefault: true })
    .addCommand(show)
    .addCommand(decide('approve'))
    .addCommand(decide('reject'))
    .addHelpText('after', examples);
}

const examples = `
Examples:
  $ rollcall held
  $ rollcall held show 3f9a
  $ rollcall held approve 3f9a5c70e1d2 --author "jane@example.com"

\`approve\` and \`reject\` exit 0 where it was done, 1 where the set has changed meanwhile, 69 where nobody answers.
Where \`rollcall run\` has OPERATOR_KEY, these commands need the same; it takes up no others' requests.`;

/** What is held of one group. */
interface HeldSet {
  readonly digest: string;
  readonly group: string;
  readonly partition: number;
  readonly by: readonly Held['by'][];
  /** Epoch ms, of the oldest. */
  readonly since: number;
  readonly intents: readonly Intent[];
}

export async function listHeld(retry: RetryTopic, { json }: HeldFlags): Promise<ExitCode> {
  const sets = await heldSets(retry);
  const { stdout } = retry.host;
  for (const set of sets) await (json === true ? printJson(stdout, line(set)) : print(stdout, text(set)));
  if (json !== true) await print(retry.host.stderr, `${sets.length} groups have held removals\n`);
  return EXIT.done;
}

export async function showHeld(retry: RetryTopic, digest: string, { json }: HeldFlags): Promise<ExitCode> {
  const set = one(await heldSets(retry), digest);
  for (const intent of set.intents) {
    const { guard } = intent;
    const member = sourceMember(intent);
    const id = intentId(intent);
    const held = guard?.kind === 'held' ? guard : null;
    const since = new Date(held?.since ?? set.since).toISOString();
    // Recorded where there is an id map; else both sides have one name.
    const { target = member, groupTarget = set.group } = held ?? {};
    const entry = { id, group: set.group, group_target: groupTarget, member, target, by: held?.by ?? null, since };
    const isElsewhere = groupTarget !== set.group;
    const as = target === member && !isElsewhere ? '' : `  as ${target}${isElsewhere ? ` of ${groupTarget}` : ''}`;
    const { stdout } = retry.host;
    await (json === true ? printJson(stdout, entry) : print(stdout, `remove  ${member}${as}  (${id})\n`));
  }
  if (json !== true) await print(retry.host.stderr, text(set));
  return EXIT.done;
}

export interface Decision {
  readonly kind: 'approve' | 'reject';
  readonly digest: string;
  readonly author: string;
}

export async function decideHeld(
  retry: RetryTopic,
  { kind, digest, author }: Decision,
  { json }: HeldFlags,
): Promise<ExitCode> {
  // A few digits may fit a set that nobody has looked at.
  if (digest.length < DECIDED_LENGTH_MIN)
    throw new ExitError(EXIT.usage, `held: name at least ${DECIDED_LENGTH_MIN} digits of what is decided about`);
  const set = one(await heldSets(retry), digest);
  const key = requestKey(retry.host.random.uuid());
  const request = {
    topic: retry.topic,
    partition: set.partition,
    key,
    value: decisionValue(set.digest, author),
    headers: [textHeader('rollcall-type', kind)],
  };
  const answers = await askOwners(retry, new Map([[key, request]]), (answer) =>
    print(retry.host.stdout, answerText(answer, json === true ? 'json' : 'text')),
  );
  return answers.every((answer) => answer.kind !== 'replay' && ['approved', 'rejected'].includes(answer.verdict))
    ? EXIT.done
    : EXIT.someFailed;
}

function authorOf({ author }: DecisionFlags, { environment }: Host): string {
  const name = author ?? environment['USER'] ?? '';
  if (isId(name)) return name;
  const most = `up to ${AUTHOR_LENGTH_MAX} characters, none of them a control character`;
  throw new ExitError(EXIT.usage, `held: say who decides: --author <name>, ${most}`);
}

async function heldSets(retry: RetryTopic): Promise<readonly HeldSet[]> {
  const waiting = (await findWaiting(retry, {})).filter(({ state }) => state === 'held').map(({ intent }) => intent);
  const groups = new Map<string, Intent[]>();
  for (const intent of waiting) {
    const known = groups.get(`${intent.source.partition}/${intent.group}`);
    if (known === undefined) groups.set(`${intent.source.partition}/${intent.group}`, [intent]);
    else known.push(intent);
  }
  return [...groups.values()].flatMap((intents) => setOf(intents) ?? []).toSorted((a, b) => a.since - b.since);
}

function setOf(intents: readonly Intent[]): HeldSet | null {
  const [first] = intents;
  if (first === undefined) return null;
  const digest = heldDigest(first.group, intents, sha256);
  if (digest === null) return null;
  const held = intents.flatMap(({ guard }) => (guard?.kind === 'held' ? [guard] : []));
  return {
    digest,
    group: first.group,
    partition: first.source.partition,
    by: [...new Set(held.map(({ by }) => by))],
    since: Math.min(...held.map(({ since }) => since)),
    intents,
  };
}

function one(sets: readonly HeldSet[], digest: string): HeldSet {
  const found = sets.filter((set) => digest !== '' && set.digest.startsWith(digest));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const why =
    found.length === 0 ? 'nothing is held under this digest; its set may have changed' : 'several digests begin so';
  throw new ExitError(EXIT.someFailed, `held: ${digest}: ${why}; see \`rollcall held list\``);
}

const line = ({ intents, since, ...set }: HeldSet) => ({
  ...set,
  since: new Date(since).toISOString(),
  count: intents.length,
});

const text = ({ digest, group, by, since, intents }: HeldSet): string =>
  `${digest}  group ${group}  ${intents.length} removals  since ${new Date(since).toISOString()}\n` +
  by.map((each) => `    ${each}: ${heldText(each)}\n`).join('');

function answerText(answer: Answer, form: 'json' | 'text'): string {
  if (answer.kind === 'replay') return '';
  const { digest, verdict, count } = answer;
  return form === 'json'
    ? `${jsonText({ digest, result: verdict, count })}\n`
    : `${verdict}  ${count} removals  ${digest}\n`;
}
