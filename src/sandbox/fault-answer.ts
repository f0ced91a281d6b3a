// The answers of faults: an error in any of the shapes a client may meet, and a success that cannot be read.
import { emptyAnswer, jsonAnswer, SCIM_TYPE, type Answer } from './answer.ts';
import type { Fault } from './faults.ts';
import { renderRefusal, type Refusal } from './scim-error.ts';

type StatusFault = Extract<Fault, { kind: 'status' }>;
type Failure = Readonly<Partial<StatusFault> & { status: number }>;

/** JSON that breaks off, as when a proxy cuts a body. */
export const GARBAGE: Answer = {
  status: 200,
  headers: { 'content-type': SCIM_TYPE },
  body: '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Gr',
};

export function faultAnswer(fault: Failure, correlationId: string, now: number): Answer {
  const headers = retryAfter(fault, now);
  const { status, code, scimType, detail = `Injected fault ${status}` } = fault;
  const refusal: Refusal = { status, code, scimType, detail, headers };
  switch (fault.body ?? 'platform') {
    case 'html': {
      // The vendor's edge (CloudFront) answers in HTML when what is behind it does not.
      const body = `<html><head><title>${status}</title></head><body><h1>ERROR: ${status}</h1></body></html>`;
      return { status, headers: { 'content-type': 'text/html', ...headers }, body };
    }
    case 'empty':
      return emptyAnswer(status, headers);
    case 'oauth':
      return jsonAnswer(status, { error: code ?? 'invalid_client', description: detail }, headers);
    case 'scim':
      return renderRefusal(refusal, 'scim', correlationId);
    case 'platform':
      return renderRefusal(refusal, 'platform', correlationId);
  }
}

function retryAfter(fault: Failure, now: number): Readonly<Record<string, string>> {
  if (fault.retryAfterSeconds === undefined) return {};
  if (fault.retryAfterForm !== 'date') return { 'retry-after': String(fault.retryAfterSeconds) };
  // An HTTP date has whole seconds: rounded up, so that it is never earlier than asked.
  const at = Math.ceil(now / 1000) * 1000 + fault.retryAfterSeconds * 1000;
  return { 'retry-after': new Date(at).toUTCString() };
}
