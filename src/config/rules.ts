/** Rules that hold between variables. What was not read, or is wrong by itself, takes part in none of them. */
import { idRules } from './id-rules.ts';
import type { Problem } from './problem.ts';
import { GENERATED_SECRET, isLoopback } from './variable.ts';
import { pollRules } from './poll-rules.ts';
import { timeRules } from './time-rules.ts';
import { webhookRules } from './webhook-rules.ts';
import type { Name, Values } from './variables.ts';

export function brokenRules(values: Partial<Values>, isRegion: (domain: string) => boolean): Problem[] {
  return [
    ...saslRules(values),
    ...timeRules(values),
    ...topicRules(values),
    ...idRules(values),
    ...genesysRules(values, isRegion),
    ...adminRules(values),
    ...webhookRules(values),
    ...pollRules(values),
  ];
}

function saslRules(values: Partial<Values>): Problem[] {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = values;
  const tokenFile = values.KAFKA_SASL_OAUTHBEARER_TOKEN_FILE;
  const problems: Problem[] = [];
  if (mechanism === null && (username || password || tokenFile)) {
    problems.push(problem('KAFKA_SASL_MECHANISM', 'is missing, though credentials are given', 'scram-sha-512'));
  }
  if (mechanism === 'oauthbearer' && tokenFile === null) {
    problems.push(
      problem('KAFKA_SASL_OAUTHBEARER_TOKEN_FILE', 'is missing for oauthbearer', '/var/run/secrets/kafka-token'),
    );
  }
  if (mechanism && mechanism !== 'oauthbearer') {
    if (username === null) problems.push(problem('KAFKA_SASL_USERNAME', `is missing for ${mechanism}`, 'rollcall'));
    if (password === null) problems.push(problem('KAFKA_SASL_PASSWORD', `is missing for ${mechanism}`, 'change-me'));
  }
  if (mechanism && !usesTls(values) && values.ALLOW_INSECURE === false && !isLocal(values.KAFKA_BROKERS)) {
    problems.push(
      problem(
        'KAFKA_SSL',
        'must be true, or credentials leave this machine unencrypted (ALLOW_INSECURE=true allows it)',
        'true',
      ),
    );
  }
  return problems;
}

/** By default only between programs of one machine there is none. */
export const usesTls = ({ KAFKA_SSL: chosen, KAFKA_BROKERS: brokers }: Partial<Values>): boolean =>
  chosen ?? !isLocal(brokers);

const isLocal = (brokers: readonly string[] | undefined): boolean =>
  brokers === undefined || brokers.every((broker) => isLoopback(broker.slice(0, broker.lastIndexOf(':'))));

const topicNames = ['SOURCE_TOPIC', 'RETRY_TOPIC', 'DEAD_LETTER_TOPIC', 'REPORT_TOPIC'] as const;

function topicRules(values: Partial<Values>): Problem[] {
  return topicNames.flatMap((name, index) => {
    const twin = topicNames
      .slice(0, index)
      .find((other) => values[other] !== undefined && values[other] === values[name]);
    return twin === undefined ? [] : [problem(name, `must differ from ${twin}`, `rollcall.${name.toLowerCase()}`)];
  });
}

const URL_NAMES = ['GENESYS_API_URL', 'GENESYS_LOGIN_URL'] as const;

function genesysRules(values: Partial<Values>, isRegion: (domain: string) => boolean): Problem[] {
  const problems: Problem[] = [];
  const {
    GENESYS_API_URL: api,
    GENESYS_LOGIN_URL: login,
    GENESYS_DOMAIN: domain,
    ALLOW_INSECURE: allowsInsecure,
  } = values;
  // Otherwise the credentials of one place would go to another.
  if (api && login === null)
    problems.push(problem('GENESYS_LOGIN_URL', 'is missing, though GENESYS_API_URL is given', api));
  if (login && api === null)
    problems.push(problem('GENESYS_API_URL', 'is missing, though GENESYS_LOGIN_URL is given', login));
  if (api === null && login === null && domain !== undefined && !isRegion(domain)) {
    problems.push(problem('GENESYS_DOMAIN', 'is not a region of Genesys Cloud', 'mypurecloud.ie'));
  }
  for (const name of URL_NAMES) {
    const url = values[name];
    if (!url?.startsWith('http:') || isLoopback(new URL(url).hostname) || allowsInsecure !== false) continue;
    problems.push(
      problem(
        name,
        'must be https, except on this machine (ALLOW_INSECURE=true allows it)',
        url.replace('http:', 'https:'),
      ),
    );
  }
  return problems;
}

function adminRules({ ADMIN_HOST: host, ADMIN_PORT: port, ADMIN_TOKEN: token }: Partial<Values>): Problem[] {
  if (host === undefined || isLoopback(host) || port === 0 || token !== null) return [];
  const text =
    'is missing, though ADMIN_HOST can be reached from elsewhere and /metrics would be open to all (with ADMIN_HOST=127.0.0.1 none is needed)';
  return [problem('ADMIN_TOKEN', text, GENERATED_SECRET)];
}

function problem(variable: Name, text: string, example: string): Problem {
  return { variable, problem: text, example };
}
