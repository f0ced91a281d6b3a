/** What one variable of the environment is: its type, default and explanation. The table of docs/reference.md is made of these. */
import { z } from 'zod';

/** A part of the configuration; a command reads only those that it needs. `all`: read by every command. */
export type Part =
  | 'kafka'
  | 'topics'
  | 'format'
  | 'ids'
  | 'genesys'
  | 'pipeline'
  | 'operator'
  | 'admin'
  | 'ingest'
  | 'webhook'
  | 'rekey'
  | 'poll'
  | 'okta'
  | 'entra'
  | 'auth0'
  | 'scim';

export interface Variable<T> {
  readonly part: Part | 'all';
  /** From the text of the environment; messages say what the value must be and never repeat it. */
  readonly type: z.ZodType<T, string>;
  /** As one would write it; null: none. */
  readonly initial: string | null;
  readonly isDemanded: boolean;
  /** `secret`: may be given as `<NAME>_FILE`, and is never shown. `file`: the path of a file that can be read. */
  readonly kind: 'plain' | 'secret' | 'file';
  readonly example: string;
  /** Shown in its place where a value is wrong. */
  readonly shellExample?: string;
  readonly about: string;
}

interface Explained {
  readonly part: Part | 'all';
  readonly example: string;
  readonly about: string;
}

/** Without it the part cannot work. */
export const demanded = <T>(type: z.ZodType<T, string>, explained: Explained): Variable<T> => ({
  ...explained,
  type,
  initial: null,
  isDemanded: true,
  kind: 'plain',
});

export const optional = <T>(type: z.ZodType<T, string>, explained: Explained): Variable<T | null> => ({
  ...demanded<T | null>(type, explained),
  isDemanded: false,
});

/** The default is its own example. */
export const initially = <T>(
  initial: string,
  type: z.ZodType<T, string>,
  explained: Omit<Explained, 'example'>,
): Variable<T> => ({ ...demanded(type, { ...explained, example: initial }), initial, isDemanded: false });

export const secret = <T>(variable: Variable<T>): Variable<T> => ({ ...variable, kind: 'secret' });

/** What we ourselves verify; the vendors' secrets are as long as the vendors make them. */
const OWN_SECRET_LENGTH_MIN = 16;

const ownSecretText = z
  .string()
  .refine(
    (value) => value.length >= OWN_SECRET_LENGTH_MIN,
    `must have at least ${OWN_SECRET_LENGTH_MIN} characters; \`openssl rand -hex 32\` makes one`,
  );

/** In a shell; no example of a file, where it would be the secret itself. */
export const GENERATED_SECRET = '$(openssl rand -hex 32)';

/** A secret that others have to show to us. */
export const ownSecret = (explained: Omit<Explained, 'example'>): Variable<string | null> =>
  secret({ ...optional(ownSecretText, { ...explained, example: 'change-me' }), shellExample: GENERATED_SECRET });

export const file = <T>(variable: Variable<T>): Variable<T> => ({ ...variable, kind: 'file' });

/** The most that a timer of Node can wait, about 24.8 days. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export const wholeNumber = (least: number, most = Number.MAX_SAFE_INTEGER): z.ZodType<number, string> => {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return z
    .string()
    .transform((text) => (/^\d+$/.test(text) ? Number(text) : Number.NaN))
    .refine((value) => value >= least && value <= most, `must be a whole number ${range}`);
};

export const durationMs = (leastMs: number): z.ZodType<number, string> => wholeNumber(leastMs, TIMER_MAX_MS);

export const text: z.ZodType<string, string> = z.string();

export const flag: z.ZodType<boolean, string> = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((value) => value === 'true');

export const oneOf = <const T extends string>(...values: readonly T[]): z.ZodType<T, string> =>
  z.string().pipe(z.enum(values, `must be one of ${values.join(', ')}`)) as z.ZodType<T, string>;

/** Names that Kafka allows (org.apache.kafka.common.internals.Topic). */
export const topicName: z.ZodType<string, string> = z
  .string()
  .refine(
    (name) => /^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..',
    'must be a topic name: up to 249 letters, digits, dots, underscores and hyphens',
  );

const list = (value: string): string[] =>
  value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');

/** `host:port`, comma-separated. IPv6 literals are not among them: kafkajs splits at the first colon (kafkajs.md 1.3). */
export const brokerList: z.ZodType<string[], string> = z
  .string()
  .transform(list)
  .refine((brokers) => brokers.length > 0 && brokers.every(isBroker), 'must be host:port, several separated by commas');

function isBroker(broker: string): boolean {
  const port = Number(/^[^\s:/]+:(\d{1,5})$/.exec(broker)?.[1]);
  return port >= 1 && port <= PORT_MAX;
}

const PORT_MAX = 65_535;

export const schedule: z.ZodType<number[], string> = z
  .string()
  .transform((value) => list(value).map((entry) => (/^\d+$/.test(entry) ? Number(entry) : Number.NaN)))
  .refine(
    (delays) => delays.every((delayMs) => delayMs > 0 && delayMs <= TIMER_MAX_MS),
    'must be milliseconds separated by commas (empty: no retry)',
  );

/** An origin, perhaps with a path; without a slash at the end. In one spelling, so that `HTTP:` is seen to be `http:`. */
export const baseUrl: z.ZodType<string, string> = z
  .string()
  .refine(isBaseUrl, 'must be an http or https URL without user, query and fragment')
  .transform((value) => {
    const { origin, pathname } = new URL(value);
    return `${origin}${pathname}`.replace(/\/+$/, '');
  });

/** A longer one is a mistake. */
const URL_LENGTH_MAX = 2_048;

function isBaseUrl(value: string): boolean {
  if (value.length > URL_LENGTH_MAX || !URL.canParse(value)) return false;
  const { protocol, username, password, search, hash } = new URL(value);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
