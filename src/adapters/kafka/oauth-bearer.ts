/**
 * OAUTHBEARER (RFC 7628), in place of kafkajs's own: that one does not read the broker's answer, takes a refused token for
 * an accepted one, and then goes on trying with requests that the broker refuses (kafkajs.md 10.2). No error here holds a token.
 */
import type { AuthenticationProviderArgs, Mechanism } from 'kafkajs';
import { redactor } from '../../core/text/redact.ts';

/** The source of tokens failed; not the broker's doing, and another try may help. */
class TokenError extends Error {
  override readonly name = 'TokenError';

  constructor(cause: unknown) {
    super(`no token for Kafka: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** The broker refuses the token. Without a cause: the broker's own words may repeat what it was sent. */
class TokenRefusedError extends Error {
  override readonly name = 'TokenRefusedError';
  /** kafkajs tries again what does not say that. */
  readonly retriable = false;

  constructor(answer: string, token: string) {
    const said = redactor([token])(answer).replaceAll(/\p{Cc}+/gu, ' ');
    super(`SASL OAUTHBEARER authentication failed: the broker answers ${said.slice(0, ANSWER_LENGTH_MAX)}`);
  }
}

const ANSWER_LENGTH_MAX = 200;

const SEPARATOR = '\u0001';

/** @param token a token that is valid now; asked at every authentication. */
export function oauthBearer(token: () => Promise<string>): Mechanism {
  return {
    mechanism: 'oauthbearer',
    authenticationProvider: ({ saslAuthenticate }) => ({
      authenticate: async () => {
        const value = await token().catch((cause: unknown) => {
          throw new TokenError(cause);
        });
        const refusal = await present(value, saslAuthenticate);
        if (refusal !== null) throw new TokenRefusedError(refusal, value);
      },
    }),
  };
}

type Exchange = AuthenticationProviderArgs['saslAuthenticate'];

/** What the broker has against the token; null: nothing. @throws what is no refusal, such as a lost connection. */
async function present(token: string, exchange: Exchange): Promise<string | null> {
  try {
    const answer = await send(`n,,${SEPARATOR}auth=Bearer ${token}${SEPARATOR}${SEPARATOR}`, exchange);
    if (answer === '') return null;
    // The broker waits for this before it fails the exchange (RFC 7628 3.2.3); the refusal stands however that ends.
    await send(SEPARATOR, exchange).catch(() => undefined);
    return answer;
  } catch (error) {
    // What it cannot parse it refuses at once.
    if (error instanceof Error && 'type' in error && error.type === 'SASL_AUTHENTICATION_FAILED') return error.message;
    throw error;
  }
}

/** Bytes of the protocol: a length of four bytes, then the text. */
async function send(text: string, exchange: Exchange): Promise<string> {
  const body = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length);
  const answer = await exchange({
    request: { encode: () => Buffer.concat([length, body]) },
    response: { decode: (bytes) => bytes.subarray(length.length), parse: String },
  });
  return answer ?? '';
}
