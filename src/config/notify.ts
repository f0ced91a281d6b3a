/** Where people are notified of what is held, and of a breaker that opens. */
import { z } from 'zod';
import { problem, type Problem } from './problem.ts';
import type { all } from './service.ts';
import { asRead, type Given, isLoopback, optional, ownSecretText, part, secret, URL_LENGTH_MAX } from './variable.ts';

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
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

const signingKey = ownSecretText.refine(
  (text) => !text.startsWith(STANDARD_PREFIX) || BASE64.test(text.slice(STANDARD_PREFIX.length)),
  `must have Base64 after ${STANDARD_PREFIX}`,
);

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
        'Signs these messages as Standard Webhooks does; `whsec_` and Base64, or any text of at least 16 characters. Default: no signature',
    }),
  ),
};

/** `url` null: no messages. `key` null: they are not signed. */
export const notify = part({
  title: 'Notifications',
  options,
  make: asRead,
  rules: ({ NOTIFY_URL: url, NOTIFY_KEY: key, ALLOW_INSECURE: allows }: Given<typeof options | typeof all.options>) => {
    if (url === null && key) return [problem('NOTIFY_URL', 'is missing, though NOTIFY_KEY is given', URL_EXAMPLE)];
    return url ? httpsRule(url, allows) : [];
  },
});

/** As that of base addresses (variables.ts), but for the example, which must not be the secret. */
function httpsRule({ protocol, hostname }: URL, allows: boolean | undefined): Problem[] {
  if (protocol === 'https:' || allows !== false || isLoopback(hostname)) return [];
  return [problem('NOTIFY_URL', 'must be https, except on this machine (ALLOW_INSECURE=true allows it)', URL_EXAMPLE)];
}

/** What must not be shown of an address that is a secret: what follows its origin, and each long part of that. */
export function secretsOfUrl({ pathname, search }: URL): readonly string[] {
  const behind = `${pathname}${search}`.slice(1);
  return [behind, ...behind.split(/[/?&=]/)].filter(({ length }) => length >= SECRET_LENGTH_MIN);
}

/** Shorter ones are words, such as `hook`, that a log may have. */
const SECRET_LENGTH_MIN = 12;
