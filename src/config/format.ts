/** How the records of the source topic are read. */
import { z } from 'zod';
import { parseTableName, parseWhere, type MemberWhere, type TableName } from '../formats/debezium/where.ts';
import { readMapping } from '../formats/mapping/file.ts';
import { formatNames } from '../formats/registry.ts';
import { problem, type Problem } from './problem.ts';
import { file, type Given, initially, oneOf, optional, part, type ReadFile, anyText } from './variable.ts';

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

const options = {
  name: initially('SOURCE_FORMAT', 'native', oneOf(...formatNames), {
    about: `Format of the change events: ${formatNames.map((name) => `\`${name}\``).join(', ')}; see docs/formats.md`,
  }),
  debezium: {
    groupColumn: initially('DEBEZIUM_GROUP_COLUMN', 'group_id', anyText, {
      about: 'Debezium: column that holds the group’s id',
    }),
    memberColumn: initially('DEBEZIUM_MEMBER_COLUMN', 'user_id', anyText, {
      about: 'Debezium: column that holds the member’s id',
    }),
    table: optional('DEBEZIUM_TABLE', tableName, {
      example: 'public.user_group_membership',
      about:
        'Debezium: table whose rows are memberships, as `table` or `schema.table`, in any letter case; its partitions count as it, rows of other tables are skipped. Default: the topic has no others',
    }),
    memberWhere: optional('DEBEZIUM_MEMBER_WHERE', memberWhere, {
      example: 'deleted_at is null',
      about:
        'Debezium: which rows are memberships: `column=value`, `column!=value`, `column is null`, `column is not null`, several with `,` or `and` between them. A row that comes to fulfil it is an addition, one that no longer does a removal. Default: all rows; one that `deleted_at`, `is_active`, `status` or the like marks is then a dead letter',
    }),
    deletes: initially('DEBEZIUM_DELETES', 'rows', oneOf('rows', 'tombstones'), {
      about:
        'Debezium: which record reports a deleted row. `rows`: one of its own, and tombstones are skipped; `tombstones`: the tombstone only (flattened records in the default mode)',
    }),
  },
  mappingFile: file(
    optional('MAPPING_FILE', anyText, {
      example: '/etc/rollcall/mapping.json',
      about: 'Mapping of the format `mapping`, JSON',
    }),
  ),
  scim: {
    file: file(
      optional('SCIM_EVENTS_JWKS_FILE', anyText, {
        example: '/etc/rollcall/jwks.json',
        about: 'Public keys of the sender of SCIM events. Where it is set, events without a signature are refused',
      }),
    ),
    issuer: optional('SCIM_EVENTS_ISSUER', anyText, {
      example: 'https://scim.example.com',
      about: 'Issuer that signed SCIM events must name. Default: any',
    }),
    audience: optional('SCIM_EVENTS_AUDIENCE', anyText, {
      example: 'https://scim.example.com/Feeds/98d52461',
      about: 'Audience that signed SCIM events must name. Default: any',
    }),
  },
};

export const format = part({
  title: 'How change events are read',
  options,
  /** `mapping` null: there is no mapping file. `scimKeys` null: signed SCIM events cannot be verified. */
  make: ({ mappingFile, scim: { file: keysFile, ...claims }, ...others }, readFile) => {
    const mapping = mappingFile === null ? null : readMappingFile(mappingFile, readFile);
    return {
      ...others,
      mapping: mapping?.ok === true ? mapping.mapping : null,
      scimKeys: keysFile === null ? null : { file: keysFile, ...claims },
    };
  },
  rules: (values: Given<typeof options>, readFile) => [
    ...mappingRules(values, readFile),
    ...scimRules(values),
    ...columnRules(values),
  ],
});

function mappingRules(values: Given<typeof options>, readFile: ReadFile): Problem[] {
  const { SOURCE_FORMAT: name, MAPPING_FILE: path } = values;
  if (name === 'mapping' && path === null)
    return [problem('MAPPING_FILE', 'is missing for the format mapping', '/etc/rollcall/mapping.json')];
  if (typeof path !== 'string') return [];
  const read = readMappingFile(path, readFile);
  if (read === null || read.ok) return [];
  return read.problems.map((text) => problem('MAPPING_FILE', `names a mapping that cannot be used: ${text}`, path));
}

/** null: it cannot be read, which is a problem of the variable itself. */
function readMappingFile(path: string, readFile: ReadFile): ReturnType<typeof readMapping> | null {
  let content: string;
  try {
    content = readFile(path);
  } catch {
    return null;
  }
  try {
    return readMapping(JSON.parse(content));
  } catch {
    return { ok: false, problems: ['it is not JSON'] };
  }
}

function scimRules({ SCIM_EVENTS_JWKS_FILE: keys, ...values }: Given<typeof options>): Problem[] {
  if (keys !== null) return [];
  return (['SCIM_EVENTS_ISSUER', 'SCIM_EVENTS_AUDIENCE'] as const).flatMap((name) => {
    const text = `is missing, though ${name} is given: it would check nothing`;
    return typeof values[name] === 'string' ? [problem('SCIM_EVENTS_JWKS_FILE', text, '/etc/rollcall/jwks.json')] : [];
  });
}

function columnRules({
  DEBEZIUM_GROUP_COLUMN: group,
  DEBEZIUM_MEMBER_COLUMN: member,
}: Given<typeof options>): Problem[] {
  if (group === undefined || group !== member) return [];
  return [problem('DEBEZIUM_MEMBER_COLUMN', 'must differ from DEBEZIUM_GROUP_COLUMN', 'user_id')];
}
