/** Whether a change has come to no end yet. */
import type { MemoryBroker } from '../../../src/adapters/memory-log/memory-broker.ts';
import type { WantedIntent } from '../../oracle/intents.ts';
import type { LiveIntent } from '../../oracle/live-records.ts';
import { offsetOf } from '../../oracle/places.ts';
import type { Knowledge } from './knowledge.ts';

interface World {
  readonly knowledge: Knowledge;
  readonly broker: MemoryBroker;
}

/** It waits in the retry topic, or its record is not committed and nothing final is reported. */
export function isOnItsWay({ knowledge, broker }: World, live: readonly LiveIntent[], newest: WantedIntent): boolean {
  const { id, group, member, whole, partition, place } = newest;
  const waits = live.some(
    (each) => each.group === group && each.place === place && (each.member === member || each.op === 'state'),
  );
  if (waits) return true;
  if (knowledge.finals.has(id) || (whole !== undefined && knowledge.finals.has(whole.id))) return false;
  return offsetOf(place) >= (broker.group('rollcall').committed(partition).offset ?? 0n);
}
