/** An identity provider in the process of the test: a real HTTP server, whose answers a test can hold against it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import { Condition } from '../condition.ts';

export interface Asked {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string;
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, unless it is a text. */
  readonly body?: unknown;
  /** The connection stays open after the body. */
  readonly isEndless?: true;
}

export interface IdpServer {
  readonly url: string;
  /** Everything that was asked, tokens too. */
  readonly asked: readonly Asked[];
  /** Resolves when so many requests have come in all. */
  reaches(count: number): Promise<void>;
  /** The next requests whose path begins like this are answered so, one after the other. */
  interrupt(path: string, ...replies: readonly Reply[]): void;
}

const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

export async function startIdp(answer: (asked: Asked, url: string) => Reply): Promise<IdpServer> {
  const asked: Asked[] = [];
  const condition = new Condition();
  const interruptions: { readonly path: string; readonly reply: Reply }[] = [];
  const server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const address = new URL(request.url ?? '/', 'http://idp');
      const { pathname: path, searchParams: query } = address;
      const question = { path, query, body, authorization: request.headers.authorization ?? '' };
      asked.push(question);
      condition.look();
      const index = interruptions.findIndex((interruption) => path.startsWith(interruption.path));
      const [interruption] = index < 0 ? [] : interruptions.splice(index, 1);
      write(response, interruption?.reply ?? answer(question, urlOf(server.address())));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endings.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: urlOf(server.address()),
    asked,
    reaches: (count) => condition.until(`${count} requests`, () => asked.length >= count),
    interrupt: (path, ...replies) => interruptions.push(...replies.map((reply) => ({ path, reply }))),
  };
}

const urlOf = (address: AddressInfo | string | null): string =>
  `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;

async function readAll(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function write(response: ServerResponse, { status, headers = {}, body, isEndless }: Reply): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? {});
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.write(text);
  if (isEndless === undefined) response.end();
}

export const found = (body: unknown, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status: 200,
  headers,
  body,
});
export const refused = (status: number, code = 'error', headers: Readonly<Record<string, string>> = {}): Reply => ({
  status,
  headers,
  body: { error: { code } },
});

/** Tokens for client credentials: each one is taken for a number of requests, and then is expired. */
export class Tokens {
  readonly issued: string[] = [];
  #uses = 0;
  readonly #usesMax: number;

  constructor(usesMax = Infinity) {
    this.#usesMax = usesMax;
  }

  issue(asked: Asked): Reply {
    const form = new URLSearchParams(asked.body);
    if (form.get('client_id') !== 'client' || form.get('client_secret') !== 'client-secret')
      return { status: 401, body: { error: 'invalid_client', error_description: asked.body } };
    this.#uses = 0;
    this.issued.push(`token-${this.issued.length}`);
    return found({ access_token: this.issued.at(-1), expires_in: 3600, token_type: 'Bearer' });
  }

  /** null: the request may pass. */
  refusal({ authorization }: Asked): Reply | null {
    this.#uses += 1;
    const isGood = authorization === `Bearer ${this.issued.at(-1)}` && this.#uses <= this.#usesMax;
    return isGood ? null : refused(401, 'InvalidAuthenticationToken');
  }
}
