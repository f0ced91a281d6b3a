/** What every service has: its topics, the level of its log, its admin server, and the key that operators sign with. */
import { shadowTopic } from '../core/log/shadow-names.ts';
import { problem, type Problem } from './problem.ts';

import {
  GENERATED_SECRET,
  anyText,
  asRead,
  durationMsOrOff,
  flag,
  initially,
  isLoopback,
  oneOf,
  optional,
  ownSecret,
  part,
  TOPIC_NAME_LENGTH_MAX,
  topicName,
  type Given,
  wholeNumber,
} from './variable.ts';

/** Each comparison asks for the ends of the topics. */
const DRIFT_EVERY_LEAST_MS = 10_000;

/* The topics of the service, and the one that `rollcall ingest` writes to. */

const topicOptions = {
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
  options: topicOptions,
  make: asRead,
  rules: (values: Given<typeof topicOptions>) =>
    topicNames.flatMap((name, index) => {
      const used = values[name];
      const twin = topicNames.slice(0, index).find((other) => used !== undefined && values[other] === used);
      if (twin !== undefined) return [problem(name, `must differ from ${twin}`, `rollcall.${name.toLowerCase()}`)];
      const isLong = used !== undefined && used.length > TOPIC_NAME_LENGTH_MAX;
      return isLong ? [problem(name, LONG_IN_SHADOW, `rollcall.${name.toLowerCase()}`)] : [];
    }),
});

/** What is configured is not too long by itself. */
const LONG_IN_SHADOW = `is too long for a shadow, which appends ${shadowTopic('')}`;

const ingestOptions = {
  topic: optional('INGEST_TOPIC', topicName, {
    example: 'idp.group-membership',
    about: 'Where `rollcall ingest` writes native records. Default: `SOURCE_TOPIC`',
  }),
};

export type TopicValues = Given<typeof topicOptions | typeof ingestOptions>;

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

const adminOptions = {
  host: initially('ADMIN_HOST', '127.0.0.1', anyText, {
    about: 'Address of `/healthz`, `/readyz` and `/metrics` of every service; beyond loopback `ADMIN_TOKEN` is needed',
  }),
  port: initially('ADMIN_PORT', '8080', wholeNumber(0, 65_535), { about: 'Their port; 0: none' }),
  token: ownSecret('ADMIN_TOKEN', {
    about:
      '`/metrics`, `/status` and `/explain` ask for it as `Authorization: Bearer …`; at least 16 characters. Probes need none',
  }),
};

export const admin = part({
  title: 'Health and metrics',
  options: adminOptions,
  make: asRead,
  rules: ({ ADMIN_HOST: host, ADMIN_PORT: port, ADMIN_TOKEN: token }: Given<typeof adminOptions>) => {
    if (host === undefined || isLoopback(host) || port === 0 || token !== null) return [];
    const text =
      'is missing, though ADMIN_HOST can be reached from elsewhere and /metrics would be open to all (with ADMIN_HOST=127.0.0.1 none is needed)';
    return [problem('ADMIN_TOKEN', text, GENERATED_SECRET)];
  },
});

/** `key` signs requests of operators; null: they need no signature. */
export const operator = part({
  title: 'Requests of operators',
  options: {
    key: ownSecret('OPERATOR_KEY', {
      about:
        'Shared by `run`, `replay`, `retry-now`, `held`, `pause`, `resume` and `apply-now`: where `run` has it, it takes up only requests that are signed with it; at least 16 characters. Default: any request that is in the retry topic',
    }),
  },
  make: asRead,
});

const driftOptions = {
  everyMs: initially('DRIFT_EVERY_MS', '0', durationMsOrOff(DRIFT_EVERY_LEAST_MS), {
    about:
      'How long after the start of one comparison of all groups with Genesys Cloud `run` begins the next, in idle request budget (as `diff`, with a report for each member that differs). 0: never',
  }),
};

/** `everyMs` null: `run` compares nothing. */
export const drift = part({
  title: 'Comparison with Genesys Cloud',
  options: driftOptions,
  make: ({ everyMs }) => ({ everyMs: everyMs === 0 ? null : everyMs }),
  rules: ({ DRIFT_EVERY_MS: everyMs, SHADOW: isShadow }: Given<typeof driftOptions | typeof allOptions>) =>
    isShadow === true && everyMs !== undefined && everyMs > 0 ? [problem('DRIFT_EVERY_MS', NO_DRIFT, 0)] : [],
});

const NO_DRIFT =
  'must be 0 in a shadow: it reads groups with its own changes on top, so that a comparison would say nothing of the real ones; `rollcall diff` compares with those';

const allOptions = {
  logLevel: initially('LOG_LEVEL', 'info', oneOf('debug', 'info', 'warn', 'error'), {
    about: '`debug`, `info`, `warn` or `error`',
  }),
  allowsInsecure: initially('ALLOW_INSECURE', 'false', flag, {
    about: 'true: plain http, and passwords for Kafka without TLS, may leave this machine (also `--allow-insecure`)',
  }),
  isShadow: initially('SHADOW', 'false', flag, {
    about:
      'true: `run` sends Genesys Cloud nothing that changes a group, and reports what it would have done; consumer group, retry, dead-letter and report topic are its own, for every command (`-shadow` and `.shadow` are appended). `apply`, `resync`, `undo` and `ingest` refuse to work (also `--shadow`)',
  }),
};

/** Read by every command. */
export const all = part({ title: 'Every command', options: allOptions, make: asRead });
