// The walk of one request through the sandbox:
//   arrived → token, limit, permission → rules → [gate, latency] → foreign writer → handled → [gate, latency] → answered
// A client that hangs up does not stop its request from being applied, as with a real service; going down does.
import { credentialRefusal, limitHeaders } from './access.ts';
import {
  documentedShape,
  emptyAnswer,
  rateRefusal,
  renderRefusal,
  scimAnswer,
  type ErrorShape,
  type Refusal,
  type SandboxAnswer,
} from './answer.ts';
import { GARBAGE, faultAnswer, type Fate, type Fault, type Verdict } from './faults.ts';
import type { LiveEntry, PausePoint } from './journal.ts';
import { answered, refusedWith, type Handled, type PatchOperation, type SandboxRequest } from './request.ts';
import { handleGroup, handleUser, listGroups, listUsers } from './scim.ts';
import { pick } from './seed.ts';
import type { SandboxState } from './state.ts';

/** The connection of one request. */
export type Wire = Readonly<{
  send: (answer: SandboxAnswer) => void;
  /** Resets the connection. */
  cut: () => void;
  /** The sandbox went down or stopped since the request came in. */
  isDropped: () => boolean;
}>;

type Admission = Readonly<{ refusal: Refusal | null; headers: Readonly<Record<string, string>> }>;
type Exchange = Readonly<{
  state: SandboxState;
  request: SandboxRequest;
  entry: LiveEntry;
  wire: Wire;
  headers: Admission['headers'];
}>;

export async function exchange(arrived: Omit<Exchange, 'headers'>): Promise<void> {
  const { state, request, entry } = arrived;
  const { refusal, headers } = admit(state, request);
  const one = { ...arrived, headers };
  const { operations = [], dangerous = false } = request.patch ?? {};
  const verdict = refusal ? NO_FAULTS : judge(one, operations);
  const faulted = verdict.faults.map((fault) => fault.kind).join('+') || null;
  state.journal.arrived(entry, { operations, dangerous, faulted });
  if (await isDroppedWhileWaiting(one, verdict, 'before')) return;
  if (refusal) return answer(one, answerRefusal(state, refusal, entry.correlationId));
  if (endsUnapplied(one, verdict.fate)) return;
  writeForeign(one, verdict.faults);
  const result = apply(one);
  if (await isDroppedWhileWaiting(one, verdict, 'after')) return;
  answerApplied(one, verdict.fate, result);
}

const NO_FAULTS: Verdict = { fate: null, faults: [] };

function admit(state: SandboxState, request: SandboxRequest): Admission {
  if (request.route?.endpoint === 'token') return { refusal: null, headers: {} };
  const now = state.world.now();
  const token = state.tokens.check(request.authorization, now);
  if (token.kind === 'refused') return { refusal: credentialRefusal(token.code), headers: {} };
  const rateLimit = state.limits.countRequest(token.token, now);
  const headers = limitHeaders(rateLimit);
  if (rateLimit.refused) return { refusal: rateRefusal(rateLimit.resetSeconds), headers };
  const group = request.route?.endpoint === 'group' ? request.route.id : null;
  return { refusal: state.denials.find(group), headers };
}

function judge({ state, request, entry }: Exchange, operations: readonly PatchOperation[]): Verdict {
  const members = new Set(operations.flatMap((operation) => operation.members));
  const endpoint = request.route?.endpoint ?? 'none';
  return state.rules.judge({ method: request.method, endpoint, group: entry.group, members });
}

async function isDroppedWhileWaiting(
  { state, request, entry, wire }: Exchange,
  verdict: Verdict,
  at: PausePoint,
): Promise<boolean> {
  const gate = state.gates.pass(entry, at);
  if (gate) await gate;
  const usualMs = at === 'before' && request.route?.endpoint !== 'token' ? state.latencyMs() : 0;
  const latencyMs = verdict.faults.reduce((sum, fault) => sum + latencyAt(fault, at), usualMs);
  if (latencyMs > 0) await state.timers.sleep(latencyMs);
  return wire.isDropped();
}

function latencyAt(fault: Fault, at: PausePoint): number {
  return fault.kind === 'latency' && fault.at === at ? fault.latencyMs : 0;
}

/** The fates of a request that is not applied now. */
function endsUnapplied(one: Exchange, fate: Fate | null): boolean {
  switch (fate?.kind) {
    case 'status':
      if (fate.applied) return false;
      answerFault(one, fate);
      return true;
    case 'resetBeforeApply':
      one.wire.cut();
      return true;
    case 'hang':
      return true;
    case 'lateApply':
      one.state.timers.after(fate.afterMs, () => applyLate(one));
      if (fate.status !== undefined) answerFault(one, { status: fate.status });
      return true;
    default:
      return false;
  }
}

function writeForeign({ state, entry }: Exchange, faults: readonly Fault[]): void {
  for (const fault of faults) {
    const group = entry.group === null ? null : state.groups.find(entry.group);
    if (fault.kind !== 'foreignWriter' || !group) continue;
    const members = new Set(group.members);
    if (fault.toggle !== undefined && !members.delete(fault.toggle)) members.add(fault.toggle);
    state.groups.overwrite(group, members, state.world.now());
  }
}

function apply({ state, request, entry }: Exchange): Result {
  const result = handle(state, request, entry.correlationId);
  if (result.written) state.journal.applied(entry, result.written.version, state.world.now());
  return result;
}

function applyLate(one: Exchange): void {
  const { written } = apply(one);
  if (!written) one.state.journal.lapsed(one.entry);
}

function answerApplied(one: Exchange, fate: Fate | null, result: Result): void {
  switch (fate?.kind) {
    case 'resetAfterApply':
      return one.wire.cut();
    case 'garbage':
      return answer(one, GARBAGE);
    case 'status':
      return answerFault(one, fate);
    default:
      return answer(one, result.answer);
  }
}

function answerFault(one: Exchange, fault: Parameters<typeof faultAnswer>[0]): void {
  answer(one, faultAnswer(fault, one.entry.correlationId, one.state.world.now()));
}

function answer({ wire, headers, entry }: Exchange, plain: SandboxAnswer): void {
  const isPlatform = plain !== GARBAGE && plain.headers['content-type'] !== 'text/html';
  const extra = isPlatform ? { ...headers, 'inin-correlation-id': entry.correlationId } : {};
  wire.send({ ...emptyAnswer(plain.status), ...plain, headers: { ...extra, ...plain.headers } });
}

export type Result = Readonly<{ answer: SandboxAnswer; written: Readonly<{ version: number }> | null }>;

/** Handles the request now; the state changes before this returns, or not at all. */
export function handle(state: SandboxState, request: SandboxRequest, correlationId: string): Result {
  const handled = dispatch(state, request);
  if (handled.kind === 'answered') return handled;
  return { answer: answerRefusal(state, handled.refusal, correlationId), written: null };
}

export function answerRefusal(state: SandboxState, refusal: Refusal, correlationId: string): SandboxAnswer {
  return renderRefusal(refusal, shapeOf(state, refusal), correlationId);
}

function shapeOf(state: SandboxState, refusal: Refusal): ErrorShape {
  if (refusal.shape) return refusal.shape;
  switch (state.behaviour.errorShape) {
    case 'vendor':
      return documentedShape(refusal);
    case 'mixed':
      return pick(state.mix, ['scim', 'platform'] as const);
    case 'scim':
    case 'platform':
      return state.behaviour.errorShape;
  }
}

function dispatch(state: SandboxState, request: SandboxRequest): Handled {
  const { route } = request;
  if (request.tooLarge) {
    const detail = `The request is over the size limit. Maximum bytes: ${state.behaviour.maxBodyBytes}`;
    return refusedWith({ status: 413, detail });
  }
  switch (route?.endpoint) {
    case undefined:
      return refusedWith({ status: 404, detail: 'The requested resource was not found.' });
    case 'token':
      return issueToken(state, request);
    case 'groups':
      return listGroups(state, request);
    case 'group':
      return handleGroup(state, request, route?.id ?? '');
    case 'users':
      return listUsers(state, request);
    case 'user':
      return handleUser(state, request, route?.id ?? '');
    case 'config':
      return answered(scimAnswer(200, SERVICE_PROVIDER_CONFIG));
  }
}

function issueToken(state: SandboxState, request: SandboxRequest): Handled {
  if (request.method !== 'POST')
    return refusedWith({ status: 405, shape: 'platform', detail: 'Tokens are requested by POST.' });
  return answered(state.tokens.issue(request, state.world.now()));
}

// The vendor's values are not published; these are what this emulator does.
const SERVICE_PROVIDER_CONFIG = {
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
  patch: { supported: true },
  filter: { supported: true, maxResults: 25 },
  etag: { supported: true },
  sort: { supported: false },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
  changePassword: { supported: false },
  authenticationSchemes: [{ name: 'OAuth Bearer Token', description: 'Client credentials', type: 'oauthbearertoken' }],
  meta: { resourceType: 'ServiceProviderConfig' },
};
