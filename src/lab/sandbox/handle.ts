// One request handled to the end: the endpoint's own work, and refusals in the shape that is asked for.
import { scimAnswer, type SandboxAnswer } from './answer.ts';
import { answered, refusedWith, type Handled, type SandboxRequest } from './request.ts';
import { documentedShape, renderRefusal, type ErrorShape, type Refusal } from './scim-error.ts';
import { handleGroup, listGroups } from './scim-groups.ts';
import { handleUser, listUsers } from './scim-users.ts';
import { pick } from './seed.ts';
import type { SandboxState } from './state.ts';

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
