/** A promise of the service (protocol.md 1.1) that an end state shows to be broken. */
export interface Violation {
  /** Of `promises`. */
  readonly promise: string;
  readonly detail: string;
}

export const promises = {
  kept: 'nothing is lost',
  newest: 'the newest position wins',
  unwiped: 'no membership is wiped',
  accounted: 'every change is accounted for, truly',
} as const;

export const broken = (promise: keyof typeof promises, detail: string): Violation => ({
  promise: promises[promise],
  detail,
});
