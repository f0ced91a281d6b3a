/** Limits in time that must exceed others. What breaks a promise is a problem; what an operator may accept is a risk. */
import type { Problem } from './problem.ts';
import type { Name, Values } from './variables.ts';

/** Taken off the lease, and off the session time-out, for what happens between the check and the socket (protocol.md 4.3). */
export const LEASE_MARGIN_MS = 2000;

export function timeRules(values: Partial<Values>): Problem[] {
  return [
    ...sessionRules(values),
    ...rebalanceRules(values),
    ...relayRules(values),
    ...retryRules(values),
    ...reorderRules(values),
    ...answerRules(values),
  ];
}

/** What costs something where it is chosen, but breaks no promise. */
export const timeRisks = (values: Partial<Values>): Problem[] => [...drainRisks(values), ...lateApplyRisks(values)];

function sessionRules(values: Partial<Values>): Problem[] {
  const { KAFKA_SESSION_TIMEOUT_MS: sessionMs, KAFKA_HEARTBEAT_INTERVAL_MS: heartbeatMs } = values;
  if (sessionMs === undefined || heartbeatMs === undefined) return [];
  const floorMs = (values.REQUEST_TIMEOUT_MS ?? 0) + LEASE_MARGIN_MS + 2 * heartbeatMs;
  if (sessionMs > floorMs) return [];
  const text = `must exceed REQUEST_TIMEOUT_MS + ${LEASE_MARGIN_MS} + 2 × KAFKA_HEARTBEAT_INTERVAL_MS = ${floorMs}, or no request could start`;
  return [problem('KAFKA_SESSION_TIMEOUT_MS', text, floorMs + 10_000)];
}

/**
 * The least rebalance time-out. The brokers give away the partitions of a member when its session is over, or when it has not joined a rebalance in
 * time, whichever comes first. A rebalance begins no earlier than the last heartbeat that succeeded, from which the lease
 * counts: so the lease, and the margin between its check and the socket, must end within the rebalance time-out too.
 */
export const rebalanceFloorMs = (sessionMs: number, requestMs: number): number => sessionMs - requestMs;

function rebalanceRules(values: Partial<Values>): Problem[] {
  const { KAFKA_SESSION_TIMEOUT_MS: sessionMs, KAFKA_REBALANCE_TIMEOUT_MS: rebalanceMs } = values;
  const { REQUEST_TIMEOUT_MS: requestMs } = values;
  if (sessionMs === undefined || rebalanceMs === undefined || requestMs === undefined) return [];
  const floorMs = rebalanceFloorMs(sessionMs, requestMs);
  if (rebalanceMs >= floorMs) return [];
  const text = `must not be below KAFKA_SESSION_TIMEOUT_MS − REQUEST_TIMEOUT_MS = ${floorMs}: the brokers would give the partitions of an instance that has not joined in time to others, while it still sends requests`;
  return [problem('KAFKA_REBALANCE_TIMEOUT_MS', text, sessionMs)];
}

/** `ingest topic` begins sends in the first half of a session, and they are to be over before another instance begins. */
function relayRules(values: Partial<Values>): Problem[] {
  const { KAFKA_SESSION_TIMEOUT_MS: sessionMs, KAFKA_REBALANCE_TIMEOUT_MS: rebalanceMs } = values;
  if (sessionMs === undefined || rebalanceMs === undefined || values.INGEST_GROUP_ID === undefined) return [];
  if (rebalanceMs >= sessionMs) return [];
  const text = `must not be below KAFKA_SESSION_TIMEOUT_MS = ${sessionMs} for ingest topic: another instance would take over while this one still writes`;
  return [problem('KAFKA_REBALANCE_TIMEOUT_MS', text, sessionMs)];
}

function retryRules({ RETRY_BASE_MS: baseMs, RETRY_CAP_MS: capMs }: Partial<Values>): Problem[] {
  if (baseMs === undefined || capMs === undefined || capMs >= baseMs) return [];
  return [problem('RETRY_CAP_MS', 'must not be below RETRY_BASE_MS', baseMs)];
}

function reorderRules({ INGEST_REORDER_MS: reorderMs, INGEST_LATE_MS: lateMs }: Partial<Values>): Problem[] {
  if (reorderMs === undefined || lateMs === undefined || lateMs >= reorderMs) return [];
  const text = `must not be below INGEST_REORDER_MS = ${reorderMs}: after a start a change that comes late could not be distinguished from a newer one`;
  return [problem('INGEST_LATE_MS', text, Math.max(3_600_000, reorderMs))];
}

/** Okta (developer.okta.com/docs/concepts/event-hooks) and Microsoft Graph wait 3 s for an answer. */
const SENDER_PATIENCE_MS = 3_000;

function answerRules(values: Partial<Values>): Problem[] {
  const { INGEST_ANSWER_WITHIN_MS: answerMs, INGEST_OKTA_SECRET: okta, INGEST_ENTRA_CLIENT_STATE: entra } = values;
  if (answerMs === undefined || answerMs < SENDER_PATIENCE_MS || (!okta && !entra)) return [];
  const text = `must be below ${SENDER_PATIENCE_MS}: Okta and Entra give up after that, and never see the answer`;
  return [problem('INGEST_ANSWER_WITHIN_MS', text, 2_500)];
}

function drainRisks({ DRAIN_TIMEOUT_MS: drainMs, REQUEST_TIMEOUT_MS: requestMs }: Partial<Values>): Problem[] {
  if (drainMs === undefined || requestMs === undefined || drainMs >= requestMs) return [];
  const text = `is below REQUEST_TIMEOUT_MS = ${requestMs}: an orderly stop may cut off requests, and the next owner waits LATE_APPLY_MS for what becomes of them`;
  return [problem('DRAIN_TIMEOUT_MS', text, requestMs + 10_000)];
}

function lateApplyRisks(values: Partial<Values>): Problem[] {
  const { LATE_APPLY_MS: lateMs, REQUEST_TIMEOUT_MS: requestMs } = values;
  if (typeof lateMs !== 'number' || requestMs === undefined || lateMs >= requestMs) return [];
  const text = `is below REQUEST_TIMEOUT_MS = ${requestMs}: a request counts as without effect while its answer may still come`;
  return [problem('LATE_APPLY_MS', text, 2 * requestMs)];
}

const problem = (variable: Name, text: string, example: number): Problem => ({
  variable,
  problem: text,
  example: String(example),
});
