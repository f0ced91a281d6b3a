/** Writes events to a source topic, each keyed by its group, as a source connector does. */
import type { LogTools } from '../../src/ports.ts';
import type { WorkloadEvent } from './workload.ts';

const EVENTS_PER_SEND = 10_000;

/** @throws Error where the broker does not take one of them. */
export async function sendEvents(
  tools: Pick<LogTools, 'send'>,
  topic: string,
  events: readonly WorkloadEvent[],
): Promise<void> {
  for (let from = 0; from < events.length; from += EVENTS_PER_SEND) {
    const some = events.slice(from, from + EVENTS_PER_SEND);
    const outcomes = await tools.send(
      some.map(({ group, value }) => ({ topic, partition: null, key: group, value, headers: [] })),
    );
    const refused = outcomes.find((outcome) => outcome !== 'written');
    if (refused !== undefined) throw new Error(`the broker did not take the events: ${JSON.stringify(refused)}`);
  }
}
