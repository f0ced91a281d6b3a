/**
 * Room http: what HTTP servers share: limits on time, sizes and connections.
 * Not here: routes and answers.
 *
 * Node's server of HTTP or HTTPS with limits: a client that is slow, large or silent keeps no other waiting for long.
 */
import {
  createServer as createHttp,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

export interface HttpLimits {
  /** Of a whole request. */
  readonly requestTimeoutMs: number;
  /** The URL included; beyond it 431. */
  readonly headBytesMax: number;
  readonly connectionsMax: number;
  /** An idle connection is closed after it. */
  readonly keepAliveMs: number;
}

/** PEM; null: plain http. */
export type Certificate = { readonly certPem: string; readonly keyPem: string } | null;

export interface LimitedServer {
  readonly server: Server;
  readonly connections: Connections;
}

/** From the connection on, or from the end of the request before it; beyond it 408. */
const HEAD_TIMEOUT_MS = 5_000;
const CHECK_EVERY_MS = 500;
/** Of TLS, which the limits above do not cover; node's own is two minutes. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

/** @throws where the certificate cannot be used */
export function createServer(limits: HttpLimits, tls: Certificate, handle: RequestListener): LimitedServer {
  const options = {
    maxHeaderSize: limits.headBytesMax,
    headersTimeout: HEAD_TIMEOUT_MS,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: CHECK_EVERY_MS,
    keepAliveTimeout: limits.keepAliveMs,
  };
  const listener = oneAtATime(handle);
  const server = tls === null ? createHttp(options, listener) : createHttps({ ...options, ...secured(tls) }, listener);
  const connections = new Connections(limits.connectionsMax);
  server.on('connection', (socket: Socket) => connections.admit(socket));
  return { server, connections };
}

/**
 * A connection that sends a request before the one before it is answered is closed: one read of its socket brings thousands, and
 * clients do not pipeline (RFC 9112 9.3.2 leaves it to them).
 */
function oneAtATime(handle: RequestListener): RequestListener {
  const latest = new WeakMap<Socket, { readonly response: ServerResponse; readonly bytesRead: number }>();
  return (request, response) => {
    const { socket } = request;
    const before = latest.get(socket);
    // It came with the one before it where nothing was read in between.
    const hasWaited = before === undefined || (before.response.writableEnded && before.bytesRead < socket.bytesRead);
    if (hasWaited && !socket.destroyed) {
      latest.set(socket, { response, bytesRead: socket.bytesRead });
      handle(request, response);
    } else {
      throwAway(request);
      socket.destroy();
    }
  };
}

/** Of what still comes of a body nothing is kept; without a reader each chunk would be an object until the connection is closed. */
export const throwAway = (request: IncomingMessage): void => void request.on('data', () => undefined);

const secured = ({ certPem, keyPem }: NonNullable<Certificate>) => ({
  handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  cert: certPem,
  key: keyPem,
  minVersion: 'TLSv1.2' as const,
});

/** Where a server listens. */
export function urlOf(server: Server, scheme: 'http' | 'https'): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/*
 * The open connections of a server, at most so many. A new one is always let in: where there are too many, the oldest
 * one without an authenticated request is closed, of the address that has most of them.
 */

interface Connection {
  readonly socket: Socket;
  readonly address: string;
  /** Authenticated requests under way. */
  requests: number;
}

export class Connections {
  /** By the sender's address and port, the oldest first: of TLS a request knows another object than the server. */
  readonly #open = new Map<string, Connection>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  admit(socket: Socket): void {
    const name = nameOf(socket);
    if (this.#open.size >= this.#max) this.#closeOne();
    const connection = { socket, address: socket.remoteAddress ?? '', requests: 0 };
    this.#open.set(name, connection);
    socket.once('close', () => {
      if (this.#open.get(name) === connection) this.#open.delete(name);
    });
  }

  /** It is kept until the returned function is called. */
  keep(socket: Socket): () => void {
    const connection = this.#open.get(nameOf(socket));
    if (connection === undefined) return () => undefined;
    connection.requests += 1;
    return () => {
      connection.requests -= 1;
    };
  }

  #closeOne(): void {
    const idle = [...this.#open].filter(([, { requests }]) => requests === 0);
    const counts = new Map<string, number>();
    for (const [, { address }] of idle) counts.set(address, (counts.get(address) ?? 0) + 1);
    const most = Math.max(...counts.values());
    const oldest = idle.find(([, { address }]) => counts.get(address) === most);
    if (oldest === undefined) return;
    const [name, { socket }] = oldest;
    this.#open.delete(name);
    socket.destroy();
  }
}

const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
