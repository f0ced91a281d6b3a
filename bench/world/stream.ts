/**
 * A program that has read a first event for each group, then a stream of events at a fixed rate: how long each takes from its
 * sending until the PATCH that carries it reaches the target.
 */
import { seededRandom } from '../../src/lab/sandbox/seed.ts';
import { pause } from '../../src/time.ts';
import { sendEvents } from './send-events.ts';
import { context } from './service.ts';
import type { Memberships } from './memberships.ts';
import { Run, type RunOptions } from './run.ts';
import type { Subject } from './subject.ts';
import { nativeValue } from './workload.ts';

export interface StreamEvent {
  /** From the beginning of the stream, ms. */
  readonly atMs: number;
  readonly group: string;
  readonly member: string;
}

export interface StreamSize {
  readonly perSecond: number;
  readonly seconds: number;
  readonly groups: number;
}

/** Each adds another member, to a group that is drawn. */
export function drawStream({ perSecond, seconds, groups }: StreamSize): readonly StreamEvent[] {
  const random = seededRandom(1);
  return Array.from({ length: perSecond * seconds }, (_, index) => ({
    atMs: (index * 1000) / perSecond,
    group: groupName(Math.floor(random() * groups)),
    member: `user-${index + 1}`,
  }));
}

export const groupName = (index: number): string => `group-${index + 1}`;

export interface Streamed {
  /** ms, in the order of the events. Of several PATCHes the one that was applied first counts. */
  readonly latencies: readonly number[];
  readonly requests: number;
  readonly refused: number;
  /** Of a peer. */
  readonly wrongGroups: number;
}

export interface StreamOptions extends Omit<RunOptions, 'initial'> {
  readonly events: readonly StreamEvent[];
  readonly groups: number;
  /** Called when the stream begins. */
  readonly disturb?: (run: Run) => void;
}

const LIMIT_SECONDS = 300;
const FIRST_MEMBER = 'user-0';

export async function playStream(subject: Subject, options: StreamOptions): Promise<Streamed> {
  const groups = Array.from({ length: options.groups }, (_, index) => groupName(index));
  const run = await Run.open({ ...options, initial: new Map(groups.map((group) => [group, new Set<string>()])) });
  try {
    run.start(subject);
    await warmUp(run, options, groups);
    const [requests, refused] = [run.requests, run.refused];
    const latencies = await play(run, options);
    await run.committed(groups.length + options.events.length, LIMIT_SECONDS);
    return {
      latencies,
      requests: run.requests - requests,
      refused: run.refused - refused,
      wrongGroups: run.wrongGroups(expected(groups, options.events), subject),
    };
  } finally {
    await run.close();
  }
}

/** One event for each group, so that a program may know them all. */
async function warmUp(run: Run, { kafka }: StreamOptions, groups: readonly string[]): Promise<void> {
  const events = groups.map((group) => ({ group, value: nativeValue(`first-${group}`, group, { add: FIRST_MEMBER }) }));
  await sendEvents(kafka.tools, run.topics.SOURCE_TOPIC, events);
  await run.committed(groups.length, LIMIT_SECONDS);
}

async function play(run: Run, { kafka, events, disturb }: StreamOptions): Promise<readonly number[]> {
  const applied = new Map<string, number>();
  const stopListening = run.sandbox.onRequest(({ phase, entry }) => {
    if (phase !== 'applied') return;
    for (const { members } of entry.operations)
      for (const member of members) if (!applied.has(member)) applied.set(member, entry.at);
  });
  disturb?.(run);
  const beganAt = Date.now();
  const sends: Promise<void>[] = [];
  for (let sent = 0; sent < events.length;) {
    const elapsed = Date.now() - beganAt;
    const end = events.findIndex(({ atMs }) => atMs > elapsed);
    const due = events.slice(sent, end < 0 ? events.length : end);
    sent += due.length;
    if (due.length > 0) sends.push(sendEvents(kafka.tools, run.topics.SOURCE_TOPIC, due.map(recordOf)));
    await pause(context.clock, Math.max(1, (events[sent]?.atMs ?? 0) - (Date.now() - beganAt)));
  }
  await Promise.all(sends);
  await run.until(() => events.every(({ member }) => applied.has(member)), {
    what: 'all events are applied',
    limitSeconds: LIMIT_SECONDS,
  });
  stopListening();
  // From when it was due: a sender that is late must not hide a wait.
  return events.map(({ member, atMs }) => (applied.get(member) ?? Infinity) - beganAt - atMs);
}

const recordOf = ({ group, member }: StreamEvent) => ({
  group,
  value: nativeValue(`event-${member}`, group, { add: member }),
});

function expected(groups: readonly string[], events: readonly StreamEvent[]): Memberships {
  const members = new Map(groups.map((group) => [group, new Set([FIRST_MEMBER])]));
  for (const { group, member } of events) members.get(group)?.add(member);
  return members;
}
