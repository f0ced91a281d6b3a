/** The intents of a change event: one per member, or the one of a full state. */
import { type ChangeSource, type Delta, type FullState, type Intent, type Op, WHOLE_GROUP } from './change.ts';
import { distinctIds, idKey } from './id-key.ts';

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

/**
 * A copy that says more. As `{ ...intent, added }` each copy would get a hidden class of its own (V8 11, Node 20): about 240
 * bytes more, and slow to read where there are many. Copies that only change what is there share one.
 */
export const withFields = (intent: Intent, fields: Partial<Intent>): Intent => Object.assign({}, intent, fields);

/** A fresh intent for one member: untried and due at once. One record may bring 100,000 of them, so nothing is copied. */
export function intentFor({ group, source, seenAt }: Origin, op: Op | 'state', member: string): Intent {
  const [groupKey, memberKey] = [idKey(group), idKey(member)];
  const intent: Intent = {
    group: groupKey,
    member: memberKey,
    op,
    whole: null,
    target: op === 'state' ? null : memberKey,
    source,
    attempt: 0,
    conflicts: 0,
    notBefore: 0,
    firstSeenAt: seenAt,
    dead: null,
    waits: null,
    guard: null,
  };
  return groupKey === group && memberKey === member ? intent : withFields(intent, named(group, member));
}

/** The intents of an event, each made when it is asked for: there may be 100,000 of them. */
export interface EventIntents extends Iterable<Intent> {
  readonly count: number;
}

/**
 * The intents of an event: one per member, or the one of a full state. A member in both lists: remove wins (fail-safe:
 * the smaller permission).
 */
export function eventIntents(event: Delta | FullState, source: ChangeSource, seenAt: number): EventIntents {
  const origin: Origin = { group: event.group, source, seenAt };
  if (event.kind === 'state') {
    const { members, deleted } = event;
    return counted([{ ...intentFor(origin, 'state', WHOLE_GROUP), whole: { members, deleted } }]);
  }
  const removed = distinctIds(event.remove);
  const added = distinctIds(event.add);
  let { size: count } = added;
  for (const key of removed.keys()) if (!added.has(key)) count += 1;
  return {
    count,
    *[Symbol.iterator]() {
      for (const member of removed.values()) yield intentFor(origin, 'remove', member);
      for (const [key, member] of added) if (!removed.has(key)) yield intentFor(origin, 'add', member);
    },
  };
}

export const NO_INTENTS: EventIntents = counted([]);

function counted(intents: readonly Intent[]): EventIntents {
  return { count: intents.length, [Symbol.iterator]: () => intents[Symbol.iterator]() };
}

/** All of them. */
export const intentsOf = (event: Delta | FullState, source: ChangeSource, seenAt: number): Intent[] => [
  ...eventIntents(event, source, seenAt),
];
