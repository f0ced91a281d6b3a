/** How many requests what is behind needs: of what is read by group, and of what is not read by what was read lately. */

/** What one group waits to be sent. */
export interface GroupNeed {
  /** Additions and removals that are not so yet, as far as is known. */
  readonly changes: number;
  readonly fullStates: number;
  /** The group has to be read first. */
  readonly isUnknown: boolean;
  /** Until the last of them may be tried again, epoch ms. */
  readonly waitUntil: number;
}

/** What was done in some time. */
export interface Work {
  /** Source records that were read, and the changes in them. */
  readonly records: number;
  readonly changes: number;
  /** Changes that have their final report, and the requests that they took. */
  readonly finished: number;
  readonly patches: number;
  readonly reads: number;
}

export interface Intake {
  /** Source records. */
  readonly unread: number;
  /** So many more changes are let in. */
  readonly room: number;
  /** Of the last minute or two. */
  readonly lately: Work;
}

export interface WorkAhead {
  /** Of all groups; for what is not read, estimated. */
  readonly requests: number;
  /** The most that one group needs: they go one after the other. */
  readonly longestRun: number;
  /** Until the last short wait for another try is over. */
  readonly waitMs: number;
  /** Source records. */
  readonly unread: number;
  /** Enough was read lately to tell what the rest needs. */
  readonly isSample: boolean;
}

/** So much has to be read for that: a share of what is not, or as many. */
const SAMPLE_SHARE = 1 / 10;
const SAMPLE_MAX = 10_000;

interface Given {
  readonly intake: Intake;
  /** Of one PATCH. */
  readonly membersMax: number;
  /** Epoch ms. */
  readonly now: number;
}

export function workAhead(needs: readonly GroupNeed[], { intake, membersMax, now }: Given): WorkAhead {
  const { unread, room, lately } = intake;
  const changes = needs.reduce((sum, need) => sum + need.changes + need.fullStates, 0);
  const unreadChanges = unread * (lately.records === 0 ? 1 : lately.changes / lately.records);
  // What is read soon falls to the groups that are known, as far as it is let in.
  const readSoon = changes === 0 ? 0 : Math.max(0, Math.min(unreadChanges, room));
  const growth = changes === 0 ? 1 : 1 + readSoon / changes;
  let [patches, reads, longestRun, waitUntil] = [0, 0, 0, now];
  for (const need of needs) {
    // What a full state changes is not known before the group is read: one PATCH.
    const ofGroup = Math.ceil((need.changes * growth) / membersMax) + need.fullStates;
    const isRead = ofGroup > 0 && need.isUnknown;
    patches += ofGroup;
    reads += Number(isRead);
    longestRun = Math.max(longestRun, ofGroup + Number(isRead));
    waitUntil = Math.max(waitUntil, need.waitUntil);
  }
  const perChange = requestsPerChange(lately, changes) ?? (changes === 0 ? 1 : patches / (changes * growth));
  return {
    requests: patches + reads + Math.ceil((unreadChanges - readSoon) * perChange),
    longestRun,
    waitMs: waitUntil - now,
    unread,
    isSample: lately.records >= Math.min(unread * SAMPLE_SHARE, SAMPLE_MAX),
  };
}

/** As lately; null: less was finished than is there. The more groups are known, the fewer have to be read: half as many as before. */
const requestsPerChange = ({ finished, patches, reads }: Work, changes: number): number | null =>
  finished < Math.max(1, changes) ? null : (patches + reads / 2) / finished;
