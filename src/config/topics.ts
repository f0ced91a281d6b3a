/** The topics of the service, and the one that `rollcall ingest` writes to. */
import { problem, type Problem } from './problem.ts';
import { asRead, type Given, initially, optional, part, topicName } from './variable.ts';

const options = {
  source: initially('SOURCE_TOPIC', 'idp.group-membership', topicName, {
    about: 'Change events of the identity provider, keyed by group',
  }),
  retry: initially('RETRY_TOPIC', 'rollcall.retry', topicName, {
    about: 'What waits, per group; compacted, with as many partitions as the source',
  }),
  deadLetter: initially('DEAD_LETTER_TOPIC', 'rollcall.dead-letter', topicName, {
    about: 'What was given up, and input that could not be read',
  }),
  report: initially('REPORT_TOPIC', 'rollcall.reports', topicName, {
    about: 'One record for every membership change',
  }),
};

export const topicNames = ['SOURCE_TOPIC', 'RETRY_TOPIC', 'DEAD_LETTER_TOPIC', 'REPORT_TOPIC'] as const;

export const topics = part({
  title: 'Topics',
  options,
  make: asRead,
  rules: (values: Given<typeof options>) =>
    topicNames.flatMap((name, index) => {
      const twin = topicNames
        .slice(0, index)
        .find((other) => values[other] !== undefined && values[other] === values[name]);
      return twin === undefined ? [] : [problem(name, `must differ from ${twin}`, `rollcall.${name.toLowerCase()}`)];
    }),
});

const ingestOptions = {
  topic: optional('INGEST_TOPIC', topicName, {
    example: 'idp.group-membership',
    about: 'Where `rollcall ingest` writes native records. Default: `SOURCE_TOPIC`',
  }),
};

export type TopicValues = Given<typeof options | typeof ingestOptions>;

/** `topic` null: the source topic. */
export const ingest = part({
  title: 'What identity providers push or are asked for',
  options: ingestOptions,
  make: asRead,
  rules: ({ INGEST_TOPIC: topic, ...values }: TopicValues) => {
    if (!topic) return [];
    const twin = topicNames.find((name) => name !== 'SOURCE_TOPIC' && values[name] === topic);
    return twin === undefined ? [] : [problem('INGEST_TOPIC', `must differ from ${twin}`, 'idp.group-membership')];
  },
});

/** What reads its own output would never end. @param input the variable of the topic that is read, and an example */
export function inputRule(topic: string | undefined, values: TopicValues, input: readonly [string, string]): Problem[] {
  const [variable, example] = input;
  const twin = (['INGEST_TOPIC', ...topicNames] as const).find((name) => topic !== undefined && values[name] === topic);
  // SOURCE_TOPIC is not written where INGEST_TOPIC is set.
  if (twin === undefined || (twin === 'SOURCE_TOPIC' && values.INGEST_TOPIC)) return [];
  return [problem(variable, `must differ from ${twin}`, example)];
}
