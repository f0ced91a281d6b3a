/** The usual good consumer: each batch is folded to what its members shall be, then each group gets a GET and a PATCH. */
import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import pLimit from 'p-limit';
import { changesOf, consume, openKafka, readEvent, whileBeating } from './consumer.ts';
import { Groups, type MemberChanges } from './groups.ts';
import { HttpClient } from './http.ts';
import { kafkaSettings, targetSettings } from './settings.ts';

const settings = kafkaSettings();
const target = targetSettings();
const groups = new Groups(new HttpClient(target));
const limit = pLimit(target.concurrency);

await consume({
  kafka: openKafka(settings),
  settings,
  handlers: {
    eachBatchAutoResolve: false,
    // Any partition may have a batch under way; the limit above is the process's.
    partitionsConsumedConcurrently: target.concurrency,
    eachBatch: applyBatch,
  },
});

async function applyBatch({ batch, heartbeat, isRunning, resolveOffset }: EachBatchPayload): Promise<void> {
  let isComplete = true;
  await whileBeating(heartbeat, async (isLost) => {
    const applyGroup = async (group: string, changes: MemberChanges): Promise<void> => {
      if (isLost() || !isRunning()) isComplete = false;
      else await groups.change(group, changes);
    };
    const folded = [...fold(batch.messages)];
    await Promise.all(folded.map(([group, changes]) => limit(() => applyGroup(group, changes))));
  });
  // kafkajs commits what is resolved when this returns.
  if (isComplete) resolveOffset(batch.lastOffset());
}

/** Per group and member the newest change. */
function fold(messages: readonly KafkaMessage[]): ReadonlyMap<string, MemberChanges> {
  const folded = new Map<string, Map<string, boolean>>();
  for (const { value } of messages) {
    const event = readEvent(value);
    if (event === null) continue;
    const changes = folded.get(event.group_id) ?? new Map<string, boolean>();
    for (const [member, isMember] of changesOf(event)) changes.set(member, isMember);
    folded.set(event.group_id, changes);
  }
  return folded;
}
