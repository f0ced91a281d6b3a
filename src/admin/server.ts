/**
 * The admin server: `/healthz`, `/readyz`, `/metrics`. It reads, and changes nothing. The Host header is not judged: what
 * a page of another site could read by DNS rebinding are counts, and proxies and port forwards have names of their own.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KnownSecrets } from '../core/redact.ts';
import { jsonText } from '../core/visible.ts';
import type { PipelineStats } from '../pipeline/stats.ts';
import type { Clock, Logger } from '../ports.ts';
import { metricsContentType, metricsText } from './metrics.ts';
import { readiness } from './readiness.ts';

export interface AdminOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Demanded of every request; null: of none. */
  readonly token: string | null;
}

export interface AdminSources {
  /** null: the log has not been reached yet. */
  readonly stats: () => PipelineStats | null;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Pick<Logger, 'error'>;
  /** Redacted in the reasons of `/readyz`: errors of the brokers stand there. */
  readonly secrets: Pick<KnownSecrets, 'redact'>;
}

export interface AdminServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Scrapes and probes are few and small; whoever is slow, large or many keeps nobody else waiting for long. */
const limits = {
  /** The URL included; beyond it 431. */
  maxHeaderSize: 8 * 1024,
  /** From the connection on, or from the end of the request before it; beyond it 408. */
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  connectionsCheckingInterval: 500,
};
const connectionsMax = 100;

/** Rejects where the address cannot be listened on (`EADDRINUSE`, `EACCES`, …). */
export async function startAdmin(options: AdminOptions, sources: AdminSources): Promise<AdminServer> {
  const server = createServer(limits, (request, response) => {
    // A body is never read: whoever sends one is answered and cut off.
    if (hasBody(request)) response.setHeader('connection', 'close');
    void respond(options, sources, request).then((answer) => write(response, answer));
  });
  server.maxConnections = connectionsMax;
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function respond(options: AdminOptions, sources: AdminSources, request: IncomingMessage): Promise<Answer> {
  const { headers, method, url = '/' } = request;
  if (!isAllowed(options.token, headers.authorization)) {
    return json(401, { error: 'a token is needed' }, { 'www-authenticate': 'Bearer' });
  }
  if (method !== 'GET') return json(405, { error: 'GET only' }, { allow: 'GET' });
  try {
    return await page(url.replace(/\?.*$/s, ''), sources);
  } catch (error) {
    sources.log.error({ error }, 'the admin server could not answer');
    return json(500, { error: 'internal error' });
  }
}

async function page(path: string, { stats, clock, secrets }: AdminSources): Promise<Answer> {
  switch (path) {
    case '/healthz':
      return json(200, { healthy: true });
    case '/readyz': {
      const state = readiness(stats());
      const answer = json(state.ready ? 200 : 503, state);
      return { ...answer, body: secrets.redact(answer.body) };
    }
    case '/metrics': {
      const current = stats();
      const body = current === null ? '' : await metricsText(current, clock.now().wall);
      return { status: 200, headers: { 'content-type': metricsContentType }, body };
    }
    default:
      return json(404, { error: 'no such page' });
  }
}

/** Digests are compared, since timingSafeEqual wants equal lengths and the length tells something too. */
function isAllowed(token: string | null, authorization = ''): boolean {
  return token === null || timingSafeEqual(digest(`Bearer ${token}`), digest(authorization));
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const json = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: `${jsonText(body)}\n`,
});

function write(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers });
  response.end(body);
}
