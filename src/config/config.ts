/**
 * Room config: the environment → one frozen Config, or all problems together; `variables.ts` is the table of all.
 * Not here: opening what is configured (console, adapters).
 *
 * The environment → one frozen Config, or every problem at once. Limits, defaults and units: config/variables.ts.
 * A command names the parts that it needs; the others are neither demanded nor checked.
 */
import assert from 'node:assert/strict';
import type { GenesysOptions } from '../adapters/genesys/group-api.ts';
import { publicApiUrl, regionUrls, type RegionUrls } from '../adapters/genesys/regions.ts';
import type { IdMapOptions } from '../adapters/ids/options.ts';
import type { ProxySettings } from '../core/target/proxy.ts';
import type { WebhookConfig } from '../ingest/webhook/options.ts';
import type { PipelineOptions, Topics } from '../pipeline/options.ts';
import { formatPart, formatRules, type FormatConfig } from './format.ts';
import { pollParts, type PollParts } from './ingest-parts.ts';
import { kafkaPart, type KafkaConfig } from './kafka.ts';
import { ConfigError, misspelled, type Problem } from './problem.ts';
import { readProxy } from './proxy.ts';
import { readValues, type Environment, type ReadFile } from './read-values.ts';
import { brokenRules } from './rules.ts';
import { LEASE_MARGIN_MS, timeRisks } from './time-rules.ts';
import type { Part } from './variable.ts';
import { knownNames, names, type Values, variables } from './variables.ts';
import { webhookPart } from './webhook.ts';

interface GenesysConfig extends GenesysOptions {
  /** Of the region, also where requests go elsewhere. */
  readonly publicApiUrl: string;
}

interface OperatorConfig {
  /** Signs requests of operators; null: they need no signature. */
  readonly key: string | null;
}

interface AdminConfig {
  readonly host: string;
  /** 0: no admin server. */
  readonly port: number;
  readonly token: string | null;
}

interface IngestConfig {
  /** null: the source topic. */
  readonly topic: string | null;
}

/** `lateApplyMs` null: twice the request time-out. */
type PipelineConfig = Omit<
  PipelineOptions,
  'topics' | 'owner' | 'publicApiUrl' | 'concurrency' | 'leaseMs' | 'lateApplyMs'
> & {
  readonly lateApplyMs: number | null;
};

export interface Parts extends PollParts {
  readonly kafka: KafkaConfig;
  readonly topics: Topics;
  readonly format: FormatConfig;
  readonly ids: IdMapOptions;
  readonly genesys: GenesysConfig;
  readonly pipeline: PipelineConfig;
  readonly operator: OperatorConfig;
  readonly admin: AdminConfig;
  readonly ingest: IngestConfig;
  readonly webhook: WebhookConfig;
}

interface Always {
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
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
  parts: readonly P[],
  readFile: ReadFile,
): Config<P> {
  const { values, problems } = readValues(environment, parts, readFile);
  const proxy = readProxy(environment);
  const all = [
    ...problems,
    ...(parts.some((part) => HTTP_PARTS.includes(part)) ? proxy.problems : []),
    ...brokenRules(values, (domain) => regionUrls(domain) !== undefined),
    ...formatRules(values, readFile),
  ];
  const warnings = misspelled(Object.keys(environment), knownNames);
  if (all.length > 0) throw new ConfigError(all, warnings);
  // Without problems, every value that an asked part is made of is there.
  const whole = values as Values;
  const made = Object.fromEntries(parts.map((part) => [part, makePart[part](whole, readFile)])) as Pick<Parts, P>;
  return deepFreeze({
    ...made,
    logLevel: whole.LOG_LEVEL,
    warnings,
    risks: timeRisks(values),
    proxy: proxy.proxy,
    secrets: [...secretsOf(values, readFile), ...proxy.secrets],
  });
}

/** Every secret of the environment, whatever else is wrong with it. */
export const secretsIn = (environment: Environment, readFile: ReadFile): readonly string[] => [
  ...secretsOf(readValues(environment, ALL_PARTS, readFile).values, readFile),
  ...readProxy(environment).secrets,
];

const secretsOf = (values: Partial<Values>, readFile: ReadFile): readonly string[] => [
  ...names.flatMap((name) => {
    const value = values[name];
    return variables[name].kind === 'secret' && typeof value === 'string' && value !== '' ? [value] : [];
  }),
  ...tokenIn(values.KAFKA_SASL_OAUTHBEARER_TOKEN_FILE ?? null, readFile),
];

/** The token as it is now; its file is read again at each authentication. */
function tokenIn(path: string | null, readFile: ReadFile): readonly string[] {
  if (path === null) return [];
  try {
    return [readFile(path).trim()].filter((token) => token !== '');
  } catch {
    // It could be read a moment ago; where it is wanted, that is told.
    return [];
  }
}

/** What the pipeline is told. On a log whose ownership cannot be lost (memory) `kafka` is null and the lease endless. */
export function pipelineOptions(
  config: Pick<Parts, 'topics' | 'genesys' | 'pipeline'> & { readonly kafka: KafkaConfig | null },
  owner: string,
): PipelineOptions {
  const { topics, genesys, pipeline, kafka } = config;
  return {
    ...pipeline,
    topics,
    owner,
    publicApiUrl: genesys.publicApiUrl,
    concurrency: genesys.concurrency,
    lateApplyMs: pipeline.lateApplyMs ?? 2 * genesys.requestTimeoutMs,
    leaseMs: kafka === null ? Infinity : kafka.sessionTimeoutMs - genesys.requestTimeoutMs - LEASE_MARGIN_MS,
  };
}

/** Whose requests may go through a proxy. */
const HTTP_PARTS: readonly Part[] = ['genesys', 'okta', 'entra', 'auth0', 'scim'];

const ALL_PARTS: readonly Part[] = [
  'kafka',
  'topics',
  'format',
  'ids',
  'genesys',
  'pipeline',
  'operator',
  'admin',
  'ingest',
  'webhook',
  'rekey',
  'poll',
  'okta',
  'entra',
  'auth0',
  'scim',
];

const makePart: { readonly [K in Part]: (values: Values, readFile: ReadFile) => Parts[K] } = {
  kafka: kafkaPart,
  topics: (values) => ({
    source: values.SOURCE_TOPIC,
    retry: values.RETRY_TOPIC,
    deadLetter: values.DEAD_LETTER_TOPIC,
    report: values.REPORT_TOPIC,
  }),
  ids: (values) => ({
    source: values.ID_MAP,
    userAttribute: values.ID_MAP_USER_ATTRIBUTE,
    groupAttribute: values.ID_MAP_GROUP_ATTRIBUTE,
  }),
  genesys: (values) => ({
    ...genesysUrls(values),
    publicApiUrl: publicApiUrl(values.GENESYS_DOMAIN),
    clientId: values.GENESYS_CLIENT_ID,
    clientSecret: values.GENESYS_CLIENT_SECRET,
    requestTimeoutMs: values.REQUEST_TIMEOUT_MS,
    concurrency: values.CONCURRENCY,
    rateLimitPerMinute: values.RATE_LIMIT_PER_MINUTE,
  }),
  pipeline: (values) => ({
    lingerMs: values.LINGER_MS,
    maxWaitMs: values.MAX_WAIT_MS,
    membersPerPatchMax: values.MAX_MEMBERS_PER_PATCH,
    conflictsMax: values.MAX_CONFLICTS,
    retry: {
      baseMs: values.RETRY_BASE_MS,
      capMs: values.RETRY_CAP_MS,
      attemptsMax: values.RETRY_MAX_ATTEMPTS,
      slowScheduleMs: values.SLOW_RETRY_SCHEDULE_MS,
    },
    guard: {
      groupPercent: values.GUARD_GROUP_PERCENT,
      groupFloor: values.GUARD_GROUP_FLOOR,
      groupCount: values.GUARD_GROUP_COUNT,
      windowCount: values.GUARD_WINDOW_COUNT,
      windowMs: values.GUARD_WINDOW_MS,
    },
    lateApplyMs: values.LATE_APPLY_MS,
    deadKeepMs: values.DEAD_KEEP_MS,
    deadKeepCount: values.DEAD_KEEP_COUNT,
    breakerFailures: values.BREAKER_FAILURES,
    pendingIntentsMax: values.MAX_PENDING_INTENTS,
    snapshotMembersMax: SNAPSHOT_MEMBERS_MAX,
    drainTimeoutMs: values.DRAIN_TIMEOUT_MS,
  }),
  operator: (values) => ({ key: values.OPERATOR_KEY }),
  admin: (values) => ({ host: values.ADMIN_HOST, port: values.ADMIN_PORT, token: values.ADMIN_TOKEN }),
  format: formatPart,
  ...pollParts,
  ingest: (values) => ({ topic: values.INGEST_TOPIC }),
  webhook: webhookPart,
};

/** Ids in all snapshots that are kept: bounds their memory, and no operator has had a reason to choose. */
const SNAPSHOT_MEMBERS_MAX = 200_000;

function genesysUrls(values: Values): RegionUrls {
  const { GENESYS_API_URL: apiUrl, GENESYS_LOGIN_URL: loginUrl, GENESYS_DOMAIN: domain } = values;
  if (apiUrl !== null && loginUrl !== null) return { apiUrl, loginUrl };
  const region = regionUrls(domain);
  assert(region, 'the rules have let a region through that is none');
  return region;
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
