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
  | 'garbage_late';

export type Weights<Fate extends string> = Readonly<Partial<Record<Fate, number>>>;

export interface Weather {
  broker: Weights<BrokerFate>;
  target: Weights<TargetFate>;
}

export const fairWeather = (): Weather => ({ broker: { done: 1 }, target: { answered: 1 } });
