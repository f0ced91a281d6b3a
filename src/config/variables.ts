/** Every variable of the environment, with its limits, default and unit (units stand last in the names). */
import {
  baseUrl,
  demanded,
  durationMs,
  flag,
  initially,
  oneOf,
  optional,
  ownSecret,
  schedule,
  secret,
  text,
  topicName,
  type Variable,
  wholeNumber,
} from './variable.ts';
import { formatVariables, guardVariables, idVariables, kafkaVariables } from './source-variables.ts';
import { ingestVariables, pollVariables, rekeyVariables, webhookVariables } from './ingest-variables.ts';

const topics = {
  SOURCE_TOPIC: initially('idp.group-membership', topicName, {
    part: 'topics',
    about: 'Change events of the identity provider, keyed by group',
  }),
  RETRY_TOPIC: initially('rollcall.retry', topicName, {
    part: 'topics',
    about: 'What waits, per group; compacted, with as many partitions as the source',
  }),
  DEAD_LETTER_TOPIC: initially('rollcall.dead-letter', topicName, {
    part: 'topics',
    about: 'What was given up, and input that could not be read',
  }),
  REPORT_TOPIC: initially('rollcall.reports', topicName, {
    part: 'topics',
    about: 'One record for every membership change',
  }),
};

const genesys = {
  GENESYS_DOMAIN: initially('mypurecloud.com', text, {
    part: 'genesys',
    about: 'Region of the organisation, as in the address of its web page',
  }),
  GENESYS_API_URL: optional(baseUrl, {
    part: 'genesys',
    example: 'http://127.0.0.1:8080',
    about: 'Instead of the region’s API (the sandbox, a proxy); with `GENESYS_LOGIN_URL` only',
  }),
  GENESYS_LOGIN_URL: optional(baseUrl, {
    part: 'genesys',
    example: 'http://127.0.0.1:8080',
    about: 'Instead of the region’s login host; with `GENESYS_API_URL` only',
  }),
  GENESYS_CLIENT_ID: demanded(text, {
    part: 'genesys',
    example: '6f0c1f0e-5b43-4a0e-9a4f-2f2b7d3f1f10',
    about: 'OAuth client (grant: client credentials)',
  }),
  GENESYS_CLIENT_SECRET: secret(
    demanded(text, { part: 'genesys', example: 'change-me', about: 'Secret of that client' }),
  ),
  CONCURRENCY: initially('20', wholeNumber(1, 1000), {
    part: 'genesys',
    about: 'Requests in flight in all; never more than one per group',
  }),
  RATE_LIMIT_PER_MINUTE: optional(wholeNumber(1), {
    part: 'genesys',
    example: '180',
    about:
      'Upper bound of the request rate, besides what the target’s headers say. Default: 180 until they speak, then they alone',
  }),
  REQUEST_TIMEOUT_MS: initially('10000', durationMs(100), {
    part: 'genesys',
    about: 'Time limit of one request, its body included',
  }),
};

const pipeline = {
  LINGER_MS: initially('20', durationMs(0), {
    part: 'pipeline',
    about: 'Time in which a burst for one group may gather into one request',
  }),
  MAX_WAIT_MS: initially('30000', durationMs(0), {
    part: 'pipeline',
    about: 'The longest that additions wait behind removals',
  }),
  MAX_MEMBERS_PER_PATCH: initially('50', wholeNumber(1, 50), {
    part: 'pipeline',
    about: 'Members in one request; Genesys Cloud takes no more than 50',
  }),
  MAX_CONFLICTS: initially('3', wholeNumber(0, 100), {
    part: 'pipeline',
    about: 'Version conflicts in a row after which a group waits',
  }),
  RETRY_BASE_MS: initially('1000', durationMs(1), {
    part: 'pipeline',
    about: 'Failure n waits a random time up to base × 2ⁿ',
  }),
  RETRY_CAP_MS: initially('30000', durationMs(1), {
    part: 'pipeline',
    about: 'The most that such a wait can be; not below `RETRY_BASE_MS`',
  }),
  RETRY_MAX_ATTEMPTS: initially('5', wholeNumber(1, 1000), {
    part: 'pipeline',
    about: 'Number of failures at which a change is given up',
  }),
  SLOW_RETRY_SCHEDULE_MS: initially('60000,300000,1800000,7200000,21600000', schedule, {
    part: 'pipeline',
    about:
      'Waits where something may have yet to be provisioned: unknown users, missing groups, denied groups. Empty (the default of `apply` and `demo`): given up at the first failure',
  }),
  LATE_APPLY_MS: optional(durationMs(0), {
    part: 'pipeline',
    example: '20000',
    about:
      'How long after its sending a request without an answer may still take effect; an assumption about the target. Below `REQUEST_TIMEOUT_MS`: a warning. Default: 2 × `REQUEST_TIMEOUT_MS`',
  }),
  DEAD_KEEP_MS: initially('604800000', wholeNumber(0), {
    part: 'pipeline',
    about: 'How long a change that was given up can be replayed',
  }),
  DEAD_KEEP_COUNT: initially('10000', wholeNumber(0), {
    part: 'pipeline',
    about: 'How many of them are kept per partition',
  }),
  BREAKER_FAILURES: initially('5', wholeNumber(1, 1000), {
    part: 'pipeline',
    about: 'Failures in a row after which the target counts as down',
  }),
  MAX_PENDING_INTENTS: initially('200000', wholeNumber(1), {
    part: 'pipeline',
    about:
      'Changes in memory beyond which no more are read; removals that are held do not count, nor up to as many that wait for another try',
  }),
  DRAIN_TIMEOUT_MS: initially('20000', durationMs(0), {
    part: 'pipeline',
    about:
      'The longest that an orderly stop takes. Below `REQUEST_TIMEOUT_MS`: a warning, since it may cut off requests',
  }),
};

const operator = {
  OPERATOR_KEY: ownSecret({
    part: 'operator',
    about:
      'Shared by `run`, `replay` and `held`: where `run` has it, it takes up only requests that are signed with it; at least 16 characters. Default: any request that is in the retry topic',
  }),
};

const admin = {
  ADMIN_HOST: initially('127.0.0.1', text, {
    part: 'admin',
    about: 'Address of `/healthz`, `/readyz` and `/metrics` of every service; beyond loopback `ADMIN_TOKEN` is needed',
  }),
  ADMIN_PORT: initially('8080', wholeNumber(0, 65_535), { part: 'admin', about: 'Their port; 0: none' }),
  ADMIN_TOKEN: ownSecret({
    part: 'admin',
    about: '`/metrics` asks for it as `Authorization: Bearer …`; at least 16 characters. Probes need none',
  }),
};

const all = {
  LOG_LEVEL: initially('info', oneOf('debug', 'info', 'warn', 'error'), {
    part: 'all',
    about: '`debug`, `info`, `warn` or `error`',
  }),
  ALLOW_INSECURE: initially('false', flag, {
    part: 'all',
    about: 'true: plain http, and passwords for Kafka without TLS, may leave this machine (also `--allow-insecure`)',
  }),
};

export const variables = {
  ...kafkaVariables,
  ...topics,
  ...formatVariables,
  ...idVariables,
  ...genesys,
  ...pipeline,
  ...guardVariables,
  ...operator,
  ...admin,
  ...ingestVariables,
  ...webhookVariables,
  ...rekeyVariables,
  ...pollVariables,
  ...all,
};

export type Name = keyof typeof variables;

export type Values = { readonly [K in Name]: (typeof variables)[K] extends Variable<infer T> ? T : never };

export const names = Object.keys(variables) as readonly Name[];

/** Names that can be in the environment: secrets may be given as files. */
export const knownNames: readonly string[] = names.flatMap((name) =>
  variables[name].kind === 'secret' ? [name, `${name}_FILE`] : [name],
);
