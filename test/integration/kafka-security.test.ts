/** One broker per version with TLS and every SASL mechanism; which errors come, and what the commands make of them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { KafkaChangeLog } from '../../src/adapters/kafka/change-log.ts';
import { explainKafkaError } from '../../src/adapters/kafka/errors.ts';
import type { KafkaConnectionOptions, KafkaSasl } from '../../src/adapters/kafka/options.ts';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { examine } from '../../src/commands/doctor.ts';
import type { Finding } from '../../src/console/doctor-checks.ts';
import { runService } from '../../src/commands/run.ts';
import { EXIT } from '../../src/exit-codes.ts';
import { startSandbox, type Sandbox } from '../../src/lab/sandbox/sandbox.ts';
import { describeOwnKafka } from '../support/broker.ts';
import { aContext } from '../support/command-context.ts';
import { kafkaHost, openTopics } from '../support/kafka-log-harness.ts';
import type { KafkaSecurity, SecuredBroker } from '../support/kafka-security.ts';
import { createKafkaSecurity, securedEnvironment, startSecuredBroker } from '../support/kafka-security.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { environmentOf } from '../../src/lab/sandbox/server.ts';
import { leaksIn } from '../support/secrets.ts';

const listener = 'listener.name.sasl_ssl';
const mechanisms = {
  [`${listener}.sasl.enabled.mechanisms`]: 'SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER',
  [`${listener}.plain.sasl.jaas.config`]:
    'org.apache.kafka.common.security.plain.PlainLoginModule required user_rollcall="plain-secret";',
  [`${listener}.oauthbearer.sasl.jaas.config`]:
    'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
};

/** What the commands make of an error hardly depends on the version. */
const oneVersion = inject('kafka').startable.at(-1);

describeOwnKafka('Kafka with TLS and SASL', (version) => {
  let security: KafkaSecurity;
  let broker: SecuredBroker;
  let sandbox: Sandbox;
  beforeAll(async () => {
    security = await createKafkaSecurity();
    broker = await startSecuredBroker(version, security, mechanisms);
    sandbox = await startSandbox();
  });
  afterAll(async () => {
    await sandbox.stop();
    await broker.stop();
    await security.remove();
  });

  type Scram = Extract<KafkaSasl, { readonly password: string }>;
  const scram = (changes: Partial<Scram> = {}): Scram => ({
    mechanism: 'scram-sha-256',
    username: security.user.name,
    password: security.user.password,
    ...changes,
  });
  const connection = (sasl: KafkaSasl | null, caPem: string | null = security.caPem): KafkaConnectionOptions => ({
    brokers: [broker.valid],
    clientId: 'secured',
    ssl: { caPem },
    sasl,
  });

  test.each<[string, () => KafkaSasl]>([
    ['SCRAM-SHA-256', () => scram()],
    ['SCRAM-SHA-512', () => scram({ mechanism: 'scram-sha-512' })],
    ['PLAIN', () => ({ mechanism: 'plain', username: 'rollcall', password: 'plain-secret' })],
    ['OAUTHBEARER', () => ({ mechanism: 'oauthbearer', token: async () => unsecuredToken(600) })],
  ])('lets in who comes with %s', async (_, sasl) => {
    const tools = createLogTools(connection(sasl()), kafkaHost);
    expect((await tools.clusterInfo()).brokers).toEqual([{ nodeId: 1, address: broker.valid }]);
    await tools.close();
  });

  test.each<[string, string, () => KafkaConnectionOptions]>([
    ['a wrong password', 'credentials_refused', () => connection(scram({ password: 'wrong-secret' }))],
    [
      'a wrong password of SCRAM-SHA-512',
      'credentials_refused',
      () => connection(scram({ mechanism: 'scram-sha-512', password: 'wrong-secret' })),
    ],
    ['an unknown user', 'credentials_refused', () => connection(scram({ username: 'nobody' }))],
    [
      'a wrong password of PLAIN',
      'credentials_refused',
      () => connection(scram({ mechanism: 'plain', password: 'wrong-secret' })),
    ],
    [
      'a mechanism that is not offered',
      'mechanism_refused',
      () => ({ ...connection(scram()), brokers: [broker.plainOnly] }),
    ],
    [
      'a source of tokens that fails',
      'token_unavailable',
      () => connection({ mechanism: 'oauthbearer', token: () => Promise.reject(new Error('503')) }),
    ],
    [
      'an expired token',
      'credentials_refused',
      () => connection({ mechanism: 'oauthbearer', token: async () => unsecuredToken(-600) }),
    ],
    [
      'a token that is none',
      'credentials_refused',
      () => connection({ mechanism: 'oauthbearer', token: async () => 'a secret' }),
    ],
    ['an unknown CA', 'certificate_untrusted', () => connection(scram(), security.otherCaPem)],
    ['the CAs of Node', 'certificate_untrusted', () => connection(scram(), null)],
    [
      'a certificate of another host',
      'certificate_name',
      () => ({ ...connection(scram()), brokers: [broker.wrongName] }),
    ],
    ['an expired certificate', 'certificate_expired', () => ({ ...connection(scram()), brokers: [broker.expired] })],
    ['TLS without SASL', 'closed', () => connection(null)],
    ['plaintext', 'closed', () => ({ ...connection(null), ssl: null })],
  ])('names %s as %s', async (_, code, options) => {
    const tools = createLogTools(options(), kafkaHost);
    const error: unknown = await tools.clusterInfo().catch((reason: unknown) => reason);
    const explained = explainKafkaError(error);
    expect(explained).toMatchObject({ code });
    expect(JSON.stringify(explained)).not.toContain('secret');
    await tools.close();
  });

  test
    .runIf(version === oneVersion)
    .each<readonly [what: string, remedy: RegExp, changes: () => Record<string, string>]>([
      ['a wrong password', /KAFKA_SASL_PASSWORD/, () => ({ KAFKA_SASL_PASSWORD: 'wrong-secret' })],
      ['an unknown user', /KAFKA_SASL_USERNAME/, () => ({ KAFKA_SASL_USERNAME: 'nobody' })],
      ['a mechanism that is not offered', /KAFKA_SASL_MECHANISM/, () => ({ KAFKA_BROKERS: broker.plainOnly })],
      ['an unknown CA', /KAFKA_SSL_CA_FILE/, () => ({ KAFKA_SSL_CA_FILE: security.otherCaFile })],
      ['an expired certificate', /renew it/, () => ({ KAFKA_BROKERS: broker.expired })],
      ['a certificate of another host', /not in the certificate/, () => ({ KAFKA_BROKERS: broker.wrongName })],
      ['a CA file that is missing', /KAFKA_SSL_CA_FILE/, () => ({ KAFKA_SSL_CA_FILE: '/no/such/ca.pem' })],
      ['a CA file that holds none', /KAFKA_SSL_CA_FILE/, () => ({ KAFKA_SSL_CA_FILE: 'package.json' })],
    ])('doctor names %s and its remedy, each in one line, and ends with 78', async (_, remedy, changes) => {
    // given
    const environment = { ...environmentOf(sandbox), ...securedEnvironment(broker, security), ...changes() };
    const context = aContext({ environment: { ...environment, LOG_LEVEL: 'debug' } });
    // when
    const code = await examine({ json: true }, context);
    // then
    expect(code).toBe(EXIT.configuration);
    const { findings } = JSON.parse(context.out()) as { findings: readonly Finding[] };
    const failed = findings.filter(({ status }) => status === 'fail');
    expect(failed).toHaveLength(1);
    expect(`${failed[0]?.message} ${failed[0]?.advice}`).toMatch(remedy);
    expect(`${failed[0]?.message}${failed[0]?.advice}`).not.toContain('\n');
    expect(context.out() + context.err()).not.toMatch(/kafka-secret|wrong-secret/);
  });

  test.runIf(version === oneVersion)('a refused token ends doctor and run with 78 and the remedy, unseen', async () => {
    // given
    const token = unsecuredToken(-600);
    const tokenFile = join(security.folder, 'token');
    await writeFile(tokenFile, `${token}\n`);
    const environment = {
      ...environmentOf(sandbox),
      ...securedEnvironment(broker, security),
      KAFKA_SASL_MECHANISM: 'oauthbearer',
      KAFKA_SASL_USERNAME: '',
      KAFKA_SASL_PASSWORD: '',
      KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: tokenFile,
      ADMIN_PORT: '0',
      LOG_LEVEL: 'debug',
    };
    const [doctor, service] = [aContext({ environment }), aContext({ environment })];
    // when
    const code = await examine({ json: true }, doctor);
    const end: unknown = await runService(service).catch((reason: unknown) => reason);
    // then
    expect([code, end]).toMatchObject([EXIT.configuration, { code: EXIT.configuration }]);
    const printed = [doctor.out() + doctor.err(), service.err() + (end instanceof Error ? end.message : '')];
    for (const text of printed) {
      expect(text).toContain('KAFKA_SASL_OAUTHBEARER_TOKEN_FILE');
      expect(text).toContain('invalid_token');
      expect(leaksIn(text, { token })).toEqual([]);
    }
  });

  test.runIf(version === oneVersion)('doctor is content with the brokers where everything is right', async () => {
    const environment = { ...environmentOf(sandbox), ...securedEnvironment(broker, security) };
    const context = aContext({ environment });
    await examine({ json: true }, context);
    const { findings } = JSON.parse(context.out()) as { findings: readonly Finding[] };
    expect(findings.filter(({ check }) => check === 'brokers')).toMatchObject([{ status: 'ok' }]);
  });

  test('a wrong password ends the log with what to do about it, and without the password', async () => {
    // given
    const tools = createLogTools(connection(scram()), kafkaHost);
    const options = await openTopics(tools, connection(scram({ password: 'wrong-secret' })), 1);
    const handler = new RecordingHandler();
    // when
    const log = new KafkaChangeLog(options, kafkaHost);
    await log.join(handler);
    await handler.until('the end', () => handler.events.some(({ type }) => type === 'failed'));
    // then
    const failed = handler.events.flatMap((event) => (event.type === 'failed' ? [event.error] : []));
    expect(failed).toMatchObject([{ code: 'credentials_refused' }]);
    expect(failed[0]?.message).toMatch(/KAFKA_SASL_PASSWORD/);
    expect(String(failed[0]?.stack)).not.toContain('wrong-secret');
    await log.leave();
    await tools.close();
  });

  test('a token that expires and is not renewed ends the log that has to authenticate again', async () => {
    // given
    const tools = createLogTools(connection(scram()), kafkaHost);
    let token = unsecuredToken(600);
    const sasl: KafkaSasl = { mechanism: 'oauthbearer', token: async () => token };
    const handler = new RecordingHandler();
    const log = new KafkaChangeLog(await openTopics(tools, connection(sasl), 1), kafkaHost);
    await log.join(handler);
    await handler.until('the join', () => handler.events.some(({ type }) => type === 'assigned'));
    // when
    token = unsecuredToken(-600);
    log.rejoin('the brokers were restarted');
    await handler.until('the end', () => handler.events.some(({ type }) => type === 'failed'));
    // then
    const failed = handler.events.flatMap((event) => (event.type === 'failed' ? [event.error] : []));
    expect(failed).toMatchObject([{ code: 'credentials_refused' }]);
    expect(leaksIn(inspect(failed), { token })).toEqual([]);
    await log.leave();
    await tools.close();
  });

  test('a log joins, sends and reads through TLS and SCRAM', async () => {
    const tools = createLogTools(connection(scram()), kafkaHost);
    const options = await openTopics(tools, connection(scram()), 1);
    const log = new KafkaChangeLog(options, kafkaHost);
    const handler = new RecordingHandler();
    await log.join(handler);
    await log.send([{ topic: options.topics.source, partition: 0, key: 'k', value: 'v', headers: [] }]);
    await handler.until('the record', () => handler.recordsOf('source', 0).length === 1);
    await log.leave();
    await tools.close();
  });
});

/** For the validator that a broker uses where none is configured: it wants claims, but no signature. */
function unsecuredToken(lifetimeSeconds: number): string {
  const now = Date.now() / 1_000;
  const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: 'rollcall', iat: now - 3_600, exp: now + lifetimeSeconds })}.`;
}
