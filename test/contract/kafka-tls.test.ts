/** TLS to a broker: the host is named in the handshake, so that a proxy in front of several brokers finds the right one. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openConnection } from '../../src/adapters/kafka/connection.ts';
import { aLog, atEnd } from '../support/genesys.ts';
import { ManualClock } from '../support/manual-clock.ts';

const run = promisify(execFile);

async function aCertificate() {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-tls-'));
  atEnd(() => rm(folder, { recursive: true }));
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  const subject = ['-subj', '/CN=broker', '-addext', names, '-days', '1'];
  await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, '-keyout', key, '-out', cert]);
  return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
}

test.each([
  ['localhost', 'by its name', 'localhost'],
  // An address is no name (RFC 6066 3).
  ['127.0.0.1', 'not at all', false],
] as const)('TLS: %s is named %s', async (host, _, name) => {
  const certificate = await aCertificate();
  const server = createServer(certificate);
  await new Promise<void>((listening) => server.listen(0, host, listening));
  atEnd(async () => void server.close());
  const { port } = server.address() as AddressInfo;
  const options = { brokers: [`${host}:${port}`], clientId: 'c', ssl: { caPem: certificate.cert }, sasl: null };
  const { kafka, close } = openConnection(options, { clock: new ManualClock(), logger: aLog() });
  const connected = new Promise<TLSSocket>((resolve) => server.once('secureConnection', resolve));
  const admin = kafka.admin();
  const refused = admin.connect().catch((error: unknown) => error);
  const socket = await connected;
  expect(socket.servername).toBe(name);
  socket.on('error', () => undefined);
  socket.destroy();
  await close({ disconnect: async () => undefined }, 0);
  expect(await refused).toBeInstanceOf(Error);
});
