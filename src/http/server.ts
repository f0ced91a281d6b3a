/** Node's server of HTTP or HTTPS with limits: a client that is slow, large or silent keeps no other waiting for long. */
import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Connections } from './connections.ts';

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
  const server = tls === null ? createHttp(options, handle) : createHttps({ ...options, ...secured(tls) }, handle);
  const connections = new Connections(limits.connectionsMax);
  server.on('connection', (socket: Socket) => connections.admit(socket));
  return { server, connections };
}

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
