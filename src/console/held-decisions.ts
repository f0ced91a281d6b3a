/** What an operator decides about removals that are held: one request for each set, or for each piece of a part. */
import { sha256 } from '../adapters/system.ts';
import { heldDigest } from '../core/group/guard.ts';
import {
  NAMED_MAX,
  decisionValue,
  requestKey,
  type DecisionRequest,
  type OperatorAnswer,
  type RequestRecord,
} from '../core/log/request-record.ts';
import { textHeader } from '../core/log/wire-intent.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { HeldIntent } from '../core/change/pending.ts';
import { isWhole, type SelectedPart, type HeldSet } from './held-sets.ts';
import { askOwners, inPieces, type RetryTopic } from './retry-topic.ts';

/** What a decision that was carried out is called. */
export const DECIDED = { approve: 'approved', reject: 'rejected' } as const;

export interface Deciding {
  readonly kind: DecisionRequest['kind'];
  readonly author: string;
  /** null: none is given. */
  readonly reason: string | null;
}

/** What is asked for, by the digest that names it. */
interface Asked {
  readonly set: HeldSet;
  readonly digest: string;
  readonly part: DecisionRequest['part'];
}

/**
 * Each request is named by the digest of what it decides, so that no more is released than the operator was shown.
 * @returns whether all were decided so.
 */
export async function decideParts(
  retry: RetryTopic,
  parts: readonly SelectedPart[],
  deciding: Deciding,
  onAnswer: (answer: Extract<OperatorAnswer, { readonly digest: string }>, set: HeldSet) => Promise<void>,
): Promise<ExitCode> {
  const asked = new Map(parts.flatMap(askedOf).map((each) => [requestKey(retry.context.random.uuid()), each]));
  if (asked.size === 0) return EXIT.done;
  const requests = new Map([...asked].map(([key, each]) => [key, requestOf(retry.topic, key, each, deciding)]));
  const answers = await askOwners(retry, requests, async (answer, { key }) => {
    const set = asked.get(key)?.set;
    if ('digest' in answer && set !== undefined) await onAnswer(answer, set);
  });
  const isDone = (answer: OperatorAnswer): boolean => 'digest' in answer && answer.verdict === DECIDED[deciding.kind];
  return answers.every(isDone) ? EXIT.done : EXIT.someFailed;
}

function askedOf(part: SelectedPart): readonly Asked[] {
  const { set, intents } = part;
  if (isWhole(part)) return [{ set, digest: set.digest, part: null }];
  return inPieces(intents, NAMED_MAX).flatMap((piece) => pieceOf(set, piece));
}

function pieceOf(set: HeldSet, intents: readonly HeldIntent[]): readonly Asked[] {
  const digest = heldDigest(set.group, intents, sha256);
  const named = intents.map(({ group, member, source }) => ({ ...source, group, member }));
  return digest === null ? [] : [{ set, digest, part: { group: set.group, named } }];
}

function requestOf(
  topic: string,
  key: string,
  { set, digest, part }: Asked,
  { kind, author, reason }: Deciding,
): RequestRecord {
  const value = decisionValue({ digest, author, reason, part });
  const headers = [textHeader('rollcall-type', kind)];
  return { topic, partition: set.partition, key, value, headers, ...(part !== null && { gzip: true as const }) };
}
