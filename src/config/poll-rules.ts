/** Rules between the variables of `rollcall ingest topic` and `rollcall ingest poll`. */
import type { Problem } from './problem.ts';
import { isLoopback } from './variable.ts';
import type { Values } from './variables.ts';

export function pollRules(values: Partial<Values>): Problem[] {
  return [...topicRules(values), ...groupRules(values), ...urlRules(values), ...fromRules(values)];
}

const INPUTS = [
  ['INGEST_FROM_TOPIC', 'insights-logs-auditlogs'],
  ['INGEST_CURSOR_TOPIC', 'rollcall.ingest-cursors'],
] as const;
const OTHERS = ['INGEST_TOPIC', 'SOURCE_TOPIC', 'RETRY_TOPIC', 'DEAD_LETTER_TOPIC', 'REPORT_TOPIC'] as const;

/** What reads its own output would never end. */
function topicRules(values: Partial<Values>): Problem[] {
  return INPUTS.flatMap(([variable, example]) => {
    const topic = values[variable];
    const twin = OTHERS.find((name) => topic !== undefined && values[name] === topic);
    // SOURCE_TOPIC is not written where INGEST_TOPIC is set.
    if (twin === undefined || (twin === 'SOURCE_TOPIC' && values.INGEST_TOPIC)) return [];
    return [{ variable, problem: `must differ from ${twin}`, example }];
  });
}

/** Members that read other topics than the rest of their group make Kafka refuse the group, or stand still with a part of it. */
function groupRules(values: Partial<Values>): Problem[] {
  const { INGEST_GROUP_ID: group, KAFKA_GROUP_ID: own, INGEST_FROM_BROKERS: elsewhere } = values;
  if (group === undefined || group !== own || elsewhere !== null) return [];
  const problem = 'must differ from KAFKA_GROUP_ID: a consumer group has members of one kind';
  return [{ variable: 'INGEST_GROUP_ID', problem, example: 'rollcall-ingest' }];
}

const URLS = [
  'INGEST_OKTA_URL',
  'INGEST_ENTRA_GRAPH_URL',
  'INGEST_ENTRA_LOGIN_URL',
  'INGEST_AUTH0_URL',
  'INGEST_SCIM_URL',
] as const;

function urlRules(values: Partial<Values>): Problem[] {
  return URLS.flatMap((variable) => {
    const url = values[variable];
    if (!url?.startsWith('http:') || isLoopback(new URL(url).hostname) || values.ALLOW_INSECURE !== false) return [];
    const problem = 'must be https, except on this machine (ALLOW_INSECURE=true allows it)';
    return [{ variable, problem, example: url.replace('http:', 'https:') }];
  });
}

/** Where the topic that is read comes from, and how it is read. */
function fromRules(values: Partial<Values>): Problem[] {
  const { INGEST_FROM_FORMAT: format, MAPPING_FILE: mapping, INGEST_FROM_BROKERS: brokers } = values;
  const { INGEST_FROM_SASL_MECHANISM: mechanism, INGEST_FROM_SASL_USERNAME: user } = values;
  const missing = (variable: string, why: string, example: string): Problem => ({
    variable,
    problem: `is missing${why}`,
    example,
  });
  const problems: Problem[] = [];
  if (format === 'mapping' && mapping === null)
    problems.push(missing('MAPPING_FILE', ' for INGEST_FROM_FORMAT=mapping', '/etc/rollcall/mapping.json'));
  if (mechanism && brokers === null)
    problems.push(
      missing('INGEST_FROM_BROKERS', ', though credentials for it are given', 'example.servicebus.windows.net:9093'),
    );
  if (mechanism && user === null)
    problems.push(missing('INGEST_FROM_SASL_USERNAME', ` for ${mechanism}`, '$ConnectionString'));
  if (mechanism && values.INGEST_FROM_SASL_PASSWORD === null)
    problems.push(missing('INGEST_FROM_SASL_PASSWORD', ` for ${mechanism}`, 'change-me'));
  if (user && mechanism === null)
    problems.push(missing('INGEST_FROM_SASL_MECHANISM', ', though credentials are given', 'plain'));
  return problems;
}
