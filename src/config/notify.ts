/** Where people are notified of what is held, and of a breaker that opens. */
import { z } from 'zod';
import { problem } from './problem.ts';
import type { all } from './service.ts';
import { type Given, httpsProblems, optional, ownSecretText, part, secret, URL_LENGTH_MAX } from './variable.ts';

const URL_EXAMPLE = 'https://hooks.example.com/services/change-me';

/** Who knows it can post there: all behind its origin is secret. */
const webhookUrl: z.ZodType<URL, string> = z
  .string()
  .refine(isWebhookUrl, 'must be an http or https URL without user and fragment')
  .transform((text) => new URL(text));

function isWebhookUrl(text: string): boolean {
  if (text.length > URL_LENGTH_MAX || !URL.canParse(text)) return false;
  const { protocol, username, password, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + hash === '';
}

/** https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Signature scheme". */
const STANDARD_PREFIX = 'whsec_';
const STANDARD_BYTES_MIN = 24;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

const standardKey = (text: string): Buffer => Buffer.from(text.slice(STANDARD_PREFIX.length), 'base64');

const isStandardKey = (text: string): boolean =>
  BASE64.test(text.slice(STANDARD_PREFIX.length)) && standardKey(text).length >= STANDARD_BYTES_MIN;

const signingKey = ownSecretText.refine(
  (text) => !text.startsWith(STANDARD_PREFIX) || isStandardKey(text),
  `must have Base64 of at least ${STANDARD_BYTES_MIN} bytes after ${STANDARD_PREFIX}; \`whsec_$(openssl rand -base64 32)\` makes one`,
);

const keyBytes = (text: string): Uint8Array =>
  text.startsWith(STANDARD_PREFIX) ? standardKey(text) : Buffer.from(text);

const options = {
  url: secret({
    ...optional('NOTIFY_URL', webhookUrl, {
      example: 'change-me',
      about:
        'Where `run` POSTs a message when removals are held, or the breaker opens: an incoming webhook of Slack, or any receiver of JSON; https, except on this machine. Logs show its origin only. Default: no messages',
    }),
    shellExample: URL_EXAMPLE,
  }),
  key: secret(
    optional('NOTIFY_KEY', signingKey, {
      example: 'change-me',
      about:
        'Signs these messages as Standard Webhooks does; `whsec_` and Base64 of at least 24 bytes, or any text of at least 16 characters. Default: no signature',
    }),
  ),
};

export interface Receiver {
  /** null: no messages. */
  readonly url: URL | null;
  /** null: they are not signed. */
  readonly key: Uint8Array | null;
}

export const notify = part({
  title: 'Notifications',
  options,
  make: ({ url, key }): Receiver => ({ url, key: key === null ? null : keyBytes(key) }),
  rules: ({ NOTIFY_URL: url, NOTIFY_KEY: key, ALLOW_INSECURE: allows }: Given<typeof options | typeof all.options>) => {
    if (url === null && key) return [problem('NOTIFY_URL', 'is missing, though NOTIFY_KEY is given', URL_EXAMPLE)];
    return url ? httpsProblems('NOTIFY_URL', url, { allows, example: URL_EXAMPLE }) : [];
  },
});

/** What must not be shown of an address that is a secret: all behind its origin, and what in it looks like a token. */
export function secretsOfUrl({ pathname, search }: URL): readonly string[] {
  const values = search.split(/[?&]/).map((each) => each.slice(each.indexOf('=') + 1));
  const long = [`${pathname}${search}`, pathname, ...values].filter(({ length }) => length >= SECRET_LENGTH_MIN);
  return [...new Set([...long, ...pathname.split('/').filter(isRandom)])];
}

/** Shorter ones are words, such as `hook`, that a log may have. */
const SECRET_LENGTH_MIN = 12;

const isRandom = (segment: string): boolean =>
  segment.length >= 20 ||
  (segment.length >= SECRET_LENGTH_MIN && [/\d/, /[a-z]/, /[A-Z]/].every((kind) => kind.test(segment)));
