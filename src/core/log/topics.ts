/**
 * What the four topics must look like, and what is wrong with those that are found: each finding with its remedy. An `error`
 * loses or reorders changes, or keeps the service from working: no command that uses the topic starts, and the checks fail.
 * A `warning` is a risk that an operator may accept: the same commands log it and go on.
 */
export type TopicRole = 'source' | 'retry' | 'deadLetter' | 'report';

export type TopicNames = Readonly<Record<TopicRole, string>>;

/** A topic as the log describes it; settings are effective ones, defaults included. */
export interface FoundTopic {
  readonly partitionCount: number;
  readonly replicationFactor: number;
  readonly settings: ReadonlyMap<string, string>;
}

/** null: there is no such topic. */
export type FoundTopics = Readonly<Record<TopicRole, FoundTopic | null>>;

/** Only the topics that a command uses; the others are not judged. */
export type UsedTopics = Readonly<Partial<FoundTopics>>;

type TopicFindingCode =
  | 'topic_missing'
  | 'partition_counts_differ'
  | 'retry_not_compacted'
  | 'eager_cleaner'
  | 'source_compacted'
  | 'dead_letter_compacted'
  | 'report_compacted'
  | 'retention_too_short'
  | 'dead_letter_too_small'
  | 'not_replicated';

export interface TopicFinding {
  readonly severity: 'error' | 'warning';
  readonly code: TopicFindingCode;
  readonly topic: string;
  readonly message: string;
  readonly remedy: string;
}

export const ROLES: readonly TopicRole[] = ['source', 'retry', 'deadLetter', 'report'];

/** A restore and a repair must be quicker than the cleaner, else it removes the record that was right. */
export const COMPACTION_LAG_MIN_MS = 86_400_000;

/** Kafka's own default: shorter than this, and a long weekend of standstill loses changes. */
const RETENTION_MIN_MS = 7 * 86_400_000;

/** What the headers of a dead letter may add to its source record. */
const DEAD_LETTER_HEADROOM_BYTES = 64 * 1024;

/** Kafka's default of max.message.bytes. */
const MESSAGE_MAX_BYTES = 1_048_588;

export function topicFindings(names: TopicNames, found: UsedTopics): TopicFinding[] {
  return [
    ...ROLES.filter((role) => found[role] === null).map((role) => missing(names[role])),
    ...partitionFindings(names, found),
    ...retryFindings(names.retry, found.retry ?? null),
    ...compactedRoles.flatMap((role) => compactedFindings(role, names[role], found[role] ?? null)),
    ...deadLetterFindings(names.deadLetter, found),
    ...ROLES.flatMap((role) => retentionFindings(role, names[role], found[role] ?? null)),
    ...ROLES.flatMap((role) => replicationFindings(names[role], found[role] ?? null)),
  ];
}

/** What no command starts with that uses the topic; it warns of the others. */
export const refusesRun = ({ severity }: TopicFinding): boolean => severity === 'error';

export interface TopicWish {
  /** Of a source topic that is not there yet. */
  readonly partitionCount: number;
  /** -1: the broker's default. */
  readonly replicationFactor: number;
}

export interface NewTopic extends TopicWish {
  readonly topic: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** The topics that are to be created, in the shape that `topicFindings` has nothing to say about. */
export function newTopics(names: TopicNames, found: FoundTopics, wish: TopicWish): NewTopic[] {
  const partitionCount = found.source?.partitionCount ?? found.retry?.partitionCount ?? wish.partitionCount;
  const settings: Readonly<Record<TopicRole, Readonly<Record<string, string>>>> = {
    source: { 'cleanup.policy': 'delete', 'retention.ms': String(RETENTION_MIN_MS) },
    retry: { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': String(COMPACTION_LAG_MIN_MS) },
    deadLetter: {
      'cleanup.policy': 'delete',
      'retention.ms': String(4 * RETENTION_MIN_MS),
      'max.message.bytes': String(deadLetterMinBytes(found.source)),
    },
    report: { 'cleanup.policy': 'delete', 'retention.ms': String(4 * RETENTION_MIN_MS) },
  };
  return ROLES.filter((role) => found[role] === null).map((role) => ({
    topic: names[role],
    partitionCount,
    replicationFactor: wish.replicationFactor,
    settings: settings[role],
  }));
}

const missing = (topic: string): TopicFinding => ({
  severity: 'error',
  code: 'topic_missing',
  topic,
  message: `Kafka has no topic ${topic}.`,
  remedy: 'Run `rollcall topics create` for those of Rollcall, or name one that exists.',
});

function partitionFindings(names: TopicNames, { source = null, retry = null }: UsedTopics): TopicFinding[] {
  if (source === null || retry === null || source.partitionCount === retry.partitionCount) return [];
  const [fewer, count] =
    source.partitionCount < retry.partitionCount
      ? [names.source, retry.partitionCount]
      : [names.retry, source.partitionCount];
  return [
    {
      severity: 'error',
      code: 'partition_counts_differ',
      topic: names.retry,
      message: `${names.source} has ${source.partitionCount} partitions and ${names.retry} has ${retry.partitionCount}.`,
      remedy:
        `Stop every writer of ${names.source}, let Rollcall apply what is there until nothing is parked (\`rollcall replay list\`) or held (\`rollcall held list\`), stop Rollcall, then: ` +
        `kafka-topics.sh --bootstrap-server $KAFKA_BROKERS --alter --topic ${fewer} --partitions ${count}\n` +
        '`rollcall topics create` makes them equal ' +
        'from the start, and `rollcall doctor` explains the growth of a topic.',
    },
  ];
}

function retryFindings(topic: string, retry: FoundTopic | null): TopicFinding[] {
  if (retry === null) return [];
  const policy = retry.settings.get('cleanup.policy') ?? 'delete';
  const lagMs = numberOf(retry, 'min.compaction.lag.ms', 0);
  const findings: TopicFinding[] = [];
  if (policy !== 'compact') {
    findings.push({
      severity: 'error',
      code: 'retry_not_compacted',
      topic,
      message: `${topic} has cleanup.policy=${policy}: parked changes would be deleted with age.`,
      remedy: `${alterTopic(topic, 'cleanup.policy=compact')}\nA new topic gets it from \`rollcall topics create\`.`,
    });
  }
  if (lagMs < COMPACTION_LAG_MIN_MS) {
    findings.push({
      severity: 'warning',
      code: 'eager_cleaner',
      topic,
      message: `${topic} has min.compaction.lag.ms=${lagMs}: a record may be cleaned away before it is repaired.`,
      remedy: alterTopic(topic, `min.compaction.lag.ms=${COMPACTION_LAG_MIN_MS}`),
    });
  }
  return findings;
}

type CompactedRole = Exclude<TopicRole, 'retry'>;

const compactedRoles: readonly CompactedRole[] = ['source', 'deadLetter', 'report'];

const compacted: Readonly<Record<CompactedRole, { readonly code: TopicFindingCode; readonly loss: string }>> = {
  source: { code: 'source_compacted', loss: "of a group's changes only the last one would stay" },
  deadLetter: {
    code: 'dead_letter_compacted',
    loss: "of a group's dead letters only the last one would stay, and one without a key is refused, which stops all others",
  },
  report: {
    code: 'report_compacted',
    loss: "of a group's reports only the last one would stay, and one without a key is refused, which stops all others",
  },
};

function compactedFindings(role: CompactedRole, topic: string, found: FoundTopic | null): TopicFinding[] {
  if (found === null || !(found.settings.get('cleanup.policy') ?? '').includes('compact')) return [];
  const { code, loss } = compacted[role];
  const message = `${topic} is compacted: ${loss}.`;
  const alter = alterTopic(topic, 'cleanup.policy=delete');
  const remedy =
    role === 'source'
      ? `${alter}\nThen send the full states of all groups while nothing changes them, since changes may be gone.`
      : alter;
  return [{ severity: 'error', code, topic, message, remedy }];
}

function deadLetterFindings(topic: string, { source = null, deadLetter = null }: UsedTopics): TopicFinding[] {
  if (source === null || deadLetter === null) return [];
  const bytes = numberOf(deadLetter, 'max.message.bytes', MESSAGE_MAX_BYTES);
  const wanted = deadLetterMinBytes(source);
  if (bytes >= wanted) return [];
  return [
    {
      severity: 'warning',
      code: 'dead_letter_too_small',
      topic,
      message: `${topic} takes records of ${bytes} bytes; the largest source record needs ${wanted}, and would be cut.`,
      remedy: alterTopic(topic, `max.message.bytes=${wanted}`),
    },
  ];
}

/** The retry topic is compacted: age deletes nothing there. */
function retentionFindings(role: TopicRole, topic: string, found: FoundTopic | null): TopicFinding[] {
  if (role === 'retry' || found === null) return [];
  const retentionMs = numberOf(found, 'retention.ms', RETENTION_MIN_MS);
  // -1: for ever.
  if (retentionMs < 0 || retentionMs >= RETENTION_MIN_MS) return [];
  return [
    {
      severity: 'warning',
      code: 'retention_too_short',
      topic,
      message: `${topic} keeps records for ${retentionMs} ms, less than 7 days: what has not been read by then is lost.`,
      remedy: alterTopic(topic, `retention.ms=${RETENTION_MIN_MS}`),
    },
  ];
}

function replicationFindings(topic: string, found: FoundTopic | null): TopicFinding[] {
  if (found === null) return [];
  const inSync = numberOf(found, 'min.insync.replicas', 1);
  if (found.replicationFactor > 1 && inSync > 1) return [];
  const message =
    found.replicationFactor > 1
      ? `${topic} has min.insync.replicas=1: a record may be acknowledged by a broker that is then lost.`
      : `${topic} has one replica: the loss of a broker loses records.`;
  const remedy =
    found.replicationFactor > 1
      ? alterTopic(topic, 'min.insync.replicas=2')
      : 'Fine on one machine. Elsewhere create topics with `--replication-factor 3`, and set min.insync.replicas=2.';
  return [{ severity: 'warning', code: 'not_replicated', topic, message, remedy }];
}

const deadLetterMinBytes = (source: FoundTopic | null): number =>
  (source === null ? MESSAGE_MAX_BYTES : numberOf(source, 'max.message.bytes', MESSAGE_MAX_BYTES)) +
  DEAD_LETTER_HEADROOM_BYTES;

function numberOf(found: FoundTopic, setting: string, otherwise: number): number {
  const value = Number(found.settings.get(setting) ?? otherwise);
  return Number.isFinite(value) ? value : otherwise;
}

/** The command, for a shell with Rollcall's environment, and nothing else: what is to be said about it stands on the next line. */
export const alterTopic = (topic: string, setting: string): string =>
  `kafka-configs.sh --bootstrap-server $KAFKA_BROKERS --alter --topic ${topic} --add-config ${setting}`;
