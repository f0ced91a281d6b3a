/** Text of the environment → values, variable by variable; rules between them: rules.ts. */
import type { Problem } from './problem.ts';
import type { Part, Variable } from './variable.ts';
import { names, variables, type Name, type Values } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The text of a file; throws if it cannot be read. */
export type ReadFile = (path: string) => string;

export interface ReadValues {
  readonly values: Partial<Values>;
  readonly problems: readonly Problem[];
}

/** Only the variables of the parts, and those of all. */
export function readValues(environment: Environment, parts: readonly Part[], readFile: ReadFile): ReadValues {
  const values: Partial<Record<Name, unknown>> = {};
  const problems: Problem[] = [];
  for (const name of names) {
    const { part } = variables[name];
    if (part !== 'all' && !parts.includes(part)) continue;
    const read = readVariable(name, environment, readFile);
    if ('problem' in read) problems.push(read);
    else values[name] = read.value;
  }
  return { values: values as Partial<Values>, problems };
}

type Read<T> = Problem | { readonly [K in keyof T]: T[K] };

function readVariable(name: Name, environment: Environment, readFile: ReadFile): Read<{ value: unknown }> {
  const variable: Variable<unknown> = variables[name];
  const { type, initial, isDemanded, kind } = variable;
  const example = variable.shellExample ?? variable.example;
  const given = kind === 'secret' ? secretText(name, environment, readFile) : { text: plainText(name, environment) };
  if ('problem' in given) return given;
  const text = given.text ?? initial;
  if (text === null) return isDemanded ? { variable: name, problem: 'is missing', example } : { value: null };
  const parsed = type.safeParse(text);
  if (!parsed.success) return { variable: name, problem: parsed.error.issues[0]?.message ?? 'is wrong', example };
  const content = kind === 'file' ? fileText(name, text, readFile) : { text };
  return 'problem' in content ? content : { value: parsed.data };
}

/** An empty variable counts as not set (compose files pass on what is not there so); only a schedule may be empty. */
function plainText(name: string, environment: Environment): string | null {
  const text = environment[name] ?? null;
  return text === '' && name !== 'SLOW_RETRY_SCHEDULE_MS' ? null : text;
}

function secretText(name: Name, environment: Environment, readFile: ReadFile): Read<{ text: string | null }> {
  const path = plainText(`${name}_FILE`, environment);
  const text = plainText(name, environment);
  if (path === null) return { text };
  const { example } = variables[name];
  if (text !== null) return { variable: name, problem: `and ${name}_FILE exclude each other`, example };
  const content = fileText(`${name}_FILE`, path, readFile);
  if ('problem' in content) return content;
  const trimmed = content.text.trim();
  return trimmed === ''
    ? { variable: `${name}_FILE`, problem: 'names an empty file', example: path }
    : { text: trimmed };
}

function fileText(variable: string, path: string, readFile: ReadFile): Read<{ text: string }> {
  try {
    return { text: readFile(path) };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return { variable, problem: `names a file that cannot be read (${code})`, example: '/run/secrets/rollcall' };
  }
}

/** Files whose content is taken again when it changes, beside those of secrets. */
const RELOADED: readonly string[] = [
  'INGEST_TLS_CERT_FILE',
  'INGEST_TLS_KEY_FILE',
  'KAFKA_SASL_OAUTHBEARER_TOKEN_FILE',
] satisfies readonly Name[];

/** The paths of all that the environment names for these parts. */
export function reloadedFiles(environment: Environment, parts: readonly Part[]): readonly string[] {
  return names.flatMap((name) => {
    const { part, kind } = variables[name];
    if (part !== 'all' && !parts.includes(part)) return [];
    const path = kind === 'secret' ? plainText(`${name}_FILE`, environment) : null;
    return path ?? (RELOADED.includes(name) ? plainText(name, environment) : null) ?? [];
  });
}
