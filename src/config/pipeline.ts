/** How changes are applied: waits, retries, the removal guard, and limits. */
import type { genesys } from './genesys.ts';
import { problem, type Problem } from './problem.ts';
import { durationMs, type Given, initially, optional, orEmpty, part, schedule, wholeNumber } from './variable.ts';

const options = {
  lingerMs: initially('LINGER_MS', '20', durationMs(0), {
    about:
      'The longest time in which a burst for one group may gather into one request: the more of the request budget is spent, the longer',
  }),
  maxWaitMs: initially('MAX_WAIT_MS', '30000', durationMs(0), {
    about: 'The longest that additions wait behind removals',
  }),
  membersPerPatchMax: initially('MAX_MEMBERS_PER_PATCH', '50', wholeNumber(1, 50), {
    about: 'Members in one request; Genesys Cloud takes no more than 50',
  }),
  conflictsMax: initially('MAX_CONFLICTS', '3', wholeNumber(0, 100), {
    about: 'Version conflicts in a row after which a group waits',
  }),
  retry: {
    baseMs: initially('RETRY_BASE_MS', '1000', durationMs(1), {
      about: 'Failure n waits a random time up to base × 2ⁿ',
    }),
    capMs: initially('RETRY_CAP_MS', '30000', durationMs(1), {
      about: 'The most that such a wait can be; not below `RETRY_BASE_MS`',
    }),
    attemptsMax: initially('RETRY_MAX_ATTEMPTS', '5', wholeNumber(1, 1000), {
      about: 'Number of failures at which a change is given up',
    }),
    slowScheduleMs: orEmpty(
      initially('SLOW_RETRY_SCHEDULE_MS', '60000,300000,1800000,7200000,21600000', schedule, {
        about:
          'Waits where something may have yet to be provisioned: unknown users, missing groups, denied groups. Empty (the default of `apply` and `demo`): given up at the first failure',
      }),
    ),
  },
  lateApplyMs: optional('LATE_APPLY_MS', durationMs(0), {
    example: '20000',
    about:
      'How long after its sending a request without an answer may still take effect; an assumption about the target. Below `REQUEST_TIMEOUT_MS`: a warning. Default: 2 × `REQUEST_TIMEOUT_MS`',
  }),
  deadKeepMs: initially('DEAD_KEEP_MS', '604800000', wholeNumber(0), {
    about: 'How long a change that was given up can be replayed',
  }),
  deadKeepCount: initially('DEAD_KEEP_COUNT', '10000', wholeNumber(0), {
    about: 'How many of them are kept per partition',
  }),
  breakerFailures: initially('BREAKER_FAILURES', '5', wholeNumber(1, 1000), {
    about: 'Failures in a row after which the target counts as down',
  }),
  pendingIntentsMax: initially('MAX_PENDING_INTENTS', '200000', wholeNumber(1), {
    about:
      'Changes in memory beyond which no more are read; removals that are held do not count, nor up to as many that wait for another try',
  }),
  drainTimeoutMs: initially('DRAIN_TIMEOUT_MS', '20000', durationMs(0), {
    about:
      'The longest that an orderly stop takes. Below `REQUEST_TIMEOUT_MS`: a warning, since it may cut off requests',
  }),
  /** Limits of the removal guard. */
  guard: {
    groupPercent: initially('GUARD_GROUP_PERCENT', '30', wholeNumber(0, 100), {
      about:
        'Removals of more than this share of a group within `GUARD_WINDOW_MS` wait for an operator (`rollcall held`); 100: the share never counts',
    }),
    groupFloor: initially('GUARD_GROUP_FLOOR', '10', wholeNumber(0), {
      about: 'Below so many members the share of a group does not count',
    }),
    groupCount: initially('GUARD_GROUP_COUNT', '500', wholeNumber(0), {
      about: 'More removals of one group within `GUARD_WINDOW_MS` wait for an operator',
    }),
    windowCount: initially('GUARD_WINDOW_COUNT', '5000', wholeNumber(0), {
      about: 'Removals that an instance makes in `GUARD_WINDOW_MS`; more wait for an operator',
    }),
    windowMs: initially('GUARD_WINDOW_MS', '600000', wholeNumber(1), {
      about: 'The sliding window of these limits; it survives restarts',
    }),
  },
};

type Values = Given<typeof options | typeof genesys.options>;

export const pipeline = part({
  title: 'How changes are applied',
  options,
  /** `lateApplyMs` null: twice the request time-out. */
  make: (read) => ({ ...read, snapshotMembersMax: SNAPSHOT_MEMBERS_MAX }),
  rules: ({ RETRY_BASE_MS: baseMs, RETRY_CAP_MS: capMs }: Values) => {
    if (baseMs === undefined || capMs === undefined || capMs >= baseMs) return [];
    return [problem('RETRY_CAP_MS', 'must not be below RETRY_BASE_MS', baseMs)];
  },
  risks: (values: Values) => [...drainRisks(values), ...lateApplyRisks(values)],
});

/** Ids in all snapshots that are kept: bounds their memory, and no operator has had a reason to choose. */
const SNAPSHOT_MEMBERS_MAX = 200_000;

function drainRisks({ DRAIN_TIMEOUT_MS: drainMs, REQUEST_TIMEOUT_MS: requestMs }: Values): Problem[] {
  if (drainMs === undefined || requestMs === undefined || drainMs >= requestMs) return [];
  const text = `is below REQUEST_TIMEOUT_MS = ${requestMs}: an orderly stop may cut off requests, and the next owner waits LATE_APPLY_MS for what becomes of them`;
  return [problem('DRAIN_TIMEOUT_MS', text, requestMs + 10_000)];
}

function lateApplyRisks({ LATE_APPLY_MS: lateMs, REQUEST_TIMEOUT_MS: requestMs }: Values): Problem[] {
  if (typeof lateMs !== 'number' || requestMs === undefined || lateMs >= requestMs) return [];
  const text = `is below REQUEST_TIMEOUT_MS = ${requestMs}: a request counts as without effect while its answer may still come`;
  return [problem('LATE_APPLY_MS', text, 2 * requestMs)];
}
