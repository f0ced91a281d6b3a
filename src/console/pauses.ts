/**
 * What `pause`, `resume` and `apply-now` have in common: one request to each partition of the retry topic, since a group may have
 * records in any (not every source format keys by it), and what their owners answer, folded into few lines.
 */
import { ID_RULE, isId } from '../core/change/change.ts';
import { isReason } from '../core/log/pause-record.ts';
import { REASON_LENGTH_MAX } from '../core/log/wire-intent.ts';
import { textHeader } from '../core/log/wire-intent.ts';
import {
  pauseValue,
  requestKey,
  type ApplyNowRequest,
  type OperatorAnswer,
  type PauseRequest,
  type RequestRecord,
} from '../core/log/request-record.ts';
import { counted } from '../core/text/counted.ts';
import { visible } from '../core/text/visible.ts';
import { EXIT, ExitError, type ExitCode } from '../exit-codes.ts';
import { print, printJson } from './command-context.ts';
import { existingTopic } from './kafka-tools.ts';
import { askOwners, type RetryTopic } from './retry-topic.ts';

/** null: none is named. @throws ExitError where it can be no group. */
export function groupIn(command: string, group: string | undefined): string | null {
  if (group === undefined || isId(group)) return group ?? null;
  throw new ExitError(EXIT.usage, `${command}: --group ${visible(JSON.stringify(group))} can be no id; ${ID_RULE}`);
}

/** @throws ExitError where no record could hold it. */
export function reasonIn(command: string, reason: string): string {
  if (isReason(reason)) return reason;
  throw new ExitError(EXIT.usage, `${command}: --reason is one line of 1 to ${REASON_LENGTH_MAX} characters`);
}

type Wanted = PauseRequest | ApplyNowRequest;

/** What the owners of these partitions say. */
interface Said {
  readonly partitions: number[];
  changes: number;
}

/** @throws ExitError where not all owners answer in time; what was asked for stays, and is carried out later. */
export async function askEachPartition(
  retry: RetryTopic,
  wanted: Wanted,
  { json }: { readonly json?: true },
): Promise<ExitCode> {
  const { topic, context } = retry;
  const { partitionCount } = await existingTopic(topic, retry);
  const requests = new Map(
    Array.from({ length: partitionCount }, (_, partition): [string, RequestRecord] => {
      const key = requestKey(context.random.uuid());
      const headers = [textHeader('rollcall-type', wanted.kind)];
      return [key, { topic, partition, key, value: pauseValue(wanted), headers }];
    }),
  );
  const said = new Map<string, Said>();
  const answered = new Set<number>();
  try {
    await askOwners(retry, requests, async (answer, { partition }) => {
      if (!('verdict' in answer) || 'digest' in answer) return;
      note(said, partition, answer);
      answered.add(partition);
      const { group, verdict: result, count } = answer;
      if (json === true) await printJson(context.stdout, { partition, group, result, count });
    });
  } finally {
    if (json !== true) for (const line of linesOf(wanted, said, partitionCount)) await print(context.stdout, line);
  }
  const others = [...requests.values()].map(({ partition }) => partition).filter((each) => !answered.has(each));
  if (others.length > 0)
    await print(
      context.stderr,
      `not understood on ${named(others)}: the owner there is of another version of Rollcall\n`,
    );
  const isWhole = others.length === 0 && isDone(wanted, new Set(said.keys()));
  const remark = remarkOn(wanted, said, isWhole);
  if (remark !== null) await print(context.stderr, `${remark}\n`);
  return isWhole ? EXIT.done : EXIT.someFailed;
}

/** What the lines do not say; null: they say all. */
function remarkOn({ kind, group }: Wanted, said: ReadonlyMap<string, Said>, isWhole: boolean): string | null {
  switch (kind) {
    case 'resume':
      if (group === null) return 'groups that were paused by name stay paused; rollcall status lists them';
      if (isWhole) return null;
      return 'a group is resumed by the name that it was paused by; rollcall status lists what is paused';
    case 'pause': {
      const changes = [...said.values()].reduce((sum, each) => sum + each.changes, 0);
      if (group === null || !said.has('paused') || changes > 0) return null;
      return `warning: nothing of group ${visible(group)} waits to be sent. A misspelt id pauses nothing: \`rollcall report --group …\` shows whether it had changes before`;
    }
    case 'apply_now':
      return null;
  }
}

function note(
  said: Map<string, Said>,
  partition: number,
  answer: Extract<OperatorAnswer, { readonly group: unknown }>,
): void {
  const known = said.get(answer.verdict) ?? { partitions: [], changes: 0 };
  known.partitions.push(partition);
  known.changes += answer.count;
  said.set(answer.verdict, known);
}

/** It is as was asked for, now or before. */
const ENDS: Readonly<Record<Wanted['kind'], readonly string[]>> = {
  pause: ['paused', 'already'],
  // Beside a partition where its pause has ended, `is_paused` says that it had ended before.
  resume: ['resumed', 'still_paused', 'not_paused', 'is_paused'],
  apply_now: ['queued', 'gone'],
};

function isDone({ kind, group }: Wanted, verdicts: ReadonlySet<string>): boolean {
  // A group has its changes in few partitions, and somewhere there has to be one.
  if (kind === 'apply_now' && !verdicts.has('queued')) return false;
  // Another name may have been meant.
  if (kind === 'resume' && group !== null && !verdicts.has('resumed') && !verdicts.has('still_paused')) return false;
  return [...verdicts].every((verdict) => ENDS[kind].includes(verdict));
}

function linesOf(wanted: Wanted, said: ReadonlyMap<string, Said>, partitionCount: number): readonly string[] {
  return [...said]
    .filter(([verdict]) => !(verdict === 'gone' && said.size > 1))
    .map(([verdict, { partitions, changes }]) => {
      const where = partitions.length === partitionCount ? `all ${partitionCount} partitions` : named(partitions);
      const words = verdict === 'is_paused' && wanted.kind === 'resume' ? OTHERWISE_PAUSED : WORDS[verdict];
      const what = wanted.group === null ? '' : `group ${visible(wanted.group)}: `;
      return `${what}${words === undefined ? visible(verdict) : words(where, counted(changes, 'change'))}\n`;
    });
}

type Words = (where: string, changes: string) => string;

const OTHERWISE_PAUSED: Words = (where, changes) =>
  `was not paused by this name on ${where}, and is paused there by another pause: ${changes} waiting; rollcall status lists what is paused`;

const WORDS: Readonly<Record<string, Words>> = {
  paused: (where, changes) => `paused on ${where}: ${changes} to wait`,
  already: (where, changes) =>
    `already paused on ${where}: ${changes} waiting; who has paused it first stays its author`,
  too_many: (where) => `not paused on ${where}: too many groups are paused there; pause all, or resume others first`,
  resumed: (where, changes) => `resumed on ${where}: ${changes} to go on`,
  still_paused: (where, changes) =>
    `its pause has ended on ${where}, and another pause keeps it there: ${changes} waiting; rollcall status lists what is paused`,
  not_paused: (where) => `was not paused on ${where}`,
  queued: (where, changes) => `goes ahead on ${where}: ${changes}`,
  gone: (where) => `nothing of it waits on ${where}`,
  is_paused: (where, changes) =>
    `is paused on ${where}, so that nothing is sent: ${changes} waiting; rollcall status says by whom, and by which name`,
};

const named = (partitions: readonly number[]): string =>
  `${partitions.length === 1 ? 'partition' : 'partitions'} ${partitions.toSorted((a, b) => a - b).join(', ')}`;
