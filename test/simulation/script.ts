/** What happens in a history, and when: plain data drawn by lot from the seed, so that it can be told, shrunk and kept. */
import type { Chance } from './engine/chance.ts';
import type { Point } from './engine/host.ts';
import type { BrokerFate, Refusable, TargetFate, Weights } from './engine/weather.ts';
import { drawLogFault, type LogFault } from './log-faults.ts';
import type { DrawnScenario } from './scenarios.ts';
import { scenarios } from './scenarios.ts';
import type { ScimType } from '../../src/lab/sandbox/scim-error.ts';
import type { Settings } from './settings.ts';

export type Happening =
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
      /** By one who can write to the retry topic, and has no key; `late`: it was signed long ago. */
      readonly forged?: 'unsigned' | 'other key' | 'other value' | 'late';
    }
  /** A change, in a weather of its own, and soon its opposite. */
  | {
      readonly kind: 'turn';
      readonly group: number;
      readonly members: readonly number[];
      readonly op: 'add' | 'remove';
      readonly weather: Weights<TargetFate>;
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
  | { readonly kind: 'broker'; readonly weather: Weights<BrokerFate>; readonly forMs: number }
  | { readonly kind: 'target'; readonly weather: Weights<TargetFate>; readonly forMs: number }
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
  | { readonly kind: 'group_anew' }
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

/** Not drawn by lot: what directed scenarios bring about, and what must be so by then. */
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
  /** All that is due is done: what instances hold is what live records keep. */
  | { readonly kind: 'expect_rest' }
  /** Since the first of them nothing has come in: no instance holds more than then, and topics hold little more. */
  | { readonly kind: 'expect_unchanged'; readonly live: number; readonly reports: number }
  | { readonly kind: 'expect_landed'; readonly group: number; readonly member: number }
  | { readonly kind: 'expect_bounded'; readonly requests: number; readonly openings: number };

export type Event = (Happening | Directed) & { readonly at: number };

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

export function drawScript(chance: Chance, scenario: DrawnScenario, settings: Settings): readonly Event[] {
  const count = chance.pick([6, 12, 25, 60]);
  const events: Event[] = [];
  const groups = settings.groups - 1;
  const draw = (): Happening =>
    drawHappening(chance, chance.weighted<Happening['kind']>(scenarios[scenario]), settings);
  for (let instance = 0; instance < settings.instances; instance++) {
    events.push({
      kind: 'start',
      instance,
      at: chance.happens(0.7) ? chance.between(0, 3_000) : chance.between(0, settings.durationMs / 2),
    });
  }
  while (events.length < count) {
    const at = chance.between(0, settings.durationMs);
    events.push({ ...draw(), at });
    // Trouble seldom comes alone, and what it disturbs is what happens at about that time.
    while (chance.happens(0.5))
      events.push({ ...draw(), at: at + chance.between(0, chance.pick([50, 2_000, 20_000])) });
    if (chance.happens(0.05)) {
      const group = chance.int(0, groups);
      const size = chance.int(5, 40);
      for (let i = 0; i < size; i++)
        events.push({ ...drawChange(chance, settings, group), at: at + i * chance.between(0, 20) });
    }
  }
  return events.toSorted((a, b) => a.at - b.at);
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

function drawHappening(chance: Chance, kind: Happening['kind'], settings: Settings): Happening {
  const group = chance.int(0, settings.groups - 1);
  const instance = chance.int(0, settings.instances - 1);
  const point = chance.happens(0.3) ? 'now' : chance.pick(points);
  const forMs = chance.pick([500, 3_000, 12_000, 20_000, 60_000]);
  switch (kind) {
    case 'change':
      return drawChange(chance, settings, group);
    case 'list':
      return drawList(chance, settings, group);
    case 'state':
      return drawState(chance, settings, group);
    case 'approve':
    case 'reject':
      return chance.happens(0.3) ? { kind, group, isOld: true } : { kind, group };
    case 'turn':
      return drawTurn(chance, settings, group);
    case 'again':
    case 'append_late':
      return { kind, back: chance.int(1, 6) };
    case 'broken':
      return { kind, group, what: chance.pick(['json', 'schema', 'key', 'empty', 'tombstone']) };
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
      return { kind, instance, byMs: chance.pick([-300_000, -10_000, 10_000, 300_000]) };
    case 'broker':
      return { kind, weather: brokerWeather(chance), forMs };
    case 'refuse':
      return { kind, what: chance.pick(refusables), forMs };
    case 'sicken':
      return {
        kind,
        topic: chance.pick(['report', 'report', 'retry', 'deadLetter']),
        partition: chance.int(0, 2),
        forMs,
      };
    case 'target':
      return { kind, weather: targetWeather(chance), forMs };
    case 'foreign':
      return { kind, group, members: [chance.int(-2, settings.members - 1)] };
    case 'refuse_client':
      return { kind, forMs };
    case 'deny':
      return { kind, group: chance.happens(0.7) ? group : null, forMs };
    case 'sick':
      return { kind, group, what: chance.pick(['all', 'changes']), status: chance.pick([403, 500, 503, null]), forMs };
    case 'rebalance':
    case 'clean':
    case 'revoke':
    case 'provision':
    case 'group_anew':
      return { kind };
    case 'fall_back':
    case 'abort':
    case 'delete_head':
    case 'compact_output':
      return drawLogFault(chance, kind);
    case 'source_other':
      return { kind, way: chance.pick(['recreated', 'truncated']), cut: chance.int(1, 6), grow: chance.int(0, 4) };
    case 'correct':
      return { kind, member: chance.int(0, settings.members - 1), to: chance.int(-2, settings.members - 1) };
    case 'replay':
      return chance.happens(0.6) ? { kind } : { kind, by: chance.pick(['reports', 'an old list']) };
  }
}

function drawChange(chance: Chance, settings: Settings, group: number): Happening {
  return { kind: 'change', group, add: someMembers(chance, settings), remove: someMembers(chance, settings) };
}

const someMembers = (chance: Chance, { members }: Settings): number[] =>
  Array.from({ length: chance.pick([0, 1, 1, 1, 2, 4]) }, () => chance.int(0, members - 1));

function drawList(chance: Chance, settings: Settings, group: number): Happening {
  const length = chance.int(1, settings.eventsPerRecord ?? 1);
  const events = Array.from({ length }, (): Listed => {
    if (chance.happens(0.2)) return { members: membersOfState(chance, settings) };
    return { add: someMembers(chance, settings), remove: someMembers(chance, settings) };
  });
  return { kind: 'list', group, events };
}

function drawState(chance: Chance, settings: Settings, group: number): Happening {
  const members = membersOfState(chance, settings);
  const state = { kind: 'state', group, members } as const;
  return members.length === 0 && chance.happens(0.5) ? { ...state, deleted: true } : state;
}

function membersOfState(chance: Chance, settings: Settings): readonly number[] {
  const share = chance.pick([0, 0.3, 0.6, 0.6, 1]);
  // Bystanders have numbers below zero.
  const everybody = Array.from({ length: settings.members + 2 }, (_, i) => i - 2);
  return everybody.filter(() => chance.happens(share));
}

/** What may land late, and its opposite before it does. */
function drawTurn(chance: Chance, settings: Settings, group: number): Happening {
  const fate = chance.pick(['late', 'late', 'late', 'error_late', 'garbage_late', 'answer_lost'] as const);
  const members = Array.from({ length: chance.pick([1, 1, 2]) }, () => chance.int(0, settings.members - 1));
  const afterMs = chance.between(0, chance.pick([500, 3_000, 6_000, 6_000, 12_000]));
  const weather = { [fate]: 1, answered: chance.pick([0.5, 1, 2]) };
  return { kind: 'turn', group, members, op: chance.pick(['add', 'remove']), weather, afterMs };
}

function brokerWeather(chance: Chance): Weights<BrokerFate> {
  const bad = chance.pick(['slow', 'refused', 'lost', 'answer_lost', 'late'] as const);
  const badly = chance.pick([0.2, 1, 20]);
  return { done: 1, [bad]: badly, [chance.pick(['slow', 'late', 'answer_lost'] as const)]: 0.2 };
}

function targetWeather(chance: Chance): Weights<TargetFate> {
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
  return { answered: chance.pick([0, 0.3, 1, 3]), [chance.pick(fates)]: 1, [chance.pick(fates)]: 0.5 };
}
