/** An operator who approves, or refuses, what the removal guard holds: all that he has read in a live record, or some of it. */
import { createHmac } from 'node:crypto';
import { headerOf, intentsOf, textOf, type LiveIntent } from '../oracle/live-records.ts';
import { placeText } from '../oracle/places.ts';
import { EPOCH_MS } from './engine/host.ts';
import { digestOf, FORGED } from './oracle/guard-oracle.ts';
import { OPERATOR_KEY, topics } from './instance.ts';
import type { Event } from './script.ts';
import type { World } from './world.ts';
import { groupName } from './world.ts';

interface Seen {
  readonly partition: number;
  readonly digest: string | null;
  readonly held: readonly LiveIntent[];
}

export function decide(
  world: World,
  { kind, group: number, isOld, part, reason, forged }: Extract<Event, { readonly kind: 'approve' | 'reject' }>,
): void {
  const { settings, random, counter, broker } = world;
  const group = groupName(number % settings.groups);
  const seen = digestsOf(world, group);
  const newest = seen.at(-1);
  // What is held may have changed since.
  const old = seen.filter(({ digest }) => digest !== null && digest !== newest?.digest);
  const chosen = isOld === true && old.length > 0 ? random.pick(old) : newest;
  if (chosen === undefined || chosen.digest === null) return;
  counter.count(`operator: ${kind}${chosen === newest ? 's what is held' : 's what was held before'}`);
  const key = `\u0000rollcall.request.${random.uuid()}`;
  const named = part === undefined ? { digest: chosen.digest } : partOf(group, chosen, part);
  if (part !== undefined) counter.count(`operator: ${kind}s a part`);
  const value = JSON.stringify({ v: 1, author: 'operator', ...(reason !== undefined && { reason }), ...named });
  const record: Decision = { partition: chosen.partition, key, value, kind };
  const headers = [['rollcall-type', Buffer.from(kind)] as const, ...signatureOf(world, record, forged)];
  broker.append([{ topic: topics.retry, partition: chosen.partition, key, value, headers }]);
}

/** Its digest is that of just these, as the documentation says. */
function partOf(group: string, { partition, held }: Seen, part: readonly number[]) {
  const numbers = new Set(part.map((each) => each % held.length));
  const chosen = held.filter((_, i) => numbers.has(i));
  const pending = chosen.map(({ name, place }) => ({
    member: name,
    topic: topics.source,
    partition,
    offset: placeText(place),
  }));
  return { digest: digestOf(partition, group, chosen), part: { group, pending } };
}

interface Decision {
  readonly kind: 'approve' | 'reject';
  readonly partition: number;
  readonly key: string;
  readonly value: string;
}

const LATE_MS = 601_000;

/** Made as the documentation says, without any code of `src`. */
function signatureOf(
  { settings, timeline, counter }: World,
  { kind, partition, key, value }: Decision,
  forged: Extract<Event, { readonly kind: 'approve' | 'reject' }>['forged'],
): readonly (readonly [string, Buffer])[] {
  if (settings.operatorKey !== true) return [];
  // The service does not read it; the oracle does.
  const mark = forged === undefined ? [] : [[FORGED, Buffer.from(forged)] as const];
  if (forged !== undefined) counter.count(`operator: forged, ${forged}`);
  if (forged === 'unsigned') return mark;
  const at = Math.trunc(EPOCH_MS + timeline.now) - (forged === 'late' ? LATE_MS : 0);
  const signed = forged === 'other value' ? value.replace(/[0-9a-f]/, '') : value;
  const text = JSON.stringify(['rollcall request', 1, topics.retry, partition, key, kind, at, signed]);
  const secret = forged === 'other key' ? 'the-key-of-a-stranger' : OPERATOR_KEY;
  const signature = createHmac('sha256', secret).update(text).digest('hex');
  return [...mark, ['rollcall-signature', Buffer.from(`v1 ${at} ${signature}`)]];
}

/** What its live records have held, as they lie there, one after the other. */
function digestsOf(world: World, group: string): readonly Seen[] {
  const records = world.records(topics.retry).filter(({ key }) => textOf(key) === group);
  return records
    .filter((record) => headerOf(record, 'rollcall-type') === 'pending')
    .map(({ value, partition }) => {
      const intents = value === null ? [] : intentsOf(group, value);
      const held = intents.filter((intent) => intent.held !== null && intent.dead === null);
      return { partition, digest: held[0]?.held?.digest ?? null, held };
    });
}
