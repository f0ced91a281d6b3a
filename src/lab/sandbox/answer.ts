// An answer before it is put on the wire, and refusals in their two shapes: the SCIM error (RFC 7644 section 3.12) and the
// platform's ErrorBody.

export type SandboxAnswer = Readonly<{
  status: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}>;

export const SCIM_TYPE = 'application/scim+json';
const JSON_TYPE = 'application/json';

type AnswerHeaders = Readonly<Record<string, string>>;

export const scimAnswer = (status: number, value: unknown, headers: AnswerHeaders = {}): SandboxAnswer =>
  answerOf(SCIM_TYPE, status, value, headers);

export const jsonAnswer = (status: number, value: unknown, headers: AnswerHeaders = {}): SandboxAnswer =>
  answerOf(JSON_TYPE, status, value, headers);

const answerOf = (type: string, status: number, value: unknown, headers: AnswerHeaders): SandboxAnswer => ({
  status,
  headers: { 'content-type': type, ...headers },
  body: JSON.stringify(value),
});

export const emptyAnswer = (status: number, headers: AnswerHeaders = {}): SandboxAnswer => ({
  status,
  headers,
  body: '',
});

/** The scimType values of the vendor's ScimError model. */
export const SCIM_TYPES = [
  'invalidFilter',
  'tooMany',
  'uniqueness',
  'mutability',
  'invalidSyntax',
  'invalidPath',
  'noTarget',
  'invalidValue',
  'invalidVers',
  'sensitive',
] as const;

export type ScimType = (typeof SCIM_TYPES)[number];

export type ErrorShape = 'scim' | 'platform';

export type Refusal = Readonly<{
  status: number;
  detail: string;
  /** Platform code; by default the usual one of the status. */
  code?: string | undefined;
  scimType?: ScimType | undefined;
  /** Where the vendor documents one shape only. */
  shape?: ErrorShape | undefined;
  headers?: Readonly<Record<string, string>>;
}>;

const SCIM_ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';

export function refuse(status: number, scimType: ScimType, detail: string): Refusal {
  return { status, scimType, detail };
}

export function renderRefusal(refusal: Refusal, shape: ErrorShape, contextId: string): SandboxAnswer {
  const { status, detail, scimType, headers } = refusal;
  if (shape === 'scim') {
    const type = scimType && { scimType };
    return scimAnswer(status, { schemas: [SCIM_ERROR_SCHEMA], status: String(status), ...type, detail }, headers);
  }
  const code = refusal.code ?? platformCode(status);
  const body = { message: detail, code, status, messageParams: {}, contextId, details: [], errors: [] };
  return jsonAnswer(status, body, headers);
}

/** The shape that the vendor's documents give to this refusal: SCIM where there is a scimType, else the platform's. */
export function documentedShape(refusal: Refusal): ErrorShape {
  return refusal.shape ?? (refusal.scimType ? 'scim' : 'platform');
}

export function rateRefusal(retryAfterSeconds: number): Refusal {
  return {
    status: 429,
    code: 'too.many.requests',
    detail: `Rate limit exceeded the maximum. Retry the request in [${retryAfterSeconds}] seconds`,
    headers: { 'retry-after': String(retryAfterSeconds) },
  };
}

function platformCode(status: number): string {
  return PLATFORM_CODES[status] ?? (status >= 500 ? 'internal.server.error' : 'bad.request');
}

const PLATFORM_CODES: Readonly<Record<number, string>> = {
  400: 'bad.request',
  401: 'bad.credentials',
  403: 'missing.permissions',
  404: 'not.found',
  405: 'method.not.allowed',
  408: 'request.timeout',
  409: 'general.conflict',
  412: 'precondition.failed',
  413: 'request.entity.too.large',
  415: 'unsupported.media.type',
  429: 'too.many.requests',
  500: 'internal.server.error',
  502: 'bad.gateway',
  503: 'service.unavailable',
  504: 'gateway.timeout',
};
