/** How the world treats requests at the moment: probabilities of each fate, changed by the events of a history. */
/** Of a request to the broker. */
export type BrokerFate = 'done' | 'slow' | 'refused' | 'lost' | 'answer_lost' | 'late';

/** Of a request to the target. */
export type TargetFate =
  | 'answered'
  | 'slow'
  | 'lost'
  | 'answer_lost'
  | 'late'
  | 'reset_before'
  | 'reset_after'
  | 'error_before'
  | 'error_after'
  /** Answered at once, and yet it takes effect later: a gateway's time-out. */
  | 'error_late'
  | 'throttled'
  | 'garbage_before'
  | 'garbage_after'
  | 'garbage_late'
  /** Answered with 200 and the group as it was: a rule of the target's own stands against it. */
  | 'ignored';

/** Of a message to people. */
export type ReceiverFate = 'answered' | 'slow' | 'refused' | 'lost' | 'answer_lost';

export type Weights<Fate extends string> = Readonly<Partial<Record<Fate, number>>>;

/** What the broker refuses while it does everything else, does without its answer arriving, or does for some partitions. */
export type Refusable =
  | 'report'
  | 'report answer'
  | 'report part'
  | 'record'
  | 'record answer'
  | 'record part'
  | 'commit';

export interface FaultModel {
  readonly refuses: Set<Refusable>;
  broker: Weights<BrokerFate>;
  target: Weights<TargetFate>;
  receiver: Weights<ReceiverFate>;
}

/** Receivers fail by themselves, however the rest goes. */
const RECEIVER_FATES = { answered: 3, slow: 1, refused: 2, lost: 1, answer_lost: 2 };

export const noFaults = (): FaultModel => ({
  refuses: new Set(),
  broker: { done: 1 },
  target: { answered: 1 },
  receiver: RECEIVER_FATES,
});
