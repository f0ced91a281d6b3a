/** The sessions that the brokers permit: beyond them they refuse to let a member join its consumer group. */
export interface SessionLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

export interface SessionFinding {
  readonly message: string;
  readonly advice: string;
}

/** @param limits null: the broker does not say. Returns null where there is nothing to say. */
export function sessionFinding(sessionMs: number, limits: SessionLimits | null): SessionFinding | null {
  if (limits === null || (sessionMs >= limits.minMs && sessionMs <= limits.maxMs)) return null;
  return {
    message: `The brokers permit sessions of ${limits.minMs} to ${limits.maxMs} ms, and KAFKA_SESSION_TIMEOUT_MS is ${sessionMs}: \`run\` cannot join its consumer group.`,
    advice:
      'Set KAFKA_SESSION_TIMEOUT_MS within these limits, or change group.min.session.timeout.ms and group.max.session.timeout.ms of the brokers.',
  };
}
