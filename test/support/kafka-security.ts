/** A broker with TLS and SCRAM, and its certificates and users, made with openssl in a temporary folder. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from '../../src/lab/kafka-broker/java-process.ts';
import type { KafkaVersion } from '../../src/lab/kafka-broker/fetch.ts';
import type { SaslSsl, ScramUser } from '../../src/lab/kafka-broker/server-properties.ts';
import { startBroker } from '../../src/lab/kafka-broker/start.ts';
import { testHost } from './kafka-on-hand.ts';

export interface KafkaSecurity {
  /** Of this alone; removed with it. */
  readonly folder: string;
  readonly user: ScramUser;
  /** The CA that signed the certificates of the brokers. */
  readonly caPem: string;
  readonly caFile: string;
  /** A CA that signed none of them. */
  readonly otherCaPem: string;
  readonly otherCaFile: string;
  /** For localhost and 127.0.0.1. */
  readonly valid: SaslSsl;
  /** For kafka.example.com only. */
  readonly wrongName: SaslSsl;
  /** Its validity ended yesterday. */
  readonly expired: SaslSsl;
  remove(): Promise<void>;
}

const localNames = 'DNS:localhost,IP:127.0.0.1';
const run = promisify(execFile);

export async function createKafkaSecurity(): Promise<KafkaSecurity> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-tls-'));
  const user: ScramUser = { name: 'rollcall', password: 'kafka-secret/+%"1' };
  await createAuthority(folder, 'ca');
  await createAuthority(folder, 'other-ca');
  const listener = (name: string): SaslSsl => ({
    keystoreFile: join(folder, `${name}.pem`),
    users: [user],
  });
  await createCertificate(folder, { name: 'valid', subjectAltName: localNames, days: 30 });
  await createCertificate(folder, { name: 'wrong-name', subjectAltName: 'DNS:kafka.example.com', days: 30 });
  await createCertificate(folder, { name: 'expired', subjectAltName: localNames, days: -1 });
  return {
    folder,
    user,
    caPem: await readFile(join(folder, 'ca.crt'), 'utf8'),
    caFile: join(folder, 'ca.crt'),
    otherCaFile: join(folder, 'other-ca.crt'),
    otherCaPem: await readFile(join(folder, 'other-ca.crt'), 'utf8'),
    valid: listener('valid'),
    wrongName: listener('wrong-name'),
    expired: listener('expired'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** `host:port` of each listener. */
export interface SecuredBroker {
  readonly valid: string;
  readonly wrongName: string;
  readonly expired: string;
  /** A valid certificate, and no SASL mechanism but PLAIN. */
  readonly plainOnly: string;
  stop(): Promise<void>;
}

const plainUser = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_rollcall="plain-secret";';

/** @param properties for the listener `sasl_ssl`, the valid one. */
export async function startSecuredBroker(
  version: KafkaVersion,
  security: KafkaSecurity,
  properties: Readonly<Record<string, string>> = {},
): Promise<SecuredBroker> {
  const [wrongName = 0, expired = 0, plainOnly = 0] = await freePorts(3);
  const others = {
    WRONG_NAME: { port: wrongName, keystoreFile: security.wrongName.keystoreFile },
    EXPIRED: { port: expired, keystoreFile: security.expired.keystoreFile },
    PLAIN_ONLY: { port: plainOnly, keystoreFile: security.valid.keystoreFile },
  };
  const plainListener = {
    'listener.name.plain_only.sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.plain_only.plain.sasl.jaas.config': plainUser,
  };
  const broker = await startBroker(
    { version, security: { ...security.valid, others }, properties: { ...plainListener, ...properties } },
    testHost,
  );
  return {
    valid: broker.brokers[0] ?? '',
    wrongName: `127.0.0.1:${wrongName}`,
    expired: `127.0.0.1:${expired}`,
    plainOnly: `127.0.0.1:${plainOnly}`,
    stop: () => broker.stop(),
  };
}

/** What Rollcall needs to know of the broker. */
export function securedEnvironment(broker: SecuredBroker, security: KafkaSecurity): Readonly<Record<string, string>> {
  return {
    KAFKA_BROKERS: broker.valid,
    KAFKA_SSL: 'true',
    KAFKA_SSL_CA_FILE: security.caFile,
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: security.user.name,
    KAFKA_SASL_PASSWORD: security.user.password,
  };
}

async function createAuthority(folder: string, name: string): Promise<void> {
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE'];
  await run('openssl', ['req', '-x509', ...key, ...subject, '-days', '30', '-out', `${name}.crt`], { cwd: folder });
}

interface Certificate {
  readonly name: string;
  readonly subjectAltName: string;
  readonly days: number;
}

/** Writes `<name>.pem`: key, certificate and CA in one file. */
async function createCertificate(folder: string, { name, subjectAltName, days }: Certificate): Promise<void> {
  const request = ['-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-subj', '/CN=localhost'];
  await run('openssl', ['req', ...request, '-out', `${name}.csr`], { cwd: folder });
  await writeFile(join(folder, `${name}.ext`), `subjectAltName=${subjectAltName}\n`);
  const signer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.ext`];
  const output = ['-days', String(days), '-out', `${name}.crt`];
  await run('openssl', ['x509', '-req', '-in', `${name}.csr`, ...signer, ...output], { cwd: folder });
  const parts = [`${name}.key`, `${name}.crt`, 'ca.crt'].map((file) => readFile(join(folder, file), 'utf8'));
  await writeFile(join(folder, `${name}.pem`), (await Promise.all(parts)).join(''));
}
