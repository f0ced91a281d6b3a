/** The names of a shadow (`SHADOW`) take the place of those of the real service before any rule judges them, for every command. */
import { shadowGroup, shadowTopic } from '../core/log/shadow-names.ts';
import { problem, type Problem } from './problem.ts';
import type { Values } from './variables.ts';

/** The topics that are its own. */
const OWN_TOPICS = ['RETRY_TOPIC', 'DEAD_LETTER_TOPIC', 'REPORT_TOPIC'] as const;

/** @param values as they are configured, for the real service; what was not read, or is wrong, is absent. */
export function namedForShadow(values: Values): { readonly values: Values; readonly problems: readonly Problem[] } {
  if (values.SHADOW !== true) return { values, problems: [] };
  const named: { -readonly [N in keyof Values]: Values[N] } = { ...values };
  if (values.KAFKA_GROUP_ID !== undefined) named.KAFKA_GROUP_ID = shadowGroup(values.KAFKA_GROUP_ID);
  for (const name of OWN_TOPICS) if (values[name] !== undefined) named[name] = shadowTopic(values[name]);
  return { values: named, problems: OWN_TOPICS.flatMap((name) => sharedTopic(name, named, values)) };
}

/** The real service would write to the topic, too. */
function sharedTopic(name: (typeof OWN_TOPICS)[number], named: Values, real: Values): readonly Problem[] {
  const twin = OWN_TOPICS.find((other) => named[name] !== undefined && real[other] === named[name]);
  if (twin === undefined) return [];
  const text = `must not be ${twin} without ${shadowTopic('')}: the shadow would share that topic with the real service`;
  return [problem(name, text, `rollcall.${name.toLowerCase()}`)];
}
