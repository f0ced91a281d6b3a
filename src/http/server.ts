/** Node's server of HTTP or HTTPS with limits: a sender that is slow, large or silent keeps no other waiting for long. */
import { createServer as createHttp, type RequestListener, type Server } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { WebhookConfig } from './options.ts';

export const REQUEST_TIMEOUT_MS = 10_000;
export const CONNECTIONS_MAX = 1_000;

const limits = {
  /** The URL included; beyond it 431. */
  maxHeaderSize: 16 * 1024,
  /** From the connection on, or from the end of the request before it; beyond it 408. */
  headersTimeout: 5_000,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: 500,
  /** Longer than load balancers keep idle connections (60 s), or they would use one that is just being closed. */
  keepAliveTimeout: 65_000,
};
/** Of TLS, which the limits above do not cover; node's own is two minutes. */
const handshakeTimeout = 5_000;

/** @throws where the certificate cannot be used */
export const createServer = (tls: WebhookConfig['tls'], handle: RequestListener): Server =>
  tls === null
    ? createHttp(limits, handle)
    : createHttps({ ...limits, handshakeTimeout, cert: tls.certPem, key: tls.keyPem, minVersion: 'TLSv1.2' }, handle);
