/**
 * The wall clock is set back: what waits until a time by it would wait longer by as much, for hours or for years. Each wait
 * ends that much earlier by the new time, and so after as long as was meant.
 */
import type { Intent } from '../core/change/change.ts';
import type { Instant } from '../ports.ts';
import { eachGroup } from './each-group.ts';
import type { Group, Partition } from './group.ts';
import type { Slices } from './turns.ts';
import type { Owners } from './owners.ts';

/** What a clock is adjusted by little by little is no step. */
const STEP_MIN_MS = 1_000;

/** Sees steps of the wall clock by the monotonic one. */
export class WallClockWatch {
  #ahead: number;

  constructor(now: Instant) {
    this.#ahead = aheadOf(now);
  }

  /** By how much it was set back since it was looked at last; 0: it was not. */
  look(now: Instant): number {
    const ahead = aheadOf(now);
    const setBackMs = this.#ahead - ahead;
    this.#ahead = ahead;
    return setBackMs >= STEP_MIN_MS ? setBackMs : 0;
  }
}

/** A machine that sleeps stops the monotonic clock, which makes it more and never less. */
const aheadOf = ({ wall, monotonic }: Instant): number => wall - monotonic;

export function endWaitsEarlier(owners: Owners, setBackMs: number): void {
  owners.logger.warn({ setBackMs }, 'the wall clock was set back: what waits is tried as long after as was meant');
  for (const partition of owners.partitions)
    void owners.turns.run(endEachEarlier(owners, partition, setBackMs), () => owners.partitions.isCurrent(partition));
}

function* endEachEarlier(owners: Owners, partition: Partition, setBackMs: number): Slices {
  yield* eachGroup(owners, partition, (group) => {
    endEarlier(group, setBackMs);
    owners.review(group);
  });
  owners.settle();
}

function endEarlier(group: Group, setBackMs: number): void {
  for (const member of group.members.values()) {
    const { pending, exhausted } = member;
    // In flight, it stays what its run has taken.
    if (pending === null || pending.dead !== null || pending.notBefore === 0 || group.run?.due.has(pending) === true)
      continue;
    const earlier: Intent = { ...pending, notBefore: Math.max(1, pending.notBefore - setBackMs) };
    if (exhausted?.intent === pending) member.postponeLastLook(earlier);
    else member.advance(earlier);
    if (member.recorded !== null) group.partition.toWrite.add(group);
  }
}
