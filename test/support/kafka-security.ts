/** Certificates and users of a Kafka listener with TLS and SCRAM, made with openssl in a temporary folder. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SaslSsl, ScramUser } from '../../src/adapters/kafka-broker/server-properties.ts';

export interface KafkaSecurity {
  readonly user: ScramUser;
  /** The CA that signed the certificates of the brokers. */
  readonly caPem: string;
  /** A CA that signed none of them. */
  readonly otherCaPem: string;
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
  const user: ScramUser = { name: 'rollcall', password: 'rollcall-secret' };
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
    user,
    caPem: await readFile(join(folder, 'ca.crt'), 'utf8'),
    otherCaPem: await readFile(join(folder, 'other-ca.crt'), 'utf8'),
    valid: listener('valid'),
    wrongName: listener('wrong-name'),
    expired: listener('expired'),
    remove: () => rm(folder, { recursive: true, force: true }),
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
