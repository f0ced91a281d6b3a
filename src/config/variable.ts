/**
 * How a part of the configuration is declared: its options, each with the variable that gives it, the rules between the
 * variables, and what the part is made of. The table of docs/reference.md is written from the declarations.
 */
import { z } from 'zod';
import { problem, type Problem } from './problem.ts';

/** The text of a file; throws if it cannot be read. */
export type ReadFile = (path: string) => string;

export interface Variable<N extends string = string, T = unknown> {
  readonly name: N;
  /** From the text of the environment; messages say what the value must be and never repeat it. */
  readonly type: z.ZodType<T, string>;
  /** As one would write it; null: none. */
  readonly initial: string | null;
  readonly isDemanded: boolean;
  /** `secret`: may be given as `<NAME>_FILE`, and is never shown. `file`: the path of a file that can be read. */
  readonly kind: 'plain' | 'secret' | 'file';
  /** Of a file: its content is taken again when it changes, as that of secrets is. */
  readonly isReloaded?: true;
  /** Otherwise an empty variable counts as not set. */
  readonly mayBeEmpty?: true;
  readonly example: string;
  /** Shown in its place where a value is wrong. */
  readonly shellExample?: string;
  readonly about: string;
}

/** Options by their names in the Config; several may be grouped. */
export interface Options {
  readonly [option: string]: Variable | Options;
}

/** The values of options, grouped like them. */
export type Read<O> = {
  readonly [K in keyof O]: O[K] extends Variable<string, infer T> ? T : Read<O[K]>;
};

export type VariablesIn<O> = O extends Variable ? O : { [K in keyof O]: VariablesIn<O[K]> }[keyof O];

/** Values by the names of variables, of one part or of several. What was not read, or is wrong by itself, is absent. */
export type Given<O> = {
  readonly [V in VariablesIn<O> as V extends Variable<infer N> ? N : never]?: V extends Variable<string, infer T>
    ? T
    : never;
};

interface Declaration<O extends Options, C, G> {
  /** Of its section in `.env.example`. */
  readonly title: string;
  readonly options: O;
  /** Makes what commands get. Called only if no variable and no rule has a problem. */
  readonly make: (options: Read<O>, readFile: ReadFile) => C;
  /** Problems between its variables, and between them and those of other parts. */
  readonly rules?: (values: G, readFile: ReadFile) => readonly Problem[];
  /** Values that cost something, but break no promise. */
  readonly risks?: (values: G) => readonly Problem[];
}

/** For a part whose options need no conversion. */
export const asRead = <T>(options: T): T => options;

export const part = <O extends Options, C, G = object>(declared: Declaration<O, C, G>) => ({
  title: declared.title,
  options: declared.options,
  variables: variablesOf(declared.options),
  rules: declared.rules ?? ((): readonly Problem[] => []),
  risks: declared.risks ?? ((): readonly Problem[] => []),
  from: (values: Values, readFile: ReadFile): C => declared.make(readOptions(declared.options, values), readFile),
});

type Values = Readonly<Record<string, unknown>>;

const isVariable = (option: Variable | Options): option is Variable => typeof option['name'] === 'string';

const variablesOf = (options: Options): readonly Variable[] =>
  Object.values(options).flatMap((option) => (isVariable(option) ? option : variablesOf(option)));

function readOptions<O extends Options>(options: O, values: Values): Read<O> {
  const read = Object.entries(options).map(([key, option]) => [
    key,
    isVariable(option) ? values[option.name] : readOptions(option, values),
  ]);
  return Object.fromEntries(read) as Read<O>;
}

interface Explained {
  readonly example: string;
  readonly about: string;
}

/** Without it the part cannot work. */
export const demanded = <N extends string, T>(
  name: N,
  type: z.ZodType<T, string>,
  explained: Explained,
): Variable<N, T> => ({ ...explained, name, type, initial: null, isDemanded: true, kind: 'plain' });

export const optional = <N extends string, T>(
  name: N,
  type: z.ZodType<T, string>,
  explained: Explained,
): Variable<N, T | null> => ({ ...demanded<N, T | null>(name, type, explained), isDemanded: false });

/** The default is its own example. */
export const initially = <N extends string, T>(
  name: N,
  initial: string,
  type: z.ZodType<T, string>,
  explained: Omit<Explained, 'example'>,
): Variable<N, T> => ({ ...demanded(name, type, { ...explained, example: initial }), initial, isDemanded: false });

export const secret = <V extends Variable>(variable: V): V => ({ ...variable, kind: 'secret' });
export const file = <V extends Variable>(variable: V): V => ({ ...variable, kind: 'file' });
export const reloadedFile = <V extends Variable>(variable: V): V => ({ ...variable, kind: 'file', isReloaded: true });
export const orEmpty = <V extends Variable>(variable: V): V => ({ ...variable, mayBeEmpty: true });

/** A secret that a vendor has given out. */
export const vendorSecret = <N extends string>(name: N, about: string): Variable<N, string> =>
  secret(demanded(name, anyText, { example: 'change-me', about }));

/** What we ourselves verify; the vendors' secrets are as long as the vendors make them. */
const OWN_SECRET_LENGTH_MIN = 16;

export const ownSecretText = z
  .string()
  .refine(
    (value) => value.length >= OWN_SECRET_LENGTH_MIN,
    `must have at least ${OWN_SECRET_LENGTH_MIN} characters; \`openssl rand -hex 32\` makes one`,
  );

/** In a shell; no example of a file, where it would be the secret itself. */
export const GENERATED_SECRET = '$(openssl rand -hex 32)';

/** A secret that others have to show to us. */
export const ownSecret = <N extends string>(
  name: N,
  explained: Omit<Explained, 'example'>,
): Variable<N, string | null> =>
  secret({ ...optional(name, ownSecretText, { ...explained, example: 'change-me' }), shellExample: GENERATED_SECRET });

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

/** 0 stands for never. */
export const durationMsOrOff = (leastMs: number): z.ZodType<number, string> =>
  z
    .string()
    .transform((text) => (/^\d+$/.test(text) ? Number(text) : Number.NaN))
    .refine(
      (value) => value === 0 || (value >= leastMs && value <= TIMER_MAX_MS),
      `must be 0, or a whole number from ${leastMs} to ${TIMER_MAX_MS}`,
    );

export const anyText: z.ZodType<string, string> = z.string();

export const flag: z.ZodType<boolean, string> = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((value) => value === 'true');

export const oneOf = <const T extends string>(...values: readonly T[]): z.ZodType<T, string> =>
  z.string().pipe(z.enum(values, `must be one of ${values.join(', ')}`)) as z.ZodType<T, string>;

export const TOPIC_NAME_LENGTH_MAX = 249;

/** Names that Kafka allows (org.apache.kafka.common.internals.Topic). */
export const topicName: z.ZodType<string, string> = z
  .string()
  .refine(
    (name) => /^[a-zA-Z0-9._-]+$/.test(name) && name.length <= TOPIC_NAME_LENGTH_MAX && name !== '.' && name !== '..',
    `must be a topic name: up to ${TOPIC_NAME_LENGTH_MAX} letters, digits, dots, underscores and hyphens`,
  );

const list = (value: string): string[] =>
  value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');

/** `host:port`, comma-separated. IPv6 literals are not among them: kafkajs splits at the first colon (kafkajs.md 1.3). */
export const brokerList: z.ZodType<readonly string[], string> = z
  .string()
  .transform(list)
  .refine((brokers) => brokers.length > 0 && brokers.every(isBroker), 'must be host:port, several separated by commas');

function isBroker(broker: string): boolean {
  const port = Number(/^[^\s:/]+:(\d{1,5})$/.exec(broker)?.[1]);
  return port >= 1 && port <= PORT_MAX;
}

const PORT_MAX = 65_535;

export const schedule: z.ZodType<readonly number[], string> = z
  .string()
  .transform((value) => list(value).map((entry) => (/^\d+$/.test(entry) ? Number(entry) : Number.NaN)))
  .refine(
    (delays) => delays.every((delayMs) => delayMs > 0 && delayMs <= TIMER_MAX_MS),
    'must be milliseconds separated by commas (empty: no retry)',
  );

/**
 * An origin, perhaps with a path; without a slash at the end. In one spelling, so that `HTTP:` is seen to be `http:`. Plain
 * http is refused beyond this machine (variables.ts).
 */
export const baseUrl: z.ZodType<string, string> = z
  .string()
  .refine(isBaseUrl, 'must be an http or https URL without user, query and fragment')
  .transform((value) => {
    const { origin, pathname } = new URL(value);
    return `${origin}${pathname}`.replace(/\/+$/, '');
  });

/** A longer one is a mistake. */
export const URL_LENGTH_MAX = 2_048;

function isBaseUrl(value: string): boolean {
  if (value.length > URL_LENGTH_MAX || !URL.canParse(value)) return false;
  const { protocol, username, password, search, hash } = new URL(value);
  return /^https?:$/.test(protocol) && username + password + search + hash === '';
}

interface Transport {
  /** ALLOW_INSECURE. */
  readonly allows: boolean | undefined;
  readonly example: string;
}

/** Plain http may not leave this machine, unless that is allowed. */
export function httpsProblems(
  name: string,
  { protocol, hostname }: URL,
  { allows, example }: Transport,
): readonly Problem[] {
  if (protocol === 'https:' || allows !== false || isLoopback(hostname)) return [];
  return [problem(name, 'must be https, except on this machine (ALLOW_INSECURE=true allows it)', example)];
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** All of these brokers are on this machine. */
export const areLocal = (brokers: readonly string[]): boolean =>
  brokers.every((broker) => isLoopback(broker.slice(0, broker.lastIndexOf(':'))));
