/** How many requests what is behind needs: of what is read by group, and of what is not read by what was read. */

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

export interface Intake {
  /** Changes that could be applied, or wait for a time. */
  readonly pending: number;
  /** No more of them are let in. */
  readonly pendingMax: number;
  /** Source records. */
  readonly unread: number;
  /** Changes since the start, and the PATCHes that they took. */
  readonly finished: number;
  readonly patches: number;
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
  /** Enough is read to tell what the rest needs. */
  readonly isSample: boolean;
}

/** So much has to be read for that. */
const SAMPLE_SHARE = 1 / 50;

interface Given {
  readonly intake: Intake;
  /** Of one PATCH. */
  readonly membersMax: number;
  /** Epoch ms. */
  readonly now: number;
}

export function workAhead(needs: readonly GroupNeed[], { intake, membersMax, now }: Given): WorkAhead {
  const { pending, pendingMax, unread, finished } = intake;
  // What is read soon falls to the groups that are known, as far as it is let in.
  const readSoon = pending === 0 ? 0 : Math.max(0, Math.min(unread, pendingMax - pending));
  const growth = pending === 0 ? 1 : 1 + readSoon / pending;
  let [changes, patches, reads, longestRun, waitUntil] = [0, 0, 0, 0, now];
  for (const need of needs) {
    // What a full state changes is not known before the group is read: one PATCH.
    const ofGroup = Math.ceil((need.changes * growth) / membersMax) + need.fullStates;
    const isRead = ofGroup > 0 && need.isUnknown;
    changes += need.changes + need.fullStates;
    patches += ofGroup;
    reads += Number(isRead);
    longestRun = Math.max(longestRun, ofGroup + Number(isRead));
    waitUntil = Math.max(waitUntil, need.waitUntil);
  }
  const present = changes === 0 ? 1 : patches / (changes * growth);
  return {
    requests: patches + reads + Math.ceil((unread - readSoon) * patchesPerChange(intake, present)),
    longestRun,
    waitMs: waitUntil - now,
    unread,
    isSample: pending + finished >= unread * SAMPLE_SHARE,
  };
}

/** What is read later comes as thick as what waits at present, or as what was finished so far, if that is enough to tell. */
const patchesPerChange = ({ finished, patches, pending }: Intake, present: number): number =>
  finished === 0 || finished < pending ? present : Math.min(present, patches / finished);
