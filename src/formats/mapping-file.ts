/** A mapping as its file has it: read once, when the process starts, with everything that is wrong with it reported together. */
import { z } from 'zod';
import { type Path, parsePath, type Root } from './mapping-path.ts';
import { parsePattern } from './mapping-pattern.ts';

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

const MappingFile = z
  .strictObject({
    version: z.literal(1, 'must be 1'),
    if_record: z.array(Condition).default([]),
    events: path.optional(),
    if_event: z.array(Condition).default([]),
    group: Text.optional(),
    members: Members.optional(),
    operation: Operation.optional(),
    operations: z.array(OneOfSeveral).min(1, 'must have at least one entry').optional(),
    event_id: Text.optional(),
    occurred_at: path.optional(),
  })
  .superRefine((mapping, context) => {
    const problem = (at: PropertyKey[], message: string): void => {
      context.addIssue({ code: 'custom', path: at, message });
    };
    if ((mapping.operation === undefined) === (mapping.operations === undefined))
      problem([], 'must have either `operation` or `operations`');
    if (mapping.events !== undefined && mapping.events.root !== 'value') problem(['events'], 'must begin with $');
    for (const [place, { needsGroup, needsMembers, group, members }] of uses(mapping)) {
      if (needsGroup && group === undefined) problem([...place, 'group'], 'is missing');
      if (needsMembers && members === undefined)
        problem([...place, 'members'], 'is missing, though not every operation is deleted or ignore');
    }
  });

export type Mapping = z.output<typeof MappingFile>;
export type Condition = z.output<typeof Condition>;
export type MappedOperation = z.output<typeof operation>;

interface Use {
  readonly needsGroup: boolean;
  readonly needsMembers: boolean;
  readonly group: MappedText | undefined;
  readonly members: MappedMembers | undefined;
}

interface Used {
  readonly operation?: z.output<typeof Operation> | undefined;
  readonly operations?: readonly z.output<typeof OneOfSeveral>[] | undefined;
  readonly group?: MappedText | undefined;
  readonly members?: MappedMembers | undefined;
}

/** What each operation needs, and where it would be looked for. */
function uses(mapping: Used): readonly (readonly [PropertyKey[], Use])[] {
  const { group, members, operation: single, operations } = mapping;
  const all = single === undefined ? [] : 'always' in single ? [single.always] : Object.values(single.values);
  const one: Use = { needsGroup: single !== undefined, needsMembers: all.some(hasMembers), group, members };
  const several = (operations ?? []).map((own, at): [PropertyKey[], Use] => [
    ['operations', at],
    {
      needsGroup: own.operation !== 'ignore',
      needsMembers: hasMembers(own.operation),
      group: own.group ?? group,
      members: own.members ?? members,
    },
  ]);
  return [[[], one], ...several];
}

const hasMembers = (one: MappedOperation): boolean => one !== 'deleted' && one !== 'ignore';

export type ReadMapping =
  | { readonly ok: true; readonly mapping: Mapping }
  | { readonly ok: false; readonly problems: readonly string[] };

/** @param json what JSON.parse made of the file. All problems are reported together, each with the field it is in. */
export function readMapping(json: unknown): ReadMapping {
  const parsed = MappingFile.safeParse(json);
  if (parsed.success) return { ok: true, mapping: parsed.data };
  return { ok: false, problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, [])) };
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
