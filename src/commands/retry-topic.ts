/** What operators' commands have in common: reading what waits in the retry topic, and asking its owners for something. */
import { operatorKey } from '../adapters/operator-key.ts';
import { needsOfOperator } from '../core/authorization.ts';
import { allWaiting, emptyWaiting, readWaiting, selects, type Waiting, type WaitingFilter } from '../core/waiting.ts';
import { parseAnswer, type Answer } from '../core/request-record.ts';
import {
  REFUSAL_TEXT,
  type OperatorKey,
  type RequestRecord,
  type RequestRefusal,
  signed,
} from '../core/request-signature.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import type { LogTools, OutRecord } from '../ports.ts';
import { print, type Host } from './host.ts';
import { withLogTools } from './kafka-tools.ts';

export interface RetryTopic {
  /** Its name. */
  readonly topic: string;
  readonly tools: LogTools;
  readonly host: Pick<Host, 'stdout' | 'stderr' | 'clock' | 'random' | 'stop'>;
  /** Signs requests; absent: they are not signed. */
  readonly operatorKey?: OperatorKey;
}

/** Opens it for one command, with the operator's key where there is one. */
export const withRetryTopic = (host: Host, work: (retry: RetryTopic) => Promise<ExitCode>): Promise<void> =>
  withLogTools(
    host,
    ['operator'],
    async ({ topics, operator: { key } }, tools) => {
      const signing = key === null ? {} : { operatorKey: operatorKey(() => key) };
      host.finish(await work({ topic: topics.retry, tools, host, ...signing }));
    },
    needsOfOperator,
  );

/** @throws ExitError where there is no such topic. */
export async function findWaiting(
  { topic, tools, host }: RetryTopic,
  filter: WaitingFilter,
): Promise<readonly Waiting[]> {
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
  return allWaiting(view).filter((waiting) => selects(filter, waiting));
}

const ANSWER_LIMIT_MS = 10_000;

/** Sends requests, by their keys, and waits for what their owners say. @throws ExitError where not all answer in time. */
export async function askOwners(
  retry: RetryTopic,
  requests: ReadonlyMap<string, RequestRecord>,
  told: (answer: Answer) => Promise<void>,
): Promise<readonly Answer[]> {
  const outcomes = await retry.tools.send([...requests.values()].map((request) => asSigned(retry, request)));
  if (outcomes.includes('too_large')) {
    const mend = 'name fewer changes, with --member or --id';
    throw new ExitError(EXIT.someFailed, `a request does not fit into the retry topic; ${mend}`);
  }
  for (const outcome of outcomes) {
    if (typeof outcome !== 'object') continue;
    const problem = `a request could not be written to ${retry.topic}: ${outcome.error.message}`;
    throw new ExitError(EXIT.unavailable, `${problem}; what was written is executed, so ask again`);
  }
  const open = new Set(requests.keys());
  const answers = await awaitAnswers(retry, open);
  for (const answer of answers) await told(answer);
  for (const refusal of refusalsIn(answers)) await print(retry.host.stderr, `${refusal}: ${REFUSAL_TEXT[refusal]}\n`);
  if (open.size === 0) return answers;
  const what = `${open.size} of ${requests.size} requests were not answered within ${ANSWER_LIMIT_MS / 1000} s`;
  throw new ExitError(EXIT.unavailable, `${what}; they stay in the retry topic until a \`rollcall run\` reads them`);
}

const asSigned = ({ operatorKey, host }: RetryTopic, request: RequestRecord): OutRecord =>
  operatorKey === undefined ? request : signed(request, host.clock.now().wall, operatorKey);

function refusalsIn(answers: readonly Answer[]): ReadonlySet<RequestRefusal> {
  const verdicts: readonly string[] = answers.flatMap((answer) =>
    answer.kind === 'replay' ? answer.verdicts.map(({ verdict }) => verdict) : [answer.verdict],
  );
  return new Set(verdicts.filter((verdict) => isRefusal(verdict)));
}

const isRefusal = (verdict: string): verdict is RequestRefusal => Object.hasOwn(REFUSAL_TEXT, verdict);

/** Reads from the beginning, so that no answer can have come before the reading began. */
async function awaitAnswers({ topic, tools, host }: RetryTopic, open: Set<string>): Promise<readonly Answer[]> {
  const limit = new AbortController();
  const cancel = host.clock.schedule(ANSWER_LIMIT_MS, () => limit.abort());
  const signal = AbortSignal.any([limit.signal, host.stop]);
  const given: Answer[] = [];
  try {
    for await (const record of tools.read(topic, { from: 'beginning', follow: true, signal })) {
      const key = record.key === null ? '' : Buffer.from(record.key).toString();
      const answer = open.has(key) ? parseAnswer(record.value, record.headers) : null;
      if (answer === null) continue;
      given.push(answer);
      open.delete(key);
      if (open.size === 0) break;
    }
  } finally {
    cancel();
  }
  return given;
}
