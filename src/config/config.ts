/**
 * Room config: the environment → one frozen Config, or all problems together; one file per part, `variables.ts` lists them.
 * Not here: opening what is configured (console, adapters).
 *
 * A command names the parts that it needs; the others are neither demanded nor checked. The variables and rules of a part are
 * in its own file.
 */
import type { ProxySettings } from '../adapters/proxy.ts';
import type { PipelineOptions } from '../pipeline/state/options.ts';
import { LEASE_MARGIN_MS } from './kafka.ts';
import { secretsOfUrl } from './notify.ts';
import { ConfigError, misspelled, type Problem } from './problem.ts';
import { namedForShadow } from './shadow.ts';
import type { ReadFile } from './variable.ts';
import {
  brokenRules,
  knownNames,
  names,
  partNames,
  parts,
  readValues,
  type Environment,
  type Part,
  type Values,
  variables,
} from './variables.ts';

/** Each as its declaration makes it. */
export type Parts = { readonly [P in Part]: Readonly<ReturnType<(typeof parts)[P]['from']>> };

interface Always {
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** `run` sends nothing that changes a group; consumer group and topics are those of the shadow. */
  readonly isShadow: boolean;
  /** Names that were probably meant to be others. */
  readonly warnings: readonly string[];
  /** Values that cost something, but break no promise. */
  readonly risks: readonly Problem[];
  /** Of the requests to Genesys Cloud and to identity providers. */
  readonly proxy: ProxySettings;
  /** Must not appear in logs, errors and pages. */
  readonly secrets: readonly string[];
}

export type Config<P extends Part = Part> = Pick<Parts, P> & Always;

/** @throws ConfigError with every problem of the parts that are asked for. */
export function readConfig<P extends Part>(
  environment: Environment,
  asked: readonly P[],
  readFile: ReadFile,
): Config<P> {
  const read = readValues(environment, asked, readFile);
  const { values, problems } = namedForShadow(read.values);
  const proxy = readProxy(environment);
  const all = [
    ...read.problems,
    ...problems,
    ...(asked.some((part) => HTTP_PARTS.includes(part)) ? proxy.problems : []),
    ...brokenRules(values, readFile),
  ];
  const warnings = misspelled(Object.keys(environment), knownNames);
  if (all.length > 0) throw new ConfigError(all, warnings);
  // Without problems, every value that an asked part is made of is there.
  const made = Object.fromEntries(asked.map((part) => [part, parts[part].from(values, readFile)])) as Pick<Parts, P>;
  const { logLevel, isShadow } = parts.all.from(values, readFile);
  return deepFreeze({
    ...made,
    logLevel,
    isShadow,
    warnings,
    risks: Object.values(parts).flatMap((part) => part.risks(values)),
    proxy: proxy.proxy,
    secrets: [...secretsOf(values, readFile), ...proxy.secrets],
  });
}

/** Every secret of the environment, also of one with problems. */
export const secretsIn = (environment: Environment, readFile: ReadFile): readonly string[] => [
  ...secretsOf(readValues(environment, partNames, readFile).values, readFile),
  ...readProxy(environment).secrets,
];

const secretsOf = (values: Values, readFile: ReadFile): readonly string[] => [
  ...names.flatMap((name) => {
    const value = values[name];
    if (variables[name].kind !== 'secret') return [];
    if (value instanceof URL) return secretsOfUrl(value);
    return typeof value === 'string' && value !== '' ? [value] : [];
  }),
  ...tokenIn(values.KAFKA_SASL_OAUTHBEARER_TOKEN_FILE ?? null, readFile),
];

/** The token as it is now; its file is read again at each authentication. */
function tokenIn(path: string | null, readFile: ReadFile): readonly string[] {
  if (path === null) return [];
  try {
    return [readFile(path).trim()].filter((token) => token !== '');
  } catch {
    // It could be read a moment ago; the command that wants it says so.
    return [];
  }
}

/**
 * What a full state came to goes through the record in pieces: a record of all of it would be written again after each request.
 * Of four requests, so that each change is written about three times.
 */
const REQUESTS_PER_PIECE = 4;

/**
 * The options of the pipeline. On a log whose ownership cannot be lost (memory) `kafka` is null, the lease endless, and a full state one
 * piece: pieces would make its requests depend on when records are acknowledged.
 */
export function pipelineOptions(
  config: Pick<Config<'topics' | 'genesys' | 'pipeline'>, 'topics' | 'genesys' | 'pipeline' | 'isShadow'> & {
    readonly kafka: Parts['kafka'] | null;
  },
  owner: string,
): PipelineOptions {
  const { topics, genesys, pipeline, kafka, isShadow } = config;
  return {
    ...pipeline,
    isShadow,
    topics,
    owner,
    publicApiUrl: genesys.publicApiUrl,
    concurrency: genesys.concurrency,
    lateApplyMs: pipeline.lateApplyMs ?? 2 * genesys.requestTimeoutMs,
    requestsPerPiece: kafka === null ? Infinity : REQUESTS_PER_PIECE,
    leaseMs: kafka === null ? Infinity : kafka.sessionTimeoutMs - genesys.requestTimeoutMs - LEASE_MARGIN_MS,
  };
}

/** Whose requests may go through a proxy. */
const HTTP_PARTS: readonly Part[] = ['genesys', 'notify', 'okta', 'entra', 'auth0', 'scim'];

/** Bytes cannot be frozen. */
function deepFreeze<T extends object>(value: T): T {
  if (ArrayBuffer.isView(value)) return value;
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}

/* HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in small letters too, as other programs read them. */

export interface ReadProxy {
  readonly proxy: ProxySettings;
  readonly problems: readonly Problem[];
  /** Passwords in them. */
  readonly secrets: readonly string[];
}

export function readProxy(environment: Environment): ReadProxy {
  const given = [urlOf('HTTP_PROXY', environment), urlOf('HTTPS_PROXY', environment)] as const;
  const [httpProxy = '', httpsProxy = ''] = given.map(({ url }) => url?.href ?? '');
  return {
    proxy: { httpProxy, httpsProxy, noProxy: textOf('NO_PROXY', environment).trim() },
    problems: given.flatMap(({ problem }) => problem ?? []),
    secrets: given.flatMap(({ url }) => (url === null ? [] : passwordsIn(url))),
  };
}

/** Small letters come first, as for curl and undici. */
const textOf = (name: string, environment: Environment): string =>
  environment[name.toLowerCase()] || environment[name] || '';

interface Given {
  readonly url: URL | null;
  readonly problem: Problem | null;
}

/** A name without a scheme is http, as for curl. */
function urlOf(name: string, environment: Environment): Given {
  const text = textOf(name, environment).trim();
  if (text === '') return { url: null, problem: null };
  const url = text.includes('://') ? text : `http://${text}`;
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return { url: new URL(url), problem: null };
  const problem = 'must be an http or https URL';
  return { url: null, problem: { variable: name, problem, example: 'http://proxy.example.com:3128' } };
}

function passwordsIn({ password }: URL): readonly string[] {
  if (password === '') return [];
  return [...new Set([password, decoded(password)])];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
