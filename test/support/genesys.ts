/** The real adapter against a sandbox; both end with the test. */
import { afterEach, expect } from 'vitest';
import type { GenesysApi, GenesysOptions } from '../../src/adapters/genesys/group-api.ts';
import { createGroupApi } from '../../src/adapters/genesys/group-api.ts';
import { systemClock } from '../../src/adapters/system.ts';
import type { HttpAnswer } from '../../src/core/target/refusals.ts';
import type { PatchBody } from '../../src/core/target/snapshot.ts';
import type { Clock, GroupApi, Logger, Random } from '../../src/ports.ts';
import { startSandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import type { SandboxOptions } from '../../src/lab/sandbox/state.ts';

const endings: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

export function atEnd(end: () => Promise<void>): void {
  endings.push(end);
}

/** Group `g` with member `a` at version 42; everybody is a user. */
export async function aSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const seed = { groups: [{ id: 'g', members: ['a'], version: 42 }] };
  const sandbox = await startSandbox({ users: 'any', seed, limits: 'off', ...options });
  atEnd(() => sandbox.stop());
  return sandbox;
}

export interface Log extends Logger {
  readonly lines: readonly { readonly fields: object; readonly message: string }[];
}

export function aLog(): Log {
  const lines: { fields: object; message: string }[] = [];
  const write = (fields: object, message: string): void => void lines.push({ fields, message });
  return { lines, debug: write, info: write, warn: write, error: write };
}

interface Extra {
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Default: every wait with jitter is as short as it can be. */
  readonly random?: Pick<Random, 'next'>;
  readonly isShadow?: boolean;
}

export function anApi(sandbox: Sandbox, options: Partial<GenesysOptions> = {}, extra: Extra = {}): GenesysApi {
  const { url, clientId, clientSecret } = sandbox;
  const usual = { apiUrl: url, loginUrl: url, clientId, clientSecret, requestTimeoutMs: 10_000 };
  const api = createGroupApi(
    { ...usual, concurrency: 5, rateLimitPerMinute: null, ...options },
    {
      clock: extra.clock ?? systemClock,
      logger: extra.logger ?? aLog(),
      random: extra.random ?? { next: () => 0 },
      isShadow: extra.isShadow ?? false,
    },
  );
  atEnd(() => api.close());
  return api;
}

const always = (): boolean => true;

/** As the pipeline calls it: with a permit. */
export async function get(api: GroupApi, group = 'g', ifNoneMatch: string | null = null): Promise<HttpAnswer> {
  await api.gate.take();
  return api.getGroup({ group, ifNoneMatch, mayStart: always });
}

export async function patch(api: GroupApi, ifMatch = '"42"', body = adding('b')): Promise<HttpAnswer> {
  await api.gate.take();
  return api.patchGroup({ group: 'g', ifMatch, body, mayStart: always });
}

export function adding(...members: readonly string[]): PatchBody {
  const value = members.map((member) => ({ value: member, $ref: `/api/v2/scim/v2/users/${member}` }));
  const schema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
  return { schemas: [schema], Operations: [{ op: 'add', path: 'members', value }] };
}

/** The answer, which must be of this kind. */
export function as<Kind extends HttpAnswer['kind']>(
  kind: Kind,
  answer: HttpAnswer | null,
): Extract<HttpAnswer, { kind: Kind }> {
  expect(answer).toMatchObject({ kind });
  return answer as Extract<HttpAnswer, { kind: Kind }>;
}
