// The HTTP server: requests read in full, answers written, connections cut. Decides nothing about SCIM.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { SandboxAnswer } from './answer.ts';
import { handleControl, isControlPath, type Controls } from './control.ts';
import { exchange, type Wire } from './exchange.ts';
import type { LiveEntry } from './journal.ts';
import { readPatch, readPut, routeOf, type ReadPatch, type SandboxRequest } from './request.ts';
import type { SandboxState } from './state.ts';

/** `reset`: connections are accepted and reset. `refused`: the port is closed. */
export type DownMode = 'reset' | 'refused';

// Longer than any client keeps an idle connection, so that it is never the sandbox that closes one under a request.
const KEEP_ALIVE_MS = 120_000;

export class SandboxServer {
  readonly #state: SandboxState;
  readonly #controls: Controls;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #controlSockets = new WeakSet<Socket>();
  #down: DownMode | null = null;
  /** Counts how often all connections were dropped. */
  #drops = 0;
  #address: AddressInfo | null = null;

  constructor(state: SandboxState, controls: Controls) {
    this.#state = state;
    this.#controls = controls;
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (incoming, response) =>
      this.#receive(incoming, response),
    );
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(host: string, port: number): Promise<AddressInfo> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the sandbox listens on no TCP port');
    this.#address = address;
    return address;
  }

  async goDown(mode: DownMode): Promise<void> {
    this.#down = mode;
    this.#drop();
    if (mode === 'refused') await this.#closeListener();
  }

  async goUp(): Promise<void> {
    const wasRefused = this.#down === 'refused';
    this.#down = null;
    if (wasRefused && this.#address) await this.listen(this.#address.address, this.#address.port);
  }

  async stop(): Promise<void> {
    this.#drop();
    for (const socket of this.#sockets) socket.destroy();
    await this.#closeListener();
  }

  #drop(): void {
    this.#drops += 1;
    for (const socket of this.#sockets) if (!this.#controlSockets.has(socket)) socket.resetAndDestroy();
  }

  async #closeListener(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #receive(incoming: IncomingMessage, response: ServerResponse): void {
    const [path = '/', query = ''] = splitOnce(incoming.url ?? '/');
    if (isControlPath(path)) {
      this.#controlSockets.add(incoming.socket);
      readBody(incoming, CONTROL_BODY_MAX, (body) => {
        void handleControl(this.#controls, {
          method: incoming.method ?? 'GET',
          path,
          contentType: contentTypeOf(incoming),
          body: body ?? '',
        }).then((answer) => write(response, answer));
      });
      return;
    }
    if (this.#down !== null) {
      incoming.socket.resetAndDestroy();
      return;
    }
    this.#begin({ incoming, response, path, query: new URLSearchParams(query) });
  }

  #begin(one: { incoming: IncomingMessage; response: ServerResponse; path: string; query: URLSearchParams }): void {
    const { incoming, response, path, query } = one;
    const { journal, world, behaviour } = this.#state;
    const route = routeOf(path);
    const { method = 'GET', headers } = incoming;
    const head = { method, ifMatch: headers['if-match'] ?? null, ifNoneMatch: headers['if-none-match'] ?? null };
    const entry = journal.open({
      ...head,
      at: world.now(),
      path,
      endpoint: route?.endpoint ?? null,
      group: route?.endpoint === 'group' ? route.id : null,
      filter: query.get('filter'),
      token: this.#state.tokens.numberOf(headers.authorization),
      correlationId: world.newId(),
    });
    const wire = this.#wire(response, entry);
    response.once('close', () => journal.ended(entry, null));
    readBody(incoming, behaviour.maxBodyBytes, (body) => {
      const patch = route?.endpoint === 'group' && body !== null ? readWrite(method, body) : null;
      const request: SandboxRequest = {
        ...head,
        route,
        query,
        authorization: headers.authorization ?? null,
        contentType: contentTypeOf(incoming),
        body: body ?? '',
        tooLarge: body === null,
        patch,
      };
      void exchange({ state: this.#state, request, entry, wire });
    });
  }

  #wire(response: ServerResponse, entry: LiveEntry): Wire {
    const drops = this.#drops;
    return {
      send: (answer) => {
        if (response.destroyed) return;
        this.#state.journal.ended(entry, answer.status);
        write(response, answer);
      },
      cut: () => {
        response.socket?.resetAndDestroy();
      },
      isDropped: () => this.#drops !== drops,
    };
  }
}

const CONTROL_BODY_MAX = 10_000_000;

/** Calls back once with the whole body, or null if it was larger; never if the client breaks off. */
function readBody(incoming: IncomingMessage, bytesMax: number, done: (body: string | null) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  incoming.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= bytesMax) chunks.push(chunk);
  });
  incoming.once('end', () => done(bytes > bytesMax ? null : Buffer.concat(chunks).toString('utf8')));
}

function readWrite(method: string, body: string): ReadPatch | null {
  if (method !== 'PATCH' && method !== 'PUT') return null;
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  return method === 'PATCH' ? readPatch(value) : readPut(value);
}

function write(response: ServerResponse, answer: SandboxAnswer): void {
  const hasBody = answer.status !== 204 && answer.status !== 304;
  const length = hasBody ? { 'content-length': String(Buffer.byteLength(answer.body)) } : {};
  response.writeHead(answer.status, { ...answer.headers, ...length });
  response.end(hasBody ? answer.body : undefined);
}

function contentTypeOf(incoming: IncomingMessage): string {
  return (incoming.headers['content-type'] ?? '').toLowerCase();
}

function splitOnce(url: string): readonly string[] {
  const at = url.indexOf('?');
  return at < 0 ? [url] : [url.slice(0, at), url.slice(at + 1)];
}

// How to point Rollcall at a sandbox.

type SandboxAccess = Readonly<{ url: string; clientId: string; clientSecret: string }>;

/** Lines of an environment file. */
export const printEnvironment = (sandbox: SandboxAccess): string =>
  Object.entries(environmentOf(sandbox))
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

export function environmentOf({ url, clientId, clientSecret }: SandboxAccess): Record<string, string> {
  // Rollcall refuses plain http beyond this machine unless configured otherwise.
  const isInsecure = url.startsWith('http:') && !isLoopback(new URL(url).hostname);
  return {
    GENESYS_API_URL: url,
    GENESYS_LOGIN_URL: url,
    GENESYS_CLIENT_ID: clientId,
    GENESYS_CLIENT_SECRET: clientSecret,
    ...(isInsecure && { ALLOW_INSECURE: 'true' }),
  };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
