/**
 * Room admin: the admin server of every service: health, readiness, metrics, status, what it has of a group.
 * Not here: counting; services provide plain statistics.
 *
 * `/healthz` and `/readyz` are for probes, and open; `/metrics`, `/status` and `/explain` (what the instance has of a group) are
 * behind the token. It reads, and changes nothing. Of the open pages the Host header is not checked: what a page of another site could read by DNS
 * rebinding is whether the service works, and proxies and port forwards have names of their own.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isStoredId } from '../core/change/change.ts';
import type { InstanceAnswer } from '../core/explain/instance-answer.ts';
import type { InstanceStatus, PipelineStatus, StatusAsked } from '../core/status/instance-status.ts';
import type { KnownSecrets } from '../core/text/redact.ts';
import { jsonText } from '../core/text/visible.ts';
import { createServer, urlOf } from '../http/server.ts';
import type { Clock, Logger } from '../ports.ts';
import { packageVersion } from '../version.ts';
import type { PipelineStats } from '../pipeline/stats.ts';
import { Sparing, isHealth, readyPage, type ServiceStats } from './readiness.ts';

export interface AdminOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Required by all but the probes; null: not required. */
  readonly token: string | null;
}

export interface AdminSources {
  readonly stats: () => ServiceStats;
  /** What it has of a group; null: there is no pipeline yet. Absent: a service without one. */
  readonly explain?: (group: string, member: string | null) => InstanceAnswer | null;
  /** What is behind; null: there is no pipeline yet. Absent: a service without one. */
  readonly status?: (asked: StatusAsked, stats: PipelineStats) => PipelineStatus | null;
  readonly clock: Pick<Clock, 'now'>;
  readonly logger: Pick<Logger, 'error'>;
  /** Redacted in `/readyz` and `/status`, which contain errors of brokers and target. */
  readonly secrets: Pick<KnownSecrets, 'redact'>;
}

export interface AdminServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Scrapes and probes are few and small; a client that is slow, large or many keeps no other waiting for long. */
const limits = { requestTimeoutMs: 5_000, headBytesMax: 8 * 1024, connectionsMax: 100, keepAliveMs: 5_000 };

/** Rejects if it cannot listen on the address (`EADDRINUSE`, `EACCES`, …). */
export async function startAdmin(options: AdminOptions, sources: AdminSources): Promise<AdminServer> {
  const pages = new Pages(options, sources);
  const { server } = createServer(limits, null, (request, response) => {
    // A body is never read: a client that sends one is answered and cut off.
    if (hasBody(request)) response.setHeader('connection', 'close');
    void pages.answer(request).then((answer) => write(response, answer));
  });
  server.listen(options.port, options.host);
  await once(server, 'listening');
  return {
    url: urlOf(server, 'http'),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';

interface AdminAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const LOCAL_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/** Behind the token. */
const GUARDED: ReadonlySet<string> = new Set(['/metrics', '/status', '/explain']);

class Pages {
  readonly #options: AdminOptions;
  readonly #sources: AdminSources;
  /** Anybody may ask for it, and the statistics of hundreds of thousands of changes take their time. */
  readonly #ready: Sparing<AdminAnswer>;
  readonly #briefStatus: Sparing<AdminAnswer>;
  readonly #wholeStatus: Sparing<AdminAnswer>;

  constructor(options: AdminOptions, sources: AdminSources) {
    this.#options = options;
    this.#sources = sources;
    this.#ready = new Sparing(sources.clock, () => this.#readyAnswer());
    this.#briefStatus = new Sparing(sources.clock, () => this.#status(false));
    this.#wholeStatus = new Sparing(sources.clock, () => this.#status(true));
  }

  async answer(request: IncomingMessage): Promise<AdminAnswer> {
    try {
      return await this.#page(request);
    } catch (error) {
      this.#sources.logger.error({ error }, 'the admin server could not answer');
      return json(500, { error: 'internal error' });
    }
  }

  async #page({ method, url = '/', headers }: IncomingMessage): Promise<AdminAnswer> {
    const path = url.replace(/\?.*$/s, '');
    const { token } = this.#options;
    if (GUARDED.has(path) && !isAllowed(token, headers.authorization))
      return json(401, { error: 'a token is needed' }, { 'www-authenticate': 'Bearer' });
    if (method !== 'GET') return json(405, { error: 'GET only' }, { allow: 'GET' });
    switch (path) {
      case '/healthz':
        return json(200, { healthy: true });
      case '/readyz':
        return this.#ready.value();
      case '/metrics':
        return this.#metrics();
      case '/explain':
        return this.#foreignPage(headers.host) ?? this.#explain(queryOf(url));
      case '/status':
        return (
          this.#foreignPage(headers.host) ??
          (queryOf(url).has('affected') ? this.#wholeStatus : this.#briefStatus).value()
        );
      default:
        return NO_SUCH_PAGE;
    }
  }

  #readyAnswer(): AdminAnswer {
    const state = readyPage(this.#sources.stats());
    return this.#redacted(json(state.ready ? 200 : 503, state));
  }

  /** Without a token the Host header is checked: a page of another site could read it by DNS rebinding. null: it may be read. */
  #foreignPage(host = ''): AdminAnswer | null {
    if (this.#options.token !== null || LOCAL_HOST.test(host)) return null;
    return json(403, { error: 'ask for it as localhost, or set ADMIN_TOKEN' });
  }

  #explain(query: URLSearchParams): AdminAnswer {
    const { explain } = this.#sources;
    const [group, member] = [query.get('group'), query.get('member')];
    if (explain === undefined) return NO_SUCH_PAGE;
    if (group === null || !isStoredId(group)) return json(400, { error: 'name a group: /explain?group=…' });
    if (member !== null && !isStoredId(member)) return json(400, { error: 'name a member, or leave `member` out' });
    const answer = explain(group, member);
    return answer === null ? NOT_STARTED : json(200, answer);
  }

  #status(withAffected: boolean): AdminAnswer {
    const { stats, status } = this.#sources;
    if (status === undefined) return NO_SUCH_PAGE;
    const known = stats();
    const found = known === null || isHealth(known) ? null : status({ withAffected }, known);
    if (found === null) return NOT_STARTED;
    const { ready, reasons } = readyPage(known);
    const whole: InstanceStatus = { version: packageVersion(), ready, reasons: [...reasons], ...found };
    return this.#redacted(json(200, whole));
  }

  #redacted(answer: AdminAnswer): AdminAnswer {
    return { ...answer, body: this.#sources.secrets.redact(answer.body) };
  }

  async #metrics(): Promise<AdminAnswer> {
    const { stats, clock } = this.#sources;
    // Loaded when it is asked for: prom-client would take its time at each start.
    const { metricsContentType, metricsText, processMetrics } = await import('./metrics.ts');
    const texts = await Promise.all([metricsText(stats(), clock.now().wall), processMetrics()]);
    return { status: 200, headers: { 'content-type': metricsContentType }, body: texts.join('') };
  }
}

/** Digests are compared, since timingSafeEqual requires equal lengths, and the length would tell something, too. */
const isAllowed = (token: string | null, authorization = ''): boolean =>
  token === null || timingSafeEqual(digest(`Bearer ${token}`), digest(authorization));

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const json = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): AdminAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: `${jsonText(body)}\n`,
});

const NO_SUCH_PAGE = json(404, { error: 'no such page' });
const NOT_STARTED = json(503, { error: 'the pipeline has not started yet' });

const queryOf = (url: string): URLSearchParams => new URLSearchParams(url.replace(/^[^?]*/, ''));

function write(response: ServerResponse, { status, headers, body }: AdminAnswer): void {
  response.writeHead(status, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers });
  response.end(body);
}
