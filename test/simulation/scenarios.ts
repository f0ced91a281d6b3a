/**
 * All scenarios. A drawn one (drawn-scenarios.ts) has random events. A directed one (directed/) leads up to the one moment at
 * which a rule of the protocol is needed, and draws only the details: random events reach these moments too seldom.
 */
import type { SaltedRandom } from '../support/random.ts';
import { corrected, reconsidered } from './directed/approvals.ts';
import { alone, beside, unpatchable } from './directed/breaker.ts';
import { twins } from './directed/groups.ts';
import { isolated } from './directed/isolation.ts';
import { forged, readAgain } from './directed/operator.ts';
import { bereft, excluded, fenced, halted, missed, reread, zombie } from './directed/ownership.ts';
import { hours, standstill } from './directed/rest.ts';
import { afterlife, cleaner, crowded, flood, ignored, metAgain, outage, rejoins, settle } from './directed/settle.ts';
import { beheaded, damaged, refusedKeys, replaced, rolledBack, torn } from './directed/source.ts';
import { pieces, strangers, unreported, wholes } from './directed/states.ts';
import { lagging, patient } from './directed/waits.ts';
import { drip, shared, spread } from './directed/window.ts';
import { unwritable } from './directed/writes.ts';
import type { DrawnScenario } from './drawn-scenarios.ts';
import { eventWeights } from './drawn-scenarios.ts';
import type { Event } from './script.ts';
import type { Settings } from './settings.ts';

export interface DirectedScenario {
  readonly settings: Partial<Settings>;
  readonly events: readonly Event[];
}

const directedScenarios = {
  zombie,
  halted,
  excluded,
  missed,
  reread,
  bereft,
  fenced,
  settle,
  crowded,
  metAgain,
  rejoins,
  cleaner,
  afterlife,
  ignored,
  outage,
  flood,
  wholes,
  unreported,
  strangers,
  corrected,
  reconsidered,
  pieces,
  alone,
  beside,
  unpatchable,
  unwritable,
  replaced,
  torn,
  rolledBack,
  beheaded,
  refusedKeys,
  standstill,
  twins,
  hours,
  patient,
  lagging,
  isolated,
  drip,
  spread,
  shared,
  forged,
  damaged,
  readAgain,
} as const satisfies Record<string, (random: SaltedRandom) => DirectedScenario>;

type DirectedName = keyof typeof directedScenarios;
export type Scenario = DrawnScenario | DirectedName;

export const scenarioNames = [...Object.keys(eventWeights), ...Object.keys(directedScenarios)] as Scenario[];

/** Names of scenarios are salts of their random numbers. A scenario that was renamed keeps its salt, and its seeds their histories; escaped, as these words are forbidden. */
const formerNames: Readonly<Partial<Record<Scenario, string>>> = {
  recreatedGroup: '\u0061new',
  unreported: '\u0075ntold',
};

export const saltOf = (scenario: Scenario): string => formerNames[scenario] ?? scenario;

export const isDirected = (name: Scenario): name is DirectedName => Object.hasOwn(directedScenarios, name);

/** What all directed scenarios have in common: no other fault gets in the way. */
const directedSettings: Partial<Settings> = {
  partitions: 1,
  instances: 1,
  groups: 1,
  members: 3,
  unknownMembers: 0,
  durationMs: 90_000,
  membersPerPatchMax: 50,
  attemptsMax: 5,
  breakerFailures: 1_000,
  pendingIntentsMax: 200_000,
  deadKeepMs: 86_400_000,
  deadKeepCount: 10_000,
  retryRecordMaxBytes: 1_048_588,
  rateAllowed: 300,
  tokenLifetimeSeconds: 86_400,
};

export function directedPlan(
  name: DirectedName,
  random: SaltedRandom,
  drawn: Settings,
): DirectedScenario & { readonly settings: Settings } {
  const { settings, events } = directedScenarios[name](random);
  return {
    settings: { ...drawn, ...directedSettings, ...settings },
    events: events.toSorted((a, b) => a.at - b.at),
  };
}

/** What each of them is about: names as in the counts of a history. */
export const directedFaults: Readonly<Record<DirectedName, readonly string[]>> = {
  zombie: ['struck at: patch', 'process: frozen'],
  halted: ['struck at: join', 'event: cut'],
  excluded: ['event: cut', 'broker: cut off', 'said: partition lost'],
  missed: ['struck at: join', 'event: cut', 'process: drained'],
  reread: ['broker: refused commit', 'event: drop_member', 'broker: slow'],
  bereft: ['event: drop_member', 'target: slow'],
  fenced: ['event: append_late', 'event: drop_member'],
  settle: ['broker: refused record', 'broker: lost record answer'],
  crowded: ['said: a live record was too large and is written in parts'],
  metAgain: ['event: append_late', 'event: drop_member', 'broker: refused record', 'broker: lost'],
  rejoins: ['event: rebalance', 'broker: slow'],
  cleaner: ['event: append_late', 'event: clean'],
  afterlife: ['operator: woken', 'broker: lost report answer', 'broker: refused report'],
  ignored: ['target: ignored', 'target: late'],
  outage: ['target: lost', 'target: error_before', 'target: reset_before'],
  flood: ['broker: refused report', 'broker: paused late'],
  unwritable: [
    'said: a record is too large and is cut until it fits',
    'broker: partly written',
    'event: sicken',
    'said: records cannot be written, trying again; what depends on them is not committed',
  ],
  unreported: [
    'notice: answered',
    'notice: refused',
    'said: removals are held',
    'broker: refused report',
    'process: killed',
  ],
  strangers: [
    'said: removals are held',
    'operator: approves what is held',
    'operator: approves a part',
    'event: provision',
    'process: killed',
  ],
  corrected: [
    'event: correct',
    'operator: approves what is held',
    'operator: approves what was held before',
    'process: killed',
  ],
  reconsidered: [
    'operator: woken',
    'operator: approves what was held before',
    'operator: approves a part',
    'operator: rejects a part',
    'process: frozen',
    'process: killed',
  ],
  pieces: ['event: state', 'said: a live record was too large and is written in parts', 'process: killed'],
  alone: ['event: sick', 'event: expect_landed', 'event: expect_bounded', 'said: breaker opened'],
  beside: ['event: sick', 'event: expect_bounded'],
  unpatchable: ['event: sick', 'event: expect_bounded', 'said: breaker opened'],
  replaced: ['event: source_other', 'said: partition refused: the source topic was recreated, truncated or renamed'],
  torn: ['event: source_other', 'said: partition refused: the source topic was recreated, truncated or renamed'],
  rolledBack: ['event: fall_back', 'event: state'],
  beheaded: ['event: delete_head', 'process: killed'],
  refusedKeys: ['event: compact_output', 'event: expect_final'],
  standstill: ['event: rebalance', 'event: drop_member', 'event: fall_back', 'event: expect_unchanged'],
  twins: ['event: name_group', 'process: killed', 'event: state'],
  hours: ['event: expect_rest', 'process: killed', 'event: drop_member'],
  patient: ['process: killed', 'process: drained'],
  lagging: ['target: lags'],
  isolated: ['event: refuse_members', 'event: expect_landed'],
  drip: ['said: removals are held', 'process: killed', 'event: drop_member', 'broker: refused record'],
  spread: ['event: sick', 'said: removals are held'],
  shared: ['event: sick'],
  forged: [
    'operator: forged, unsigned',
    'operator: forged, other key',
    'operator: forged, other value',
    'operator: forged, late',
    'said: a request in the retry topic is refused',
    'said: held removals are decided',
  ],
  damaged: ['event: damaged_batch', 'event: drop_member', 'process: killed', 'broker: refused report'],
  readAgain: ['operator: rewound', 'process: drained', 'event: foreign', 'event: state'],
  wholes: ['event: state', 'broker: refused report', 'process: killed', 'target: late'],
};
