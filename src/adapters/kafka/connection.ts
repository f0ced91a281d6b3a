/**
 * One `Kafka` of kafkajs with our settings, whose sockets can be cut: what was given up must not go on living, and
 * kafkajs alone would reconnect. Each consumer has its own, since kafkajs keeps offsets and credentials in it. With what it
 * logs, and how it authenticates by OAUTHBEARER.
 */
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import kafkajs, {
  type AuthenticationProviderArgs,
  type ISocketFactory,
  type Kafka,
  type KafkaConfig,
  type LogEntry,
  type Mechanism,
  type SASLOptions,
} from 'kafkajs';
import { within } from '../../time.ts';
import { redactor } from '../../core/text/redact.ts';
import { logLasting } from '../lasting-lines.ts';
import type { KafkaConnectionOptions, KafkaHost, KafkaSasl } from './options.ts';
import { leaveOutLeaderless, patchKafkajs } from './patches.ts';
import { errorText } from '../../core/text/visible.ts';

export interface Connection {
  readonly kafka: Kafka;
  /** Lets a client of it take its leave in that time, then closes every socket and lets no new one be opened. */
  close(client: { disconnect(): Promise<void> }, limitMs: number): Promise<void>;
}

/** Passed to each client of ours: a consumer of kafkajs overrides the number of retries of `new Kafka()` (kafkajs.md 4.1, 4.2). */
export const retry = { retries: 5, initialRetryTime: 100, maxRetryTime: 1_000 };

/** @param outOfRange called with topic and partition when kafkajs resets an offset that does not exist any more (kafkajs.md 2.6). */
export function openConnection(
  options: KafkaConnectionOptions,
  host: KafkaHost,
  outOfRange: (topic: string, partition: number) => void = () => undefined,
): Connection {
  patchKafkajs();
  const sockets = new Sockets();
  const config: KafkaConfig = {
    brokers: [...options.brokers],
    clientId: options.clientId,
    connectionTimeout: 5_000,
    requestTimeout: 10_000,
    retry,
    socketFactory: (request) => sockets.open(request),
    logLevel: kafkajs.logLevel.WARN,
    logCreator: () => (entry) => writeLog(entry, host, outOfRange),
  };
  if (options.ssl !== null) config.ssl = options.ssl.caPem === null ? true : { ca: [options.ssl.caPem] };
  if (options.sasl !== null) config.sasl = freshSasl(options.sasl);
  const kafka = new kafkajs.Kafka(config);
  leaveOutLeaderless(kafka);
  const close = async (client: { disconnect(): Promise<void> }, limitMs: number): Promise<void> => {
    await within(
      host.clock,
      limitMs,
      client.disconnect().catch(() => undefined),
    );
    sockets.destroy();
  };
  return { kafka, close };
}

function freshSasl(sasl: KafkaSasl): SASLOptions | Mechanism {
  if (sasl.mechanism === 'oauthbearer') return oauthBearer(sasl.token);
  // kafkajs writes into the object; a used one would keep its old credentials (kafkajs.md 10.1). It reads them at each
  // authentication: they may have changed by then.
  const copy: SASLOptions = {
    mechanism: sasl.mechanism,
    get username() {
      return sasl.username;
    },
    get password() {
      return sasl.password;
    },
  };
  return copy;
}

class Sockets {
  readonly #open = new Set<Socket>();
  #destroyed = false;

  open({ host, port, ssl, onConnect }: Parameters<ISocketFactory>[0]): Socket {
    if (this.#destroyed) throw new Error(GIVEN_UP);
    const name = isIP(host) === 0 ? { servername: host } : {};
    // kafkajs passes `true` where no option of TLS was given.
    const socket = ssl
      ? connectTls({ host, port, ...name, ...ssl }, onConnect)
      : connectPlain({ host, port }, onConnect);
    socket.setKeepAlive(true, 60_000);
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket));
    return socket;
  }

  destroy(): void {
    this.#destroyed = true;
    for (const socket of this.#open) {
      // With an error where kafkajs still waits for answers: it rejects the requests in flight only then.
      socket.destroy(socket.writableEnded ? undefined : new Error(GIVEN_UP));
    }
  }
}

const GIVEN_UP = 'this connection was given up';

/** What we have done ourselves, and what the supervisor says of a consumer that has ended. */
const ownDoing = new RegExp(`^Crash: |${GIVEN_UP}`);

/** Only what cannot hold a secret or a record. */
const loggedFields = ['broker', 'topic', 'partition', 'groupId', 'memberId', 'error', 'correlationId', 'retryCount'];

function writeLog(
  { level, log }: LogEntry,
  host: KafkaHost,
  outOfRange: (topic: string, partition: number) => void,
): void {
  if (log.message.startsWith('Offset out of range')) outOfRange(String(log['topic']), Number(log['partition']));
  const fields: Record<string, unknown> = { detail: log.message };
  for (const name of loggedFields) {
    const value: unknown = log[name];
    if (value !== undefined) fields[name] = value instanceof Error ? value.message : value;
  }
  // Its errors come with every rebalance and are retried; the supervisor logs what retries could not solve.
  const isOurs = ownDoing.test(log.message);
  if (level !== kafkajs.logLevel.ERROR || isOurs) return host.logger.debug(fields, 'kafkajs reports');
  const cause = causeOf(Object.values(fields).join(' '));
  logLasting(host, { level: 'info', cause, fields, message: 'kafkajs reports a problem' });
}

/**
 * kafkajs says the same in many ways, once for each connection and try: where an address and an error of the system stand
 * in it, they are the cause.
 */
function causeOf(text: string): string {
  const [address] = /[\w.-]+:\d+/.exec(text) ?? [];
  const [code] = /\b(?:E[A-Z_]{4,}|[A-Z]+(?:_[A-Z]+)+)\b/.exec(text) ?? [];
  if (address === undefined) return text.replaceAll(/\d+/g, '');
  return `${address} ${code ?? text.replaceAll(/\d+/g, '')}`;
}

/** The source of tokens failed; not the broker's doing, and another try may help. */
class TokenError extends Error {
  override readonly name = 'TokenError';

  constructor(cause: unknown) {
    super(`no token for Kafka: ${errorText(cause)}`, { cause });
  }
}

/** The broker refuses the token. Without a cause: the broker's own words may repeat what it was sent. */
class TokenRefusedError extends Error {
  override readonly name = 'TokenRefusedError';
  /** kafkajs tries again what does not say that. */
  readonly retriable = false;

  constructor(answer: string, token: string) {
    const said = redactor([token])(answer).replaceAll(/\p{Cc}+/gu, ' ');
    super(`SASL OAUTHBEARER authentication failed: the broker answers ${said.slice(0, ANSWER_LENGTH_MAX)}`);
  }
}

const ANSWER_LENGTH_MAX = 200;

const SEPARATOR = '\u0001';

/**
 * OAUTHBEARER (RFC 7628), in place of kafkajs's own: that one does not read the broker's answer, takes a refused token for
 * an accepted one, and then goes on trying with requests that the broker refuses (kafkajs.md 10.2). No error holds a token.
 * @param token a token that is valid now; asked at every authentication.
 */
export function oauthBearer(token: () => Promise<string>): Mechanism {
  return {
    mechanism: 'oauthbearer',
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        const value = await token().catch((cause: unknown) => {
          throw new TokenError(cause);
        });
        const refusal = await present(value, saslAuthenticate);
        if (refusal !== null) throw new TokenRefusedError(refusal, value);
      },
    }),
  };
}

type Exchange = AuthenticationProviderArgs['saslAuthenticate'];

/** What the broker has against the token; null: nothing. @throws what is no refusal, such as a lost connection. */
async function present(token: string, exchange: Exchange): Promise<string | null> {
  try {
    const answer = await send(`n,,${SEPARATOR}auth=Bearer ${token}${SEPARATOR}${SEPARATOR}`, exchange);
    if (answer === '') return null;
    // The broker waits for this before it fails the exchange (RFC 7628 3.2.3); the refusal stands however that ends.
    await send(SEPARATOR, exchange).catch(() => undefined);
    return answer;
  } catch (error) {
    // What it cannot parse it refuses at once.
    if (error instanceof Error && 'type' in error && error.type === 'SASL_AUTHENTICATION_FAILED') return error.message;
    throw error;
  }
}

/** Bytes of the protocol: a length of four bytes, then the text. */
async function send(text: string, exchange: Exchange): Promise<string> {
  const body = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  const answer = await exchange({
    request: { encode: () => Buffer.concat([length, body]) },
    response: { decode: (bytes) => bytes.subarray(length.length), parse: String },
  });
  return answer ?? '';
}
