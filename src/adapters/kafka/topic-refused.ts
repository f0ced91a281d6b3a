/** Why the brokers do not create a topic: kafkajs gathers it in an error that says nothing of it, and drops their own words. */
import { chainOf, traitOf } from './error-chain.ts';
import { KafkaFailure } from './failure.ts';

/** By what the protocol calls it. Of others (permissions, a broker that is not there) `explainKafkaError` knows more. */
const REFUSALS: ReadonlyMap<string, string> = new Map([
  [
    'INVALID_TOPIC_EXCEPTION',
    'There is a topic whose name differs from it by dots and underscores alone, which Kafka does not permit: choose another name.',
  ],
  [
    'POLICY_VIOLATION',
    'A policy of the brokers (create.topic.policy.class.name) forbids it: create it by their own tools as the policy wants it; ' +
      '`rollcall topics check` says what Rollcall needs of it.',
  ],
  [
    'INVALID_REPLICATION_FACTOR',
    'Name with --replication-factor as many replicas as the cluster admits: at most one for each of its brokers.',
  ],
  ['INVALID_PARTITIONS', 'Name with --partitions as many as the cluster admits.'],
  [
    'INVALID_CONFIG',
    'The brokers do not know one of its settings, or refuse its value: create it by their own tools; `rollcall topics check` ' +
      'says what Rollcall needs of it.',
  ],
]);

/** What to throw instead; the error itself where nothing more is known of it. */
export function topicRefused(topic: string, error: unknown): unknown {
  for (const { type, message } of chainOf(error).map(traitOf)) {
    const advice = REFUSALS.get(type);
    if (advice === undefined) continue;
    const reason = `the topic ${topic} is not created: ${message.replace(/\.$/, '')} (${type})`;
    return new KafkaFailure({ code: 'topic_refused', message: reason, advice }, { cause: error });
  }
  return error;
}
