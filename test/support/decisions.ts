/** An operator's requests to decide about what the removal guard holds (protocol.md 12.2), and what is held. */
import { sha256, systemRandom } from '../../src/adapters/system.ts';
import type { Intent } from '../../src/core/change/change.ts';
import { isHeld } from '../../src/core/change/pending.ts';
import { heldDigest } from '../../src/core/group/guard.ts';
import { parseRetryRecord } from '../../src/core/log/live-record.ts';
import { textHeader } from '../../src/core/log/wire-intent.ts';
import { decisionValue, parseAnswer, requestKey } from '../../src/core/log/request-record.ts';
import type { QuickWorld } from './quick-world.ts';

/** About all that has this digest. */
export const wholeDecision = (digest: string, author = 'jane', reason: string | null = null): string =>
  decisionValue({ digest, author, reason, part: null });

/** About just these of one group, by jane. */
export function partDecision(intents: readonly Intent[], reason: string | null = null): string {
  const group = intents[0]?.group ?? 'g';
  const named = intents.map(({ member, source: { topic, partition, offset, index } }) => ({
    group,
    member,
    topic,
    partition,
    offset,
    index,
  }));
  return decisionValue({ digest: digestOf(intents), author: 'jane', reason, part: { group, named } });
}

/** Of what is held among them. @throws Error where nothing is */
export function digestOf(intents: readonly Intent[]): string {
  const digest = heldDigest(intents[0]?.group ?? 'g', intents, sha256);
  if (digest === null) throw new Error('nothing is held');
  return digest;
}

/** By the last live record. */
export function heldIn(world: Pick<QuickWorld, 'records'>): readonly Intent[] {
  const states = world.records('retry').map((record) => parseRetryRecord(record));
  const last = states.findLast((each) => each.kind === 'state');
  return last?.kind === 'state' ? last.intents.filter(isHeld) : [];
}

/** To the owner of partition 0. @returns the key of the request */
export function askTo(kind: 'approve' | 'reject', value: string, { broker }: Pick<QuickWorld, 'broker'>): string {
  const key = requestKey(systemRandom.uuid());
  const headers = [textHeader('rollcall-type', kind)];
  broker.append([{ topic: 'retry', partition: 0, key, value, headers }]);
  return key;
}

/** What the owner answers, as `approved 3`. */
export async function decide(world: QuickWorld, kind: 'approve' | 'reject', value: string): Promise<string> {
  const key = askTo(kind, value, world);
  await world.clock.advance(5_000);
  const own = world.records('retry').filter((record) => Buffer.from(record.key ?? []).toString() === key);
  const said = own.flatMap(({ value: answer, headers: each }) => parseAnswer(answer, each) ?? []).at(-1);
  return said !== undefined && 'digest' in said ? `${said.verdict} ${said.count}` : 'nothing';
}
