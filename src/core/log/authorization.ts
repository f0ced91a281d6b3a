/** Which operations each command needs of Kafka's topics and groups, and what is missing of them, with its remedy. */
import type { TopicFinding, TopicNames } from './topics.ts';

/** As Kafka's tools spell them. */
export type Operation = 'Read' | 'Write' | 'Create' | 'Describe' | 'DescribeConfigs';

export interface Resource {
  readonly kind: 'topic' | 'group';
  readonly name: string;
}

export interface Need extends Resource {
  readonly operations: readonly Operation[];
}

/** null: the broker does not tell. */
export type Permitted = ReadonlySet<Operation> | null;

const reading: readonly Operation[] = ['Read', 'Describe', 'DescribeConfigs'];
const writing: readonly Operation[] = ['Write', 'Describe', 'DescribeConfigs'];
const both: readonly Operation[] = ['Read', 'Write', 'Describe', 'DescribeConfigs'];

const topic = (name: string, operations: readonly Operation[]): Need => ({ kind: 'topic', name, operations });

/** Of a consumer group that is joined. */
const joining = (name: string): Need => ({ kind: 'group', name, operations: ['Read', 'Describe'] });

export const readingTopic = (name: string): Need => topic(name, reading);

/** @param idTopic the topic of the id map; null: it is none. */
export const needsOfRun = (topics: TopicNames, groupId: string, idTopic: string | null): readonly Need[] => [
  readingTopic(topics.source),
  topic(topics.retry, both),
  topic(topics.deadLetter, writing),
  topic(topics.report, writing),
  joining(groupId),
  ...(idTopic === null ? [] : [readingTopic(idTopic)]),
];

/** Of `run` besides, where DRIFT_EVERY_MS is set. */
export const needsOfDrift = ({ report }: Pick<TopicNames, 'report'>): readonly Need[] => [topic(report, ['Read'])];

/** @param written the topic that native records go to. */
export const needsOfIngest = (written: string, deadLetter: string): readonly Need[] => [
  topic(written, writing),
  topic(deadLetter, writing),
];

/** Of a topic that is joined by a consumer group; its settings are not asked for. */
export const needsOfRelay = (from: string, groupId: string): readonly Need[] => [
  topic(from, ['Read', 'Describe']),
  joining(groupId),
];

export const needsOfCursor = (cursorTopic: string): readonly Need[] => [topic(cursorTopic, both)];

/** Of `replay`, `retry-now`, `held`, `pause`, `resume` and `apply-now`; `topics.retry` alone is used. */
export const needsOfOperator = ({ retry }: Pick<TopicNames, 'retry'>): readonly Need[] => [topic(retry, both)];

/** Of `explain` and `diff`, which change nothing. */
export const needsOfExplain = ({ source, retry, report }: TopicNames, groupId: string): readonly Need[] => [
  readingTopic(source),
  readingTopic(retry),
  readingTopic(report),
  { kind: 'group', name: groupId, operations: ['Describe'] },
];

/** Of `resync` and `undo`, which write to the source. */
export const needsOfResync = (topics: TopicNames, groupId: string): readonly Need[] => [
  topic(topics.source, both),
  ...needsOfExplain(topics, groupId).filter(({ name }) => name !== topics.source),
];

/** Of `rewind`, which moves offsets of the group. */
export const needsOfRewind = ({ source }: Pick<TopicNames, 'source'>, groupId: string): readonly Need[] => [
  readingTopic(source),
  joining(groupId),
];

/** Of `status`, and of `plan` of topics, which change nothing. */
export const needsOfStatus = ({ source, retry }: TopicNames, groupId: string): readonly Need[] => [
  readingTopic(source),
  readingTopic(retry),
  { kind: 'group', name: groupId, operations: ['Describe'] },
];

/** Of a topic that is looked at; nothing is read from it. */
export const lookingAt = (name: string): Need => topic(name, ['Describe', 'DescribeConfigs']);

/** Of a topic that is made. The brokers do not tell beforehand whether it is permitted. */
export const creatingTopic = (name: string): Need => topic(name, ['Create', 'Describe', 'DescribeConfigs']);

/** While a service runs: settings are looked at only at its start. */
export const whileRunning = (needs: readonly Need[]): readonly Need[] =>
  needs.map((need) => ({ ...need, operations: need.operations.filter((each) => each !== 'DescribeConfigs') }));

/** What is needed and not permitted; where the broker does not tell, nothing is missing. */
export function missingOf(needs: readonly Need[], permitted: readonly Permitted[]): readonly Need[] {
  return needs.flatMap((need, i) => {
    const given = permitted[i] ?? null;
    const operations = given === null ? [] : need.operations.filter((operation) => !given.has(operation));
    return operations.length === 0 ? [] : [{ ...need, operations }];
  });
}

/** Who has to be permitted, and where. */
export interface Client {
  readonly brokers: readonly string[];
  /** null: not known here. */
  readonly user: string | null;
}

export interface AccessFinding extends Pick<TopicFinding, 'message' | 'remedy'> {
  readonly resource: Resource;
}

export function accessFinding({ operations, ...resource }: Need, { brokers, user }: Client): AccessFinding {
  const { kind, name } = resource;
  const tool = `kafka-acls.sh --bootstrap-server ${brokers.join(',')}`;
  const where = `--${kind} ${shellWord(name)}`;
  const given = operations.map((operation) => `--operation ${operation}`).join(' ');
  const principal = user === null ? '<the user that Rollcall connects as>' : `User:${user}`;
  const who = user === null ? 'the user of Rollcall' : principal;
  return {
    resource,
    message: `Kafka does not permit ${who} ${operations.join(', ')} on the ${kind} ${name}.`,
    remedy:
      `${tool} --add --allow-principal ${shellWord(principal)} ${given} ${where}\n` +
      'As an administrator of the cluster: name a file with your credentials in --command-config. Where it changes nothing, ' +
      `a rule that denies stands against it: find it with ${tool} --list ${where}, and take it back with --remove.`,
  };
}

/** Quoted where a shell would not take it as one word. */
const shellWord = (text: string): string =>
  /^[\w.:@%+=,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
