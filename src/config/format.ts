/** How the records of the source topic are read. */
import type { DebeziumOptions } from '../formats/debezium/row.ts';
import { readMapping, type Mapping } from '../formats/mapping/file.ts';
import type { FormatName } from '../formats/reading/names.ts';
import type { Problem } from './problem.ts';
import type { ReadFile } from './read-values.ts';
import type { Values } from './variables.ts';

export interface FormatConfig {
  readonly name: FormatName;
  readonly debezium: DebeziumOptions;
  /** null: there is no mapping file. */
  readonly mapping: Mapping | null;
  /** null: signed SCIM events cannot be verified. */
  readonly scimKeys: { readonly file: string; readonly issuer: string | null; readonly audience: string | null } | null;
}

export function formatPart(values: Values, readFile: ReadFile): FormatConfig {
  const { MAPPING_FILE: mappingFile, SCIM_EVENTS_JWKS_FILE: keysFile } = values;
  const mapping = mappingFile === null ? null : readMappingFile(mappingFile, readFile);
  return {
    name: values.SOURCE_FORMAT,
    debezium: {
      groupColumn: values.DEBEZIUM_GROUP_COLUMN,
      memberColumn: values.DEBEZIUM_MEMBER_COLUMN,
      table: values.DEBEZIUM_TABLE,
      deletes: values.DEBEZIUM_DELETES,
      memberWhere: values.DEBEZIUM_MEMBER_WHERE,
    },
    mapping: mapping?.ok === true ? mapping.mapping : null,
    scimKeys:
      keysFile === null
        ? null
        : { file: keysFile, issuer: values.SCIM_EVENTS_ISSUER, audience: values.SCIM_EVENTS_AUDIENCE },
  };
}

export function formatRules(values: Partial<Values>, readFile: ReadFile): Problem[] {
  const problems: Problem[] = [];
  const { SOURCE_FORMAT: name, MAPPING_FILE: mapping, SCIM_EVENTS_JWKS_FILE: keys } = values;
  if (name === 'mapping' && mapping === null)
    problems.push(problem('MAPPING_FILE', 'is missing for the format mapping', '/etc/rollcall/mapping.json'));
  if (typeof mapping === 'string') problems.push(...mappingProblems(mapping, readFile));
  for (const demand of ['SCIM_EVENTS_ISSUER', 'SCIM_EVENTS_AUDIENCE'] as const) {
    if (keys === null && typeof values[demand] === 'string')
      problems.push(
        problem(
          'SCIM_EVENTS_JWKS_FILE',
          `is missing, though ${demand} is given: it would check nothing`,
          '/etc/rollcall/jwks.json',
        ),
      );
  }
  const { DEBEZIUM_GROUP_COLUMN: group, DEBEZIUM_MEMBER_COLUMN: member } = values;
  if (group !== undefined && group === member)
    problems.push(problem('DEBEZIUM_MEMBER_COLUMN', 'must differ from DEBEZIUM_GROUP_COLUMN', 'user_id'));
  return problems;
}

function mappingProblems(path: string, readFile: ReadFile): Problem[] {
  const read = readMappingFile(path, readFile);
  if (read === null || read.ok) return [];
  return read.problems.map((text) => problem('MAPPING_FILE', `names a mapping that cannot be used: ${text}`, path));
}

/** null: it cannot be read, which is told where the variable itself is read. */
function readMappingFile(path: string, readFile: ReadFile): ReturnType<typeof readMapping> | null {
  let text: string;
  try {
    text = readFile(path);
  } catch {
    return null;
  }
  try {
    return readMapping(JSON.parse(text));
  } catch {
    return { ok: false, problems: ['it is not JSON'] };
  }
}

const problem = (variable: string, text: string, example: string): Problem => ({ variable, problem: text, example });
