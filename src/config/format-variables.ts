/** Variables that say how the records of the source topic are read. */
import { z } from 'zod';
import { parseTableName, type TableName } from '../formats/debezium-table.ts';
import { type MemberWhere, parseWhere } from '../formats/debezium-where.ts';
import { formatNames } from '../formats/names.ts';
import { file, initially, oneOf, optional, text } from './variable.ts';

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
