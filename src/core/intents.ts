/** The intents of a change event: one per member, or the one of a full state. */
import { type ChangeSource, type Delta, type FullState, type Intent, type Op, WHOLE_GROUP } from './change.ts';
import { idKey } from './id-key.ts';

/** What all intents of one event share. `seenAt` in epoch ms. */
export interface Origin {
  /** As the source spells it. */
  readonly group: string;
  readonly source: ChangeSource;
  readonly seenAt: number;
}

/** Group and member as they are compared, with the source's spelling where it is another. */
export function named(
  group: string,
  member: string,
): Pick<Intent, 'group' | 'member' | 'groupSpelling' | 'memberSpelling'> {
  const [groupKey, memberKey] = [idKey(group), idKey(member)];
  return {
    group: groupKey,
    member: memberKey,
    ...(groupKey !== group && { groupSpelling: group }),
    ...(memberKey !== member && { memberSpelling: member }),
  };
}

/** A fresh intent for one member: untried and due at once. */
export const intentFor = ({ group, source, seenAt }: Origin, op: Op | 'state', member: string): Intent => ({
  ...named(group, member),
  op,
  whole: null,
  target: op === 'state' ? null : idKey(member),
  source,
  attempt: 0,
  conflicts: 0,
  notBefore: 0,
  firstSeenAt: seenAt,
  dead: null,
  waits: null,
  guard: null,
});

/**
 * The intents of an event: one per member, or the one of a full state. A member in both lists: remove wins (fail-safe:
 * the smaller permission).
 */
export function intentsOf(event: Delta | FullState, source: ChangeSource, seenAt: number): Intent[] {
  const origin: Origin = { group: event.group, source, seenAt };
  if (event.kind === 'state') {
    const { members, deleted } = event;
    return [{ ...intentFor(origin, 'state', WHOLE_GROUP), whole: { members, deleted } }];
  }
  const intents = new Map<string, Intent>();
  for (const [op, members] of [
    ['remove', event.remove],
    ['add', event.add],
  ] as const) {
    for (const member of members) {
      const key = idKey(member);
      if (!intents.has(key)) intents.set(key, intentFor(origin, op, member));
    }
  }
  return [...intents.values()];
}
