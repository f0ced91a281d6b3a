import { inspect } from 'node:util';
import type { AuthenticationProviderArgs } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { explainKafkaError } from '../../src/adapters/kafka/errors.ts';
import { oauthBearer } from '../../src/adapters/kafka/connection.ts';

const token = 'ey.the-token.s1gnature';
const hello = `n,,\u0001auth=Bearer ${token}\u0001\u0001`;

/** What is sent to a broker that answers so, and how the authentication ends. */
async function authenticate(...answers: readonly (string | Error)[]) {
  const sent: string[] = [];
  const left = [...answers];
  const exchange: AuthenticationProviderArgs['saslAuthenticate'] = async ({ request, response }) => {
    sent.push(unframed(await request.encode()));
    const answer = left.shift() ?? new Error('unexpected request');
    if (answer instanceof Error) throw answer;
    return response?.parse(await response.decode(framed(answer)));
  };
  const provider = oauthBearer(async () => token).authenticationProvider;
  const args = { saslAuthenticate: exchange } as AuthenticationProviderArgs;
  const end: unknown = await provider(args)
    .authenticate()
    .catch((error: unknown) => error);
  return { sent, end };
}

function framed(text: string): Buffer {
  const bytes = Buffer.from(`....${text}`);
  bytes.writeInt32BE(bytes.length - 4);
  return bytes;
}

function unframed(bytes: Buffer): string {
  expect(bytes.readInt32BE()).toBe(bytes.length - 4);
  return bytes.toString('utf8', 4);
}

/** As kafkajs makes it of an answer of the protocol. */
const failed = (message: string): Error =>
  Object.assign(new Error(message), { name: 'KafkaJSProtocolError', type: 'SASL_AUTHENTICATION_FAILED', code: 58 });

describe('OAUTHBEARER', () => {
  test('takes a token that the broker has nothing to say against for accepted', async () => {
    expect(await authenticate('')).toEqual({ sent: [hello], end: undefined });
  });

  test.each([
    ['fails the exchange', failed('{"status":"invalid_token"}')],
    ['is gone', new Error('Closed connection')],
    ['lets it pass', ''],
  ])('acknowledges a refusal, and fails also where the broker then %s', async (_, last) => {
    const { sent, end } = await authenticate('{"status":"invalid_token"}', last);
    expect(sent).toEqual([hello, '\u0001']);
    // kafkajs tries again what does not say that it is of no use.
    expect(end).toMatchObject({ retriable: false });
    expect(explainKafkaError(end)).toMatchObject({
      code: 'credentials_refused',
      retriable: false,
      message: expect.stringContaining('{"status":"invalid_token"}'),
      advice: expect.stringContaining('KAFKA_SASL_OAUTHBEARER_TOKEN_FILE'),
    });
  });

  test('that the broker cannot parse is a refusal', async () => {
    const { sent, end } = await authenticate(failed('Invalid OAUTHBEARER client first message'));
    expect(sent).toEqual([hello]);
    expect(explainKafkaError(end)).toMatchObject({ code: 'credentials_refused', retriable: false });
  });

  test('lets what is no refusal be what it is', async () => {
    const lost = Object.assign(new Error('Closed connection'), { name: 'KafkaJSConnectionClosedError' });
    expect(await authenticate(lost)).toEqual({ sent: [hello], end: lost });
  });

  test.each([
    ['an answer', [`{"status":"${token}"}`, failed(token)]],
    ['an error', [failed(`no: ${token}`)]],
    ['a long answer', [`${'x'.repeat(190)}${token}`, '']],
  ])('never repeats the token, though the broker does in %s', async (_, answers) => {
    const { end } = await authenticate(...answers);
    expect(end).toBeInstanceOf(Error);
    expect(inspect(end)).not.toContain(token.slice(0, 6));
  });

  test('is reported in one line of limited length', async () => {
    const { end } = await authenticate(`{\n\u001B[2J${'x'.repeat(5_000)}`, '');
    expect((end as Error).message).not.toMatch(/\p{Cc}/u);
    expect((end as Error).message.length).toBeLessThan(300);
  });
});
