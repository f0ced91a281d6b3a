/**
 * Room ingest/webhook: providers that push: senders, their secrets, bodies.
 * Not here: limits of the server (http).
 *
 * The webhook server: one path for each kind of sender whose secret is configured, and `/healthz`. It answers 2xx only for
 * what Kafka has acknowledged; what is not acknowledged in time is answered 503, so that the sender repeats it.
 */
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { within } from '../../time.ts';
import type { Connections } from '../../http/server.ts';
import { createServer, urlOf } from '../../http/server.ts';
import type { Clock, Logger } from '../../ports.ts';
import { json, type WebhookAnswer, unauthorized, unavailable } from './kind.ts';
import { Room, bytesOf, readBody, type Body } from './body.ts';
import type { Intake, Intaken, Sender, WebhookWarnings } from './intake.ts';
import type { Head } from './kind.ts';

export interface WebhookSources {
  readonly senders: readonly Sender[];
  readonly intake: Pick<Intake, 'take'>;
  readonly warnings: WebhookWarnings;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error'>;
}

export interface WebhookOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** null: plain http. */
  readonly tls: { readonly certPem: string; readonly keyPem: string } | null;
  readonly bodyBytesMax: number;
  /** From the first byte of a request to its answer. */
  readonly answerWithinMs: number;
  /** Requests under way, and requests whose records wait for Kafka. */
  readonly waitingMax: number;
}

const REQUEST_TIMEOUT_MS = 10_000;
const limits = {
  requestTimeoutMs: REQUEST_TIMEOUT_MS,
  headBytesMax: 16 * 1024,
  connectionsMax: 1_000,
  /** Longer than load balancers keep idle connections (60 s), or they would use one that is just being closed. */
  keepAliveMs: 65_000,
};

/** Of all bodies that are being read or handled, from senders that have shown in the head that they know the secret. */
const bodiesBytesMax = 48 * 1024 * 1024;
/** … from senders that show it in the body, which is read before it is known whose it is. */
const unprovenBodiesBytesMax = 16 * 1024 * 1024;
/** Graph and Keycloak send some KB. */
const unprovenBodyBytesMax = 256 * 1024;

/** Rejects where the address cannot be listened on, or the certificate cannot be used. */
export async function startWebhook(options: WebhookOptions, sources: WebhookSources): Promise<WebhookServer> {
  const server = new WebhookServer(options, sources);
  await server.listen();
  return server;
}

export class WebhookServer {
  readonly #options: WebhookOptions;
  readonly #sources: WebhookSources;
  readonly #server: Server;
  readonly #senders: ReadonlyMap<string, Sender>;
  readonly #rooms = { head: new Room(bodiesBytesMax), body: new Room(unprovenBodiesBytesMax) };
  readonly #connections: Connections;
  /** Requests that have not been answered. */
  #underWay = 0;
  /** … and whose senders know the secret. */
  #waiting = 0;
  #drained: Promise<void> | null = null;
  #atRest = (): void => undefined;

  constructor(options: WebhookOptions, sources: WebhookSources) {
    this.#options = options;
    this.#sources = sources;
    this.#senders = new Map(sources.senders.map((sender) => [`/${sender.kind.name}`, sender]));
    const handle = (request: IncomingMessage, response: ServerResponse): void => void this.#handle(request, response);
    const { server, connections } = createServer(limits, options.tls, handle);
    this.#server = server;
    this.#connections = connections;
  }

  get url(): string {
    return urlOf(this.#server, this.#options.tls === null ? 'http' : 'https');
  }

  async listen(): Promise<void> {
    this.#server.listen(this.#options.port, this.#options.host);
    await once(this.#server, 'listening');
  }

  /** For new connections. @throws where certificate and key cannot be used */
  replaceCertificate({ certPem, keyPem }: NonNullable<WebhookOptions['tls']>): void {
    if (this.#server instanceof HttpsServer)
      this.#server.setSecureContext({ cert: certPem, key: keyPem, minVersion: 'TLSv1.2' });
  }

  /** No new connections; what is under way is answered, which its time limit bounds. */
  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async #drain(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#atRest = resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#underWay += 1;
    response.once('close', () => {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#atRest();
    });
    try {
      const answer = await this.#answer(request);
      if (answer !== 'broken_off') this.#write(request, response, answer);
    } catch (error) {
      this.#sources.logger.error({ error }, 'the webhook server could not answer');
      this.#write(request, response, unavailable('nothing was acknowledged'));
    }
  }

  async #answer(request: IncomingMessage): Promise<WebhookAnswer | 'broken_off'> {
    const arrivedAt = this.#sources.clock.now().monotonic;
    const { url = '/', method = '' } = request;
    const [path = '', query = ''] = url.split(/\?(.*)/s, 2);
    if (path === '/healthz') return method === 'GET' ? json(200, { healthy: true }) : notAllowed(['GET']);
    const sender = this.#senders.get(path);
    if (sender === undefined) return json(404, { error: 'no such page' });
    const known = sender.kind.methods.find((other) => other === method);
    if (known === undefined) return notAllowed(sender.kind.methods);
    const head: Head = { method: known, query: new URLSearchParams(query), headers: request.headers };
    const handshake = sender.kind.handshake(head);
    if (handshake !== null) return handshake;
    if (!sender.kind.authorize(head)) return this.#refuse(sender, unauthorized(sender.kind.challenge));
    const answer = await this.#takeIn(sender, { request, head, arrivedAt });
    return answer === 'broken_off' || answer.status < 300 ? answer : this.#refuse(sender, answer);
  }

  #refuse({ kind }: Sender, answer: WebhookAnswer): WebhookAnswer {
    this.#sources.warnings.refusals.count(`${kind.name} ${answer.status}`);
    return answer;
  }

  async #takeIn(sender: Sender, visit: Visit): Promise<WebhookAnswer | 'broken_off'> {
    const encoding = visit.head.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') return json(415, { error: 'send the body as it is, without content-encoding' });
    // Whether there is room among those that wait, only those who know the secret decide.
    if (sender.kind.proof === 'head') return this.#asWaiting(visit, () => this.#readAndTake(sender, visit));
    return this.#readAndTake(sender, visit);
  }

  async #asWaiting(
    { request }: Visit,
    work: () => Promise<WebhookAnswer | 'broken_off'>,
  ): Promise<WebhookAnswer | 'broken_off'> {
    if (this.#drained !== null || this.#waiting >= this.#options.waitingMax) return unavailable('too much is waiting');
    this.#waiting += 1;
    const release = this.#connections.keep(request.socket);
    try {
      return await work();
    } finally {
      this.#waiting -= 1;
      release();
    }
  }

  async #readAndTake(sender: Sender, visit: Visit): Promise<WebhookAnswer | 'broken_off'> {
    const { kind } = sender;
    const { request, head, arrivedAt } = visit;
    const room = this.#rooms[kind.proof];
    const body = await readBody(request, { ...this.#limitsOf(kind), room, clock: this.#sources.clock });
    if (typeof body === 'string') return this.#unread(kind, body);
    try {
      if (kind.proof === 'head') return await this.#inTime(sender, { body, head, arrivedAt });
      if (!kind.isAuthentic(head, body)) return unauthorized(kind.challenge);
      return await this.#asWaiting(visit, () => this.#inTime(sender, { body, head, arrivedAt }));
    } finally {
      room.giveBack(bytesOf(body));
    }
  }

  /** What has not come by the deadline of the answer would not be answered in time either. */
  #limitsOf({ proof }: Sender['kind']): { readonly bytesMax: number; readonly withinMs: number } {
    const { bodyBytesMax, answerWithinMs } = this.#options;
    if (proof === 'head') return { bytesMax: bodyBytesMax, withinMs: REQUEST_TIMEOUT_MS };
    return {
      bytesMax: Math.min(bodyBytesMax, unprovenBodyBytesMax),
      withinMs: Math.min(answerWithinMs, REQUEST_TIMEOUT_MS),
    };
  }

  #unread(kind: Sender['kind'], problem: Exclude<Body, Buffer>): WebhookAnswer | 'broken_off' {
    switch (problem) {
      case 'broken_off':
        return problem;
      case 'too_large':
        return json(413, { error: `the body exceeds ${this.#limitsOf(kind).bytesMax} bytes` });
      case 'too_fragmented':
        return json(400, { error: 'the body comes in too many small chunks: send it with a Content-Length' });
      case 'too_slow':
        return json(408, { error: 'the body does not come to its end' });
      case 'no_room':
        return unavailable('too much is waiting');
    }
  }

  async #inTime({ kind, ...sender }: Sender, { body, head, arrivedAt }: Read): Promise<WebhookAnswer> {
    const { clock, intake } = this.#sources;
    const type = head.headers['content-type'];
    const headers = type === undefined ? [] : [['content-type', Buffer.from(type)] as const];
    const taken = intake.take({ kind, ...sender }, { key: null, value: body, headers });
    // There may be no caller left to see it fail.
    taken.catch(() => undefined);
    const leftMs = this.#options.answerWithinMs - (clock.now().monotonic - arrivedAt);
    const intaken = await within(clock, leftMs, taken);
    return intaken === 'timed_out' ? unavailable('Kafka has not acknowledged in time') : answerTo(kind, intaken);
  }

  #write(request: IncomingMessage, response: ServerResponse, { status, headers, body }: WebhookAnswer): void {
    // What was not read of a body would be taken for the next request.
    if (this.#drained !== null || !request.complete) response.setHeader('connection', 'close');
    response.writeHead(status, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', ...headers });
    response.end(body);
  }
}

interface Visit {
  readonly request: IncomingMessage;
  readonly head: Head;
  /** Monotonic. */
  readonly arrivedAt: number;
}

type Read = Omit<Visit, 'request'> & { readonly body: Buffer };

function answerTo(kind: Sender['kind'], intaken: Intaken): WebhookAnswer {
  switch (intaken.kind) {
    case 'written':
      return kind.accepted;
    case 'refused':
      return kind.refused(intaken.problem) ?? kind.accepted;
    case 'no_room':
      return unavailable('too much is waiting');
  }
}

const notAllowed = (methods: readonly string[]): WebhookAnswer =>
  json(405, { error: 'this method is not allowed' }, { allow: methods.join(', ') });
