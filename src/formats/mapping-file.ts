/** A mapping as its file has it: read once, when the process starts, with everything that is wrong with it at once. */
import { z } from 'zod';
import { type Path, parsePath } from './mapping-path.ts';

const PATH_RULE =
  "must be a path such as $.list[*], @.user.id, @['user id'], key.id or headers.type ($ the value, @ the event)";

const path = z.string().transform((text, context): Path => {
  const parsed = parsePath(text);
  if (parsed !== null) return parsed;
  context.addIssue({ code: 'custom', message: PATH_RULE });
  return z.NEVER;
});

const scalar = z.union(
  [z.string(), z.number(), z.boolean(), z.null()],
  'must be a text, a number, true, false or null',
);

const Condition = z
  .strictObject({
    path,
    equals: scalar.optional(),
    in: z.array(scalar).min(1).optional(),
    exists: z.boolean().optional(),
  })
  .refine(
    (condition) => [condition.equals, condition.in, condition.exists].filter((test) => test !== undefined).length === 1,
    'must have one of `equals`, `in` and `exists`',
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

const MappingFile = z
  .strictObject({
    version: z.literal(1, 'must be 1'),
    if_record: z.array(Condition).default([]),
    events: path.optional(),
    if_event: z.array(Condition).default([]),
    group: path,
    members: path.optional(),
    operation: Operation,
    event_id: path.optional(),
    occurred_at: path.optional(),
  })
  .superRefine((mapping, context) => {
    if (mapping.members === undefined && needsMembers(mapping.operation))
      context.addIssue({
        code: 'custom',
        path: ['members'],
        message: 'is missing, though not every operation is deleted or ignore',
      });
    if (mapping.events !== undefined && mapping.events.root !== 'value')
      context.addIssue({ code: 'custom', path: ['events'], message: 'must begin with $' });
  });

export type Mapping = z.output<typeof MappingFile>;
export type Condition = z.output<typeof Condition>;
export type MappedOperation = z.output<typeof operation>;

function needsMembers(told: z.output<typeof Operation>): boolean {
  const all = 'always' in told ? [told.always] : Object.values(told.values);
  return all.some((one) => one !== 'deleted' && one !== 'ignore');
}

export type ReadMapping =
  | { readonly ok: true; readonly mapping: Mapping }
  | { readonly ok: false; readonly problems: readonly string[] };

/** @param json what JSON.parse made of the file. Every problem is told at once, each with the field it is in. */
export function readMapping(json: unknown): ReadMapping {
  const parsed = MappingFile.safeParse(json);
  if (parsed.success) return { ok: true, mapping: parsed.data };
  return { ok: false, problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, [])) };
}

/** Of a union, what is wrong with the variant that was probably meant: the one with the fewest problems. */
function problemsOf(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): readonly string[] {
  const at = [...above, ...issue.path];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const nearest = issue.errors.toSorted((a, b) => a.length - b.length)[0] ?? [];
    const inner = nearest.flatMap((one) => problemsOf(one, at));
    return inner.some((text) => text.startsWith('`')) ? inner : [`${place(at)} ${issue.message}`];
  }
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${place([...at, key])} is not known`);
  if (issue.code === 'invalid_type' && issue.input === undefined && !issue.message.startsWith('must'))
    return [`${place(at)} must be ${issue.expected === 'string' ? 'a text' : `of the type ${issue.expected}`}`];
  return [`${place(at)} ${issue.message}`];
}

const place = (at: readonly PropertyKey[]): string =>
  at.length === 0 ? 'the mapping' : `\`${at.map(String).join('.')}\``;
