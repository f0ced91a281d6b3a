/** What the pipeline has of one group, for an operator who asks why (`rollcall explain`). Plain data, computed at each call. */
import { idKey, offsetText, type Intent } from '../core/change/change.ts';
import { isHeld } from '../core/change/pending.ts';
import type { InstanceAnswer, PendingChange } from '../core/explain/instance-answer.ts';
import type { Group } from './state/group.ts';
import type { Owners } from './state/owners.ts';
import { shownPhase } from './stats.ts';

/** A group may have 100,000 members, and an answer must not hold up the rest. */
const INTENTS_MAX = 10_000;

/** @param name of the group, by the source or by the target. @param member by any of its names; null: all. */
export function pendingOfGroup(owners: Owners, name: string, member: string | null): InstanceAnswer {
  const partitions = [...owners.partitions].map(({ number, phase, ownership: { epoch }, offsets: { position } }) => ({
    partition: number,
    epoch,
    phase: shownPhase(phase),
    next_offset: position === null ? null : String(position),
  }));
  const intents: PendingChange[] = [];
  let leftOut = 0;
  for (const group of groupsNamed(owners, name)) {
    for (const intent of pendingIn(group, member)) {
      if (intents.length < INTENTS_MAX) intents.push(pendingChange(owners, group, intent));
      else leftOut += 1;
    }
  }
  const shadow = owners.options.isShadow ? ({ shadow: true } as const) : {};
  const intake = owners.intakeLimit.isPaused ? ({ intake: 'full' } as const) : {};
  return { partitions, ...shadow, breaker: owners.breaker.open?.reason ?? null, ...intake, intents, left_out: leftOut };
}

function* groupsNamed({ partitions }: Owners, name: string): Generator<Group> {
  const key = idKey(name);
  for (const group of partitions.groups()) {
    if (group.id === key || (group.target !== null && idKey(group.target) === key)) yield group;
  }
}

/** A full state concerns every member. */
function* pendingIn({ members }: Group, member: string | null): Generator<Intent> {
  const key = member === null ? null : idKey(member);
  for (const { pending } of members.values()) {
    if (pending === null) continue;
    const { op, member: name, target } = pending;
    if (key === null || op === 'state' || name === key || (target !== null && idKey(target) === key)) yield pending;
  }
}

function pendingChange({ clock }: Owners, group: Group, intent: Intent): PendingChange {
  const { run } = group;
  const { member, target, op, source, attempt, notBefore } = intent;
  const { topic, partition } = source;
  const isParked = notBefore > clock.now().wall;
  const unsent = isParked ? 'parked' : run?.isSent(intent) === true ? 'in_flight' : 'queued';
  const state = intent.dead !== null ? 'dead' : isHeld(intent) ? 'held' : unsent;
  const pause = group.partition.pauses.pauseOf(group);
  const name = pause !== null && 'group' in pause ? pause.group : null;
  const paused = pause && { name, author: pause.author, reason: pause.reason, since: pause.at };
  return {
    group: group.id,
    member,
    target,
    topic,
    partition,
    offset: offsetText(source),
    op,
    state,
    ...(paused !== null && { paused }),
    attempt,
    not_before: notBefore,
  };
}
