/** Variables that say how the records of the source topic are read. */
import { z } from 'zod';
import type { IdSource } from '../adapters/ids/options.ts';
import { parseTableName, parseWhere, type MemberWhere, type TableName } from '../formats/debezium/where.ts';
import { formatNames } from '../formats/reading/names.ts';
import {
  brokerList,
  demanded,
  durationMs,
  file,
  flag,
  initially,
  oneOf,
  optional,
  secret,
  text,
  topicName,
  wholeNumber,
} from './variable.ts';

/** Checked when the process starts, and used as what it says. */
const parsed = <T>(parse: (text: string) => T | null, rule: string): z.ZodType<T, string> =>
  z.string().transform((written, context): T => {
    const value = parse(written);
    if (value !== null) return value;
    context.addIssue({ code: 'custom', message: rule });
    return z.NEVER;
  });

const tableName: z.ZodType<TableName, string> = parsed(
  parseTableName,
  'must be the name of one table, alone or as schema.table; no list and no pattern',
);

const memberWhere: z.ZodType<MemberWhere, string> = parsed(
  parseWhere,
  "must be conditions such as status=active, deleted_at is null, kind!='guest', state is not null, separated by commas or by and; nothing else of SQL",
);

export const formatVariables = {
  SOURCE_FORMAT: initially('native', oneOf(...formatNames), {
    part: 'format',
    about: `Format of the change events: ${formatNames.map((name) => `\`${name}\``).join(', ')}; see docs/formats.md`,
  }),
  DEBEZIUM_GROUP_COLUMN: initially('group_id', text, {
    part: 'format',
    about: 'Debezium: column that holds the group’s id',
  }),
  DEBEZIUM_MEMBER_COLUMN: initially('user_id', text, {
    part: 'format',
    about: 'Debezium: column that holds the member’s id',
  }),
  DEBEZIUM_TABLE: optional(tableName, {
    part: 'format',
    example: 'public.user_group_membership',
    about:
      'Debezium: table whose rows are memberships, as `table` or `schema.table`, in any letter case; its partitions count as it, rows of other tables are skipped. Default: the topic has no others',
  }),
  DEBEZIUM_MEMBER_WHERE: optional(memberWhere, {
    part: 'format',
    example: 'deleted_at is null',
    about:
      'Debezium: which rows are memberships: `column=value`, `column!=value`, `column is null`, `column is not null`, several with `,` or `and` between them. A row that comes to fulfil it is an addition, one that no longer does a removal. Default: all rows; one that `deleted_at`, `is_active`, `status` or the like marks is then a dead letter',
  }),
  DEBEZIUM_DELETES: initially('rows', oneOf('rows', 'tombstones'), {
    part: 'format',
    about:
      'Debezium: which record reports a deleted row. `rows`: one of its own, and tombstones are skipped; `tombstones`: the tombstone only (flattened records in the default mode)',
  }),
  MAPPING_FILE: file(
    optional(text, {
      part: 'format',
      example: '/etc/rollcall/mapping.json',
      about: 'Mapping of the format `mapping`, JSON',
    }),
  ),
  SCIM_EVENTS_JWKS_FILE: file(
    optional(text, {
      part: 'format',
      example: '/etc/rollcall/jwks.json',
      about: 'Public keys of the sender of SCIM events. Where it is set, events without a signature are refused',
    }),
  ),
  SCIM_EVENTS_ISSUER: optional(text, {
    part: 'format',
    example: 'https://scim.example.com',
    about: 'Issuer that signed SCIM events must name. Default: any',
  }),
  SCIM_EVENTS_AUDIENCE: optional(text, {
    part: 'format',
    example: 'https://scim.example.com/Feeds/98d52461',
    about: 'Audience that signed SCIM events must name. Default: any',
  }),
};

/* Limits of the removal guard. */

export const guardVariables = {
  GUARD_GROUP_PERCENT: initially('30', wholeNumber(0, 100), {
    part: 'pipeline',
    about:
      'Removals of more than this share of a group within `GUARD_WINDOW_MS` wait for an operator (`rollcall held`); 100: the share never counts',
  }),
  GUARD_GROUP_FLOOR: initially('10', wholeNumber(0), {
    part: 'pipeline',
    about: 'Below so many members the share of a group does not count',
  }),
  GUARD_GROUP_COUNT: initially('500', wholeNumber(0), {
    part: 'pipeline',
    about: 'More removals of one group within `GUARD_WINDOW_MS` wait for an operator',
  }),
  GUARD_WINDOW_COUNT: initially('5000', wholeNumber(0), {
    part: 'pipeline',
    about: 'Removals that an instance makes in `GUARD_WINDOW_MS`; more wait for an operator',
  }),
  GUARD_WINDOW_MS: initially('600000', wholeNumber(1), {
    part: 'pipeline',
    about: 'The sliding window of these limits; it survives restarts',
  }),
};

/* Variables of the id map: what users and groups of the identity provider are called in Genesys Cloud. */

const FORMS = 'must be none, scim, file:PATH or topic:NAME';

const idSource: z.ZodType<IdSource, string> = z.string().transform((value, { addIssue }) => {
  const source = sourceOf(value);
  if (typeof source !== 'string') return source;
  addIssue(source);
  return z.NEVER;
});

/** @returns the source, or what the value must be. */
function sourceOf(value: string): IdSource | string {
  if (value === 'none' || value === 'scim') return { kind: value };
  const [, kind, name = ''] = /^(file|topic):(.+)$/.exec(value) ?? [];
  if (kind === 'file') return { kind, path: name };
  if (kind !== 'topic') return FORMS;
  const topic = topicName.safeParse(name);
  return topic.success ? { kind, topic: name } : `${FORMS}; NAME ${topic.error.issues[0]?.message ?? 'is wrong'}`;
}

export const idVariables = {
  ID_MAP: initially('none', idSource, {
    part: 'ids',
    about:
      'How ids of the source become ids of Genesys Cloud: `none` (they are such ids), `file:PATH` (CSV or NDJSON), `topic:NAME` (a compacted topic), `scim` (Genesys Cloud is asked)',
  }),
  ID_MAP_USER_ATTRIBUTE: initially('externalId', oneOf('externalId', 'userName', 'email'), {
    part: 'ids',
    about: 'What `scim` finds users by: `externalId`, `userName` or `email`',
  }),
  ID_MAP_GROUP_ATTRIBUTE: initially('displayName', oneOf('displayName', 'id'), {
    part: 'ids',
    about: 'What `scim` finds groups by: `displayName`, or `id` (the source names groups by their Genesys Cloud id)',
  }),
};

/* Variables of the connection to the brokers, and of the consumer group. */

export const kafkaVariables = {
  KAFKA_BROKERS: demanded(brokerList, {
    part: 'kafka',
    example: 'broker-1.example.com:9093,broker-2.example.com:9093',
    about: 'Bootstrap brokers, comma-separated',
  }),
  KAFKA_CLIENT_ID: initially('rollcall', text, {
    part: 'kafka',
    about: 'Name of this client in the logs and quotas of the brokers',
  }),
  KAFKA_GROUP_ID: initially('rollcall', text, { part: 'kafka', about: 'Consumer group; the same for all instances' }),
  KAFKA_SSL: optional(flag, {
    part: 'kafka',
    example: 'true',
    about: 'TLS to the brokers. Default: true, but false where all brokers are on this machine',
  }),
  KAFKA_SSL_CA_FILE: file(
    optional(text, {
      part: 'kafka',
      example: '/etc/rollcall/kafka-ca.pem',
      about: 'Certificate authority of the brokers, PEM. Default: those that Node trusts',
    }),
  ),
  KAFKA_SASL_MECHANISM: optional(oneOf('plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'), {
    part: 'kafka',
    example: 'scram-sha-512',
    about: '`plain`, `scram-sha-256`, `scram-sha-512` or `oauthbearer`. Default: no authentication',
  }),
  KAFKA_SASL_USERNAME: optional(text, {
    part: 'kafka',
    example: 'rollcall',
    about: 'User, for all mechanisms but `oauthbearer`',
  }),
  KAFKA_SASL_PASSWORD: secret(optional(text, { part: 'kafka', example: 'change-me', about: 'Password of that user' })),
  KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: file(
    optional(text, {
      part: 'kafka',
      example: '/var/run/secrets/kafka-token',
      about: 'File with the token of `oauthbearer`, read again at each authentication',
    }),
  ),
  KAFKA_SESSION_TIMEOUT_MS: initially('30000', durationMs(1000), {
    part: 'kafka',
    about:
      'Time without a heartbeat after which the brokers give the partitions of an instance to others. Must exceed `REQUEST_TIMEOUT_MS` + 2000 + 2 × `KAFKA_HEARTBEAT_INTERVAL_MS`',
  }),
  KAFKA_HEARTBEAT_INTERVAL_MS: initially('1000', durationMs(100), {
    part: 'kafka',
    about: 'Time between two heartbeats',
  }),
  KAFKA_REBALANCE_TIMEOUT_MS: initially('60000', durationMs(1000), {
    part: 'kafka',
    about:
      'Time that the brokers wait for all instances to join. Must not be below `KAFKA_SESSION_TIMEOUT_MS` − `REQUEST_TIMEOUT_MS`; for `ingest topic` not below `KAFKA_SESSION_TIMEOUT_MS`',
  }),
};
