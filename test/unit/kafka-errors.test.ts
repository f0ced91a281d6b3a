import { describe, expect, test } from 'vitest';
import { KafkaFailure, explainKafkaError } from '../../src/adapters/kafka/errors.ts';

/** As kafkajs and Node make them: what tells is a name, a code or a type, somewhere along the causes. */
function anError(properties: object, cause?: unknown): Error {
  return Object.assign(new Error('something', { cause }), properties);
}

describe('an error of Kafka', () => {
  test.each([
    ['credentials_refused', false, anError({ name: 'KafkaJSSASLAuthenticationError' })],
    ['credentials_refused', false, anError({ name: 'TokenRefusedError', retriable: false })],
    ['mechanism_refused', false, anError({ name: 'KafkaJSProtocolError', code: 33 })],
    ['sasl_not_expected', false, anError({ name: 'KafkaJSProtocolError', code: 34 })],
    ['certificate_untrusted', false, anError({ name: 'KafkaJSConnectionError', code: 'SELF_SIGNED_CERT_IN_CHAIN' })],
    ['certificate_name', false, anError({ name: 'KafkaJSConnectionError', code: 'ERR_TLS_CERT_ALTNAME_INVALID' })],
    ['certificate_expired', false, anError({ name: 'KafkaJSConnectionError', code: 'CERT_HAS_EXPIRED' })],
    ['topic_missing', false, anError({ type: 'UNKNOWN_TOPIC_OR_PARTITION', retriable: true })],
    ['not_authorized', false, anError({ type: 'TOPIC_AUTHORIZATION_FAILED' })],
    ['group_in_use', false, anError({ type: 'INCONSISTENT_GROUP_PROTOCOL' })],
    ['session_refused', false, anError({ type: 'INVALID_SESSION_TIMEOUT' })],
    ['refused', true, anError({ name: 'KafkaJSConnectionError', code: 'ECONNREFUSED' })],
    ['unknown_host', true, anError({ name: 'KafkaJSConnectionError', code: 'ENOTFOUND' })],
    ['timeout', true, anError({ name: 'KafkaJSRequestTimeoutError' })],
    ['closed', true, anError({ name: 'KafkaJSConnectionClosedError' })],
    ['unavailable', true, anError({ name: 'KafkaJSProtocolError', type: 'NOT_LEADER_FOR_PARTITION', retriable: true })],
    ['unavailable', true, anError({ type: 'UNKNOWN_MEMBER_ID' })],
    ['unavailable', true, anError({ type: 'GROUP_LOAD_IN_PROGRESS', retriable: true })],
    ['unavailable', true, anError({ name: 'KafkaJSError', retriable: true })],
    ['unavailable', true, new Error('Broker not connected')],
    ['unavailable', true, new TypeError("Cannot read properties of null (reading 'topicMetadata')")],
    ['unexpected', false, new TypeError('a bug')],
  ])('is called %s (retriable: %s), also as the cause of others', (code, retriable, error) => {
    expect(explainKafkaError(error)).toMatchObject({ code, retriable });
    const wrapped = anError(
      { name: 'KafkaJSNumberOfRetriesExceeded', retriable: false },
      anError({ name: 'KafkaJSNonRetriableError', retriable: false }, error),
    );
    expect(explainKafkaError(wrapped)).toMatchObject({ code, retriable });
    expect(explainKafkaError({ errors: [error] })).toMatchObject({ code, retriable });
  });

  test.each([undefined, null, 'text', 42, Symbol('s'), Object.create(null)])('may be anything (%#)', (error) => {
    expect(explainKafkaError(error)).toMatchObject({ code: 'unexpected', retriable: false });
  });

  test('of a broker that does not answer is not called a change of brokers alone', () => {
    expect(explainKafkaError(new Error('Broker not connected')).advice).toContain('does not answer');
  });

  test.each(['GROUP_LOAD_IN_PROGRESS', 'GROUP_COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR_FOR_GROUP'])(
    '%s names the topic whose brokers matter',
    (type) => expect(explainKafkaError(anError({ type })).advice).toContain('__consumer_offsets'),
  );

  test('that is its own cause is explained all the same', () => {
    const error = anError({ code: 'ECONNREFUSED' });
    error.cause = error;
    expect(explainKafkaError(error).code).toBe('refused');
  });

  test('that ended the log keeps its code and advice', () => {
    const failure = new KafkaFailure({ code: 'topic_missing', message: 'no topic', advice: 'Make it.' });
    expect(explainKafkaError(failure)).toEqual({
      code: 'topic_missing',
      message: 'no topic',
      advice: 'Make it.',
      retriable: false,
    });
    expect(failure.message).toBe('no topic. Make it.');
  });
});
