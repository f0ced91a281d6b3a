/** A history that broke a promise: which invariant noticed it, and how. */
export class Violation extends Error {
  readonly invariant: Invariant;

  constructor(invariant: Invariant, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

const invariants = {
  'final-memberships': 'at the end the newest position of every member holds',
  'no-stale-effect': 'the target never goes back behind what is final',
  'one-true-report': 'each intent ends in one final report, which is true of the target',
  'commit-safe': 'what is committed is reported, or parked where a restore finds it',
  'same-source': 'of a source that is another one than was read nothing is sent, reported or committed',
  'tells-losses': 'what retention takes unread is called a possible loss, and nothing else is',
  'dead-mark': 'a live record marks as dead only what is reported',
  recorded: 'what a full state comes to is on record before it is sent',
  pauses: 'nothing is sent for what an operator has the answer is paused, until somebody asks for a resume',
  held: 'no removal that the guard has to hold takes effect without an approval of exactly what was held',
  notifies: 'people are notified of all that is held, once its live record says so, and marks say no more than that',
  'additions-first':
    'a full state adds before it removes, and removes no member while one whom it names is unknown and not accepted',
  'one-in-flight':
    'one request per group and owner, not more than the concurrency in all, none while the gate is closed',
  'safe-dialect': 'only adds by value and removes by filter, with If-Match, of those who are named',
  learns: 'a PATCH whose version the target has called stale is not sent again',
  'lets-go': 'an instance neither reports, nor records, nor commits what it has been informed it has lost',
  bounded: 'what is kept in memory stays within its limits',
  converges: 'after the last fault everything due is final within a bound',
  'gets-on': 'a group that fails alone holds up no other one, and what fails takes a bounded number of requests',
  isolates: 'only a change that was refused in a request of its own is given up',
  'explains-truly': 'why somebody is a member, or is not, is explained as it is',
  'undoes-exactly': 'an undo changes whom Rollcall has changed then, if nothing has changed since',
  'diffs-exactly': 'what differs between source and target is listed as what it is',
  compares:
    'comparisons beside the service start a request only in idle time, report who differs, and at rest have found all of them, with one request a group',
  'runs-on': 'no pipeline ends by itself',
} as const;

export type Invariant = keyof typeof invariants;
