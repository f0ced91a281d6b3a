// A bare client of the sandbox, over real HTTP, for tests of the sandbox itself.
import type { Sandbox } from '../../src/lab/sandbox/sandbox.ts';

export type Reply = Readonly<{ status: number; headers: Headers; text: string; json: Record<string, unknown> }>;
export type Sent = Readonly<{
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal;
}>;

const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

export function adding(...members: readonly string[]): unknown {
  return { op: 'add', path: 'members', value: members.map((value) => ({ value })) };
}

export function removing(member: string): unknown {
  return { op: 'remove', path: `members[value eq ${JSON.stringify(member)}]` };
}

export class SandboxClient {
  readonly #sandbox: Sandbox;
  #token: string;

  private constructor(sandbox: Sandbox, token: string) {
    this.#sandbox = sandbox;
    this.#token = token;
  }

  static async login(sandbox: Sandbox): Promise<SandboxClient> {
    const reply = await requestToken(sandbox);
    return new SandboxClient(sandbox, String(reply.json['access_token']));
  }

  async send(path: string, sent: Sent = {}): Promise<Reply> {
    const headers = {
      authorization: `Bearer ${this.#token}`,
      'content-type': 'application/scim+json',
      ...sent.headers,
    };
    return sendTo(`${this.#sandbox.url}${path}`, { ...sent, headers });
  }

  get(group: string, headers: Record<string, string> = {}): Promise<Reply> {
    return this.send(groupPath(group), { headers });
  }

  patch(group: string, operations: readonly unknown[], sent: Sent = {}): Promise<Reply> {
    const body = { schemas: [PATCH_SCHEMA], Operations: operations };
    return this.send(groupPath(group), { ...sent, method: 'PATCH', body });
  }
}

export async function requestToken(sandbox: Sandbox, change: { secret?: string; body?: string } = {}): Promise<Reply> {
  const { secret = sandbox.clientSecret, body = 'grant_type=client_credentials' } = change;
  const authorization = `Basic ${Buffer.from(`${sandbox.clientId}:${secret}`).toString('base64')}`;
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
  return sendTo(`${sandbox.url}/oauth/token`, { method: 'POST', headers, body });
}

export async function control(sandbox: Sandbox, line: string, body?: unknown): Promise<Reply> {
  const [method = 'GET', path = ''] = line.split(' ');
  return sendTo(`${sandbox.url}${path}`, { method, headers: { 'content-type': 'application/json' }, body });
}

async function sendTo(url: string, sent: Sent): Promise<Reply> {
  const body = sent.body === undefined || typeof sent.body === 'string' ? sent.body : JSON.stringify(sent.body);
  const response = await fetch(url, {
    method: sent.method ?? 'GET',
    ...(sent.headers && { headers: sent.headers }),
    ...(body !== undefined && { body }),
    ...(sent.signal && { signal: sent.signal }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parse(text) };
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function groupPath(group: string): string {
  return `/api/v2/scim/v2/groups/${encodeURIComponent(group)}`;
}
