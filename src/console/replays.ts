/** What `replay` and `retry-now` have in common: one request for each group whose changes are to be tried again, and what becomes of them. */
import { WHOLE_GROUP, intentId, type Intent } from '../core/change/change.ts';
import { stateValue } from '../core/log/live-record.ts';
import {
  NAMED_MAX,
  requestKey,
  type NamedIntent,
  type ReplayVerdict,
  type RequestRecord,
} from '../core/log/request-record.ts';
import { textHeader } from '../core/log/wire-intent.ts';
import { jsonText } from '../core/text/visible.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { print } from './command-context.ts';
import {
  askOwners,
  byGroup,
  inPieces,
  type RetryTopic,
  type WaitingFilter,
  type WaitingIntent,
} from './retry-topic.ts';

export interface ListFlags {
  readonly group?: readonly string[];
  readonly member?: readonly string[];
  readonly id?: readonly string[];
  readonly reason?: readonly string[];
  readonly json?: true;
}

export interface Replay<Flags> extends RetryTopic {
  readonly flags: Flags;
}

/** Asks their owners. */
export async function wake(replay: Replay<ListFlags>, found: readonly WaitingIntent[]): Promise<ExitCode> {
  const { flags, context } = replay;
  const answers = await askOwners(replay, requestsOf(found, replay), async (answer) => {
    for (const verdict of answer.kind === 'replay' ? answer.verdicts : []) {
      await print(context.stdout, answerLine(flags, verdict));
    }
  });
  const verdicts = answers.flatMap((answer) => (answer.kind === 'replay' ? answer.verdicts : []));
  if (verdicts.length < found.length) {
    const count = `${found.length - verdicts.length} of ${found.length} changes`;
    await print(context.stderr, `the owner does not say what became of ${count}: see \`rollcall replay list\`\n`);
    return EXIT.someFailed;
  }
  if (verdicts.some(({ verdict }) => verdict === 'is_paused'))
    await print(
      context.stderr,
      'what is paused starts again with its first try after `rollcall resume`, not before: rollcall status says what is\n',
    );
  return verdicts.every(({ verdict }) => verdict === 'woken') ? EXIT.done : EXIT.someFailed;
}

export const filterOf = ({ group, member, id, reason }: ListFlags): WaitingFilter => ({
  ...(group !== undefined && { groups: group }),
  ...(member !== undefined && { members: member }),
  ...(id !== undefined && { ids: id }),
  ...(reason !== undefined && { reasons: reason }),
});

/** For each group as many as its changes need, to the group's partition: only its owner reads it. */
function requestsOf(
  found: readonly WaitingIntent[],
  { topic, context }: Pick<RetryTopic, 'topic' | 'context'>,
): ReadonlyMap<string, RequestRecord> {
  const groups = byGroup(found.map(({ intent }) => intent));
  const requests = groups
    .flatMap((of) => inPieces(of, NAMED_MAX))
    .flatMap((intents) =>
      intents.slice(0, 1).map(({ group, source: { partition } }) => {
        const key = requestKey(context.random.uuid());
        const headers = [textHeader('rollcall-type', 'replay')];
        const value = stateValue(group, intents.map(nameOnly));
        return [key, { topic, partition, key, value, headers, gzip: true as const }] as const;
      }),
    );
  return new Map(requests);
}

/** Whom a full state names is not read of a request. */
const nameOnly = (intent: Intent): Intent =>
  intent.whole === null ? intent : { ...intent, whole: { ...intent.whole, members: [] } };

function answerLine({ json }: ListFlags, answer: NamedIntent & { readonly verdict: ReplayVerdict }): string {
  const { group, member, verdict } = answer;
  const id = intentId({ source: answer, member });
  return json === true
    ? `${jsonText({ id, group, member: member === WHOLE_GROUP ? null : member, result: verdict })}\n`
    : `${verdict.padEnd(10)}  ${nameOf(member)}  group ${group}  ${id}\n`;
}

/** A full state is about everybody. */
export const nameOf = (member: string): string => (member === WHOLE_GROUP ? '(full state)' : member);
