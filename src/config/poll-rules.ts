/** Rules between the variables of `rollcall ingest topic` and `rollcall ingest poll`. */
import type { Problem } from './problem.ts';
import { isLoopback } from './variable.ts';
import type { Values } from './variables.ts';

export function pollRules(values: Partial<Values>): Problem[] {
  return [...topicRules(values), ...urlRules(values)];
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
