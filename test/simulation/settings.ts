/** What a history takes place in: drawn from the seed, and plain data, so that a regression can be kept. */
import { rebalanceFloorMs } from '../../src/config/kafka.ts';
import type { SaltedRandom } from '../support/random.ts';

export interface Settings {
  readonly partitions: number;
  readonly instances: number;
  readonly groups: number;
  readonly members: number;
  /** Of them, unknown to the target at first. */
  readonly unknownMembers: number;
  /** How long faults go on, ms. */
  readonly durationMs: number;
  readonly concurrency: number;
  readonly membersPerPatchMax: number;
  readonly conflictsMax: number;
  readonly attemptsMax: number;
  readonly slowScheduleMs: readonly number[];
  readonly breakerFailures: number;
  readonly pendingIntentsMax: number;
  readonly snapshotMembersMax: number;
  readonly deadKeepMs: number;
  readonly deadKeepCount: number;
  readonly retryRecordMaxBytes: number;
  readonly conflict: '400' | '409' | '412' | 'mixed';
  readonly unknownMember: '400' | '404';
  readonly removeAbsent: 'ignored' | 'noTarget';
  readonly patchAnswer: 'group' | 'groupWithoutEtag' | 'groupWithoutVersion' | 'empty' | 'emptyWithoutEtag';
  readonly versionOnNoop: 'stays' | 'moves';
  readonly errorShape: 'vendor' | 'scim' | 'platform' | 'mixed';
  readonly rateAllowed: number;
  readonly tokenLifetimeSeconds: number;
  /** After which the brokers drop a member that has not joined; absent: they wait for every member. */
  readonly rebalanceTimeoutMs?: number;
  /** No request fails but those of a target that is away as a whole: then nothing may be given up (protocol.md 9.2). */
  readonly outagesOnly?: true;
  /** Limit of the dead-letter topic; absent: the broker's default. */
  readonly deadLetterMaxBytes?: number;
  /** Members are UUIDs, and the source spells them in either letter case; absent: neither. */
  readonly letterCase?: 'either';
  /** Absent: answers list all members. */
  readonly memberList?: 'absent' | 'null' | 'mixed';
  /** Absent: the version comes as it is. */
  readonly versionTag?: 'weak' | 'suffixed' | 'hashed';
  /** Clocks agree, and nothing but members is refused: then none of them is tried before its time (protocol.md 9.1). */
  readonly ownWaits?: true;
  /** How far what the target shows lags behind what it has done, ms; absent: not at all. */
  readonly readsLagMs?: number;
  /**
   * Nothing is refused but PATCHes that name certain members: only these are given up, and each was refused alone
   * (protocol.md 7.7).
   */
  readonly isolates?: true;
  /** Records may hold several events, at most so many; absent: each holds one. */
  readonly eventsPerRecord?: number;
  /** How long it takes at most until records can be read, ms; absent: nothing. */
  readonly prepareMs?: number;
  /** One owner at a time, whose requests are never late: it knows what its live records say. */
  readonly knowsParked?: true;
  /** Requests of operators are signed, and no others are taken up. */
  readonly operatorKey?: true;
  /** The source has ids of its own, which mean what a table says; absent: it has the target's. */
  readonly idMap?: 'table';
  /** People are notified of what is held. */
  readonly notifies?: true;
  /** Each instance compares its groups with the target so often, ms; absent: none does. */
  readonly comparesEveryMs?: number;
  /** Of the removal guard; absent: it holds nothing but what empties a group. */
  readonly guard?: GuardSettings;
}

export interface GuardSettings {
  readonly groupPercent: number;
  readonly groupFloor: number;
  readonly groupCount: number;
  readonly windowCount: number;
  readonly windowMs: number;
}

/** Those of the instances that are not drawn; the proportions are those of production. */
export const fixed = {
  sessionTimeoutMs: 15_000,
  heartbeatIntervalMs: 2_000,
  requestTimeoutMs: 3_000,
  /** No request takes effect later than so long after it was sent. */
  latestMs: 5_800,
  lateApplyMs: 6_000,
  leaseMs: 15_000 - 3_000 - 2_000,
  /** Nothing is held but what empties a group. */
  guard: { groupPercent: 100, groupFloor: 0, groupCount: 1_000_000, windowCount: 1_000_000, windowMs: 600_000 },
  retryBaseMs: 1_000,
  retryCapMs: 8_000,
  /** Of the retry topic; no owner is away for so long. */
  compactionLagMs: 1_200_000,
} as const;

/** The least that the configuration admits. */
export const REBALANCE_MIN_MS = rebalanceFloorMs(fixed.sessionTimeoutMs, fixed.requestTimeoutMs);

export const guardOf = ({ guard }: Settings): GuardSettings => guard ?? fixed.guard;

export function drawSettings(random: SaltedRandom): Settings {
  return {
    partitions: random.pick([1, 1, 2, 3]),
    instances: random.pick([1, 2, 2, 3, 4]),
    groups: random.pick([1, 1, 2, 3, 5]),
    members: random.pick([1, 2, 3, 5, 8]),
    unknownMembers: random.pick([0, 0, 1, 2]),
    durationMs: random.pick([60_000, 120_000, 120_000, 300_000, 3_600_000]),
    concurrency: random.pick([1, 2, 5]),
    membersPerPatchMax: random.pick([1, 2, 50]),
    conflictsMax: random.pick([0, 1, 3]),
    attemptsMax: random.pick([1, 2, 3, 5]),
    slowScheduleMs: random.pick([[], [20_000], [10_000, 60_000]]),
    breakerFailures: random.pick([2, 5, 5]),
    pendingIntentsMax: random.pick([3, 20, 200_000, 200_000]),
    snapshotMembersMax: random.pick([1, 4, 200_000, 200_000]),
    deadKeepMs: random.pick([120_000, 86_400_000, 86_400_000]),
    deadKeepCount: random.pick([1, 10_000, 10_000]),
    // The smallest takes all that can be held of one group.
    retryRecordMaxBytes: random.pick([1_200, 1_048_588, 1_048_588, 1_048_588]),
    conflict: random.pick(['400', '409', '412', 'mixed']),
    unknownMember: random.pick(['400', '404']),
    removeAbsent: random.pick(['ignored', 'noTarget']),
    patchAnswer: random.pick(['group', 'group', 'groupWithoutEtag', 'empty', 'emptyWithoutEtag']),
    versionOnNoop: random.pick(['stays', 'moves']),
    errorShape: random.pick(['vendor', 'scim', 'platform', 'mixed']),
    rateAllowed: random.pick([5, 30, 300, 300]),
    tokenLifetimeSeconds: random.pick([40, 600, 86_400]),
    rebalanceTimeoutMs: random.pick([REBALANCE_MIN_MS, REBALANCE_MIN_MS, 15_000, 60_000]),
  };
}
