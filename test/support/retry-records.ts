/** Records of the retry partition 0 as an owner of the past may have written them, and questions asked of those there. */
import type { Intent, Op } from '../../src/core/change/change.ts';
import type { RetryRecord } from '../../src/core/log/live-record.ts';
import { sha256 } from '../../src/adapters/system.ts';
import { renderState, stateValue } from '../../src/core/log/live-record.ts';
import { textHeader } from '../../src/core/log/wire-intent.ts';
import { type OperatorAnswer, parseAnswer, requestKey } from '../../src/core/log/request-record.ts';
import type { Stamp } from '../../src/core/log/ownership.ts';
import type { Commit, OutRecord } from '../../src/ports.ts';
import type { World } from './world.ts';
import { topics, until } from './world.ts';

/** Tries for ever, and at short intervals. */
export const stubborn = {
  retry: { baseMs: 20, capMs: 100, attemptsMax: 1_000, slowScheduleMs: [20] },
  breakerFailures: 1_000,
};

export interface IntentFacts {
  readonly offset: bigint;
  readonly op: Op;
  readonly member?: string;
  readonly attempt?: number;
  readonly topic?: string;
  readonly partition?: number;
}

export const anIntent = ({ offset, op, member = 'u', attempt = 0, ...source }: IntentFacts): Intent => ({
  group: 'g',
  member,
  op,
  whole: null,
  target: member,
  guard: null,
  source: { topic: topics.source, partition: 0, eventId: null, timestamp: 1, offset, index: null, ...source },
  attempt,
  conflicts: 0,
  notBefore: 0,
  firstSeenAt: 1,
  dead: null,
  waits: null,
});

/** A live record of group `g`. */
export const aState = (stamp: Stamp, intents: readonly Intent[]): OutRecord => ({
  topic: topics.retry,
  partition: 0,
  ...renderState({ group: 'g', intents, stamp, trouble: null, now: 1, sha256 }),
});

/** A request of a replay, in the shape of a dead letter. */
export const aRequest = (uuid: string, intents: readonly Intent[]): OutRecord => ({
  topic: topics.retry,
  partition: 0,
  key: requestKey(uuid),
  value: stateValue('g', intents),
  headers: [],
});

interface Asked {
  readonly uuid: string;
  readonly kind: OperatorAnswer['kind'];
  readonly value: string;
}

/** What the owner answers to a request. */
export async function ask(world: World, asked: Asked): Promise<OperatorAnswer> {
  request(world, asked);
  await until(() => answerTo(world, asked) !== undefined, 'an answer');
  return answerTo(world, asked) as OperatorAnswer;
}

export function request(world: World, { uuid, kind, value }: Asked): void {
  const headers = [textHeader('rollcall-type', kind)];
  world.produce({ topic: topics.retry, partition: 0, key: requestKey(uuid), value, headers });
}

export const answerTo = (world: World, { uuid }: Pick<Asked, 'uuid'>): OperatorAnswer | undefined =>
  world
    .records(topics.retry)
    .filter((record) => String(Buffer.from(record.key ?? [])) === requestKey(uuid))
    .flatMap((record) => parseAnswer(record.value, record.headers) ?? [])[0];

type Fence = Extract<RetryRecord, { kind: 'fence' }>;

export const fences = (world: World, partition = 0): readonly Fence[] =>
  world.retry(partition).filter((record): record is Fence => record.kind === 'fence');

export const lastFence = (world: World): Fence | undefined => fences(world).at(-1);

/** The PATCHes fail, until the returned function is called. */
export function failing(world: World): () => void {
  const rule = world.sandbox.addRule({ match: { method: 'PATCH' }, fault: { kind: 'status', status: 503 } });
  return () => world.sandbox.removeRule(rule);
}

/** The coordinator notices that a killed member is gone. */
export function expire(world: World): void {
  const group = world.broker.group('rollcall');
  for (const member of group.memberIds) group.leave(member);
}

/** As a former owner did: `offset` is committed, and the owner gone. */
export function commitBefore(world: World, offset: bigint, metadata = ''): void {
  const group = world.broker.group('rollcall');
  const request = {
    memberId: null,
    clientId: 'former',
    sessionTimeoutMs: Infinity,
    rebalanceTimeoutMs: Infinity,
    partitionCount: 1,
  };
  let generation = 0;
  const memberId = group.join({ ...request, synced: () => undefined });
  while (!hasCommitted(world, { memberId, generation }, { partition: 0, offset, metadata })) generation += 1;
  group.leave(memberId);
}

function hasCommitted(world: World, member: { memberId: string; generation: number }, commit: Commit): boolean {
  try {
    world.broker.group('rollcall').commit(member, [commit]);
    return true;
  } catch {
    return false;
  }
}
