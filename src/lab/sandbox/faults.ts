// Which requests go wrong, and how. Every rule that matches a request fires; of the faults that decide the answer the
// first rule's wins. Rules see only requests that passed token, limit and permission, in the order of their arrival, and
// draw from a seeded stream: the same requests in the same order meet the same faults.
import { z } from 'zod';
import {
  SCIM_TYPE,
  SCIM_TYPES,
  emptyAnswer,
  jsonAnswer,
  renderRefusal,
  type Refusal,
  type SandboxAnswer,
} from './answer.ts';
import type { Random } from './seed.ts';

const statusFault = z.strictObject({
  kind: z.literal('status'),
  status: z.int().min(400).max(599),
  body: z.enum(['platform', 'scim', 'html', 'empty', 'oauth']).default('platform'),
  code: z.string().optional(),
  scimType: z.enum(SCIM_TYPES).optional(),
  detail: z.string().optional(),
  retryAfterSeconds: z.int().min(0).optional(),
  /** Retry-After as whole seconds or as an HTTP date. */
  retryAfterForm: z.enum(['seconds', 'date']).default('seconds'),
  /** The request is applied all the same; its answer says otherwise. */
  applied: z.boolean().default(false),
});

const faultSchema = z.discriminatedUnion('kind', [
  statusFault,
  /** Waits before (by default) or after the request is applied. */
  z.strictObject({
    kind: z.literal('latency'),
    latencyMs: z.int().min(0),
    at: z.enum(['before', 'after']).default('before'),
  }),
  z.strictObject({ kind: z.literal('resetBeforeApply') }),
  /** Applied, and the answer is lost. */
  z.strictObject({ kind: z.literal('resetAfterApply') }),
  /** Neither answered nor applied. */
  z.strictObject({ kind: z.literal('hang') }),
  /** Applied `afterMs` later if its If-Match holds then; answered with `status` at once, or by nothing. */
  z.strictObject({
    kind: z.literal('lateApply'),
    afterMs: z.int().min(0),
    status: z.int().min(500).max(599).optional(),
  }),
  /** Applied, then 200 with a body that does not parse. */
  z.strictObject({ kind: z.literal('garbage') }),
  /** Another client writes to the group just before: toggles the member, or only moves the version. */
  z.strictObject({ kind: z.literal('foreignWriter'), toggle: z.string().min(1).optional() }),
]);

const matchSchema = z.strictObject({
  method: z.string().toUpperCase().optional(),
  /** By default every endpoint but the token one. */
  endpoint: z.enum(['token', 'group', 'groups', 'user', 'users', 'config']).optional(),
  group: z.string().optional(),
  /** Only requests that name this member in an operation. */
  member: z.string().optional(),
  /** Of the requests that match the above: the nth (from 1), every kth, each with this probability. */
  nth: z.int().min(1).optional(),
  every: z.int().min(1).optional(),
  probability: z.number().min(0).max(1).optional(),
  /** Fires so often at most. */
  times: z.int().min(1).optional(),
});

export const ruleSchema = z.strictObject({ match: matchSchema.default({}), fault: faultSchema });

export type FaultRule = Readonly<z.input<typeof ruleSchema>>;
export type Fault = Readonly<z.output<typeof faultSchema>>;
type Match = Readonly<z.output<typeof matchSchema>>;

/** The faults that decide a request's fate; latency and a foreign writer come on top. */
export type Fate = Exclude<Fault, { kind: 'latency' | 'foreignWriter' }>;

export type Meeting = Readonly<{
  method: string;
  endpoint: string;
  group: string | null;
  members: ReadonlySet<string>;
}>;

export type Verdict = Readonly<{ fate: Fate | null; faults: readonly Fault[] }>;

/** How often a rule was considered (its plain conditions held) and how often it fired. */
export type RuleCount = Readonly<{ id: string; considered: number; fired: number }>;

type LiveRule = { id: string; match: Match; fault: Fault; considered: number; fired: number };

export class FaultRules {
  readonly #random: Random;
  #rules: LiveRule[] = [];
  #added = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Returns the rule's id. Throws a ZodError if the rule makes no sense. */
  add(rule: FaultRule): string {
    const { match, fault } = ruleSchema.parse(rule);
    this.#added += 1;
    const id = `rule-${this.#added}`;
    this.#rules.push({ id, match, fault, considered: 0, fired: 0 });
    return id;
  }

  remove(id: string): void {
    this.#rules = this.#rules.filter((rule) => rule.id !== id);
  }

  clear(): void {
    this.#rules = [];
  }

  counts(): readonly RuleCount[] {
    return this.#rules.map(({ id, considered, fired }) => ({ id, considered, fired }));
  }

  judge(request: Meeting): Verdict {
    let fate: Fate | null = null;
    const faults: Fault[] = [];
    for (const rule of this.#rules) {
      if (!concerns(rule.match, request) || !this.#isDue(rule)) continue;
      const { fault } = rule;
      const itsFate = fault.kind === 'latency' || fault.kind === 'foreignWriter' ? null : fault;
      if (itsFate !== null && fate !== null) continue;
      rule.fired += 1;
      faults.push(fault);
      fate ??= itsFate;
    }
    return { fate, faults };
  }

  #isDue(rule: LiveRule): boolean {
    rule.considered += 1;
    const { nth, every, probability, times } = rule.match;
    // Drawn whether or not the rest holds, so that one rule's conditions do not shift another rule's luck.
    const lucky = probability === undefined || this.#random() < probability;
    if (nth !== undefined && rule.considered !== nth) return false;
    if (every !== undefined && rule.considered % every !== 0) return false;
    return lucky && (times === undefined || rule.fired < times);
  }
}

function concerns(match: Match, request: Meeting): boolean {
  if (match.endpoint === undefined ? request.endpoint === 'token' : match.endpoint !== request.endpoint) return false;
  if (match.method !== undefined && match.method !== request.method) return false;
  if (match.group !== undefined && match.group !== request.group) return false;
  return match.member === undefined || request.members.has(match.member);
}

// The answers of faults: an error in any of the shapes a client may meet, and a success that cannot be read.

type StatusFault = Extract<Fault, { kind: 'status' }>;
type Failure = Readonly<Partial<StatusFault> & { status: number }>;

/** JSON that breaks off, as when a proxy cuts a body. */
export const GARBAGE: SandboxAnswer = {
  status: 200,
  headers: { 'content-type': SCIM_TYPE },
  body: '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Gr',
};

export function faultAnswer(fault: Failure, correlationId: string, now: number): SandboxAnswer {
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
