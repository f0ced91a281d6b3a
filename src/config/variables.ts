/**
 * Every variable of Rollcall's own, by parts, and how its text is read; those of a proxy stand in config.ts. A command reads
 * only the parts that it needs. To add one: CONTRIBUTING.md.
 */
import { format } from './format.ts';
import { genesys } from './genesys.ts';
import { ids } from './ids.ts';
import { kafka } from './kafka.ts';
import { notify } from './notify.ts';
import { pipeline } from './pipeline.ts';
import { auth0, entra, okta, poll, scim } from './poll.ts';
import { problem, type Problem } from './problem.ts';
import { rekey } from './rekey.ts';
import { errorText } from '../core/text/visible.ts';
import { admin, all, drift, ingest, operator, topics } from './service.ts';
import { baseUrl, httpsProblems, type Given, type ReadFile, type Variable, type VariablesIn } from './variable.ts';
import { webhook } from './webhook.ts';

/** In the order of the documents, of the problems and of the rules. */
export const parts = {
  kafka,
  topics,
  format,
  ids,
  genesys,
  pipeline,
  operator,
  notify,
  drift,
  admin,
  ingest,
  webhook,
  rekey,
  poll,
  okta,
  entra,
  auth0,
  scim,
  all,
};

/** A command asks for those that it needs; `all` is read by every one. */
export type Part = keyof typeof parts;

type AllOptions = (typeof parts)[Part]['options'];

export type Name = VariablesIn<AllOptions>['name'];

export type Values = Given<AllOptions>;

interface Listed extends Variable<Name> {
  readonly part: Part;
}

export const partNames = Object.keys(parts) as readonly Part[];

const list = partNames.flatMap((part) => parts[part].variables.map((variable) => ({ ...variable, part }) as Listed));

export const variables = Object.fromEntries(list.map((variable) => [variable.name, variable])) as Readonly<
  Record<Name, Listed>
>;

export const names: readonly Name[] = list.map(({ name }) => name);

/** Names that can be in the environment: secrets may be given as files. */
export const knownNames: readonly string[] = list.flatMap(({ name, kind }) =>
  kind === 'secret' ? [name, `${name}_FILE`] : [name],
);

/** Rules that do not hold. What was not read, or is wrong by itself, takes part in none of them. */
export const brokenRules = (values: Values, readFile: ReadFile): readonly Problem[] =>
  Object.values(parts).flatMap((part) => [...part.rules(values, readFile), ...httpsRules(part.variables, values)]);

const httpsRules = (of: readonly Variable[], values: Values): readonly Problem[] =>
  of.flatMap(({ name, type }) => {
    const url = type === baseUrl ? values[name as Name] : null;
    if (typeof url !== 'string' || url === '') return [];
    return httpsProblems(name, new URL(url), {
      allows: values.ALLOW_INSECURE,
      example: url.replace('http:', 'https:'),
    });
  });

export type Environment = Readonly<Record<string, string | undefined>>;

interface ReadValues {
  readonly values: Values;
  readonly problems: readonly Problem[];
}

/** Only the variables of the parts, and those of all. */
export function readValues(environment: Environment, asked: readonly Part[], readFile: ReadFile): ReadValues {
  const values: Partial<Record<Name, unknown>> = {};
  const problems: Problem[] = [];
  for (const variable of variablesOf(asked)) {
    const read = readVariable(variable, environment, readFile);
    if ('problem' in read) problems.push(read);
    else values[variable.name] = read.value;
  }
  return { values: values as Values, problems };
}

const variablesOf = (asked: readonly Part[]): readonly Listed[] =>
  list.filter(({ part }) => part === 'all' || asked.includes(part));

type Read<T> = Problem | { readonly [K in keyof T]: T[K] };

function readVariable(variable: Variable, environment: Environment, readFile: ReadFile): Read<{ value: unknown }> {
  const { name, type, initial, isDemanded, kind } = variable;
  const example = variable.shellExample ?? variable.example;
  const given =
    kind === 'secret' ? secretText(variable, environment, readFile) : { text: textOf(variable, environment) };
  if ('problem' in given) return given;
  const text = given.text ?? initial;
  if (text === null) return isDemanded ? problem(name, 'is missing', example) : { value: null };
  const parsed = type.safeParse(text);
  if (!parsed.success) return problem(name, parsed.error.issues[0]?.message ?? 'is wrong', example);
  const content = kind === 'file' ? fileText(name, text, readFile) : { text };
  return 'problem' in content ? content : { value: parsed.data };
}

/** An empty variable counts as not set (compose files pass on what is not there so), unless it may be empty. */
function textOf({ name, mayBeEmpty }: Pick<Variable, 'name' | 'mayBeEmpty'>, environment: Environment): string | null {
  const text = environment[name] ?? null;
  return text === '' && mayBeEmpty !== true ? null : text;
}

function secretText(variable: Variable, environment: Environment, readFile: ReadFile): Read<{ text: string | null }> {
  const fileName = `${variable.name}_FILE`;
  const path = textOf({ name: fileName }, environment);
  const text = textOf(variable, environment);
  if (path === null) return { text };
  if (text !== null) return problem(variable.name, `and ${fileName} exclude each other`, variable.example);
  const content = fileText(fileName, path, readFile);
  if ('problem' in content) return content;
  const trimmed = content.text.trim();
  return trimmed === '' ? problem(fileName, 'names an empty file', path) : { text: trimmed };
}

function fileText(variable: string, path: string, readFile: ReadFile): Read<{ text: string }> {
  try {
    return { text: readFile(path) };
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : errorText(error);
    return problem(variable, `names a file that cannot be read (${why})`, '/run/secrets/rollcall');
  }
}

/** The paths of all files whose content is taken again when it changes: those of secrets, and what is declared so. */
export const reloadedFiles = (environment: Environment, asked: readonly Part[]): readonly string[] =>
  variablesOf(asked).flatMap((variable) => {
    const { name, kind, isReloaded } = variable;
    if (kind === 'secret') return textOf({ name: `${name}_FILE` }, environment) ?? [];
    return (isReloaded === true ? textOf(variable, environment) : null) ?? [];
  });
