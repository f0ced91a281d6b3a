/** The set-up of a stream: one partition, and a guard that has no say in the good groups. */

export const topics = { source: 'source', retry: 'retry', deadLetter: 'dead-letter', report: 'reports' };

export const MESSAGE_BYTES_MAX = 1_048_588;

export const apiOptions = {
  apiUrl: 'https://api.example.com',
  loginUrl: 'https://login.example.com',
  clientId: 'client',
  clientSecret: 'hush',
  requestTimeoutMs: 10_000,
  concurrency: 5,
  rateLimitPerMinute: null,
};

export const pipelineOptions = {
  isShadow: false,
  concurrency: 5,
  lingerMs: 20,
  maxWaitMs: 30_000,
  membersPerPatchMax: 50,
  conflictsMax: 3,
  retry: { baseMs: 1_000, capMs: 30_000, attemptsMax: 5, slowScheduleMs: [60_000] },
  // A group of the good ones is too small for it.
  guard: { groupPercent: 30, groupFloor: 10, groupCount: 20, windowCount: 5_000, windowMs: 600_000 },
  lateApplyMs: 20_000,
  deadKeepMs: 604_800_000,
  deadKeepCount: 100,
  breakerFailures: 5,
  pendingIntentsMax: 200_000,
  snapshotMembersMax: 200_000,
  requestsPerPiece: 4,
  leaseMs: Infinity,
  drainTimeoutMs: 20_000,
};
