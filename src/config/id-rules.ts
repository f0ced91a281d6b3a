/** Rules between the variables of the id map and the others. */
import type { Problem } from './problem.ts';
import type { Values } from './variables.ts';

const TOPICS = ['SOURCE_TOPIC', 'RETRY_TOPIC', 'DEAD_LETTER_TOPIC', 'REPORT_TOPIC'] as const;

export function idRules({ ID_MAP: source, ...values }: Partial<Values>): Problem[] {
  if (source?.kind !== 'topic') return [];
  const twin = TOPICS.find((name) => values[name] === source.topic);
  const problem = `must not name the topic of ${twin}: its records are no ids`;
  return twin === undefined ? [] : [{ variable: 'ID_MAP', problem, example: 'topic:rollcall.ids' }];
}
