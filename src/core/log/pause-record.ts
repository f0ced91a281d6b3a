/**
 * What an operator has paused of one partition (protocol.md 12.4), and its record in the retry topic: one per partition, so that the
 * next owner knows it. No record, and a tombstone, say that nothing is paused.
 */
import * as z from 'zod';
import { idKey } from '../change/change.ts';
import { jsonIn } from '../text/json.ts';
import { textOf, wireId, wireReason } from './wire-intent.ts';

/** A key that no group can have, since ids with control characters are invalid. */
export const PAUSES_KEY = '\u0000rollcall.pauses';

/** Of one partition: its record must fit into the retry topic. */
export const PAUSED_GROUPS_MAX = 1_000;
/** Of the record with all of them, before compression. */
export const PAUSES_MAX_BYTES = 512 * 1_024;

/** Who has paused it, why, and when (epoch ms). */
export interface Pause {
  readonly author: string;
  readonly reason: string;
  readonly at: number;
}

/** `group` as the operator has named it: by the source's name or by the target's. */
export interface GroupPause extends Pause {
  readonly group: string;
}

/** `all`: the partition as a whole; null: it is not paused. */
export interface PausesOf {
  readonly all: Pause | null;
  readonly groups: readonly GroupPause[];
  /** Entries of groups that cannot be read, to be written again as they are; absent: none. Because of them `all` is paused. */
  readonly foreign?: readonly unknown[];
}

/** `name`: that is paused; null: all is. */
export interface GivenPause {
  readonly pause: Pause;
  readonly name: string | null;
}

/** Every pause that keeps a group. @param names of the group, by `idKey` */
export function pausesAmong({ all, groups }: PausesOf, names: ReadonlySet<string>): readonly GivenPause[] {
  const named = groups.filter(({ group }) => names.has(idKey(group)));
  return [
    ...(all === null ? [] : [{ pause: all, name: null }]),
    ...named.map((pause) => ({ pause, name: pause.group })),
  ];
}

export const NO_PAUSES: PausesOf = { all: null, groups: [] };

/** What is paused is not known, so everything is, until an operator resumes it. */
export const UNREADABLE_PAUSE: Pause = { author: 'unknown', reason: 'the record of pauses cannot be read', at: 0 };

export const isReason = (text: string): boolean => wireReason.safeParse(text).success;

/** What a newer version says in another way is a pause all the same. */
const wirePause = z.object({
  author: wireId.catch('unknown'),
  reason: wireReason.catch('unknown'),
  at: z.int().min(0).catch(0),
});
const wireGroupPause = wirePause.extend({ group: wireId });
const wirePauses = z.object({ all: wirePause.nullable(), groups: z.array(z.unknown()) });

/** `pending`, which live records have, says to a reader that takes every record for one that nothing waits here. null: nothing is paused. */
export function pausesValue({ all, groups, foreign = [] }: PausesOf): string | null {
  if (all === null && groups.length + foreign.length === 0) return null;
  return JSON.stringify({
    v: 1,
    pending: [],
    all: all && pauseJson(all),
    groups: [...groups.map((each) => ({ group: each.group, ...pauseJson(each) })), ...foreign],
  });
}

const pauseJson = ({ author, reason, at }: Pause): Pause => ({ author, reason, at });

/** Total. What cannot be read pauses the partition. Of two spellings of a group the first counts. */
export function pausesIn(value: Uint8Array | null): PausesOf {
  if (value === null) return NO_PAUSES;
  const record = wirePauses.safeParse(jsonIn(textOf(value)));
  if (!record.success) return { all: UNREADABLE_PAUSE, groups: [] };
  const groups = new Map<string, GroupPause>();
  const foreign: unknown[] = [];
  for (const each of record.data.groups) {
    const pause = wireGroupPause.safeParse(each).data;
    if (pause === undefined) foreign.push(each);
    else if (!groups.has(idKey(pause.group))) groups.set(idKey(pause.group), pause);
  }
  const read = { all: record.data.all, groups: [...groups.values()] };
  return foreign.length === 0 ? read : { ...read, all: read.all ?? UNREADABLE_PAUSE, foreign };
}
