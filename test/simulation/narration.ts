/** A history in words, for people. */
import type { History, Plan } from './history.ts';

export function narrate({ seed, events, settings }: Plan, { violation, narration }: History): string {
  const lines = narration.map(({ at, line }) => `${(at / 1_000).toFixed(3).padStart(10)} s  ${shortened(line)}`);
  const head = `seed ${seed}, ${events.length} events, ${JSON.stringify(settings)}`;
  return [head, ...lines, violation === null ? 'no promise is broken' : `BROKEN: ${violation.message}`].join('\n');
}

/** What is the same in each record says nothing. */
const shortened = (line: string): string =>
  line
    .replace(/"schemas":\[[^\]]*\],/g, '')
    .replace(/,"\$ref":"[^"]*"/g, '')
    .replace(/"(v|reason|source|request|lag_ms|timestamp|event_id|first_seen_at)":(\{[^{}]*\}|[^,{}]*),/g, '')
    .slice(0, 400);
