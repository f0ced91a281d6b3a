/**
 * What operators' commands have in common: they read what waits in the retry topic, by the reducer of the owner
 * (ownership.ts) and with filters, and send requests to its owners.
 */
import { messageOf } from '../adapters/kafka/errors.ts';
import { operatorKey } from '../adapters/private-file.ts';
import { readConfig } from '../config/config.ts';
import { idKey, intentId, type Intent } from '../core/change/change.ts';
import { isHeld } from '../core/change/pending.ts';
import { needsOfOperator } from '../core/log/authorization.ts';
import { parseRetryRecord, type UnresolvedNames, type WireRecord } from '../core/log/live-record.ts';
import { emptyView, readFence, readState, type RetryView } from '../core/log/ownership.ts';
import { NO_PAUSES, PAUSES_KEY, type PausesOf } from '../core/log/pause-record.ts';
import type { ReadProgress } from '../core/log/reading.ts';
import { header, textOf } from '../core/log/wire-intent.ts';
import {
  REFUSAL_TEXT,
  REQUEST_AGE_MAX_MS,
  isRequestKey,
  parseAnswer,
  signed,
  type OperatorAnswer,
  type OperatorKey,
  type RequestRecord,
  type RequestRefusal,
} from '../core/log/request-record.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { LogTools, OutRecord } from '../ports.ts';
import { unlessAborted } from '../time.ts';
import { detachable, endIfStopped, print, readProgress, showProgress, type CommandContext } from './command-context.ts';
import { commandLog, existingTopic, readText, withLogTools } from './kafka-tools.ts';
import { openIdRows, type OpenIdRows } from './id-map.ts';

export interface RetryTopic {
  /** Its name. */
  readonly topic: string;
  readonly tools: LogTools;
  readonly context: Pick<CommandContext, 'stdout' | 'stderr' | 'clock' | 'random' | 'stop'>;
  /** Signs requests; absent: they are not signed. */
  readonly operatorKey?: OperatorKey;
  /** Before requests are sent: from then on a signal ends the command with what becomes of them. */
  readonly onAsking?: () => void;
  /** The id map, without the target; absent: the source has the target's own ids. */
  readonly openIds?: () => Promise<OpenIdRows>;
}

/** Opens it for one command, with the operator's key where there is one. */
export async function withRetryTopic(
  context: CommandContext,
  work: (retry: RetryTopic) => Promise<ExitCode>,
): Promise<void> {
  const { signal, detach: onAsking } = detachable(context.stop);
  await withLogTools(
    { ...context, stop: signal },
    ['operator'],
    async ({ topics, operator: { key }, ...config }, tools) => {
      const signing = key === null ? {} : { operatorKey: operatorKey(() => key) };
      // Only where it is needed: a pause must not depend on a table of ids.
      const openIds = async (): Promise<OpenIdRows> =>
        openIdRows(readConfig(context.environment, ['ids'], readText), {
          context: { ...context, stop: signal },
          logger: commandLog(context, config),
        });
      context.finish(await work({ topic: topics.retry, tools, context, onAsking, openIds, ...signing }));
    },
    (config) => needsOfOperator(config.topics),
  );
}

/** @param partitions absent: all. @throws ExitError where there is no such topic. */
export async function readRetryTopic(
  { topic, tools, context }: RetryTopic,
  partitions?: readonly number[],
): Promise<WaitingView> {
  await existingTopic(topic, { tools, context });
  const view = emptyWaiting();
  let read: ReadProgress = { passed: 0, total: 0 };
  const onProgress = (progress: ReadProgress): void => {
    read = progress;
  };
  const range = { from: 'beginning', ...(partitions !== undefined && { partitions }) } as const;
  const options = { ...range, follow: false, signal: context.stop, onProgress };
  const endProgress = showProgress(context.stderr, context.clock, () => readProgress(read, topic));
  try {
    for await (const record of tools.read(topic, options)) readWaiting(view, record.partition, record);
  } finally {
    endProgress();
  }
  endIfStopped(context, `before the end of ${topic}`);
  if (view.unreadableCount > 0) {
    await print(context.stderr, `warning: ${view.unreadableCount} records of ${topic} cannot be read\n`);
  }
  return view;
}

/** @throws ExitError where there is no such topic. */
export const findWaiting = async (retry: RetryTopic, filter: WaitingFilter): Promise<readonly WaitingIntent[]> =>
  allWaiting(await readRetryTopic(retry)).filter((waiting) => selects(filter, waiting));

const ANSWER_LIMIT_MS = 10_000;

/** Sends requests, by their keys, and waits for what their owners say. @throws ExitError where not all answer in time. */
export async function askOwners(
  retry: RetryTopic,
  requests: ReadonlyMap<string, RequestRecord>,
  onAnswer: (answer: OperatorAnswer, request: RequestRecord) => Promise<void>,
): Promise<readonly OperatorAnswer[]> {
  endIfStopped(retry.context, 'before anything was asked for');
  retry.onAsking?.();
  const begun = retry.context.clock.now().wall;
  const sending = retry.tools.send([...requests.values()].map((request) => asSigned(retry, request)));
  const outcomes = await unlessAborted(retry.context.stop, sending);
  if (outcomes === 'aborted') {
    throw new ExitError(EXIT.someFailed, `stopped while requests were written; of those that were, ${fateOf(retry)}`);
  }
  if (outcomes.includes('too_large')) {
    const remedy = 'name fewer, such as by --member';
    throw new ExitError(
      EXIT.someFailed,
      `a request does not fit into ${retry.topic}, others may be executed; ${remedy}`,
    );
  }
  for (const outcome of outcomes) {
    if (typeof outcome !== 'object') continue;
    const problem = `a request could not be written to ${retry.topic}: ${outcome.error.message}`;
    throw new ExitError(EXIT.unavailable, `${problem}; what was written is executed, so ask again`);
  }
  const open = new Map(requests);
  const given = await awaitAnswers(retry, open, begun).catch((cause: unknown) => {
    const problem = `requests were written, and their answers could not be read (${messageOf(cause)})`;
    throw new ExitError(EXIT.unavailable, `${problem}; ${fateOf(retry)}`, { cause });
  });
  for (const { answer, request } of given) await onAnswer(answer, request);
  const answers = given.map(({ answer }) => answer);
  for (const refusal of refusalsIn(answers))
    await print(retry.context.stderr, `${refusal}: ${REFUSAL_TEXT[refusal]}\n`);
  if (open.size === 0) return answers;
  const fate = fateOf(retry);
  endIfStopped(retry.context, `before all answers; ${fate}`);
  const what = `${open.size} of ${requests.size} requests were not answered within ${ANSWER_LIMIT_MS / 1000} s (${unanswered(open)})`;
  throw new ExitError(EXIT.unavailable, `${what}; ${fate}`);
}

function unanswered(open: ReadonlyMap<string, RequestRecord>): string {
  const partitions = [...new Set([...open.values()].map(({ partition }) => partition))].toSorted((a, b) => a - b);
  return `${partitions.length === 1 ? 'partition' : 'partitions'} ${partitions.join(', ')}`;
}

/** What becomes of requests that were not waited for. */
const fateOf = ({ operatorKey: key }: RetryTopic): string =>
  key === undefined
    ? 'they stay in the retry topic until a `rollcall run` reads them'
    : `they stay in the retry topic, and a \`rollcall run\` that reads them within ${REQUEST_AGE_MAX_MS / 60_000} minutes carries them out; later ask again`;

const asSigned = ({ operatorKey: key, context }: RetryTopic, request: RequestRecord): OutRecord =>
  key === undefined ? request : signed(request, context.clock.now().wall, key);

function refusalsIn(answers: readonly OperatorAnswer[]): ReadonlySet<RequestRefusal> {
  const verdicts: readonly string[] = answers.flatMap((answer) =>
    answer.kind === 'replay' ? answer.verdicts.map(({ verdict }) => verdict) : [answer.verdict],
  );
  return new Set(verdicts.filter((verdict) => isRefusal(verdict)));
}

const isRefusal = (verdict: string): verdict is RequestRefusal => Object.hasOwn(REFUSAL_TEXT, verdict);

/**
 * Reads from before the requests, so that no answer can have come before the reading began.
 * @param open is left with those that were not answered
 * @param begun epoch ms, before they were sent
 */
async function awaitAnswers(
  { topic, tools, context }: RetryTopic,
  open: Map<string, RequestRecord>,
  begun: number,
): Promise<readonly { readonly answer: OperatorAnswer; readonly request: RequestRecord }[]> {
  const limit = new AbortController();
  let cancel = (): void => undefined;
  const waitOn = (): void => {
    cancel();
    cancel = context.clock.schedule(ANSWER_LIMIT_MS, () => limit.abort());
  };
  const signal = AbortSignal.any([limit.signal, context.stop]);
  const given: { readonly answer: OperatorAnswer; readonly request: RequestRecord }[] = [];
  /** Partitions whose requests were not read back yet: what lies before them is no delay of their owner. */
  const unread = new Set([...open.values()].map(({ partition }) => partition));
  // Where the brokers set the times of records, by their clocks.
  const from = { since: begun - REQUEST_AGE_MAX_MS };
  // Where those clocks are further behind, no request is read back.
  const cancelAll = context.clock.schedule(REQUEST_AGE_MAX_MS, () => limit.abort());
  waitOn();
  try {
    for await (const record of tools.read(topic, { from, follow: true, signal })) {
      const key = record.key === null ? '' : Buffer.from(record.key).toString();
      if (unread.has(record.partition)) waitOn();
      const request = open.get(key);
      if (request === undefined) continue;
      unread.delete(record.partition);
      const answer = parseAnswer(record.value, record.headers);
      if (answer === null) continue;
      given.push({ answer, request });
      // Many are answered one after the other.
      waitOn();
      open.delete(key);
      if (open.size === 0) break;
    }
  } finally {
    cancel();
    cancelAll();
  }
  return given;
}

export interface WaitingIntent {
  readonly id: string;
  readonly state: 'parked' | 'held' | 'dead';
  /** Why it was given up, or is held; of a parked one the code of its group's newest failure; null: not known. */
  readonly reason: string | null;
  readonly intent: Intent;
}

/** In the order of the first of each. */
export function groupedBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [item]);
    else known.push(item);
  }
  return groups;
}

/** A request is about what waits of one group, in one partition. */
export const byGroup = <I extends Intent>(intents: readonly I[]): readonly (readonly I[])[] => [
  ...groupedBy(intents, ({ source, group }) => `${source.partition}/${group}`).values(),
];

export const inPieces = <T>(items: readonly T[], length: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(items.length / length) }, (_, piece) =>
    items.slice(piece * length, (piece + 1) * length),
  );

export interface WaitingFilter {
  readonly groups?: readonly string[];
  readonly members?: readonly string[];
  readonly ids?: readonly string[];
  readonly reasons?: readonly string[];
}

/** Of all partitions of the retry topic; mutable. */
export interface WaitingView {
  readonly partitions: Map<number, PartitionView>;
  /** Members of full states included. */
  intentCount: number;
  unreadableCount: number;
}

interface PartitionView {
  readonly ownership: RetryView;
  readonly groups: Map<string, readonly WaitingIntent[]>;
  /** By group, members that its full state names and the target does not know. */
  readonly unresolved: Map<string, UnresolvedNames>;
  /** By group, why its newest record cannot be read as a whole; `UNKNOWN_GROUP`: of a record that names none. */
  readonly unreadable: Map<string, string>;
  pauses: PausesOf;
}

/** Of a record that names none. */
export const UNKNOWN_GROUP = '';

export const emptyWaiting = (): WaitingView => ({ partitions: new Map(), intentCount: 0, unreadableCount: 0 });

export const emptyPartition = (): PartitionView => ({
  ownership: emptyView(),
  groups: new Map(),
  unresolved: new Map(),
  unreadable: new Map(),
  pauses: NO_PAUSES,
});

/** Records of a partition in their order. */
export function readWaiting(view: WaitingView, partition: number, record: WireRecord): void {
  const known = view.partitions.get(partition) ?? emptyPartition();
  view.partitions.set(partition, known);
  const parsed = parseRetryRecord(record);
  switch (parsed.kind) {
    case 'fence':
      readFence(known.ownership, parsed.stamp);
      return;
    case 'state': {
      if (readState(known.ownership, parsed.group, parsed.stamp) === 'stale') return;
      known.unreadable.delete(idKey(parsed.group));
      if (parsed.foreign !== undefined) known.unreadable.set(idKey(parsed.group), 'entries of a newer version');
      if (parsed.unresolved === undefined) known.unresolved.delete(parsed.group);
      else known.unresolved.set(parsed.group, parsed.unresolved);
      const waiting = parsed.intents.map((intent) => waitingOf(intent, record));
      view.intentCount += countOf(waiting) - countOf(known.groups.get(parsed.group) ?? []);
      known.groups.set(parsed.group, waiting);
      return;
    }
    case 'pauses':
      if (readState(known.ownership, PAUSES_KEY, parsed.stamp) === 'counts') known.pauses = parsed.pauses;
      return;
    case 'request':
    case 'removals':
      return;
    case 'unreadable':
      view.unreadableCount += 1;
      // A request says nothing of what waits.
      if (!isRequestKey(textOf(record.key) ?? ''))
        known.unreadable.set(idKey(parsed.group ?? UNKNOWN_GROUP), parsed.problem);
  }
}

const countOf = (waiting: readonly WaitingIntent[]): number =>
  waiting.reduce((count, { intent: { whole } }) => count + 1 + (whole?.members.length ?? 0), 0);

export const allWaiting = (view: WaitingView): WaitingIntent[] =>
  [...view.partitions.values()].flatMap(({ groups }) => [...groups.values()].flat());

/** @param group by `idKey`, as the source names it. */
export const waitingOfGroup = ({ partitions }: WaitingView, group: string): readonly WaitingIntent[] =>
  [...partitions.values()].flatMap(({ groups }) => groups.get(group) ?? []);

/** Why what waits of the group in a partition may not be known. @param group as in `waitingOfGroup` */
export function unreadableOfGroup({ partitions }: WaitingView, partition: number, group: string): readonly string[] {
  const { unreadable = null } = partitions.get(partition) ?? {};
  return [unreadable?.get(group), unreadable?.get(UNKNOWN_GROUP)].filter((problem) => problem !== undefined);
}

/** Every criterion that is given has to hold; of one with several values any. */
export function selects(filter: WaitingFilter, { id, reason, intent }: WaitingIntent): boolean {
  const allows = (wanted: readonly string[] | undefined, value: string | null): boolean =>
    wanted === undefined || (value !== null && wanted.includes(value));
  return (
    allows(filter.groups?.map(idKey), intent.group) &&
    allows(filter.members?.map(idKey), intent.member) &&
    allows(filter.ids, id) &&
    allows(filter.reasons, reason)
  );
}

const waitingOf = (intent: Intent, { headers }: WireRecord): WaitingIntent => ({
  id: intentId(intent),
  state: intent.dead !== null ? 'dead' : isHeld(intent) ? 'held' : 'parked',
  reason:
    intent.dead?.reason ?? (intent.guard?.kind === 'held' ? intent.guard.by : header(headers, 'rollcall-error-code')),
  intent,
});
