/**
 * The demo's change events, drawn from a seed, and the memberships that they ask for. Events come over and over
 * (duplicates), add who is there already (re-adds), name a member twice, and in one group an unknown user. Last, what
 * goes wrong in the demo: spread over the whole stream, and harmless to the verdict (FOREIGN_MEMBER).
 */
import type { Random } from '../../ports.ts';
import type { FaultRule } from '../sandbox/faults.ts';

/** A source record's value (protocol.md 3.1) and its key. */
export interface StreamEvent {
  readonly group: string;
  readonly value: string;
  /** The intents it makes; one for an event without members. */
  readonly reportCount: number;
}

export interface Stream {
  readonly users: readonly string[];
  /** Before the first event. */
  readonly initial: ReadonlyMap<string, ReadonlySet<string>>;
  readonly events: readonly StreamEvent[];
  /** After the last event, without the unknown user. */
  readonly expected: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface StreamSize {
  readonly events: number;
  readonly groups: number;
  readonly users: number;
}

const DEMO_SIZE: StreamSize = { events: 10_000, groups: 500, users: 2_000 };

/** No directory has this user; adding it is refused. */
export const UNKNOWN_USER = 'user-nobody';

/** The foreign writer toggles this member, of which the events say nothing. */
export const FOREIGN_MEMBER = 'somebody-else';

const DUPLICATE_SHARE = 0.05;
const READD_SHARE = 0.1;
const EMPTY_SHARE = 0.002;
const INITIAL_MEMBERS = 6;
const MEMBERS_PER_EVENT_MAX = 3;

interface DemoChange {
  readonly group: string;
  readonly add: readonly string[];
  readonly remove: readonly string[];
  readonly eventId: string;
}

export function drawStream(random: Pick<Random, 'next'>, size: StreamSize = DEMO_SIZE): Stream {
  const groups = Array.from({ length: size.groups }, (_, index) => `group-${index + 1}`);
  const users = Array.from({ length: size.users }, (_, index) => `user-${index + 1}`);
  const draw = drawFrom(random);
  const some = (count: number): string[] => Array.from({ length: count }, () => draw(users));
  const initial = new Map(groups.map((group) => [group, new Set(some(INITIAL_MEMBERS))] as const));
  const members = new Map([...initial].map(([group, ids]) => [group, new Set(ids)] as const));
  const changes: DemoChange[] = [];
  const unlucky = Math.floor(size.events / 2);
  while (changes.length < size.events) {
    const former = changes[Math.floor(random.next() * changes.length)];
    const isDuplicate = former !== undefined && random.next() < DUPLICATE_SHARE;
    const change = isDuplicate ? former : drawChange(changes.length, { random, draw, groups, some, members });
    const isUnlucky = changes.length === unlucky;
    changes.push(isUnlucky ? { ...change, add: [...change.add, UNKNOWN_USER] } : change);
    applyTo(members, change);
  }
  for (const ids of members.values()) ids.delete(UNKNOWN_USER);
  return { users, initial, events: changes.map(eventOf), expected: members };
}

interface Source {
  readonly random: Pick<Random, 'next'>;
  readonly draw: (from: readonly string[]) => string;
  readonly groups: readonly string[];
  readonly some: (count: number) => string[];
  readonly members: ReadonlyMap<string, ReadonlySet<string>>;
}

function drawChange(index: number, { random, draw, groups, some, members }: Source): DemoChange {
  const group = draw(groups);
  const eventId = `event-${index + 1}`;
  if (random.next() < EMPTY_SHARE) return { group, add: [], remove: [], eventId };
  const there = [...(members.get(group) ?? [])];
  const count = (): number => Math.floor(random.next() * MEMBERS_PER_EVENT_MAX);
  const readded = there.length > 0 && random.next() < READD_SHARE ? [draw(there)] : [];
  const removed = there.length > 0 ? Array.from({ length: count() }, () => draw(there)) : [];
  return { group, add: unique([...some(1 + count()), ...readded]), remove: unique(removed), eventId };
}

/** A member in both lists of one event: remove wins. */
function applyTo(members: ReadonlyMap<string, Set<string>>, { group, add, remove }: DemoChange): void {
  const ids = members.get(group);
  for (const id of add) ids?.add(id);
  for (const id of remove) ids?.delete(id);
}

function eventOf({ group, add, remove, eventId }: DemoChange): StreamEvent {
  const value = { group_id: group, add_members: add, remove_members: remove, event_id: eventId };
  return { group, value: JSON.stringify(value), reportCount: Math.max(1, new Set([...add, ...remove]).size) };
}

const drawFrom =
  (random: Pick<Random, 'next'>) =>
  (from: readonly string[]): string => {
    const drawn = from[Math.floor(random.next() * from.length)];
    if (drawn === undefined) throw new Error('nothing to draw from');
    return drawn;
  };

const unique = (ids: readonly string[]): string[] => [...new Set(ids)];

/** Primes, so that they seldom meet: of two the first alone would happen. */
export const DEMO_FAULTS: readonly FaultRule[] = [
  { match: { method: 'PATCH', every: 23 }, fault: { kind: 'foreignWriter', toggle: FOREIGN_MEMBER } },
  { match: { method: 'PATCH', every: 61 }, fault: { kind: 'status', status: 503, body: 'html' } },
  { match: { method: 'GET', every: 89 }, fault: { kind: 'status', status: 500 } },
  // Each one shuts the gate for a second.
  { match: { every: 401, times: 4 }, fault: { kind: 'status', status: 429, retryAfterSeconds: 1 } },
  { match: { method: 'PATCH', every: 109 }, fault: { kind: 'resetAfterApply' } },
  { match: { method: 'PATCH', every: 131 }, fault: { kind: 'resetBeforeApply' } },
  { match: { method: 'PATCH', every: 211 }, fault: { kind: 'garbage' } },
  { match: { method: 'PATCH', every: 307, times: 3 }, fault: { kind: 'lateApply', afterMs: 300, status: 504 } },
];
