/** What happens in a history, and when: plain data drawn from the seed, so that it can be printed, shrunk and kept. */
import type { SaltedRandom } from '../support/random.ts';
import type { Point } from './engine/host.ts';
import type { BrokerFate, Refusable, TargetFate, Weights } from './engine/fault-model.ts';
import { drawLogFault, type LogFault } from './log-faults.ts';
import type { DrawnScenario } from './drawn-scenarios.ts';
import { eventWeights } from './drawn-scenarios.ts';
import type { ScimType } from '../../src/lab/sandbox/answer.ts';
import type { Settings } from './settings.ts';

export type DrawnEvent =
  | LogFault
  | {
      readonly kind: 'change';
      readonly group: number;
      readonly add: readonly number[];
      readonly remove: readonly number[];
    }
  /** One record with several events of one group, in their order; `members`: of a full state. */
  | { readonly kind: 'list'; readonly group: number; readonly events: readonly Listed[] }
  /** A full state of a group. */
  | {
      readonly kind: 'state';
      readonly group: number;
      readonly members: readonly number[];
      readonly deleted?: true;
    }
  /** An operator decides what the guard holds of a group; `isOld`: what it held before. */
  | {
      readonly kind: 'approve' | 'reject';
      readonly group: number;
      readonly isOld?: true;
      /** Some of it alone: which, in the order of the live record, counted round. */
      readonly part?: readonly number[];
      readonly reason?: string;
      /** By one who can write to the retry topic, and has no key; `late`: it was signed long ago. */
      readonly forged?: 'unsigned' | 'other key' | 'other value' | 'late';
    }
  /** An operator pauses, resumes, or lets go ahead; null: everything. */
  | { readonly kind: 'pause' | 'resume'; readonly group: number | null }
  | { readonly kind: 'apply_now'; readonly group: number }
  /** A change, with fates of its own, and soon its opposite. */
  | {
      readonly kind: 'turn';
      readonly group: number;
      readonly members: readonly number[];
      readonly op: 'add' | 'remove';
      readonly fates: Weights<TargetFate>;
      readonly afterMs: number;
    }
  /** The CDC pipeline delivers a record again, as a new one. */
  | { readonly kind: 'again'; readonly back: number }
  | {
      readonly kind: 'broken';
      readonly group: number;
      readonly what: 'json' | 'schema' | 'key' | 'keyless' | 'empty' | 'tombstone' | 'long';
    }
  | { readonly kind: 'start'; readonly instance: number }
  | { readonly kind: 'stop'; readonly instance: number }
  | { readonly kind: 'kill'; readonly instance: number; readonly point: Point | 'now' }
  | { readonly kind: 'freeze'; readonly instance: number; readonly point: Point | 'now'; readonly forMs: number }
  /** `only`: from the broker, not from the target. */
  | {
      readonly kind: 'cut';
      readonly instance: number;
      readonly forMs: number;
      readonly point?: Point;
      readonly only?: 'broker';
    }
  | { readonly kind: 'clock'; readonly instance: number; readonly byMs: number }
  | { readonly kind: 'rebalance' }
  | { readonly kind: 'drop_member'; readonly instance: number }
  | { readonly kind: 'broker'; readonly fates: Weights<BrokerFate>; readonly forMs: number }
  | { readonly kind: 'target'; readonly fates: Weights<TargetFate>; readonly forMs: number }
  /** The broker does not do it, or does it and its answer is lost. */
  | { readonly kind: 'refuse'; readonly what: Refusable; readonly forMs: number }
  /** Nothing is written to one partition of a topic. */
  | {
      readonly kind: 'sicken';
      readonly topic: 'retry' | 'deadLetter' | 'report';
      readonly partition: number;
      readonly forMs: number;
    }
  | { readonly kind: 'append_late'; readonly back: number }
  | { readonly kind: 'clean' }
  | { readonly kind: 'foreign'; readonly group: number; readonly members: readonly number[] }
  | { readonly kind: 'revoke' }
  | { readonly kind: 'refuse_client'; readonly forMs: number }
  | { readonly kind: 'deny'; readonly group: number | null; readonly forMs: number }
  /** The target fails at one group alone, or at its changes: with this status, or without an answer. */
  | {
      readonly kind: 'sick';
      readonly group: number;
      readonly what: 'all' | 'changes';
      readonly status: number | null;
      readonly forMs: number;
    }
  | { readonly kind: 'provision' }
  /** A row of the id table is corrected: another member is meant. */
  | { readonly kind: 'correct'; readonly member: number; readonly to: number }
  /** An operator wakes what live records mark as dead, what reports call failed, or once more what was named before. */
  | { readonly kind: 'replay'; readonly by?: 'reports' | 'an old list' }
  | { readonly kind: 'recreate_group' }
  /**
   * The source becomes another log: it is deleted and recreated, or loses its last records (`cut`), and then grows to as many
   * as were committed, and beyond. Only where all is done and committed.
   */
  | {
      readonly kind: 'source_other';
      readonly way: 'recreated' | 'truncated';
      readonly cut: number;
      readonly grow: number;
      /** Also while something is on its way or waits, if anything is committed. */
      readonly isBusy?: true;
    };

type Listed =
  | { readonly add: readonly number[]; readonly remove: readonly number[] }
  | { readonly members: readonly number[] };

/** How the target refuses a PATCH. */
export interface Refused {
  readonly status: number;
  readonly scimType?: ScimType;
}

/** Not drawn: what directed scenarios bring about, and what must be so by then. */
type Directed =
  /** A row of the table of groups: the source's group means this one of the target. */
  | { readonly kind: 'name_group'; readonly group: number; readonly to: number }
  /** Each PATCH that names one of them is refused. */
  | {
      readonly kind: 'refuse_members';
      readonly members: readonly number[];
      readonly refused: Refused;
      readonly forMs: number;
    }
  /** A batch of so many records of the group that cannot be unpacked. */
  | { readonly kind: 'damaged_batch'; readonly group: number; readonly count: number }
  /** The newest change of the member has its final report. */
  | { readonly kind: 'expect_final'; readonly group: number; readonly member: number }
  /** An operator has the consumer group read the last so many records of each partition again; only while it has no members. */
  | { readonly kind: 'rewind'; readonly back: number }
  /** All that is due is done: what instances hold is what live records keep. */
  | { readonly kind: 'expect_rest' }
  /** Since the first of them nothing has come in: no instance holds more than then, and topics hold little more. */
  | { readonly kind: 'expect_unchanged'; readonly live: number; readonly reports: number }
  | { readonly kind: 'expect_landed'; readonly group: number; readonly member: number }
  | { readonly kind: 'expect_bounded'; readonly requests: number; readonly openings: number };

export type Event = (DrawnEvent | Directed) & { readonly at: number };

export const points: readonly Point[] = [
  'task',
  'send',
  'effect',
  'answer',
  'patch',
  'join',
  'report',
  'record',
  'commit',
];

export function drawScript(random: SaltedRandom, scenario: DrawnScenario, settings: Settings): readonly Event[] {
  const count = random.pick([6, 12, 25, 60]);
  const events: Event[] = [];
  const groups = settings.groups - 1;
  const decisions = random.fork('decisions');
  const draw = (): DrawnEvent => {
    const event = drawEvent(random, random.weighted<DrawnEvent['kind']>(eventWeights[scenario]), settings);
    return isDecision(event) ? { ...event, ...drawDecision(decisions) } : event;
  };
  for (let instance = 0; instance < settings.instances; instance++) {
    events.push({
      kind: 'start',
      instance,
      at: random.happens(0.7) ? random.between(0, 3_000) : random.between(0, settings.durationMs / 2),
    });
  }
  while (events.length < count) {
    const at = random.between(0, settings.durationMs);
    events.push({ ...draw(), at });
    // Trouble seldom comes alone, and what it disturbs is what happens at about that time.
    while (random.happens(0.5))
      events.push({ ...draw(), at: at + random.between(0, random.pick([50, 2_000, 20_000])) });
    if (random.happens(0.05)) {
      const group = random.int(0, groups);
      const size = random.int(5, 40);
      for (let i = 0; i < size; i++)
        events.push({ ...drawChange(random, settings, group), at: at + i * random.between(0, 20) });
    }
  }
  if (scenario === 'compared') events.push(...drawDifferences(random, settings));
  return events.toSorted((a, b) => a.at - b.at);
}

const isDecision = (event: DrawnEvent): event is Extract<DrawnEvent, { readonly kind: 'approve' | 'reject' }> =>
  event.kind === 'approve' || event.kind === 'reject';

/** How an operator decides: about a part or about all, with or without a reason. @param random of its own: it disturbs no other draw. */
export function drawDecision(random: SaltedRandom): { readonly part?: readonly number[]; readonly reason?: string } {
  const length = random.pick([0, 0, 1, 1, 2, 3]);
  const part = Array.from({ length }, () => random.below(8));
  const reason = random.pick([null, 'they left', 'the reorganisation is next week']);
  return { ...(length > 0 && { part }), ...(reason !== null && { reason }) };
}

const refusables: readonly Refusable[] = [
  'report',
  'report answer',
  'report part',
  'record',
  'record answer',
  'record part',
  'commit',
];

function drawEvent(random: SaltedRandom, kind: DrawnEvent['kind'], settings: Settings): DrawnEvent {
  const group = random.int(0, settings.groups - 1);
  const instance = random.int(0, settings.instances - 1);
  const point = random.happens(0.3) ? 'now' : random.pick(points);
  const forMs = random.pick([500, 3_000, 12_000, 20_000, 60_000]);
  switch (kind) {
    case 'change':
      return drawChange(random, settings, group);
    case 'list':
      return drawList(random, settings, group);
    case 'state':
      return drawState(random, settings, group);
    case 'approve':
    case 'reject':
      return random.happens(0.3) ? { kind, group, isOld: true } : { kind, group };
    case 'pause':
    case 'resume':
      return { kind, group: random.happens(0.5) ? null : group };
    case 'apply_now':
      return { kind, group };
    case 'turn':
      return drawTurn(random, settings, group);
    case 'again':
    case 'append_late':
      return { kind, back: random.int(1, 6) };
    case 'broken':
      return { kind, group, what: random.pick(['json', 'schema', 'key', 'empty', 'tombstone']) };
    case 'start':
    case 'stop':
    case 'drop_member':
      return { kind, instance };
    case 'kill':
      return { kind, instance, point };
    case 'freeze':
      return { kind, instance, point, forMs };
    case 'cut':
      return { kind, instance, forMs };
    case 'clock':
      return { kind, instance, byMs: random.pick([-300_000, -10_000, 10_000, 300_000]) };
    case 'broker':
      return { kind, fates: brokerFates(random), forMs };
    case 'refuse':
      return { kind, what: random.pick(refusables), forMs };
    case 'sicken':
      return {
        kind,
        topic: random.pick(['report', 'report', 'retry', 'deadLetter']),
        partition: random.int(0, 2),
        forMs,
      };
    case 'target':
      return { kind, fates: targetFates(random), forMs };
    case 'foreign':
      return { kind, group, members: [random.int(-2, settings.members - 1)] };
    case 'refuse_client':
      return { kind, forMs };
    case 'deny':
      return { kind, group: random.happens(0.7) ? group : null, forMs };
    case 'sick':
      return { kind, group, what: random.pick(['all', 'changes']), status: random.pick([403, 500, 503, null]), forMs };
    case 'rebalance':
    case 'clean':
    case 'revoke':
    case 'provision':
    case 'recreate_group':
      return { kind };
    case 'fall_back':
    case 'abort':
    case 'delete_head':
    case 'compact_output':
      return drawLogFault(random, kind);
    case 'source_other':
      return { kind, way: random.pick(['recreated', 'truncated']), cut: random.int(1, 6), grow: random.int(0, 4) };
    case 'correct':
      return { kind, member: random.int(0, settings.members - 1), to: random.int(-2, settings.members - 1) };
    case 'replay':
      return random.happens(0.6) ? { kind } : { kind, by: random.pick(['reports', 'an old list']) };
  }
}

/** What still differs at the end: changes of one group are refused, and another client changes one. */
function drawDifferences(random: SaltedRandom, settings: Settings): readonly Event[] {
  const { durationMs, members } = settings;
  const [group, other] = [random.int(0, settings.groups - 1), random.int(0, settings.groups - 1)];
  const everybody = Array.from({ length: members }, (_, i) => i);
  const left = everybody.filter(() => random.happens(0.5));
  const stayed = everybody.filter((member) => !left.includes(member));
  return [
    { kind: 'change', group, add: left, remove: stayed, at: durationMs - 20_000 },
    { kind: 'sick', group, what: 'changes', status: 403, forMs: 60_000, at: durationMs - 12_000 },
    { kind: 'change', group, add: stayed, remove: left, at: durationMs - 11_000 },
    { kind: 'foreign', group: other, members: [random.pick(everybody)], at: durationMs - random.between(0, 3_000) },
  ];
}

function drawChange(random: SaltedRandom, settings: Settings, group: number): DrawnEvent {
  return { kind: 'change', group, add: someMembers(random, settings), remove: someMembers(random, settings) };
}

const someMembers = (random: SaltedRandom, { members }: Settings): number[] =>
  Array.from({ length: random.pick([0, 1, 1, 1, 2, 4]) }, () => random.int(0, members - 1));

function drawList(random: SaltedRandom, settings: Settings, group: number): DrawnEvent {
  const length = random.int(1, settings.eventsPerRecord ?? 1);
  const events = Array.from({ length }, (): Listed => {
    if (random.happens(0.2)) return { members: membersOfState(random, settings) };
    return { add: someMembers(random, settings), remove: someMembers(random, settings) };
  });
  return { kind: 'list', group, events };
}

function drawState(random: SaltedRandom, settings: Settings, group: number): DrawnEvent {
  const members = membersOfState(random, settings);
  const state = { kind: 'state', group, members } as const;
  return members.length === 0 && random.happens(0.5) ? { ...state, deleted: true } : state;
}

function membersOfState(random: SaltedRandom, settings: Settings): readonly number[] {
  const share = random.pick([0, 0.3, 0.6, 0.6, 1]);
  // Bystanders have numbers below zero.
  const everybody = Array.from({ length: settings.members + 2 }, (_, i) => i - 2);
  return everybody.filter(() => random.happens(share));
}

/** What may land late, and its opposite before it does. */
function drawTurn(random: SaltedRandom, settings: Settings, group: number): DrawnEvent {
  const fate = random.pick(['late', 'late', 'late', 'error_late', 'garbage_late', 'answer_lost'] as const);
  const members = Array.from({ length: random.pick([1, 1, 2]) }, () => random.int(0, settings.members - 1));
  const afterMs = random.between(0, random.pick([500, 3_000, 6_000, 6_000, 12_000]));
  const fates = { [fate]: 1, answered: random.pick([0.5, 1, 2]) };
  return { kind: 'turn', group, members, op: random.pick(['add', 'remove']), fates, afterMs };
}

function brokerFates(random: SaltedRandom): Weights<BrokerFate> {
  const bad = random.pick(['slow', 'refused', 'lost', 'answer_lost', 'late'] as const);
  const badly = random.pick([0.2, 1, 20]);
  return { done: 1, [bad]: badly, [random.pick(['slow', 'late', 'answer_lost'] as const)]: 0.2 };
}

function targetFates(random: SaltedRandom): Weights<TargetFate> {
  const fates: readonly TargetFate[] = [
    'slow',
    'lost',
    'answer_lost',
    'late',
    'late',
    'reset_before',
    'reset_after',
    'error_before',
    'error_after',
    'error_late',
    'throttled',
    'garbage_before',
    'garbage_after',
    'garbage_late',
  ];
  return { answered: random.pick([0, 0.3, 1, 3]), [random.pick(fates)]: 1, [random.pick(fates)]: 0.5 };
}
