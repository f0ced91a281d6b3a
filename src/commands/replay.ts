/**
 * `rollcall replay list|now`: what is parked or given up, and waking it. Nothing is changed here: a request goes into
 * the retry topic, and the owner of the group, who alone knows what is newer, answers in the request's tombstone.
 */
import { Command } from 'commander';
import { intentId, type Intent } from '../core/change.ts';
import { requestKey, stateValue } from '../core/live-record.ts';
import { textHeader } from '../core/record-headers.ts';
import {
  allWaiting,
  emptyWaiting,
  parseReplayAnswer,
  readWaiting,
  selects,
  type ReplayAnswer,
  type Waiting,
  type WaitingFilter,
} from '../core/waiting.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { LogTools, OutRecord } from '../ports.ts';
import { collect } from './arguments.ts';
import { print, type Host } from './host.ts';
import { withLogTools } from './kafka-tools.ts';

export interface ListFlags {
  readonly group?: readonly string[];
  readonly member?: readonly string[];
  readonly id?: readonly string[];
  readonly reason?: readonly string[];
  readonly json?: true;
}

export interface NowFlags extends ListFlags {
  readonly all?: true;
  readonly yes?: true;
}

export function replayCommand(host: Host): Command {
  const list = filtered(new Command('list'))
    .summary('list what waits in the retry topic, parked or dead')
    .option('--json', 'one JSON object a line')
    .action(async (flags: ListFlags) => {
      await withLogTools(host, async ({ topics }, tools) => {
        host.finish(await listWaiting({ flags, topic: topics.retry, tools, host }));
      });
    });
  const now = filtered(new Command('now'))
    .summary('try it again at once; shows what it would do unless --yes')
    .option('--all', 'everything that waits')
    .option('--yes', 'do it')
    .option('--json', 'one JSON object a line')
    .action(async (flags: NowFlags) => {
      await withLogTools(host, async ({ topics }, tools) => {
        host.finish(await replayNow({ flags, topic: topics.retry, tools, host }));
      });
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

\`now --yes\` exits 0 where all were woken, 1 where a newer change has replaced some, 69 where nobody answers.`;

const filtered = (command: Command): Command =>
  command
    .option('--group <id>', 'only of this group; may be repeated, as the others', collect)
    .option('--member <id>', 'only of this member', collect)
    .option('--id <id>', 'only the change with this id: topic/partition/offset/member', collect)
    .option('--reason <code>', 'only with this reason: attempts_exhausted, rejected, or an error code', collect);

export interface Replay<Flags> {
  readonly flags: Flags;
  /** The retry topic. */
  readonly topic: string;
  readonly tools: LogTools;
  readonly host: Pick<Host, 'stdout' | 'stderr' | 'clock' | 'random' | 'stop'>;
}

export async function listWaiting(replay: Replay<ListFlags>): Promise<ExitCode> {
  const found = await findWaiting(replay);
  for (const waiting of found) await print(replay.host.stdout, lineOf(replay.flags, waiting));
  if (replay.flags.json !== true) await print(replay.host.stderr, `${countText(found)}\n`);
  return EXIT.done;
}

export async function replayNow(replay: Replay<NowFlags>): Promise<ExitCode> {
  const { flags, host, tools } = replay;
  const isNarrowed = [flags.group, flags.member, flags.id, flags.reason].some((filter) => filter !== undefined);
  if (!isNarrowed && flags.all !== true) {
    throw new ExitError(EXIT.usage, 'replay now: say which: --group, --member, --id, --reason, or --all');
  }
  const found = await findWaiting(replay);
  if (flags.yes !== true) {
    for (const waiting of found) await print(host.stdout, lineOf(flags, waiting));
    await print(host.stderr, `${countText(found)}; with --yes they are tried again at once\n`);
    return EXIT.done;
  }
  if (found.length === 0) {
    await print(host.stderr, 'nothing waits that fits\n');
    return EXIT.done;
  }
  const requests = requestsOf(found, replay);
  await tools.send([...requests.values()]);
  const answers = await awaitAnswers(new Set(requests.keys()), replay);
  for (const answer of answers.given) await print(host.stdout, answerLine(flags, answer));
  if (answers.missing > 0) {
    const what = `${answers.missing} of ${requests.size} requests were not answered within ${ANSWER_LIMIT_MS / 1000} s`;
    throw new ExitError(
      EXIT.unavailable,
      `replay: ${what}; they stay in the retry topic until a \`rollcall run\` reads them`,
    );
  }
  return answers.given.every(({ result }) => result === 'woken') ? EXIT.done : EXIT.someFailed;
}

async function findWaiting({ flags, topic, tools, host }: Replay<ListFlags>): Promise<readonly Waiting[]> {
  if ((await tools.describeTopic(topic)) === null) {
    throw new ExitError(EXIT.unavailable, `the topic ${topic} does not exist; run \`rollcall topics create\``);
  }
  const view = emptyWaiting();
  for await (const record of tools.read(topic, { from: 'beginning', follow: false, signal: host.stop })) {
    readWaiting(view, record.partition, record);
  }
  if (view.unreadableCount > 0) {
    await print(host.stderr, `warning: ${view.unreadableCount} records of ${topic} cannot be read\n`);
  }
  const filter = filterOf(flags);
  return allWaiting(view).filter((waiting) => selects(filter, waiting));
}

const filterOf = ({ group, member, id, reason }: ListFlags): WaitingFilter => ({
  ...(group !== undefined && { groups: group }),
  ...(member !== undefined && { members: member }),
  ...(id !== undefined && { ids: id }),
  ...(reason !== undefined && { reasons: reason }),
});

/** One per group, to the group's partition: only its owner reads it. */
function requestsOf(found: readonly Waiting[], { topic, host }: Replay<NowFlags>): ReadonlyMap<string, OutRecord> {
  const groups = new Map<string, Intent[]>();
  for (const { intent } of found) {
    const group = `${intent.source.partition}/${intent.group}`;
    const others = groups.get(group);
    if (others === undefined) groups.set(group, [intent]);
    else others.push(intent);
  }
  const requests = [...groups.values()].flatMap((intents) =>
    intents.slice(0, 1).map(({ group, source }): readonly [string, OutRecord] => {
      const key = requestKey(host.random.uuid());
      const headers = [textHeader('rollcall-type', 'replay')];
      return [key, { topic, partition: source.partition, key, value: stateValue(group, intents), headers, gzip: true }];
    }),
  );
  return new Map(requests);
}

const ANSWER_LIMIT_MS = 10_000;

interface Answers {
  readonly given: readonly ReplayAnswer[];
  /** Requests without an answer. */
  readonly missing: number;
}

/** Reads from the beginning, so that no answer can have come before the reading began. */
async function awaitAnswers(keys: Set<string>, { topic, tools, host }: Replay<NowFlags>): Promise<Answers> {
  const limit = new AbortController();
  const cancel = host.clock.schedule(ANSWER_LIMIT_MS, () => limit.abort());
  const signal = AbortSignal.any([limit.signal, host.stop]);
  const given: ReplayAnswer[] = [];
  try {
    for await (const record of tools.read(topic, { from: 'beginning', follow: true, signal })) {
      const key = record.key === null ? '' : Buffer.from(record.key).toString();
      const answer = keys.has(key) ? parseReplayAnswer(record) : null;
      if (answer === null) continue;
      given.push(...answer);
      keys.delete(key);
      if (keys.size === 0) break;
    }
  } finally {
    cancel();
  }
  return { given, missing: keys.size };
}

function lineOf({ json }: ListFlags, { id, state, reason, intent }: Waiting): string {
  const { group, member, op, attempt, notBefore, dead, source } = intent;
  const at = (ms: number): string => new Date(ms).toISOString();
  if (json === true) {
    const times = { not_before: dead === null ? at(notBefore) : null, dead_at: dead === null ? null : at(dead.at) };
    return `${JSON.stringify({ id, state, reason, group, member, op, attempt, event_id: source.eventId, ...times })}\n`;
  }
  const when = dead === null ? `next try ${at(notBefore)}` : `given up ${at(dead.at)}`;
  return `${state.padEnd(6)}  ${op.padEnd(6)}  ${member}  group ${group}  ${reason ?? '-'}  attempt ${attempt}  ${when}  ${id}\n`;
}

function answerLine({ json }: ListFlags, answer: ReplayAnswer): string {
  const { group, member, result } = answer;
  const id = intentId({ source: { ...answer, eventId: null, timestamp: 0 }, member });
  return json === true
    ? `${JSON.stringify({ id, group, member, result })}\n`
    : `${result.padEnd(10)}  ${member}  group ${group}  ${id}\n`;
}

function countText(found: readonly Waiting[]): string {
  const dead = found.filter(({ state }) => state === 'dead').length;
  return `${found.length} changes: ${found.length - dead} parked, ${dead} dead`;
}
