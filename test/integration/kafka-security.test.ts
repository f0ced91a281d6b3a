/** One broker per version with TLS and every SASL mechanism; which errors come, and what is made of them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Broker } from '../../src/adapters/kafka-broker/start.ts';
import { startBroker } from '../../src/adapters/kafka-broker/start.ts';
import { KafkaChangeLog } from '../../src/adapters/kafka/change-log.ts';
import { explainKafkaError } from '../../src/adapters/kafka/errors.ts';
import type { KafkaConnectionOptions, KafkaSasl } from '../../src/adapters/kafka/options.ts';
import { createLogTools } from '../../src/adapters/kafka/tools.ts';
import { describeOwnKafka, testHost } from '../support/broker.ts';
import { kafkaHost, openTopics } from '../support/kafka-log-harness.ts';
import type { KafkaSecurity } from '../support/kafka-security.ts';
import { createKafkaSecurity } from '../support/kafka-security.ts';
import { RecordingHandler } from '../support/recording-handler.ts';

const listener = 'listener.name.sasl_ssl';
const mechanisms = {
  'sasl.enabled.mechanisms': 'SCRAM-SHA-256,PLAIN,OAUTHBEARER',
  [`${listener}.plain.sasl.jaas.config`]:
    'org.apache.kafka.common.security.plain.PlainLoginModule required user_rollcall="plain-secret";',
  [`${listener}.oauthbearer.sasl.jaas.config`]:
    'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
};

describeOwnKafka('Kafka with TLS and SASL', (version) => {
  let security: KafkaSecurity;
  let broker: Broker;
  beforeAll(async () => {
    security = await createKafkaSecurity();
    broker = await startBroker({ version, security: security.valid, properties: mechanisms }, testHost);
  });
  afterAll(async () => {
    await broker.stop();
    await security.remove();
  });

  const scram = (password = security.user.password): KafkaSasl => ({
    mechanism: 'scram-sha-256',
    username: security.user.name,
    password,
  });
  const connection = (sasl: KafkaSasl | null, caPem: string | null = security.caPem): KafkaConnectionOptions => ({
    brokers: broker.brokers,
    clientId: 'secured',
    ssl: { caPem },
    sasl,
  });

  test.each<[string, () => KafkaSasl]>([
    ['SCRAM-SHA-256', () => scram()],
    ['PLAIN', () => ({ mechanism: 'plain', username: 'rollcall', password: 'plain-secret' })],
    ['OAUTHBEARER', () => ({ mechanism: 'oauthbearer', token: async () => unsecuredToken() })],
  ])('lets in who comes with %s', async (_, sasl) => {
    const tools = createLogTools(connection(sasl()), kafkaHost);
    expect((await tools.clusterInfo()).brokers).toEqual([{ nodeId: 1, address: broker.brokers[0] }]);
    await tools.close();
  });

  test.each<[string, string, () => KafkaConnectionOptions]>([
    ['a wrong password', 'credentials_refused', () => connection(scram('wrong-secret'))],
    [
      'a mechanism that is not offered',
      'mechanism_refused',
      () => connection({ ...scram(), mechanism: 'scram-sha-512' } as KafkaSasl),
    ],
    [
      'a source of tokens that fails',
      'token_unavailable',
      () => connection({ mechanism: 'oauthbearer', token: () => Promise.reject(new Error('503')) }),
    ],
    ['an unknown CA', 'certificate_untrusted', () => connection(scram(), security.otherCaPem)],
    ['the CAs of Node', 'certificate_untrusted', () => connection(scram(), null)],
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

  test('a wrong password ends the log with what to do about it, and without the password', async () => {
    // given
    const tools = createLogTools(connection(scram()), kafkaHost);
    const options = await openTopics(tools, connection(scram('wrong-secret')), 1);
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
function unsecuredToken(): string {
  const now = Date.now() / 1_000;
  const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: 'rollcall', iat: now, exp: now + 600 })}.`;
}
