/** A mapping as its file has it: read once, when the process starts, with everything that is wrong with it reported together. */
import { z } from 'zod';
import type { Invalid } from '../../core/change/change.ts';
import { fieldsIn, invalid, isSerializedTwice, listIn, notAnObject, type Fields } from '../reading/reading.ts';
import { parsePath, parsePattern, type Path, type Root } from './path.ts';
import { isObject } from '../../core/text/json.ts';

const PATH_RULE =
  "must be a path such as $.list[*], @.user.id, @['user id'], key.id or headers.type ($ the value, @ the event)";

const pathFrom = (isAllowed: (root: Root) => boolean, rule: string) =>
  z.string().transform((text, context): Path => {
    const parsed = parsePath(text);
    if (parsed !== null && isAllowed(parsed.root)) return parsed;
    context.addIssue({ code: 'custom', message: rule });
    return z.NEVER;
  });

const path = pathFrom((root) => root !== 'entry', PATH_RULE);
/** Within a list of members. */
const anyPath = pathFrom(() => true, PATH_RULE);
const entryPath = pathFrom((root) => root === 'entry', 'must be a path from the entry of the list, such as entry.id');

const match = z.string().transform((text, context): RegExp => {
  const parsed = parsePattern(text);
  if (typeof parsed !== 'string') return parsed;
  context.addIssue({ code: 'custom', message: parsed });
  return z.NEVER;
});

const scalar = z.union(
  [z.string(), z.number(), z.boolean(), z.null()],
  'must be a text, a number, true, false or null',
);

const TESTS = ['equals', 'in', 'exists', 'null'] as const;

const conditionOn = (where: typeof path) =>
  z
    .strictObject({
      path: where,
      equals: scalar.optional(),
      in: z.array(scalar).min(1).optional(),
      exists: z.boolean().optional(),
      null: z.boolean().optional(),
    })
    .refine(
      (condition) => TESTS.filter((test) => condition[test] !== undefined).length === 1,
      'must have one of `equals`, `in`, `exists` and `null`',
    );

const Condition = conditionOn(path);

/** Where an id or a text is, and which part of it counts. */
export interface MappedText {
  readonly path: Path;
  /** null: the whole. */
  readonly match: RegExp | null;
}

export interface MappedMembers extends MappedText {
  /** Conditions on each entry of the list. */
  readonly if: readonly Condition[];
  /** Within the entry; null: the entry itself. */
  readonly id: Path | null;
}

const Text = z.union(
  [
    path.transform((one): MappedText => ({ path: one, match: null })),
    z
      .strictObject({ path, match: match.optional() })
      .transform((one): MappedText => ({ ...one, match: one.match ?? null })),
  ],
  'must be a path, or {"path":…,"match":"…"}',
);

const Members = z.union(
  [
    path.transform((one): MappedMembers => ({ path: one, match: null, if: [], id: null })),
    z
      .strictObject({
        path,
        if: z.array(conditionOn(anyPath)).default([]),
        id: entryPath.optional(),
        match: match.optional(),
      })
      .transform((one): MappedMembers => ({ ...one, match: one.match ?? null, id: one.id ?? null })),
  ],
  'must be a path, or {"path":…,"if":[…],"id":"entry.…","match":"…"}',
);

const OPERATIONS = ['add', 'remove', 'state', 'deleted', 'ignore'] as const;
const operation = z.enum(OPERATIONS, `must be one of ${OPERATIONS.join(', ')}`);

const Operation = z.union(
  [
    z.strictObject({ always: operation }),
    z.strictObject({
      path,
      values: z
        .record(z.string(), operation)
        .refine((values) => Object.keys(values).length > 0, 'must name at least one value'),
      otherwise: z.enum(['ignore', 'invalid'], 'must be ignore or invalid').default('invalid'),
    }),
  ],
  'must be {"always": …} or {"path": …, "values": {"<value>": …}}; an operation is one of ' + OPERATIONS.join(', '),
);

/** One that an event does where its conditions hold; several may hold. */
const OneOfSeveral = z.strictObject({
  operation,
  if: z.array(Condition).default([]),
  group: Text.optional(),
  members: Members.optional(),
});

const MappingFile = z.strictObject({
  version: z.literal(1, 'must be 1'),
  if_record: z.array(Condition).default([]),
  events: pathFrom((root) => root === 'value', 'must begin with $').optional(),
  if_event: z.array(Condition).default([]),
  group: Text.optional(),
  members: Members.optional(),
  operation: Operation.optional(),
  operations: z.array(OneOfSeveral).min(1, 'must have at least one entry').optional(),
  event_id: Text.optional(),
  occurred_at: path.optional(),
});

export type Mapping = z.output<typeof MappingFile>;
export type Condition = z.output<typeof Condition>;
export type MappedOperation = z.output<typeof operation>;
/** Which operation each value of a path means. */
export type OperationTable = Exclude<z.output<typeof Operation>, { always: unknown }>;

/** What is missing, of the mapping as it is written: fields that are there, but wrong, are not missing. */
function missingIn(json: unknown): readonly string[] {
  if (!isObject(json)) return [];
  const { operation: single, operations } = json;
  const problems: string[] = [];
  // A schema of records passes over this name, so that the operation would not count.
  if (Object.hasOwn(fieldsIn(fieldsIn(single)['values']), '__proto__'))
    problems.push('`operation.values.__proto__` is a name that cannot be mapped');
  if ((single === undefined) === (operations === undefined))
    problems.push('the mapping must have either `operation` or `operations`');
  if (operations === undefined)
    problems.push(...missingFor(operationsIn(fieldsIn(single)), { at: '', fields: [json] }));
  for (const [index, own] of listIn(operations).entries()) {
    const fields = [fieldsIn(own), json];
    problems.push(...missingFor([fieldsIn(own)['operation']], { at: `operations.${index}.`, fields }));
  }
  return problems;
}

const operationsIn = ({ always, values }: Fields): readonly unknown[] =>
  always === undefined ? Object.values(fieldsIn(values)) : [always];

interface MappingSection {
  readonly at: string;
  /** Where the group and the members may stand. */
  readonly fields: readonly Fields[];
}

const WITH_MEMBERS: ReadonlySet<unknown> = new Set(['add', 'remove', 'state']);

function missingFor(all: readonly unknown[], { at, fields }: MappingSection): readonly string[] {
  const isMissing = (name: string): boolean => fields.every((one) => one[name] === undefined);
  const onlyIgnores = all.length > 0 && all.every((one) => one === 'ignore');
  return [
    ...(isMissing('group') && !onlyIgnores ? [`\`${at}group\` is missing`] : []),
    ...(isMissing('members') && all.some((one) => WITH_MEMBERS.has(one))
      ? [`\`${at}members\` is missing, though not every operation is deleted or ignore`]
      : []),
  ];
}

export type ReadMapping =
  | { readonly ok: true; readonly mapping: Mapping }
  | { readonly ok: false; readonly problems: readonly string[] };

/** @param json what JSON.parse made of the file. All problems are reported together, each with the field it is in. */
export function readMapping(json: unknown): ReadMapping {
  const parsed = MappingFile.safeParse(json);
  const missing = missingIn(json);
  if (parsed.success && missing.length === 0) return { ok: true, mapping: parsed.data };
  const wrong = parsed.success ? [] : parsed.error.issues.flatMap((issue) => problemsOf(issue, []));
  return { ok: false, problems: [...wrong, ...missing] };
}

/** Of a union, what is wrong with the variant that was probably meant: the one with the fewest problems. */
function problemsOf(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): readonly string[] {
  const at = [...above, ...issue.path];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const nearest = issue.errors.toSorted((a, b) => badness(a) - badness(b))[0] ?? [];
    const inner = nearest.flatMap((one) => problemsOf(one, at));
    return inner.some((text) => text.startsWith('`')) ? inner : [`${place(at)} ${issue.message}`];
  }
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${place([...at, key])} is not known`);
  if (issue.code === 'invalid_type' && issue.input === undefined && !issue.message.startsWith('must'))
    return [`${place(at)} must be ${issue.expected === 'string' ? 'a text' : `of the type ${issue.expected}`}`];
  return [`${place(at)} ${issue.message}`];
}

/** A variant of another type altogether was not meant. */
const badness = (issues: readonly z.core.$ZodIssue[]): number =>
  issues.length + (issues.some(({ code, path: at }) => code === 'invalid_type' && at.length === 0) ? 1_000 : 0);

const place = (at: readonly PropertyKey[]): string =>
  at.length === 0 ? 'the mapping' : `\`${at.map(String).join('.')}\``;

/*
 * What a value must be for a mapping to find anything in it. Where all paths go on by a name, that is an object: of anything else each
 * condition would fail, and the record be skipped for ever.
 */

/** Whether these must be objects. */
export interface Shapes {
  readonly value: boolean;
  /** Of a list of events. */
  readonly event: boolean;
}

export function shapesFor({ event_id: _id, occurred_at: _at, ...mapping }: Mapping): Shapes {
  const paths = pathsIn(mapping);
  const isValue = (root: Root): boolean => root === 'value' || (root === 'event' && mapping.events === undefined);
  return {
    value: wantObject(paths.filter(({ root }) => isValue(root))),
    event: mapping.events !== undefined && wantObject(paths.filter(({ root }) => root === 'event')),
  };
}

/** Paths that begin in it. */
export const wantObject = (paths: readonly Path[]): boolean =>
  paths.length > 0 && paths.every(({ steps }) => typeof steps[0] === 'string');

function pathsIn(part: unknown): readonly Path[] {
  if (isPath(part)) return [part];
  if (Array.isArray(part)) return part.flatMap(pathsIn);
  return isObject(part) ? Object.values(part).flatMap(pathsIn) : [];
}

const isPath = (part: unknown): part is Path => isObject(part) && 'root' in part && Array.isArray(part['steps']);

/** `what` is it: the value, an event, an entry. */
export function shapeProblem(json: unknown, wantsObject: boolean, what: string): Invalid | null {
  if (isSerializedTwice(json)) return notAnObject(json, `So no path of the mapping finds anything in ${what}.`);
  if (!wantsObject || isObject(json)) return null;
  const is = Array.isArray(json) ? 'a JSON list' : 'no JSON object';
  return invalid(
    'schema',
    `The paths of the mapping look for names in ${what}, which is ${is}: correct them (\`$[*]\` as \`events\` makes each entry of a list an ` +
      'event), or the producer.',
  );
}
