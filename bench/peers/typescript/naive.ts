/** The first thing that works: in each partition one event after the other, a GET and a PATCH each. */
import { changesOf, consume, openKafka, readEvent, whileBeating } from './consumer.ts';
import { Groups } from './groups.ts';
import { HttpClient } from './http.ts';
import { kafkaSettings, targetSettings } from './settings.ts';

const settings = kafkaSettings();
const groups = new Groups(new HttpClient(targetSettings()));

await consume({
  kafka: openKafka(settings),
  settings,
  handlers: {
    partitionsConsumedConcurrently: 6,
    eachMessage: async ({ message, heartbeat }) => {
      const event = readEvent(message.value);
      if (event !== null) await whileBeating(heartbeat, () => groups.change(event.group_id, changesOf(event)));
    },
  },
});
