/**
 * One `Kafka` of kafkajs with our settings, whose sockets can be cut: what was given up must not go on living, and
 * kafkajs alone would reconnect. Each consumer has its own, since kafkajs keeps offsets and credentials in it.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { connect as connectPlain, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import kafkajs from 'kafkajs';
import type { ISocketFactory, Kafka, KafkaConfig, LogEntry, Mechanism, SASLOptions } from 'kafkajs';
import { logLasting } from '../lasting-lines.ts';
import { registerCodecs } from './codec/codecs.ts';
import { readFetchAnswers } from './codec/fetch-answer.ts';
import { tellLeaderless } from './leaders.ts';
import { oauthBearer } from './oauth-bearer.ts';
import type { KafkaConnectionOptions, KafkaHost, KafkaSasl } from './options.ts';

export interface Connection {
  readonly kafka: Kafka;
  /** Closes every socket at once and lets no new one be opened. */
  destroy(): void;
}

/** Passed to each client of ours: a consumer of kafkajs overrides the number of retries of `new Kafka()` (kafkajs.md 4.1, 4.2). */
export const retry = { retries: 5, initialRetryTime: 100, maxRetryTime: 1_000 };

/** @param outOfRange called with topic and partition when kafkajs jumps: the offset does not exist any more (kafkajs.md 2.6). */
export function openConnection(
  options: KafkaConnectionOptions,
  host: KafkaHost,
  outOfRange: (topic: string, partition: number) => void = () => undefined,
): Connection {
  registerCodecs();
  readFetchAnswers();
  quietIdleConnections();
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
  tellLeaderless(kafka);
  return { kafka, destroy: () => sockets.destroy() };
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

/*
 * Works around an endless timer of kafkajs 2.2.4 (https://github.com/tulios/kafkajs/issues/1751): each connection looks for
 * pending requests 100 times a second for ever, 30 ms of CPU a second per idle producer (kafkajs.md 9.1).
 */

interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

const load = createRequire(import.meta.url);
const patched = Symbol.for('rollcall.requestQueue');

/** For the whole process; doing it again changes nothing. */
export function quietIdleConnections(): void {
  const { prototype } = load('kafkajs/src/network/requestQueue') as { prototype: RequestQueue & { [patched]?: true } };
  if (prototype[patched]) return;
  prototype[patched] = true;
  const original = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function scheduleCheckPendingRequests(this: RequestQueue): void {
    // Each request that is enqueued, throttled or not, schedules its own look.
    if (this.pending.length > 0) original.call(this);
  };
}
