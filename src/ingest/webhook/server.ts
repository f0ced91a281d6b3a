/**
 * The webhook server: one path for each kind of sender whose secret is configured, and `/healthz`. It answers 2xx only for
 * what Kafka has acknowledged; what is not acknowledged in time is answered 503, so that the sender repeats it.
 */
import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps, Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { within } from '../../adapters/time-limit.ts';
import type { Clock, Logger } from '../../ports.ts';
import { type Answer, json, unauthorized, unavailable } from './answer.ts';
import { readBody, Room } from './body.ts';
import type { Intake, Intaken, Sender } from './intake.ts';
import type { Head } from './kind.ts';
import type { WebhookNotices } from './notices.ts';
import type { WebhookConfig } from './options.ts';

export interface WebhookSources {
  readonly senders: readonly Sender[];
  readonly intake: Pick<Intake, 'take'>;
  readonly notices: WebhookNotices;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'error'>;
}

export type WebhookOptions = Pick<
  WebhookConfig,
  'host' | 'port' | 'tls' | 'bodyBytesMax' | 'answerWithinMs' | 'waitingMax'
>;

/** Whoever is slow, large or many keeps nobody else waiting for long. */
const limits = {
  /** The URL included; beyond it 431. */
  maxHeaderSize: 16 * 1024,
  /** From the connection on, or from the end of the request before it; beyond it 408. */
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 500,
  /** Longer than load balancers keep idle connections (60 s), or they would use one that is just being closed. */
  keepAliveTimeout: 65_000,
};
const connectionsMax = 1_000;
/** Of all bodies that are being read or handled. */
const bodiesBytesMax = 64 * 1024 * 1024;

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
  readonly #room = new Room(bodiesBytesMax);
  /** Requests that have not been answered. */
  #underWay = 0;
  #drained: Promise<void> | null = null;
  #atRest = (): void => undefined;

  constructor(options: WebhookOptions, sources: WebhookSources) {
    this.#options = options;
    this.#sources = sources;
    this.#senders = new Map(sources.senders.map((sender) => [`/${sender.kind.name}`, sender]));
    const handle = (request: IncomingMessage, response: ServerResponse): void => void this.#handle(request, response);
    const { tls } = options;
    this.#server =
      tls === null
        ? createHttp(limits, handle)
        : createHttps({ ...limits, cert: tls.certPem, key: tls.keyPem, minVersion: 'TLSv1.2' }, handle);
    this.#server.maxConnections = connectionsMax;
  }

  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    const scheme = this.#options.tls === null ? 'http' : 'https';
    return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
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
      this.#sources.log.error({ error }, 'the webhook server could not answer');
      this.#write(request, response, unavailable('nothing was acknowledged'));
    }
  }

  async #answer(request: IncomingMessage): Promise<Answer | 'broken_off'> {
    const arrivedAt = this.#sources.clock.now().monotonic;
    const { url = '/', method = '' } = request;
    const [path = '', query = ''] = url.split(/\?(.*)/s, 2);
    if (path === '/healthz') return method === 'GET' ? json(200, { healthy: true }) : notAllowed(['GET']);
    const sender = this.#senders.get(path);
    if (sender === undefined) return json(404, { error: 'no such page' });
    const known = sender.kind.methods.find((other) => other === method);
    if (known === undefined) return notAllowed(sender.kind.methods);
    const head: Head = { method: known, query: new URLSearchParams(query), headers: request.headers };
    const greeting = sender.kind.greet(head);
    if (greeting !== null) return greeting;
    if (!sender.kind.mayEnter(head)) return this.#refuse(sender, unauthorized(sender.kind.challenge));
    const answer = await this.#takeIn(sender, { request, head, arrivedAt });
    return answer === 'broken_off' || answer.status < 300 ? answer : this.#refuse(sender, answer);
  }

  #refuse({ kind }: Sender, answer: Answer): Answer {
    this.#sources.notices.refusals.count(`${kind.name} ${answer.status}`);
    return answer;
  }

  async #takeIn(sender: Sender, { request, head, arrivedAt }: Visit): Promise<Answer | 'broken_off'> {
    if (this.#drained !== null || this.#underWay > this.#options.waitingMax) return unavailable('too much is waiting');
    const encoding = head.headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity') return json(415, { error: 'send the body as it is, without content-encoding' });
    const body = await readBody(request, this.#options.bodyBytesMax, this.#room);
    switch (body) {
      case 'broken_off':
        return body;
      case 'too_large':
        return json(413, { error: `the body exceeds ${this.#options.bodyBytesMax} bytes` });
      case 'no_room':
        return unavailable('too much is waiting');
      default:
    }
    try {
      if (!sender.kind.isAuthentic(head, body)) return unauthorized(sender.kind.challenge);
      return await this.#inTime(sender, { body, head, arrivedAt });
    } finally {
      this.#room.giveBack(body.length);
    }
  }

  async #inTime({ kind, ...sender }: Sender, { body, head, arrivedAt }: Read): Promise<Answer> {
    const { clock, intake } = this.#sources;
    const type = head.headers['content-type'];
    const headers = type === undefined ? [] : [['content-type', Buffer.from(type)] as const];
    const taken = intake.take({ kind, ...sender }, { key: null, value: body, headers });
    // Nobody may be waiting for it any more when it fails.
    taken.catch(() => undefined);
    const leftMs = this.#options.answerWithinMs - (clock.now().monotonic - arrivedAt);
    const intaken = await within(clock, leftMs, taken);
    return intaken === 'timed_out' ? unavailable('Kafka has not acknowledged in time') : answerTo(kind, intaken);
  }

  #write(request: IncomingMessage, response: ServerResponse, { status, headers, body }: Answer): void {
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

function answerTo(kind: Sender['kind'], intaken: Intaken): Answer {
  switch (intaken.kind) {
    case 'written':
      return kind.accepted;
    case 'refused':
      return kind.refused(intaken.problem) ?? kind.accepted;
    case 'no_room':
      return unavailable('too much is waiting');
  }
}

const notAllowed = (methods: readonly string[]): Answer =>
  json(405, { error: 'this method is not allowed' }, { allow: methods.join(', ') });
